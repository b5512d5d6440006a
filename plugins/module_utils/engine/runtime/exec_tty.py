# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A one-shot exec with a terminal: the runtime makes it inside the container and hands us its other end.

The runtimes' own copying between two terminals is not used: crun 1.8 can end with output still uncopied.
"""

from __future__ import annotations

import array
import os
import select
import socket
import time
from functools import partial
from typing import TYPE_CHECKING

from ..base.errors import TimedOut
from ..base.scratch import Scratch
from ..host.process import Completed
from . import pump
from .program import environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..host.process import Process, Runner

_END_OF_INPUT = b"\x04"
_LOOK_MS = 20
_LAST_WORDS = 0.2  # seconds: the kernel moves terminal output on its own time, and a daemon may keep the terminal


def run(
    runner: Runner, argv: Callable[..., tuple[str, ...]], stdin: bytes, seconds: float | None, program: pump.Adopted
) -> Completed:
    """All that the terminal showed is in stdout. `argv` makes the command from options.

    When the runtime fails, its exit code and stderr, and `program` has no pid. Raises TimedOut after killing all.
    """
    end = None if seconds is None else time.monotonic() + seconds
    said = os.memfd_create("exec-stderr")
    # a short path: socket addresses hold 108 bytes
    with Scratch("tty", "/tmp") as folder, socket.socket(socket.AF_UNIX) as server:
        child: Process | None = None
        master = -1
        try:
            server.bind(f"{folder}/s")
            server.listen(1)
            command = argv("--detach", "--console-socket", f"{folder}/s")
            child = runner.spawn(command, env=environment(), stderr=said)
            master = _receive(server, child, end)
            rc = _wait(partial(pump.ended, child), child.pid, end)
            if rc != 0:
                return Completed(rc, b"", os.pread(said, 65536, 0))
            program.take()
            return _talk(master, stdin, end, program)
        except BaseException:
            if child is not None:
                pump.stop(child)
            program.kill()
            raise
        finally:
            os.close(said)
            if master >= 0:
                os.close(master)


def _receive(server: socket.socket, child: Process, end: float | None) -> int:
    """The terminal that the runtime sends; -1 when it ended without."""
    poll = select.poll()
    poll.register(server, select.POLLIN)
    while not poll.poll(_LOOK_MS):
        _check(end)
        if pump.ended(child) is not None:
            if not poll.poll(0):
                return -1
            break
    connection, _address = server.accept()
    with connection:
        connection.settimeout(None if end is None else max(0.1, end - time.monotonic()))
        fds = array.array("i")
        try:
            _data, ancillary, _flags, _from = connection.recvmsg(4096, socket.CMSG_SPACE(fds.itemsize))
        except socket.timeout:
            raise TimedOut("exec with a terminal", "the runtime sent none in time") from None
        for level, kind, data in ancillary:
            if level == socket.SOL_SOCKET and kind == socket.SCM_RIGHTS:
                fds.frombytes(data[: len(data) - len(data) % fds.itemsize])
    return fds[0] if fds else -1


def _wait(has_ended: Callable[[], int | None], pid: int, end: float | None) -> int:
    poll = select.poll()
    try:
        handle = os.pidfd_open(pid)
        poll.register(handle, select.POLLIN)
    except OSError:
        handle = -1
    try:
        while True:
            rc = has_ended()
            if rc is not None:
                return rc
            _check(end)
            poll.poll(_LOOK_MS)
    finally:
        if handle >= 0:
            os.close(handle)


def _check(end: float | None) -> None:
    if end is not None and time.monotonic() >= end:
        raise TimedOut("exec with a terminal", "it did not end in time")


def _talk(master: int, stdin: bytes, end: float | None, program: pump.Adopted) -> Completed:
    """Feed and read the terminal until the program has ended and what it had printed is read."""
    output = bytearray()
    if master < 0:
        return Completed(_wait(program.ended, program.pid, end), b"", b"")
    pending = memoryview(_closed(stdin))
    poll = select.poll()
    os.set_blocking(master, False)
    while True:
        rc = program.ended()
        if _read_all(master, output) or rc is not None:
            break
        _check(end)
        poll.register(master, select.POLLIN | (select.POLLOUT if pending else 0))
        for _fd, flags in poll.poll(_LOOK_MS):
            if flags & select.POLLOUT:
                try:
                    pending = pending[os.write(master, pending[:1024]) :]
                except OSError:
                    pending = pending[:0]
    last = time.monotonic() + _LAST_WORDS
    while time.monotonic() < last and not _read_all(master, output):
        poll.register(master, select.POLLIN)
        poll.poll(_LOOK_MS)
    return Completed(_wait(program.ended, program.pid, end) if rc is None else rc, bytes(output), b"")


def _read_all(master: int, output: bytearray) -> bool:
    """Take what is there; True when nobody has the other end open any more."""
    while True:
        try:
            piece = os.read(master, 65536)
        except BlockingIOError:
            return False
        except OSError:  # EIO
            return True
        if not piece:
            return True
        output += piece


def _closed(stdin: bytes) -> bytes:
    """End of file on a terminal is a key, and in the middle of a line it takes two."""
    if not stdin:
        return b""
    return stdin + (_END_OF_INPUT if stdin.endswith(b"\n") else _END_OF_INPUT * 2)
