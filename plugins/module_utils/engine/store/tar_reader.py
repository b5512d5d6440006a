# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tar members out of a stream of bytes: V7, ustar, PAX (pax(1)) and GNU (tar(5)) headers, parsed by hand.

The standard library's tarfile spends more time per member than the unpacking itself and forgets the raw bytes that
tar-split must keep. What Go's archive/tar refuses is refused here: the layers that podman takes are the layers we take.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from ..base.errors import Corrupt

if TYPE_CHECKING:
    from collections.abc import Iterator

BLOCK = 512
SPECIAL_LIMIT = 1 << 20  # bytes of one PAX header or long name; Go's limit
_ZEROS = bytes(BLOCK)
_HEADER_ONLY = frozenset(b"123456")
_KNOWN = frozenset(b"0123456")
_SECOND = 1_000_000_000
_NEVER = -(1 << 62)
_PAX_NUMBERS = frozenset(("uid", "gid", "size", "mtime", "atime"))


class Member:
    """One member: effective name and link (bytes as written), type (one of b"0123456"), ids, times in nanoseconds."""

    __slots__ = ("atime", "gid", "kind", "link", "major", "minor", "mode", "mtime", "name", "size", "uid", "xattrs")

    name: bytes
    link: bytes
    kind: bytes
    mode: int
    uid: int
    gid: int
    size: int
    mtime: int
    atime: int
    major: int
    minor: int
    xattrs: dict[str, bytes] | None


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

    def some(self, limit: int) -> bytes:
        """At least one byte and at most `limit`; b"" at the end of the stream."""
        if self._at >= len(self._piece):
            self._piece = self._pull()
            self._at = 0
        at = self._at
        piece = self._piece
        if at == 0 and len(piece) <= limit:
            self._at = len(piece)
            return piece
        self._at = min(len(piece), at + limit)
        return piece[at : self._at]


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

    def body(self) -> Iterator[bytes]:
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
        if self._padding:
            self.raw.append(self.source.take(self._padding))  # the very last one may be missing
            self._padding = 0
        pax: dict[str, bytes] = {}
        long_name = long_link = None
        while True:
            block = self.source.take(BLOCK)
            if not block or (block == _ZEROS and self._at_end(block)):
                return None
            if len(block) != BLOCK:
                raise self.fail("the archive ends in a header")
            self.raw.append(block)
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

    def _at_end(self, first: bytes) -> bool:
        """After one block of zeros: another, or nothing, ends the archive."""
        second = self.source.take(BLOCK)
        self.raw.append(first)
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
        self._unread = member.size
        self._padding = -member.size % BLOCK
        return member

    def rest(self) -> Iterator[bytes]:
        """Whatever follows the end-of-archive blocks."""
        while True:
            piece = self.source.some(1 << 20)
            if not piece:
                return
            yield piece


def shown(name: bytes) -> str:
    """A name from an archive as an error message may show it."""
    text = name[:200].decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)


def place_of(name: bytes) -> bytes:
    """Where a member of that name goes, as in a chroot: no "." or empty component, ".." never above the top."""
    parts: list[bytes] = []
    for part in name.split(b"/"):
        if part == b"..":
            if parts:
                parts.pop()
        elif part not in (b"", b"."):
            parts.append(part)
    return b"/".join(parts)


def parse_header(block: bytes, reader: TarReader) -> Member:
    """One 512-byte header block. Raises Corrupt."""
    check = block[148:156]
    total = sum(block) - sum(check) + 256
    wanted = _number(check, reader)
    if total != wanted and _signed_sum(block) != wanted:
        raise reader.fail("a header's checksum is wrong: not a tar archive, or a damaged one")
    member = Member()
    name = block[:100]
    end = name.find(b"\0")
    member.name = name if end < 0 else name[:end]
    member.mode = _number(block[100:108], reader)
    member.uid = _number(block[108:116], reader)
    member.gid = _number(block[116:124], reader)
    member.size = _number(block[124:136], reader)
    member.mtime = _number(block[136:148], reader) * _SECOND
    member.atime = _NEVER
    member.kind = block[156:157]
    if member.size < 0 or member.uid < 0 or member.gid < 0:
        raise reader.fail(f"{shown(member.name)} has a negative size or owner")
    link = block[157:257]
    end = link.find(b"\0")
    member.link = link if end < 0 else link[:end]
    member.xattrs = None
    member.major = member.minor = 0
    magic = block[257:265]
    if magic[:5] == b"ustar":
        _later_fields(member, block, magic, reader)
    return member


def _later_fields(member: Member, block: bytes, magic: bytes, reader: TarReader) -> None:
    """What ustar and GNU have beyond V7: device numbers and a prefix or an access time."""
    if member.kind in (b"3", b"4"):
        member.major = _number(block[329:337], reader)
        member.minor = _number(block[337:345], reader)
    if magic == b"ustar\x0000":
        width = 131 if block[508:512] == b"tar\0" else 155
        prefix = block[345 : 345 + width].split(b"\0", 1)[0]
    elif magic == b"ustar  \0" and block[345] and not _is_number(block[345:357]):
        # Go before 1.8 wrote a prefix into GNU headers, and so did Docker.
        prefix = block[345:500].split(b"\0", 1)[0]
    elif magic == b"ustar  \0" and block[345]:
        member.atime = _number(block[345:357], reader) * _SECOND
        return
    else:
        return
    if prefix:
        member.name = prefix + b"/" + member.name


def _is_number(field: bytes) -> bool:
    text = field.strip(b" \0").split(b"\0", 1)[0]
    return bool(field[0] & 0x80) or not text or (text.isdigit() and not (b"8" in text or b"9" in text))


def _number(field: bytes, reader: TarReader) -> int:
    """Octal text, or big-endian two's complement with the first bit set (GNU)."""
    digits = field[:-1]
    if field[-1] in (0, 32) and digits.isdigit():  # seven or eleven digits and a terminator: nearly always
        try:
            return int(digits, 8)
        except ValueError:
            raise reader.fail("a header has a digit that is not octal") from None
    if field[0] & 0x80:
        value = int.from_bytes(field, "big") & ((1 << (8 * len(field) - 1)) - 1)
        if field[0] & 0x40:
            value -= 1 << (8 * len(field) - 1)
        if not -(1 << 63) <= value < 1 << 63:
            raise reader.fail("a number in a header is out of range")
        return value
    text = field.strip(b" \0").split(b"\0", 1)[0]
    if not text:
        return 0
    if not _is_number(field):
        raise reader.fail("a header has no number where one must be: not a tar archive, or a damaged one")
    return int(text, 8)


def _signed_sum(block: bytes) -> int:
    """The checksum as some old tars computed it, on signed characters."""
    return sum(byte - 256 if byte > 127 else byte for byte in block[:148] + block[156:]) + 256


def parse_pax(data: bytes, reader: TarReader) -> dict[str, bytes]:
    """Records `length key=value\\n`; a later one of the same key wins."""
    records: dict[str, bytes] = {}
    at = 0
    while at < len(data):
        space = data.find(b" ", at, at + 20)
        digits = data[at:space] if space > 0 else b""
        if not digits.isdigit():
            raise reader.fail("a PAX record has no length")
        end = at + int(digits)
        if end > len(data) or end <= space + 1 or data[end - 1 : end] != b"\n":
            raise reader.fail("a PAX record's length is wrong")
        key, equals, value = data[space + 1 : end - 1].partition(b"=")
        if not equals or not key or b"\0" in key:
            raise reader.fail("a PAX record has no key")
        text = key.decode("utf-8", "surrogateescape")
        if b"\0" in value and text in ("path", "linkpath", "uname", "gname"):
            raise reader.fail("a PAX path holds a NUL byte")
        records[text] = value
        at = end
    return records


def apply_pax(member: Member, pax: dict[str, bytes], reader: TarReader) -> None:
    """Let the extended header overrule the plain one; an empty value leaves it alone."""
    xattrs: dict[str, bytes] = {}
    for key, value in pax.items():
        if key.startswith("SCHILY.xattr."):
            xattrs[key[13:]] = value
        elif key.startswith("GNU.sparse."):
            raise reader.fail(f"{shown(member.name)} is a sparse file, whose layer could not be exported again")
        elif not value:
            continue
        elif key == "path":
            member.name = value
        elif key == "linkpath":
            member.link = value
        elif key in _PAX_NUMBERS:
            _apply_number(member, key, value, reader)
    if xattrs:
        member.xattrs = xattrs


def _apply_number(member: Member, key: str, value: bytes, reader: TarReader) -> None:
    if key in ("mtime", "atime"):
        setattr(member, key, _pax_time(value, reader))
        return
    if not value.isdigit() or len(value) > 19 or int(value) >= 1 << 63:
        raise reader.fail(f"a PAX record {key} holds no number")
    number = int(value)
    if key == "size":
        member.size = number
    elif key == "uid":
        member.uid = number
    else:
        member.gid = number


def _pax_time(value: bytes, reader: TarReader) -> int:
    """Seconds with any number of decimals, as nanoseconds."""
    whole, dot, fraction = value.partition(b".")
    digits = whole[1:] if whole[:1] == b"-" else whole
    if not digits.isdigit() or len(digits) > 19 or (dot and fraction and not fraction.isdigit()):
        raise reader.fail("a PAX record holds no time")
    nanoseconds = int(digits) * _SECOND + int(fraction[:9].ljust(9, b"0") or b"0")
    return -nanoseconds if whole[:1] == b"-" else nanoseconds
