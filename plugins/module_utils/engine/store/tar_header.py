# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One tar header: V7, ustar, GNU (tar(5)) and PAX (pax(1)), by hand. All errors are Corrupt, through the reader."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar
from zlib import adler32

if TYPE_CHECKING:
    from .tar_reader import TarReader

    #: Kind, link, device numbers, prefix and access time.
    _Later = tuple[bytes, bytes, int, int, bytes, int]

Read = TypeVar("Read")

_SECOND = 1_000_000_000
_NEVER = -(1 << 62)
_PAX_NUMBERS = frozenset(("uid", "gid", "size", "mtime", "atime"))
_MOST_KNOWN = 4096
#: Fields that were read before: modes, owners, sizes and checksums are the same in one header after the other.
_known: dict[bytes, int] = {}
_owned: dict[bytes, tuple[int, int, int]] = {}
_later_known: dict[bytes, _Later] = {}


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


def shown(name: bytes) -> str:
    """A name from an archive as an error message may show it."""
    text = name[:200].decode("utf-8", "backslashreplace")
    return "".join(letter if letter.isprintable() else f"\\x{ord(letter):02x}" for letter in text)


def place_of(name: bytes) -> bytes:
    """Where a member of that name goes, as in a chroot: no "." or empty component, ".." never above the top."""
    if b"/." not in name and b"//" not in name and name[-1:] != b"/" and name[:1] not in (b"/", b"."):
        return name  # nearly all are so
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
    total = _sum(block) - sum(check) + 256
    wanted = _number(check, reader)
    if total != wanted and _signed_sum(block) != wanted:
        raise reader.fail("a header's checksum is wrong: not a tar archive, or a damaged one")
    member = Member()
    name = block[:100]
    end = name.find(b"\0")
    member.name = name if end < 0 else name[:end]
    owned = block[100:124]
    member.mode, member.uid, member.gid = _owned.get(owned) or _remember(_owned, owned, _read_owned(owned, reader))
    member.size = _number(block[124:136], reader)
    member.mtime = _number(block[136:148], reader) * _SECOND
    if member.size < 0 or member.uid < 0 or member.gid < 0:
        raise reader.fail(f"{shown(member.name)} has a negative size or owner")
    later = block[156:]
    found = _later_known.get(later) or _remember(_later_known, later, _later_fields(later, reader))
    member.kind, member.link, member.major, member.minor, prefix, member.atime = found
    if prefix:
        member.name = prefix + b"/" + member.name
    member.xattrs = None
    return member


def _sum(block: bytes) -> int:
    """Of its bytes. Most are zeros, and leaving them out is quicker; so is Adler-32, which begins with the sum plus one
    as long as that is below 65,521."""
    plain = block.translate(None, b"\0")
    return (adler32(plain) & 0xFFFF) - 1 if len(plain) <= 256 else sum(plain)


def _remember(known: dict[bytes, Read], field: bytes, value: Read) -> Read:
    if len(known) >= _MOST_KNOWN:
        known.clear()
    known[field] = value
    return value


def _read_owned(fields: bytes, reader: TarReader) -> tuple[int, int, int]:
    """Mode, owner and group."""
    return _number(fields[:8], reader), _number(fields[8:16], reader), _number(fields[16:], reader)


def _later_fields(block: bytes, reader: TarReader) -> _Later:
    """What a header has from its 156th byte: kind and link, and what ustar and GNU have beyond V7, which is device
    numbers and a prefix or an access time."""
    kind, link, magic = block[:1], block[1:101].split(b"\0", 1)[0], block[101:109]
    major = minor = 0
    prefix, atime = b"", _NEVER
    if magic[:5] == b"ustar" and kind in (b"3", b"4"):
        major = _number(block[173:181], reader)
        minor = _number(block[181:189], reader)
    if magic == b"ustar\x0000":
        width = 131 if block[352:356] == b"tar\0" else 155
        prefix = block[189 : 189 + width].split(b"\0", 1)[0]
    elif magic == b"ustar  \0" and block[189] and not _is_number(block[189:201]):
        # Go before 1.8 wrote a prefix into GNU headers, and so did Docker.
        prefix = block[189:344].split(b"\0", 1)[0]
    elif magic == b"ustar  \0" and block[189]:
        atime = _number(block[189:201], reader) * _SECOND
    return kind, link, major, minor, prefix, atime


def _is_number(field: bytes) -> bool:
    text = field.strip(b" \0").split(b"\0", 1)[0]
    return bool(field[0] & 0x80) or not text or (text.isdigit() and not (b"8" in text or b"9" in text))


def _number(field: bytes, reader: TarReader) -> int:
    value = _known.get(field)
    return _remember(_known, field, _read_number(field, reader)) if value is None else value


def _read_number(field: bytes, reader: TarReader) -> int:
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
