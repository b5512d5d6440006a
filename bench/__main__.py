"""python -m bench [SUBJECT...]: all subjects, or those named."""

from __future__ import annotations

import argparse
import os
import tempfile
from pathlib import Path

from .cases import SUBJECTS
from .ground import Ground, Lab, bench_venv
from .measure import say
from .older import older_root


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m bench", description="Timings against podman, side by side")
    parser.add_argument("subjects", nargs="*", metavar="SUBJECT", help=", ".join(SUBJECTS))
    chosen = parser.parse_args().subjects or list(SUBJECTS)
    unknown = [name for name in chosen if name not in SUBJECTS]
    if unknown:
        parser.error(f"unknown: {', '.join(unknown)}")
    lab = Lab.open(Path(tempfile.mkdtemp(prefix="daemonless-bench-")))
    lab.base.chmod(0o755)
    lab.more = (older,) if (older := older_root()) is not None else ()
    say(f"load {os.getloadavg()[0]:.2f} on {os.cpu_count()} processors; a quiet machine gives better ratios")
    ground = Ground(lab, bench_venv())
    try:
        for name in chosen:
            for row in SUBJECTS[name](ground):
                row.run()
    finally:
        ground.close()
        lab.close()
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
