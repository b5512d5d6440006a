# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A one-shot exec with a terminal: runtimes want one of their own to copy from, so they get a pseudo-terminal."""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING

from ..base.errors import EngineError, TimedOut
from ..host.process import Completed
from .program import environment

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..host.process import Process, Runner

_END_OF_INPUT = b"\x04"


def run(runner: Runner, argv: Sequence[str], stdin: bytes, seconds: float | None) -> Completed:
    """All that the terminal showed is in stdout. Raises TimedOut after killing the runtime, not what it started."""
    import pty
    import tty

    master, slave = pty.openpty()
    tty.setraw(slave)  # ours is only a wire: line editing belongs to the terminal inside, also before it is there
    try:
        try:
            child = runner.spawn(argv, env=environment(), stdin=slave, stdout=slave, stderr=slave, new_session=True)
        finally:
            os.close(slave)
        end = None if seconds is None else time.monotonic() + seconds
        output = _copy(master, stdin, end)
        if output is None:
            child.kill()
            _reap(child)
            raise TimedOut("exec with a terminal", f"it did not end within {seconds:g} s")
        return Completed(child.wait(), output, b"")
    finally:
        os.close(master)


def _reap(child: Process) -> None:
    try:
        child.wait(2.0)
    except EngineError:
        pass


def _closed(stdin: bytes) -> bytes:
    """End of file on a terminal is a key, and in the middle of a line it takes two."""
    if not stdin:
        return b""
    return stdin + (_END_OF_INPUT if stdin.endswith(b"\n") else _END_OF_INPUT * 2)


def _copy(master: int, stdin: bytes, end: float | None) -> bytes | None:
    """Everything until the last holder of the terminal closed it; None when the deadline passed."""
    pieces: list[bytes] = []
    pending = memoryview(_closed(stdin))
    poll = select.poll()
    os.set_blocking(master, False)
    while True:
        poll.register(master, select.POLLIN | (select.POLLOUT if pending else 0))
        left = None if end is None else max(0.0, end - time.monotonic()) * 1000
        events = poll.poll(left)
        if not events:
            return None
        flags = events[0][1]
        if flags & select.POLLOUT and pending:
            try:
                pending = pending[os.write(master, pending[:1024]) :]
            except BlockingIOError:
                pass
        if flags & (select.POLLIN | select.POLLHUP):
            try:
                piece = os.read(master, 65536)
            except BlockingIOError:
                continue
            except OSError:  # EIO: the other side is closed
                return b"".join(pieces)
            if not piece:
                return b"".join(pieces)
            pieces.append(piece)
