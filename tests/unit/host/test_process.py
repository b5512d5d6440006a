"""Finding those who run a program."""

from __future__ import annotations

import signal
import subprocess
import time
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import TimedOut
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.process import running, signal_all, until_gone


def _seen(argument: str, *names: str) -> list[int]:
    """A program that has been started shows its arguments a moment later."""
    end = time.monotonic() + 60
    while not running(argument, *names) and time.monotonic() < end:
        time.sleep(0.005)
    return running(argument, *names)


def test_a_program_or_script_with_an_argument(tmp_path: Path) -> None:
    script = tmp_path / "netavark"
    script.write_text("#!/bin/sh\nread -r line\n")
    script.chmod(0o755)
    netns = f"{tmp_path}/netns-1"
    child = subprocess.Popen([script, "setup", netns], stdin=subprocess.PIPE)
    try:
        assert _seen(netns, "netavark") == [child.pid]
        assert running(netns, "pasta", "neta") == [child.pid]
        assert running(netns, "pasta") == []
        assert running(f"{tmp_path}/netns-", "netavark") == []
    finally:
        child.communicate()
    assert running(netns, "netavark") == []


def test_they_are_waited_for_and_told_each_time() -> None:
    left, told = [[7, 8], [8], []], []
    until_gone("end them", 10, lambda: left.pop(0), told.append)
    assert told == [[7, 8], [8]]


def test_one_that_stays() -> None:
    with pytest.raises(TimedOut, match="end them: process 7 does not end"):
        until_gone("end them", 0.02, lambda: [7], lambda left: None)


def test_who_has_gone_meanwhile_keeps_no_signal_from_the_rest() -> None:
    gone, child = subprocess.Popen(["true"]), subprocess.Popen(["sleep", "60"])
    gone.wait()
    signal_all([gone.pid, child.pid], signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
