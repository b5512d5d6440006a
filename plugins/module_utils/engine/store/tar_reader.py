# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tar members out of a stream of bytes.

The standard library's tarfile spends more time per member than the unpacking itself and forgets the raw bytes that
tar-split must keep. What Go's archive/tar refuses is refused here: the layers that podman takes are the layers we take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from ..base.errors import Corrupt
from .tar_header import Member, apply_pax, parse_header, parse_pax, shown

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 512
SPECIAL_LIMIT = 1 << 20  # bytes of one PAX header or long name; Go's limit
_ZEROS = bytes(BLOCK)
_NO_ID = (1 << 32) - 1  # chown(2) takes it for "leave as it is"
_HEADER_ONLY = frozenset(b"123456")
_KNOWN = frozenset(b"0123456")


class Source:
    """A buffered stream of bytes on `pull()`, which returns any non-empty piece, and b"" at the end."""

    def __init__(self, pull: Callable[[], bytes]) -> None:
        self._pull = pull
        self._piece = b""
        self._at = 0

    def take(self, size: int) -> bytes:
        """Exactly `size` bytes, fewer only at the end of the stream."""
        at = self._at
        end = at + size
        piece = self._piece
        if end <= len(piece):
            self._at = end
            return piece[at:end]
        parts = [piece[at:]]
        missing = end - len(piece)
        while missing:
            piece = self._pull()
            if not piece:
                break
            parts.append(piece[:missing])
            self._at = len(parts[-1])
            missing -= self._at
        self._piece = piece
        if not piece:
            self._at = 0
        return b"".join(parts)

    def some(self, limit: int) -> bytes | memoryview:
        """At least one byte and at most `limit`, not copied; b"" at the end of the stream."""
        if self._at >= len(self._piece):
            self._piece = self._pull()
            self._at = 0
        at = self._at
        piece = self._piece
        if at == 0 and len(piece) <= limit:
            self._at = len(piece)
            return piece
        self._at = min(len(piece), at + limit)
        return memoryview(piece)[at : self._at]


class TarReader:
    """Iterates members. `raw` holds the bytes of everything but bodies since the last `take_raw()`.

    The consumer reads a body with `body()` or `whole_body()` before it asks for the next member.
    """

    def __init__(self, source: Source, what: str) -> None:
        self.source = source
        self.what = what
        self.raw: list[bytes] = []
        self._unread = 0
        self._padding = 0

    def fail(self, cause: str) -> Corrupt:
        return Corrupt(f"unpack {self.what}", cause)

    def take_raw(self) -> bytes:
        raw = b"".join(self.raw)
        self.raw.clear()
        return raw

    def _exactly(self, size: int, where: str) -> bytes:
        data = self.source.take(size)
        if len(data) != size:
            raise self.fail(f"the archive ends in {where}")
        return data

    def body(self) -> Iterator[bytes | memoryview]:
        """The member's content in pieces."""
        while self._unread:
            piece = self.source.some(self._unread)
            if not piece:
                raise self.fail("the archive ends in the content of a file")
            self._unread -= len(piece)
            yield piece

    def whole_body(self) -> bytes:
        """The member's content at once, for small ones."""
        data = self._exactly(self._unread, "the content of a file")
        self._unread = 0
        return data

    def next(self) -> Member | None:
        """The next member, None after the last."""
        if self._unread:
            raise self.fail("a body was left unread")
        pax: dict[str, bytes] = {}
        long_name = long_link = None
        while True:
            block = self._block()
            if not block or (block == _ZEROS and self._at_end()):
                return None
            if len(block) != BLOCK:
                raise self.fail("the archive ends in a header")
            member = parse_header(block, self)
            kind = member.kind
            if kind in (b"x", b"L", b"K"):
                data = self._special(member)
                if kind == b"x":
                    pax = parse_pax(data, self)
                elif kind == b"L":
                    long_name = data.split(b"\0", 1)[0]
                else:
                    long_link = data.split(b"\0", 1)[0]
                continue
            if kind == b"g":
                # Go hands a global header out as a member of its own and never applies its records.
                parse_pax(self._special(member, padded=False), self)
                return member
            return self._finish(member, pax, long_name, long_link)

    def _block(self) -> bytes:
        """The next header, taken together with the padding before it, which the very last member may lack."""
        padding, self._padding = self._padding, 0
        data = self.source.take(padding + BLOCK)
        self.raw.append(data)
        return data[padding:] if padding else data

    def _at_end(self) -> bool:
        """After one block of zeros: another, or nothing, ends the archive."""
        second = self.source.take(BLOCK)
        self.raw.append(second)
        if second not in (_ZEROS, b""):
            raise self.fail("a block of zeros stands between two members")
        return True

    def _special(self, member: Member, padded: bool = True) -> bytes:
        size = member.size
        if size > SPECIAL_LIMIT:
            raise self.fail(f"an extended header of {size} bytes")
        data = self._exactly(size, "an extended header")
        self.raw.append(data)
        if not padded:
            self._padding = -size % BLOCK
        elif size % BLOCK:
            self.raw.append(self._exactly(BLOCK - size % BLOCK, "an extended header"))
        member.size = 0
        return data

    def _finish(
        self, member: Member, pax: dict[str, bytes], long_name: bytes | None, long_link: bytes | None
    ) -> Member:
        if pax:
            apply_pax(member, pax, self)
        if long_name:
            member.name = long_name
        if long_link:
            member.link = long_link
        kind = member.kind
        if kind == b"\0":
            member.kind = kind = b"5" if member.name.endswith(b"/") else b"0"
        if kind[0] not in _KNOWN:
            if kind == b"S":
                raise self.fail(f"{shown(member.name)} is an old GNU sparse file")
            raise self.fail(f"{shown(member.name)} has the unknown member type {kind!r}")
        if kind[0] in _HEADER_ONLY:
            member.size = 0
        if member.uid >= _NO_ID or member.gid >= _NO_ID:
            raise self.fail(f"{shown(member.name)} belongs to {member.uid}:{member.gid}, which no system can store")
        self._unread = member.size
        self._padding = -member.size % BLOCK
        return member

    def rest(self) -> Iterator[bytes]:
        """Whatever follows the end-of-archive blocks."""
        while True:
            piece = self.source.some(1 << 20)
            if not piece:
                return
            yield bytes(piece)
