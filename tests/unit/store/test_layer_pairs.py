"""apply(diff(a, b)) = b, as root and in a user namespace: by what overlayfs recorded, and by comparing."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parents[2] / "lab"))

from reachable import reachable

PROGRAM = Path(__file__).with_name("layer_pairs.py")
EXAMPLES = 120
#: The search ends at the first pair that shows what is broken; 120 would miss it one time in ten.
UNTIL_NOTICED = 4000


@pytest.fixture
def scratch() -> Iterator[Path]:
    # Some systems' tmpfs has no user.* attributes, and overlayfs of a plain user is made of them.
    path = Path(tempfile.mkdtemp(dir="/dev/shm"))
    try:
        os.setxattr(path, "user.probe", b"1")
    except OSError:
        path.rmdir()
        path = Path(tempfile.mkdtemp(dir="/var/tmp"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def run(who: str, scratch: Path, sabotage: str = "", examples: int = EXAMPLES) -> subprocess.CompletedProcess[str]:
    environment = {**os.environ, "PYTHONDONTWRITEBYTECODE": "1", "HYPOTHESIS_STORAGE_DIRECTORY": str(scratch)}
    argv = [sys.executable, "-B", str(PROGRAM), who, str(scratch), str(examples), *([sabotage] if sabotage else [])]
    if who == "user":
        argv = reachable(argv)
    return subprocess.run(argv, env=environment, stderr=subprocess.PIPE, text=True, timeout=2900, check=False)


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts, and makes namespaces with many ids")
@pytest.mark.parametrize("who", ["root", "user"])
@pytest.mark.parametrize(
    "examples", [EXAMPLES, pytest.param(5000, marks=[pytest.mark.slow, pytest.mark.timeout(3000)])]
)
def test_the_layer_between_two_trees_leads_from_one_to_the_other(scratch: Path, who: str, examples: int) -> None:
    done = run(who, scratch, examples=examples)
    assert done.returncode == 0, done.stderr[-6000:]


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts, and makes namespaces with many ids")
@pytest.mark.parametrize("sabotage", ["opaque", "links"])
def test_it_would_be_noticed(scratch: Path, sabotage: str) -> None:
    """A packer that forgets opaque directories, or hard links."""
    done = run("root", scratch, sabotage, examples=UNTIL_NOTICED)
    assert done.returncode == 1 and "AssertionError: a" in done.stderr, done.stderr[-3000:]
