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
from typing import TYPE_CHECKING

from ..base.errors import BadInput, NotFound, TimedOut
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    Sink = Callable[[str, bytes], None]

STDOUT, STDERR = "stdout", "stderr"
_STREAMS = {2: STDOUT, 3: STDERR}
_PACKET = 8192 + 1  # conmon's buffer and the byte in front
_INPUT_PIECE = 8192


class Input(NamedTuple):
    """What to feed: `data` first, then whatever `fd` gives (-1: nothing), then end of file. Whoever types the bytes of
    `keys` leaves, and lets the container run on.
    """

    data: bytes = b""
    fd: int = -1
    keys: bytes = b""


class Attached:
    """An open connection; a context manager. Raises NotFound from connect() when no monitor listens."""

    def __init__(self, connection: socket.socket, name: str) -> None:
        self._socket = connection
        self._name = name

    def __enter__(self) -> Attached:
        return self

    def __exit__(self, *_error: object) -> None:
        self._socket.close()

    def stream(self, sink: Sink, feed: Input | None = None, seconds: float | None = None) -> bool:
        """Hand every packet to `sink` until the container's output has ended; False when the keys to leave came first.

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
                return True
            if feeder and not feeder.move(poll, bool(flags & select.POLLOUT), bool(events)):
                return False

    def _receive(self, sink: Sink) -> bool:
        try:
            packet = self._socket.recv(_PACKET)
        except ConnectionResetError:
            # told once, and before what lies there still: the monitor went without reading all that it was fed
            return True
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
        self._keys = Keys(feed.keys)
        self._left = False
        self._done = False

    def register(self, poll: select.poll) -> int:
        if self._done:
            return 0
        if self._pending or self._fd < 0:
            return select.POLLOUT
        poll.register(self._fd, select.POLLIN)
        return 0

    def move(self, poll: select.poll, writable: bool, readable: bool) -> bool:
        """False when the keys to leave were typed, and what came before them is on its way."""
        if not self._done:
            if readable and not self._pending:
                self._read(poll)
            elif writable and self._pending:
                self._send()
            if not self._pending and not self._left and self._fd < 0:
                self._end()
        return not self._left or bool(self._pending)

    def _read(self, poll: select.poll) -> None:
        try:
            piece = os.read(self._fd, _INPUT_PIECE)
        except BlockingIOError:
            return
        except OSError:
            piece = b""  # closed, or a terminal that went away
        poll.unregister(self._fd)
        self._pending, self._left = self._keys.passed(piece)
        if not piece or self._left:
            self._fd = -1
            self._pending += self._keys.held() if not self._left else b""

    def _send(self) -> None:
        import socket

        try:
            sent = self._socket.send(self._pending[:_INPUT_PIECE], socket.MSG_DONTWAIT)
        except BlockingIOError:
            return
        except (BrokenPipeError, ConnectionResetError):
            self._done = True  # the container no longer listens: its output is what remains
            return
        self._pending = self._pending[sent:]

    def _end(self) -> None:
        import socket

        self._done = True
        try:
            self._socket.shutdown(socket.SHUT_WR)
        except OSError:
            pass


class Keys:
    """Finds a sequence of keys in what is typed. What may yet become the sequence is held back."""

    def __init__(self, wanted: bytes) -> None:
        self._wanted = wanted
        self._seen = b""

    def passed(self, piece: bytes) -> tuple[bytes, bool]:
        """What is not part of the sequence, and whether the sequence has been typed."""
        if not self._wanted:
            return piece, False
        data = self._seen + piece
        before, found, _after = data.partition(self._wanted)
        if found:
            self._seen = b""
            return before, True
        most = min(len(self._wanted) - 1, len(data))
        kept = next((size for size in range(most, 0, -1) if self._wanted.startswith(data[-size:])), 0)
        self._seen = data[len(data) - kept :]
        return data[: len(data) - kept], False

    def held(self) -> bytes:
        seen, self._seen = self._seen, b""
        return seen


def parse_keys(text: str) -> bytes:
    """`ctrl-p,ctrl-q`: single characters and ctrl-X; "" for none. Raises BadInput."""
    found = bytearray()
    for word in filter(None, text.split(",")):
        name = word.lower()
        if len(word) == 1 and word.isascii():
            found += word.encode()
        elif name.startswith("ctrl-") and len(name) == 6 and name[5] in "abcdefghijklmnopqrstuvwxyz@[\\]^_":
            found.append(ord(name[5].upper()) - 64)
        else:
            raise BadInput("read the keys to detach", f"{word[:20]!r} is neither a character nor ctrl- and one")
    return bytes(found)


def resize(bundle: str, rows: int, columns: int) -> None:
    """Tell a container's terminal its size, through its monitor; nil work when none listens."""
    try:
        folder = os.open(bundle, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError:
        return
    try:
        pipe = os.open("ctl", os.O_WRONLY | os.O_NONBLOCK | os.O_CLOEXEC | os.O_NOFOLLOW, dir_fd=folder)
    except OSError:
        return
    finally:
        os.close(folder)
    try:
        os.write(pipe, b"1 %d %d\n" % (rows, columns))
    except OSError:
        pass
    finally:
        os.close(pipe)


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
