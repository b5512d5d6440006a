# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers in another compression: written once to an unnamed file, since their digest is known only at the end."""

from __future__ import annotations

import hashlib
import os
import tempfile
from typing import TYPE_CHECKING

from ..base.digest import Digest
from ..base.errors import Corrupt, Unreachable
from ..host import compression
from ..host.compressing import compressor

if TYPE_CHECKING:
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


def spool(reader: Reader, diff_id: Digest, kind: str, level: int | None, what: str) -> Spool:
    """Bring a layer, compressed or not, into the compression ``kind``; its content is held against the diffID.

    Raises Corrupt, HostLacks, BadInput, Unreachable (disk full), and what the reader raises.
    """
    _head, whole = compression.peek(reader)
    plain = compression.decompressor(compression.sniff(_head), whole, what)
    inner, outer, made = diff_id.hasher(), hashlib.sha256(), compressor(kind, level)
    folder = os.environ.get("TMPDIR") or "/var/tmp"
    size = 0
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            while True:
                data = plain.read(_BLOCK)
                inner.update(data)
                packed = made.compress(data) if data else made.flush()
                outer.update(packed)
                size += len(packed)
                _write(file.fileno(), packed)
                if not data:
                    break
            while whole.read(_BLOCK):  # what lies behind the compressed stream counts for the blob's digest
                pass
            if inner.hexdigest() != diff_id.hex:
                raise Corrupt(f"read {what}", f"its content is {diff_id.algorithm}:{inner.hexdigest()}, not {diff_id}")
            return Spool(os.dup(file.fileno()), Digest("sha256", outer.hexdigest()), size)
    except OSError as err:
        raise Unreachable(f"write {what} to {folder}", str(err.strerror or err))


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
