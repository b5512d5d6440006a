# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The log file of the k8s-file driver (CRI format): `TIME stdout|stderr F|P TEXT`, P for a line without an end yet.

conmon keeps the file below its size limit by putting a new, empty one in its place, so a reader that follows drains
the old one through its open descriptor and then goes on with the new.
"""

from __future__ import annotations

import os
import time
from collections import deque
from typing import TYPE_CHECKING, BinaryIO

from ..base.clock import parse
from ..base.errors import BadInput
from .logs import LogLine, LogQuery

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_BLOCK = 64 * 1024
_RAW_LIMIT = 1024 * 1024  # conmon writes 8 KiB at most per line; a file from elsewhere may hold anything
_QUICK, _SLOW = 0.02, 0.25  # seconds between looks at a file that is followed


def read_file(path: str, query: LogQuery, running: Callable[[], bool]) -> Iterator[LogLine]:
    """The pieces as conmon wrote them; lines that are not of its format are left out."""
    try:
        file: BinaryIO = open(path, "rb")  # noqa: SIM115  (a follower exchanges it for its successor)
    except FileNotFoundError:
        return
    try:
        yield from _present(file, query)
        if not query.follow:
            return
        pause = _QUICK
        while True:
            alive = running()  # asked before reading: what was written before the end is then read for certain
            got = False
            for piece in _pieces(file, query):
                got = True
                yield piece
            successor = _successor(file, path)
            if successor is not None:
                yield from _pieces(file, query)  # what came before the exchange and after the look at the file
                file.close()
                file = successor
                continue
            if got:
                pause = _QUICK
                continue
            if not alive or _past(query):
                return
            time.sleep(pause)
            pause = min(pause * 1.5, _SLOW)
    finally:
        file.close()


def _past(query: LogQuery) -> bool:
    return query.until_ns is not None and time.time_ns() > query.until_ns


def _present(file: BinaryIO, query: LogQuery) -> Iterator[LogLine]:
    if query.tail < 0:
        return _pieces(file, query)
    if query.since_ns is None and query.until_ns is None:
        file.seek(_tail_offset(file, query.tail))
        return _pieces(file, query)
    return iter(_last(_pieces(file, query), query.tail))


def _last(pieces: Iterator[LogLine], count: int) -> list[LogLine]:
    """The pieces of the last `count` lines. A line in very many pieces keeps only its last ones."""
    kept: deque[list[LogLine]] = deque(maxlen=count)
    current: deque[LogLine] = deque(maxlen=1024)
    for piece in pieces:
        current.append(piece)
        if piece.complete:
            kept.append(list(current))
            current.clear()
    if current:
        kept.append(list(current))
    return [piece for line in kept for piece in line]


def _pieces(file: BinaryIO, query: LogQuery) -> Iterator[LogLine]:
    while True:
        start = file.tell()
        raw = file.readline(_RAW_LIMIT)
        if not raw:
            return
        if not raw.endswith(b"\n") and len(raw) < _RAW_LIMIT:
            file.seek(start)  # being written: it is whole at the next look
            return
        piece = parse_line(raw)
        if piece is not None and query.holds(piece.time_ns):
            yield piece


def parse_line(raw: bytes) -> LogLine | None:
    """One raw line with or without its newline; None when it is not of this format."""
    parts = raw.rstrip(b"\n").split(b" ", 3)
    if len(parts) < 3 or parts[1] not in (b"stdout", b"stderr") or parts[2][:1] not in (b"F", b"P"):
        return None
    stamp = parts[0].decode("ascii", "replace")
    try:
        time_ns = parse(stamp)
    except BadInput:
        return None
    data = parts[3] if len(parts) > 3 else b""
    return LogLine(time_ns, stamp, parts[1].decode("ascii"), data, parts[2][:1] == b"F")


def _tail_offset(file: BinaryIO, count: int) -> int:
    """Where the last `count` lines begin, found backwards. An unfinished line at the end counts."""
    end = file.seek(0, os.SEEK_END)
    if count == 0:
        return end
    found, at_end = 0, True
    for following, head in _backwards(file, end):
        if at_end or _complete(head):
            if found == count:
                return following
            found += 1
        at_end = False
    return 0


def _backwards(file: BinaryIO, end: int) -> Iterator[tuple[int, bytes]]:
    """Raw lines from the last to the first: (offset of the line after it, its beginning)."""
    position, following, held = end, end, b""
    while position > 0:
        size = min(_BLOCK, position)
        position -= size
        file.seek(position)
        block = file.read(size)
        cut = len(block)
        newline = block.rfind(b"\n", 0, cut)
        while newline >= 0:
            start = position + newline + 1
            if start < following:
                yield following, block[newline + 1 : cut] + held
            held, following, cut = b"", start, newline
            newline = block.rfind(b"\n", 0, cut)
        held = (block[:cut] + held)[:_BLOCK]
    if following > 0:
        yield following, held


def _complete(line: bytes) -> bool:
    parts = line.split(b" ", 3)
    return len(parts) >= 3 and parts[2][:1] == b"F"


def _successor(file: BinaryIO, path: str) -> BinaryIO | None:
    """The file now under this name, when it is another one than `file`."""
    try:
        now = os.stat(path)
    except FileNotFoundError:
        return None
    mine = os.fstat(file.fileno())
    if (now.st_dev, now.st_ino) != (mine.st_dev, mine.st_ino):
        return open(path, "rb")
    if now.st_size < file.tell():  # emptied in place
        file.seek(0)
    return None
