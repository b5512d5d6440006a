# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changing a bolt database in place, the way bolt itself does: no reader and no crash ever sees half a change.

The new tree goes to pages that the current one does not use (holes first, then the end of the file) and is synced;
only then the meta record that is not current is overwritten with one that names the new tree. A crash before that
write leaves the old content, after it the new. bolt locks the file with flock(2) for as long as it is open; so do we.
"""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.files import atomic_write
from ..base.steps import reached
from .bolt import (
    BRANCH_ELEMENT,
    BUCKET_HEADER,
    FLAG_BRANCH,
    FLAG_FREELIST,
    FLAG_LEAF,
    FLAG_META,
    LEAF_ELEMENT,
    LEAF_IS_BUCKET,
    PAGE_HEADER,
    Bucket,
    Meta,
    Reader,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

_NEW_PAGE_SIZE = 4096
_COUNT_LIMIT = 0xFFFF  # a free list of this many entries or more keeps its count in the first entry


@contextmanager
def opened(path: str) -> Iterator[Bucket]:
    """The database's content as nested dicts, under bolt's lock; what changed in them is written when the block ends.

    A missing file counts as empty (it is made empty, which bolt too takes for a new database). Nothing is written when
    the block raises. The caller holds netavark's lock, without which podman does not open the file either.
    Raises Corrupt, OSError.
    """
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        data = _read_all(fd)
        reader = Reader(data, path) if data else None
        content = reader.tree() if reader else {}
        before = _copy(content)
        yield content
        if content == before:
            return
        if reader is None:
            _create(path, content)
        else:
            _commit(fd, content, reader)
    finally:
        os.close(fd)


def load(path: str) -> Bucket:
    """The content as it is now, under bolt's shared lock. A missing file is empty. Raises Corrupt, OSError."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return {}
    try:
        fcntl.flock(fd, fcntl.LOCK_SH)
        data = _read_all(fd)
    finally:
        os.close(fd)
    return Reader(data, path).tree() if data else {}


def _copy(bucket: Bucket) -> Bucket:
    return {key: _copy(value) if isinstance(value, dict) else value for key, value in bucket.items()}


def _read_all(fd: int) -> bytes:
    size = os.fstat(fd).st_size
    chunks = []
    offset = 0
    while offset < size:
        chunk = os.pread(fd, size - offset, offset)
        if not chunk:
            break
        chunks.append(chunk)
        offset += len(chunk)
    return b"".join(chunks)


class _Pages:
    """Hands out page numbers: runs of pages that the current tree leaves free, else new ones at the end."""

    def __init__(self, page_size: int, free: set[int], high_water: int) -> None:
        self.page_size = page_size
        self.free = sorted(free)
        self.high_water = high_water
        self.written: dict[int, bytes] = {}

    def take(self, count: int) -> int:
        run_start = 0
        for index, page in enumerate(self.free):
            if index == 0 or page != self.free[index - 1] + 1:
                run_start = index
            if index - run_start + 1 == count:
                first = self.free[run_start]
                del self.free[run_start : index + 1]
                return first
        first = self.high_water
        self.high_water += count
        return first

    def put(self, flags: int, count: int, body: bytes) -> int:
        """Store a page of `body` (elements with their data) and return its number."""
        length = PAGE_HEADER.size + len(body)
        pages = max(1, -(-length // self.page_size))
        number = self.take(pages)
        raw = PAGE_HEADER.pack(number, flags, count, pages - 1) + body
        self.written[number] = raw.ljust(pages * self.page_size, b"\0")
        return number


def _leaf_body(entries: list[tuple[int, bytes, bytes]]) -> bytes:
    elements = []
    data = bytearray()
    table = len(entries) * LEAF_ELEMENT.size
    for index, (flags, key, value) in enumerate(entries):
        position = table - index * LEAF_ELEMENT.size + len(data)
        elements.append(LEAF_ELEMENT.pack(flags, position, len(key), len(value)))
        data += key + value
    return b"".join(elements) + bytes(data)


def _branch_body(entries: list[tuple[bytes, int]]) -> bytes:
    elements = []
    data = bytearray()
    table = len(entries) * BRANCH_ELEMENT.size
    for index, (key, page) in enumerate(entries):
        position = table - index * BRANCH_ELEMENT.size + len(data)
        elements.append(BRANCH_ELEMENT.pack(position, len(key), page))
        data += key
    return b"".join(elements) + bytes(data)


def _entries(bucket: Bucket, pages: _Pages) -> list[tuple[int, bytes, bytes]]:
    """The leaf entries of a bucket, in key order; nested buckets are stored first."""
    entries = []
    for key in sorted(bucket):
        value = bucket[key]
        if isinstance(value, dict):
            entries.append((LEAF_IS_BUCKET, key, _bucket_value(value, pages)))
        else:
            entries.append((0, key, value))
    return entries


def _bucket_value(bucket: Bucket, pages: _Pages) -> bytes:
    """A nested bucket as its parent holds it: small ones without buckets of their own inline, as bolt has it."""
    entries = _entries(bucket, pages)
    if not any(flags for flags, _key, _value in entries):
        body = _leaf_body(entries)
        if PAGE_HEADER.size + len(body) <= pages.page_size // 4:
            return BUCKET_HEADER.pack(0, 0) + PAGE_HEADER.pack(0, FLAG_LEAF, len(entries), 0) + body
    return BUCKET_HEADER.pack(_store(entries, pages), 0)


def _store(entries: list[tuple[int, bytes, bytes]], pages: _Pages) -> int:
    """Write leaf pages and as many levels of branch pages as they need; the number of the root page."""
    level: list[tuple[bytes, int]] = []
    for group in _split([LEAF_ELEMENT.size + len(key) + len(value) for _flags, key, value in entries], pages.page_size):
        part = entries[group]
        level.append((part[0][1] if part else b"", pages.put(FLAG_LEAF, len(part), _leaf_body(part))))
    while len(level) > 1:
        groups = _split([BRANCH_ELEMENT.size + len(key) for key, _page in level], pages.page_size)
        level = [
            (level[group][0][0], pages.put(FLAG_BRANCH, len(level[group]), _branch_body(level[group])))
            for group in groups
        ]
    return level[0][1]


def _split(sizes: list[int], page_size: int) -> list[slice]:
    """Cut a row of elements into runs that fit a page; at least two per page (bolt's minimum), so big ones overflow."""
    groups = []
    start, filled = 0, PAGE_HEADER.size
    for index, size in enumerate(sizes):
        if filled + size > page_size and index - start >= 2 and len(sizes) - index >= 2:
            groups.append(slice(start, index))
            start, filled = index, PAGE_HEADER.size
        filled += size
    groups.append(slice(start, len(sizes)))
    return groups


def _create(path: str, content: Bucket) -> None:
    """A new database appears whole: bolt takes an empty file for a new one, but refuses a half-written one."""
    pages = _Pages(_NEW_PAGE_SIZE, set(), 2)
    root = _store(_entries(content, pages), pages)
    freelist = _put_freelist(pages, set())
    image = bytearray(pages.high_water * _NEW_PAGE_SIZE)
    for txid in (0, 1):  # the two heads that bolt gives a new file
        pages.written[txid] = _meta_page(Meta(_NEW_PAGE_SIZE, root, freelist, pages.high_water, txid))
    for number, raw in pages.written.items():
        image[number * _NEW_PAGE_SIZE : number * _NEW_PAGE_SIZE + len(raw)] = raw
    atomic_write(path, bytes(image), mode=0o600)


def _commit(fd: int, content: Bucket, reader: Reader) -> None:
    meta = reader.meta
    in_use = reader.used | reader.freelist_pages()
    pages = _Pages(meta.page_size, set(range(2, meta.high_water)) - in_use, meta.high_water)
    root = _store(_entries(content, pages), pages)
    freelist = _put_freelist(pages, in_use)
    for number, raw in pages.written.items():
        _write_at(fd, raw, number * meta.page_size)
    reached("bolt-pages-written")
    os.fsync(fd)
    new = Meta(meta.page_size, root, freelist, pages.high_water, meta.txid + 1)
    _write_at(fd, _meta_page(new), new.txid % 2 * new.page_size)
    os.fsync(fd)
    reached("bolt-committed")


def _put_freelist(pages: _Pages, in_use: set[int]) -> int:
    """The pages of the old tree become free with this change, beside those that were free and stayed so."""
    entries = len(pages.free) + len(in_use)
    entries += 1 if entries >= _COUNT_LIMIT else 0
    count = max(1, -(-(PAGE_HEADER.size + 8 * entries) // pages.page_size))
    number = pages.take(count)
    free = sorted(set(pages.free) | in_use)
    header_count = min(len(free), _COUNT_LIMIT)
    numbers = [len(free), *free] if len(free) >= _COUNT_LIMIT else free
    raw = PAGE_HEADER.pack(number, FLAG_FREELIST, header_count, count - 1)
    raw += b"".join(page.to_bytes(8, "little") for page in numbers)
    pages.written[number] = raw.ljust(count * pages.page_size, b"\0")
    return number


def _meta_page(meta: Meta) -> bytes:
    raw = PAGE_HEADER.pack(meta.txid % 2, FLAG_META, 0, 0) + meta.packed()
    return raw.ljust(meta.page_size, b"\0")


def _write_at(fd: int, data: bytes, offset: int) -> None:
    view = memoryview(data)
    while view:
        written = os.pwrite(fd, view, offset)
        view, offset = view[written:], offset + written
