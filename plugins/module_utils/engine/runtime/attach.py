# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Talking to a container through its monitor: its output as it comes, and its standard input.

conmon offers `attach` in the bundle, a socket of packets: the first byte says whether the rest is standard output (2)
or standard error (3). What the container prints before somebody attaches goes only to its log, so for a complete
output attach between create and start.
"""

from __future__ import annotations

import os
import select
import time
from typing import TYPE_CHECKING, NamedTuple

from ..base.errors import NotFound, TimedOut

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    Sink = Callable[[str, bytes], None]

STDOUT, STDERR = "stdout", "stderr"
_STREAMS = {2: STDOUT, 3: STDERR}
_PACKET = 8192 + 1  # conmon's buffer and the byte in front
_INPUT_PIECE = 8192


class Input(NamedTuple):
    """What to feed: `data` first, then whatever `fd` gives (-1: nothing), then end of file."""

    data: bytes = b""
    fd: int = -1


class Attached:
    """An open connection; a context manager. Raises NotFound from connect() when no monitor listens."""

    def __init__(self, connection: socket.socket, name: str) -> None:
        self._socket = connection
        self._name = name

    def __enter__(self) -> Attached:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def stream(self, sink: Sink, feed: Input | None = None, seconds: float | None = None) -> None:
        """Hand every packet to `sink` until the container's output has ended.

        Input needs a container created with `stdin`; its end closes the container's standard input. Raises TimedOut
        after `seconds`; what came until then has been handed over.
        """
        feeder = _Feeder(self._socket, feed) if feed is not None else None
        end = None if seconds is None else time.monotonic() + seconds
        poll = select.poll()
        while True:
            wants = feeder.register(poll) if feeder else 0
            poll.register(self._socket, select.POLLIN | wants)
            left = None if end is None else max(0.0, end - time.monotonic()) * 1000
            events = dict(poll.poll(left))
            if not events:
                raise TimedOut(f"follow the output of container {self._name}", f"it did not end within {seconds:g} s")
            flags = events.pop(self._socket.fileno(), 0)
            if flags & (select.POLLIN | select.POLLHUP | select.POLLERR) and not self._receive(sink):
                return
            if feeder:
                feeder.move(poll, bool(flags & select.POLLOUT), bool(events))

    def _receive(self, sink: Sink) -> bool:
        try:
            packet = self._socket.recv(_PACKET)
        except ConnectionResetError:
            return False
        if not packet:
            return False
        stream = _STREAMS.get(packet[0])
        if stream and len(packet) > 1:
            sink(stream, packet[1:])
        return True


class _Feeder:
    """Moves input to the socket as far as it takes it."""

    def __init__(self, connection: socket.socket, feed: Input) -> None:
        self._socket = connection
        self._pending = feed.data
        self._fd = feed.fd
        self._done = False

    def register(self, poll: select.poll) -> int:
        if self._done:
            return 0
        if self._pending or self._fd < 0:
            return select.POLLOUT
        poll.register(self._fd, select.POLLIN)
        return 0

    def move(self, poll: select.poll, writable: bool, readable: bool) -> None:
        import socket

        if self._done:
            return
        if readable and not self._pending:
            piece = os.read(self._fd, _INPUT_PIECE)
            poll.unregister(self._fd)
            self._pending = piece
            if not piece:
                self._fd = -1
        elif writable and self._pending:
            try:
                sent = self._socket.send(self._pending[:_INPUT_PIECE], socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            except (BrokenPipeError, ConnectionResetError):
                self._done = True  # the container no longer listens: its output is what remains
                return
            self._pending = self._pending[sent:]
        if not self._pending and self._fd < 0:
            self._done = True
            try:
                self._socket.shutdown(socket.SHUT_WR)
            except OSError:
                pass


def connect(bundle: str, name: str) -> Attached:
    """Attach to the container of this bundle, created or running. Raises NotFound when no monitor listens there."""
    import socket

    # the path is longer than the 108 bytes of a socket address; a descriptor of its directory is not
    try:
        folder = os.open(bundle, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except FileNotFoundError as error:
        raise NotFound(f"attach to container {name}", "it has no monitor") from error
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET | socket.SOCK_CLOEXEC)
    try:
        connection.connect(f"/proc/self/fd/{folder}/attach")
    except (FileNotFoundError, ConnectionRefusedError) as error:
        connection.close()
        raise NotFound(f"attach to container {name}", "no monitor listens; the container does not run") from error
    except BaseException:
        connection.close()
        raise
    finally:
        os.close(folder)
    return Attached(connection, name)
