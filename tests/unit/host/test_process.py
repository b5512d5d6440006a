"""Finding those who run a program."""

from __future__ import annotations

import subprocess
import time
from pathlib import Path

from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.process import running


def _seen(argument: str, *names: str) -> list[int]:
    """A program that has been started shows its arguments a moment later."""
    end = time.monotonic() + 10
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
