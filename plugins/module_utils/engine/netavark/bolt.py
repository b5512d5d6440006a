# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading a bolt database: the B+tree file in which podman keeps its address leases (and podman 4 all its state).

The file is a row of pages. Pages 0 and 1 each hold a meta record; the valid one with the higher transaction number
names the root bucket's page and the page that lists free pages. A page starts with id u64, flags u16, count u16,
overflow u32 (further pages it runs over); then come `count` elements and their keys and values:

    branch  pos u32, ksize u32, page u64             pos counts from the start of its element
    leaf    flags u32, pos u32, ksize u32, vsize u32     flag 1: the value is a bucket

A bucket value is root u64, sequence u64; with root 0 its only leaf page follows inside the value ("inline").
All numbers are little-endian here: bolt writes the byte order of the machine, and a foreign one fails the magic.
"""

from __future__ import annotations

import struct
from typing import Union  # evaluated in the alias below, so no `X | Y` before Python 3.10

from ..base.errors import Corrupt
from ..base.values import dataclass

MAGIC = 0xED0CDAED
VERSION = 2
PAGE_HEADER = struct.Struct("<QHHI")
META = struct.Struct("<IIIIQQQQQ")
META_SUM = struct.Struct("<Q")
BRANCH_ELEMENT = struct.Struct("<IIQ")
LEAF_ELEMENT = struct.Struct("<IIII")
BUCKET_HEADER = struct.Struct("<QQ")
FLAG_BRANCH, FLAG_LEAF, FLAG_META, FLAG_FREELIST = 1, 2, 4, 16
LEAF_IS_BUCKET = 1
NO_FREELIST = 0xFFFFFFFFFFFFFFFF
_MAX_DEPTH = 64

# A bucket in memory: values are bytes, nested buckets are dicts. Sequence numbers are not kept: nobody here uses them.
Bucket = dict[bytes, Union[bytes, "Bucket"]]


@dataclass(frozen=True)
class Meta:
    page_size: int
    root: int
    freelist: int
    high_water: int
    txid: int

    def packed(self) -> bytes:
        body = META.pack(
            MAGIC, VERSION, self.page_size, 0, self.root, 0, self.freelist, self.high_water, self.txid
        )
        return body + META_SUM.pack(fnv1a64(body))


def fnv1a64(data: bytes) -> int:
    value = 0xCBF29CE484222325
    for byte in data:
        value = ((value ^ byte) * 0x100000001B3) & 0xFFFFFFFFFFFFFFFF
    return value


def read_meta(data: bytes, what: str) -> Meta:
    """The newest valid meta record of a whole file. Raises Corrupt."""
    candidates = []
    first = _meta_at(data, 0)
    # Where page 0 is torn the page size is unknown: try the sizes bolt takes from the machine.
    sizes = (first.page_size,) if first else (4096, 16384, 65536, 8192, 32768)
    if first:
        candidates.append(first)
    for size in sizes:
        second = _meta_at(data, size)
        if second and second.page_size == size:
            candidates.append(second)
            break
    if not candidates:
        raise Corrupt(f"read {what}", "neither of its two head pages is valid; this is no bolt database")
    return max(candidates, key=lambda meta: meta.txid)


def _meta_at(data: bytes, offset: int) -> Meta | None:
    start = offset + PAGE_HEADER.size
    raw = data[start : start + META.size + META_SUM.size]
    if len(raw) < META.size + META_SUM.size:
        return None
    magic, version, page_size, flags, root, sequence, freelist, high_water, txid = META.unpack_from(raw)
    if magic != MAGIC or version != VERSION or META_SUM.unpack_from(raw, META.size)[0] != fnv1a64(raw[: META.size]):
        return None
    if page_size < 512 or page_size & (page_size - 1):
        return None
    return Meta(page_size, root, freelist, high_water, txid)


class Reader:
    """Walks the pages of one file image; remembers which pages the tree uses."""

    def __init__(self, data: bytes, what: str) -> None:
        self.data = data
        self.what = what
        self.meta = read_meta(data, what)
        self.used: set[int] = set()

    def tree(self) -> Bucket:
        """The root bucket, whole. Raises Corrupt where pages lie outside the file, repeat or do not parse."""
        bucket: Bucket = {}
        self._page(self.meta.root, bucket, 0)
        return bucket

    def freelist_pages(self) -> set[int]:
        """The pages the free list itself occupies."""
        if self.meta.freelist == NO_FREELIST:
            return set()
        flags, _count, overflow, _start = self._header(self.meta.freelist)
        if flags != FLAG_FREELIST:
            raise self._bad(f"page {self.meta.freelist} is no free list")
        return set(range(self.meta.freelist, self.meta.freelist + overflow + 1))

    def _bad(self, cause: str) -> Corrupt:
        return Corrupt(f"read {self.what}", cause)

    def _header(self, page: int) -> tuple[int, int, int, int]:
        start = page * self.meta.page_size
        if page < 2 or page >= self.meta.high_water or start + self.meta.page_size > len(self.data):
            raise self._bad(f"page {page} lies outside the file")
        number, flags, count, overflow = PAGE_HEADER.unpack_from(self.data, start)
        if number != page:
            raise self._bad(f"page {page} says it is page {number}")
        if (page + overflow + 1) * self.meta.page_size > len(self.data):
            raise self._bad(f"page {page} runs past the end of the file")
        return flags, count, overflow, start

    def _page(self, page: int, into: Bucket, depth: int) -> None:
        if depth > _MAX_DEPTH:
            raise self._bad("the tree is too deep")
        if page in self.used:
            raise self._bad(f"page {page} is used twice")
        flags, count, overflow, start = self._header(page)
        self.used.update(range(page, page + overflow + 1))
        size = (overflow + 1) * self.meta.page_size
        content = self.data[start : start + size]
        if flags == FLAG_LEAF:
            self._leaf(content, count, into, depth)
        elif flags == FLAG_BRANCH:
            for index in range(count):
                offset = PAGE_HEADER.size + index * BRANCH_ELEMENT.size
                if offset + BRANCH_ELEMENT.size > size:
                    raise self._bad(f"page {page} is cut short")
                self._page(BRANCH_ELEMENT.unpack_from(content, offset)[2], into, depth + 1)
        else:
            raise self._bad(f"page {page} has the unknown kind {flags}")

    def _leaf(self, content: bytes, count: int, into: Bucket, depth: int) -> None:
        for index in range(count):
            offset = PAGE_HEADER.size + index * LEAF_ELEMENT.size
            if offset + LEAF_ELEMENT.size > len(content):
                raise self._bad("a leaf is cut short")
            flags, position, key_size, value_size = LEAF_ELEMENT.unpack_from(content, offset)
            middle = offset + position + key_size
            if middle + value_size > len(content):
                raise self._bad("an element runs past its page")
            key, value = content[offset + position : middle], content[middle : middle + value_size]
            into[key] = self._bucket(value, depth + 1) if flags & LEAF_IS_BUCKET else value

    def _bucket(self, value: bytes, depth: int) -> Bucket:
        if depth > _MAX_DEPTH or len(value) < BUCKET_HEADER.size:
            raise self._bad("a bucket is cut short or nested too deep")
        bucket: Bucket = {}
        root = BUCKET_HEADER.unpack_from(value)[0]
        if root:
            self._page(root, bucket, depth)
            return bucket
        inline = value[BUCKET_HEADER.size :]
        if len(inline) < PAGE_HEADER.size:
            raise self._bad("an inline bucket is cut short")
        flags, count = PAGE_HEADER.unpack_from(inline)[1:3]
        if flags != FLAG_LEAF:
            raise self._bad(f"an inline bucket has the unknown kind {flags}")
        self._leaf(inline, count, bucket, depth)
        return bucket


def parse(data: bytes, what: str = "bolt database") -> Bucket:
    """The whole content of a file image; an empty file is an empty database. Raises Corrupt."""
    return Reader(data, what).tree() if data else {}
