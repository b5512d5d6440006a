# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""gzip by several threads: one member made of blocks that are deflated side by side (RFC 1951, RFC 1952).

Each block ends on a byte's boundary (a synchronising flush) and starts with the 32 KiB before it as its dictionary, so
that the result is one ordinary stream of nearly the usual size.  zlib releases the interpreter lock.  What is not to be
compressed any more (archives, pictures, ciphertext) is stored: zlib takes as long over it as over text.  The same input
gives the same bytes, however it is cut into pieces and however many processors there are.
"""

from __future__ import annotations

import os
import struct
import zlib
from collections import deque
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from concurrent.futures import Future, ThreadPoolExecutor

_BLOCK = 512 * 1024
_WINDOW = 32 * 1024
_SAMPLE = 8 * 1024
_LONGEST_STORED = 0xFFFF
#: A sample that stays larger than this part of itself says that the block is not worth the time.
_WORTH = 0.97
#: More threads than this for one stream have nothing to do: hashing and sending are slower.
_MOST_THREADS = 8
#: Magic, deflate, no flags, no time, no extra flags, unknown system: nothing that differs from run to run.
_HEAD = b"\x1f\x8b\x08\x00\x00\x00\x00\x00\x00\xff"


class Gzip:
    """A Compressor; one block at a time is worked on by each thread, and few more wait."""

    def __init__(self, level: int) -> None:
        self._level = level
        self._gathered: list[bytes] = []
        self._length = 0
        self._before = b""
        self._crc = 0
        self._total = 0
        self._head = _HEAD
        self._threads = min(len(os.sched_getaffinity(0)), _MOST_THREADS)
        self._pool: ThreadPoolExecutor | None = None
        self._waiting: deque[Future[bytes]] = deque()

    def compress(self, data: bytes) -> bytes:
        self._gathered.append(data)
        self._length += len(data)
        if self._length <= _BLOCK:  # the last block is known only when something follows it
            return b""
        whole = b"".join(self._gathered)
        done = []
        at = 0
        while len(whole) - at > _BLOCK:
            done.append(self._take(whole[at : at + _BLOCK]))
            at += _BLOCK
        self._gathered = [whole[at:]]
        self._length = len(whole) - at
        return b"".join(done)

    def flush(self) -> bytes:
        last = b"".join(self._gathered)
        self._gathered = []
        self._count(last)
        if self._pool is None:
            ending = [_deflated(last, self._before, self._level, last=True)]
        else:
            self._waiting.append(self._pool.submit(_deflated, last, self._before, self._level, last=True))
            ending = [future.result() for future in self._waiting]
            self._waiting.clear()
            self._pool.shutdown()
            self._pool = None
        head, self._head = self._head, b""
        return b"".join((head, *ending, struct.pack("<II", self._crc, self._total & 0xFFFFFFFF)))

    def _take(self, block: bytes) -> bytes:
        """Give one whole block to the threads; what they have ready by then, in order."""
        self._count(block)
        if self._pool is None:
            from concurrent.futures import ThreadPoolExecutor

            self._pool = ThreadPoolExecutor(self._threads)
        self._waiting.append(self._pool.submit(_deflated, block, self._before, self._level, last=False))
        self._before = block[-_WINDOW:]
        done, self._head = [self._head], b""
        while self._waiting and (len(self._waiting) > self._threads + 1 or self._waiting[0].done()):
            done.append(self._waiting.popleft().result())
        return b"".join(done)

    def _count(self, block: bytes) -> None:
        self._crc = zlib.crc32(block, self._crc)
        self._total += len(block)


def _deflated(block: bytes, before: bytes, level: int, *, last: bool) -> bytes:
    if not _worthwhile(block):
        return _stored(block, last=last)
    if before:
        made = zlib.compressobj(level, zlib.DEFLATED, -15, 8, zlib.Z_DEFAULT_STRATEGY, before)
    else:
        made = zlib.compressobj(level, zlib.DEFLATED, -15)
    return made.compress(block) + made.flush(zlib.Z_FINISH if last else zlib.Z_SYNC_FLUSH)


def _stored(block: bytes, *, last: bool) -> bytes:
    """Blocks of type 00 (RFC 1951 section 3.2.4); zlib would copy the bytes twice."""
    parts = []
    for at in range(0, len(block), _LONGEST_STORED):
        piece = block[at : at + _LONGEST_STORED]
        final = last and at + _LONGEST_STORED >= len(block)
        parts += [struct.pack("<BHH", final, len(piece), len(piece) ^ 0xFFFF), piece]
    return b"".join(parts)


def _worthwhile(block: bytes) -> bool:
    if len(block) < 8 * _SAMPLE:
        return True
    quarter = len(block) // 4
    for at in (quarter, 3 * quarter - _SAMPLE // 2):
        made = zlib.compressobj(1, zlib.DEFLATED, -15)
        if len(made.compress(block[at : at + _SAMPLE])) + len(made.flush()) < _SAMPLE * _WORTH:
            return True
    return False
