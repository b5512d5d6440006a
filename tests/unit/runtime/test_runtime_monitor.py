"""Hearing from conmon over the sync pipe; shell scripts speak its protocol."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import TimedOut, ToolFailed
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.process import LinuxRunner
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.monitor import (
    Answer,
    Launch,
    Waiting,
    launch,
)

BYTE = "head -c 1 /proc/self/fd/$_OCI_STARTPIPE >/dev/null; "


def _launch(tmp_path: Path, script: str, deadline: float = 60.0, **fields: object) -> Answer:
    pidfile = tmp_path / "conmon.pid"
    argv = ("/bin/sh", "-c", f"echo 77 > {pidfile}; {script}")
    return launch(LinuxRunner(), Launch("start container web", argv, str(pidfile), {}, deadline=deadline, **fields))  # type: ignore[arg-type]


def _say(text: str) -> str:
    return f"printf '{text}' > /proc/self/fd/$_OCI_SYNCPIPE"


@pytest.mark.parametrize(
    ("text", "data", "message"),
    [
        (r'{"data": 474}\n', 474, ""),
        # a program that ended at once: its exit code follows before we have read the pid
        (r'{"data": 474}\n{"data": 0}\n', 474, ""),
        (r'{"data": -1, "message": "no such"}\n', -1, "no such"),
        (r'{"data": 474}', 474, ""),
    ],
)
def test_answers(tmp_path: Path, text: str, data: int, message: str) -> None:
    assert _launch(tmp_path, BYTE + _say(text)) == Answer(data, message, 77)


@pytest.mark.parametrize("text", [r"nonsense\n", r"[]\n", r"7\n", r'{"data": "x"}\n', r'{"pid": 3}\n'])
def test_answers_that_mean_nothing(tmp_path: Path, text: str) -> None:
    with pytest.raises(ToolFailed, match="start container web: conmon: answered"):
        _launch(tmp_path, BYTE + _say(text))


@pytest.mark.parametrize("first", ["", BYTE], ids=["before", "after"])
def test_an_end_without_an_answer(tmp_path: Path, first: str) -> None:
    with pytest.raises(ToolFailed, match="conmon: what went wrong"):
        _launch(tmp_path, f"{first}echo what went wrong >&2; exit 1")


def test_no_answer_in_time(tmp_path: Path) -> None:
    with pytest.raises(TimedOut, match="start container web: no answer from the runtime within 0.2 s"):
        _launch(tmp_path, "exec sleep 100", deadline=0.2)


def test_it_is_placed_before_it_may_go_on(tmp_path: Path) -> None:
    placed: list[int] = []
    mark = tmp_path / "placed"

    def place(pid: int) -> None:
        placed.append(pid)
        mark.touch()

    script = f"{BYTE}test -e {mark} && " + _say(r'{"data": 5}\n')
    assert _launch(tmp_path, script, placed=place).data == 5
    assert len(placed) == 1


def test_one_that_is_never_told_to_go_on_ends(tmp_path: Path) -> None:
    mark, begun = tmp_path / "went-on", tmp_path / "begun"
    placed: list[int] = []
    before = sorted(os.listdir("/proc/self/fd"))
    argv = ("/bin/sh", "-c", f"touch {begun}; {BYTE} touch {mark}")
    wanted = Launch("start container web", argv, str(tmp_path / "pid"), {}, placed=placed.append)
    with Waiting(LinuxRunner(), wanted):
        while not begun.exists():
            time.sleep(0.005)
    assert len(placed) == 1
    with pytest.raises(ProcessLookupError):
        os.kill(placed[0], 0)
    assert not mark.exists()
    assert sorted(os.listdir("/proc/self/fd")) == before


def test_what_kept_it_from_its_place_is_raised_and_ends_it(tmp_path: Path) -> None:
    pids: list[int] = []

    def place(pid: int) -> None:
        pids.append(pid)
        raise PermissionError("not yours")

    with pytest.raises(PermissionError):
        _launch(tmp_path, "exec sleep 100", placed=place)
    with pytest.raises(ProcessLookupError):
        os.kill(pids[0], 0)


def test_no_descriptor_is_left_open(tmp_path: Path) -> None:
    before = sorted(os.listdir("/proc/self/fd"))
    _launch(tmp_path, BYTE + _say(r'{"data": 5}\n'))
    with pytest.raises(ToolFailed):
        _launch(tmp_path, "exit 1")
    assert sorted(os.listdir("/proc/self/fd")) == before
