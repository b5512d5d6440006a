# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers in another compression: their digest is known only at the end.

A registry takes them as they are made; what wants the digest first gets them from a file without a name.
"""

from __future__ import annotations

import hashlib
import os
import tempfile
from typing import TYPE_CHECKING

from ..base.digest import Digest
from ..base.errors import Corrupt, Unreachable
from ..base.files import scratch_directory
from ..host import compression
from ..host.compressing import compressor

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from ..base.streams import Reader

_BLOCK = 256 * 1024


class Spool:
    """A blob in a file without a name: ``digest`` and ``size`` as written.  close() it."""

    def __init__(self, fd: int, digest: Digest, size: int) -> None:
        self._fd = fd
        self.digest = digest
        self.size = size
        self._at = 0

    def read(self, size: int = -1) -> bytes:
        data = os.pread(self._fd, self.size - self._at if size < 0 else size, self._at)
        self._at += len(data)
        return data

    def restart(self) -> None:
        self._at = 0

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1


class Squeezed:
    """A layer, compressed or not, on its way into the compression ``kind``; the same bytes each time it is read.

    ``start`` opens the layer.  ``digest`` and ``size`` are there after the end was read.  close() it.
    """

    def __init__(self, start: Callable[[], Reader], diff_id: Digest, kind: str, level: int | None, what: str) -> None:
        self._start = start
        self._diff_id = diff_id
        self._kind = kind
        self._level = level
        self.what = what
        self.restart()

    def restart(self) -> None:
        """The next block is the first again."""
        self._blocks = self._run()
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """Raises Corrupt when the layer's content is not what its diffID says, and as the layer's reader does."""
        if size < 0:
            return b"".join((self._rest, *self._blocks))
        if not self._rest and size:
            self._rest = next(self._blocks, b"")
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def close(self) -> None:
        self._blocks.close()

    def finish(self) -> None:
        """Read to the end for the digest's sake."""
        self.restart()
        for _block in self._blocks:
            pass

    def _run(self) -> Generator[bytes, None, None]:
        opened = self._start()
        try:
            yield from self._pack(opened)
        finally:
            close = getattr(opened, "close", None)
            if close is not None:
                close()

    def _pack(self, opened: Reader) -> Iterator[bytes]:
        head, whole = compression.peek(opened)
        plain = compression.decompressor(compression.sniff(head), whole, self.what)
        inner, outer = self._diff_id.hasher(), hashlib.sha256()
        made = compressor(self._kind, self._level)
        size = 0
        more = True
        while more:
            data = _gathered(plain)
            more = bool(data)
            inner.update(data)
            packed = made.compress(data) if more else made.flush()
            outer.update(packed)
            size += len(packed)
            if more and packed:
                yield packed
        while whole.read(_BLOCK):  # what lies behind the compressed stream counts for the blob's digest
            pass
        if inner.hexdigest() != self._diff_id.hex:
            found = f"{self._diff_id.algorithm}:{inner.hexdigest()}"
            raise Corrupt(f"read {self.what}", f"its content is {found}, not {self._diff_id}")
        self.digest, self.size = Digest("sha256", outer.hexdigest()), size
        if packed:
            yield packed


def _gathered(reader: Reader) -> bytes:
    """A block of useful length: layers are read header by header and file by file."""
    parts: list[bytes] = []
    left = _BLOCK
    while left > 0:
        part = reader.read(left)
        if not part:
            break
        parts.append(part)
        left -= len(part)
    return parts[0] if len(parts) == 1 else b"".join(parts)


def spool(squeezed: Squeezed) -> Spool:
    """All of it, in a file.  Raises Unreachable (disk full), and as reading it does."""
    folder = scratch_directory()
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            while True:
                packed = squeezed.read(_BLOCK)
                if not packed:
                    break
                _write(file.fileno(), packed)
            return Spool(os.dup(file.fileno()), squeezed.digest, squeezed.size)
    except OSError as err:
        raise Unreachable(f"write {squeezed.what} to {folder}", str(err.strerror or err))


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
