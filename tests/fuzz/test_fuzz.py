"""Parsers of what strangers wrote never fail in another way than by an error of ours: see targets.py."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.tests.fuzz import targets

RUNS = int(os.environ.get("DAEMONLESS_FUZZ_RUNS", "1000"))
KNOWN = [(name, path) for name in targets.TARGETS for path in targets.kept(name)]


@pytest.mark.parametrize("name", targets.TARGETS)
def test_seeds_are_understood(name: str) -> None:
    """A seed that is refused right away leads nowhere: at least one is read whole."""
    target = targets.TARGETS[name]
    read = 0
    for seed in target.seeds():
        targets.check(target, seed)
        try:
            target.parse(seed)
            read += 1
        except Exception:
            continue
    assert read


@pytest.mark.parametrize("name, path", KNOWN, ids=[f"{name}-{path.name[:24]}" for name, path in KNOWN])
def test_what_was_found_once(name: str, path: Path) -> None:
    begun = time.process_time()
    targets.check(targets.TARGETS[name], path.read_bytes())
    assert time.process_time() - begun < 2


@pytest.mark.parametrize("name", targets.TARGETS)
def test_a_little_further_each_time(name: str) -> None:
    """The same inputs each time: what is found here is found again; `make fuzz` is the search."""
    pytest.importorskip("atheris", reason="no wheel of it for this machine")
    done = subprocess.run(
        [sys.executable, "-m", "fuzz", name, "--runs", str(RUNS)],
        cwd=targets.ROOT / "tests",
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        timeout=290,
        check=False,
    )
    said = done.stdout.decode("utf-8", "replace")
    assert done.returncode == 0, f"the input is now in tests/fuzz/corpus/{name}:\n{said[-4000:]}"
    assert "stat::number_of_executed_units" in said
