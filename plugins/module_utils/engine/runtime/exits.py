# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How a container ended: the files that conmon leaves, and waiting for them."""

from __future__ import annotations

import os
import select
import time

from ..base.errors import Damaged, TimedOut
from ..base.tuples import NamedTuple
from .liveness import Init, is_alive, monitor_alive

_GRACE = 5.0  # seconds for conmon, which sees the end at the same time as we do, to write its file


class ExitPaths(NamedTuple):
    """`exit_dir`/CID is taken away by the clean-up that follows; `persist_dir` (of this container) keeps its copy."""

    exit_dir: str
    persist_dir: str


class Exit(NamedTuple):
    """`code`: 0-255, 128+n for signal n; `finished_ns` since 1970; `oom`: killed for want of memory."""

    code: int
    finished_ns: int
    oom: bool


def read(paths: ExitPaths, cid: str) -> Exit | None:
    """What conmon recorded; None while the container runs, or when the record is gone."""
    for path in (os.path.join(paths.exit_dir, cid), os.path.join(paths.persist_dir, "exit")):
        try:
            with open(path, "rb") as file:
                text = file.read(32).strip()
                finished = os.fstat(file.fileno()).st_mtime_ns
        except (FileNotFoundError, NotADirectoryError):
            continue
        if text.lstrip(b"-").isdigit():  # empty for an instant: conmon creates, then writes
            return Exit(int(text) & 0xFF, finished, os.path.exists(os.path.join(paths.persist_dir, "oom")))
    return None


def may_print(paths: ExitPaths, init: Init, proc: str = "/proc") -> bool:
    """Whether more of its output may come to light: it runs, or its monitor has still to write down what lay in the
    pipes when it ended, which it does before it records the end.
    """
    return is_alive(init, proc) or (monitor_alive(init, proc) and read(paths, init.cid) is None)


def forget(paths: ExitPaths, cid: str) -> None:
    """Remove the records of the last run; nil work when they are gone."""
    for path in (
        os.path.join(paths.exit_dir, cid),
        os.path.join(paths.persist_dir, "exit"),
        os.path.join(paths.persist_dir, "oom"),
    ):
        try:
            os.unlink(path)
        except (FileNotFoundError, NotADirectoryError):
            pass
    try:
        os.rmdir(paths.persist_dir)
    except OSError:
        pass


def wait(paths: ExitPaths, init: Init, name: str, seconds: float | None = None) -> Exit | None:
    """Sleep until the container has ended and say how.

    None when it ended and another process has already taken the record away: it is in the database then. Raises
    TimedOut after `seconds`, Damaged when monitor and container are gone without a record.
    """
    deadline = None if seconds is None else time.monotonic() + seconds
    found = _watch(paths, init, name, deadline)
    if found is not None:
        return found
    # the container is gone; its monitor writes the record a moment later
    end = time.monotonic() + _GRACE
    pause = 0.001
    while time.monotonic() < end:
        found = read(paths, init.cid)
        if found is not None:
            return found
        if not monitor_alive(init):
            found = read(paths, init.cid)
            if found is None and os.path.isdir(paths.persist_dir):
                raise Damaged(f"wait for container {name}", "its monitor was killed; nobody knows the exit code")
            return found
        time.sleep(pause)
        pause = min(pause * 2, 0.05)
    return read(paths, init.cid)


def _watch(paths: ExitPaths, init: Init, name: str, deadline: float | None) -> Exit | None:
    """Until the container's first process is gone; sleeps in poll(2) on its pidfd where the kernel has one."""
    handle = _pidfd(init.pid)
    try:
        poll = select.poll()
        if handle >= 0:
            poll.register(handle, select.POLLIN)
        while is_alive(init):
            # conmon may have recorded the end of a process that lingers as a zombie's parent
            found = read(paths, init.cid)
            if found is not None:
                return found
            left = None if deadline is None else deadline - time.monotonic()
            if left is not None and left <= 0:
                raise TimedOut(f"wait for container {name}", "it still runs")
            slice_ms = 1000.0 if handle >= 0 else 50.0
            poll.poll(slice_ms if left is None else min(slice_ms, left * 1000))
    finally:
        if handle >= 0:
            os.close(handle)
    return None


def _pidfd(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except (OSError, ValueError):
        return -1
