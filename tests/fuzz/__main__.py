"""python -m fuzz [TARGET...] [--seconds N | --runs N] [--grow DIR]: mutate inputs, guided by coverage (atheris).

Ends with 0 when nothing was found. A finding is written to tests/fuzz/corpus/TARGET/, where it stays as a test: give it
a name that says what it is, and mend the parser.
"""

from __future__ import annotations

import argparse
import contextlib
import resource
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

import atheris

from . import targets

PATIENCE = 5  # seconds for one input; the machine may be busy
MEMORY = 512  # MiB


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m fuzz")
    parser.add_argument("targets", nargs="*", metavar="TARGET", help=", ".join(targets.TARGETS))
    parser.add_argument("--seconds", type=int, default=60, help="for each target")
    parser.add_argument("--runs", type=int, help="so many inputs instead, the same ones each time")
    parser.add_argument("--grow", help="where inputs that reach new code are kept, for a later run to go on from")
    asked = parser.parse_args()
    unknown = sorted(set(asked.targets) - set(targets.TARGETS))
    if unknown:
        parser.error(f"no such target: {', '.join(unknown)}")
    if len(asked.targets) != 1:
        return each(asked.targets or list(targets.TARGETS), sys.argv[1 + len(asked.targets) :])
    (name,) = asked.targets
    with atheris.instrument_imports(include=[targets.ENGINE]):
        target = targets.TARGETS[name]
        seeds = target.seeds()
        for seed in seeds:  # imports what the parser imports
            with contextlib.suppress(Exception):
                target.parse(seed)
    bound = [f"-max_total_time={asked.seconds}"] if asked.runs is None else [f"-runs={asked.runs}", "-seed=1"]
    fuzz(name, target, seeds, bound, asked.grow)
    return 0


def each(names: list[str], options: list[str]) -> int:
    """A process for each target: the fuzzer ends its own."""
    failed = [
        name for name in names if subprocess.run([sys.executable, "-m", "fuzz", name, *options], check=False).returncode
    ]
    sys.stdout.write(f"found something: {', '.join(failed)}\n" if failed else "nothing was found\n")
    return 1 if failed else 0


def fuzz(name: str, target: targets.Target, seeds: list[bytes], bound: list[str], grow: str | None) -> None:
    work = Path(tempfile.mkdtemp(prefix="fuzz-run-"))
    grown = Path(grow) / name if grow else work / "grown"
    grown.mkdir(parents=True, exist_ok=True)
    (work / "seeds").mkdir()
    for number, seed in enumerate(seeds):
        (work / "seeds" / str(number)).write_bytes(seed)
    (work / "words").write_text("".join(f'"{_quoted(word)}"\n' for word in target.words))
    findings = targets.CORPUS / name
    findings.mkdir(parents=True, exist_ok=True)
    arguments = [
        sys.argv[0],
        *bound,
        f"-max_len={target.longest}",
        f"-timeout={PATIENCE}",
        f"-rss_limit_mb={MEMORY}",
        f"-dict={work / 'words'}",
        f"-artifact_prefix={findings}/",
        "-verbosity=0",
        "-print_final_stats=1",
        str(grown),
        str(work / "seeds"),
        str(findings),
    ]
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    atheris.Setup(arguments, lambda data: targets.check(target, data))
    try:
        atheris.Fuzz()
    finally:
        shutil.rmtree(work, ignore_errors=True)
        shutil.rmtree(targets.scratch(), ignore_errors=True)


def _quoted(word: str) -> str:
    """As libFuzzer's dictionaries want it; \\xNN is left as it is."""
    text = word if word.startswith("\\x") else word.replace("\\", "\\\\")
    return "".join(
        letter if " " <= letter <= "~" and letter != '"' else f"\\x{ord(letter) & 255:02X}" for letter in text
    )


if __name__ == "__main__":
    raise SystemExit(main())
