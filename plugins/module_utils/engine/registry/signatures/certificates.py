# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a certificate says of its holder (RFC 5280).  Whether it is to be believed, openssl says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base import patterns
from ...base.errors import Corrupt, Denied
from ...base.tuples import NamedTuple
from . import pem

if TYPE_CHECKING:
    from collections.abc import Iterator

_SEQUENCE, _OCTETS, _BOOLEAN, _OID, _UTF8 = 0x30, 0x04, 0x01, 0x06, 0x0C
_VERSION, _EXTENSIONS, _EMAIL, _DNS, _ADDRESS = 0xA0, 0xA3, 0x81, 0x82, 0x87
_NAMES = bytes.fromhex("551d11")
_BASIC = bytes.fromhex("551d13")
_PURPOSES = bytes.fromhex("551d25")
_CODE_SIGNING, _ANY_PURPOSE = bytes.fromhex("2b06010505070303"), bytes.fromhex("551d2500")
#: Fulcio's extensions with the OpenID issuer: 1.3.6.1.4.1.57264.1.1 (plain bytes) and .8 (a UTF8String).
_ISSUER_1, _ISSUER_2 = bytes.fromhex("2b0601040183bf300101"), bytes.fromhex("2b0601040183bf300108")
_LABEL = patterns.compile(r"[a-z0-9_]([a-z0-9_-]*[a-z0-9_])?")


class Certificate(NamedTuple):
    """``public_key`` is DER; ``purposes`` are object identifiers, None where all are allowed."""

    public_key: bytes
    emails: tuple[str, ...]
    hosts: tuple[str, ...]
    addresses: tuple[bytes, ...]
    purposes: tuple[bytes, ...] | None
    is_authority: bool
    issuers: tuple[str, ...]

    @property
    def may_sign_code(self) -> bool:
        return self.purposes is None or _CODE_SIGNING in self.purposes or _ANY_PURPOSE in self.purposes

    def oidc_issuer(self, deed: str) -> str:
        """Who vouched for the holder at Fulcio.  Raises Denied when nobody did, or it says two things at once."""
        if len(set(self.issuers)) != 1:
            raise Denied(deed, "it names two issuers" if self.issuers else "it does not name an issuer of Fulcio")
        return self.issuers[0]

    def names_host(self, host: str) -> bool:
        """By its alternative names only; ``*`` stands for one whole label at the beginning."""
        import ipaddress

        bare = host[1:-1] if host.startswith("[") and host.endswith("]") else host
        try:
            return ipaddress.ip_address(bare).packed in self.addresses
        except ValueError:
            pass
        wanted = host.lower().rstrip(".").split(".")
        if not all(_LABEL.fullmatch(label) for label in wanted):
            return False
        return any(_fits(name.lower().rstrip(".").split("."), wanted) for name in self.hosts)


def _fits(pattern: list[str], wanted: list[str]) -> bool:
    if len(pattern) != len(wanted):
        return False
    first = pattern[0] == wanted[0] or (pattern[0] == "*" and len(pattern) > 1)
    return first and pattern[1:] == wanted[1:]


def parse(block: pem.Block, deed: str) -> Certificate:
    """Raises Corrupt."""
    if block.label != "CERTIFICATE":
        raise Corrupt(deed, f"it holds a {block.label}, not a CERTIFICATE")
    try:
        return _parse(block.data)
    except (IndexError, UnicodeDecodeError):
        raise Corrupt(deed, "it is no certificate")


def _parse(der: bytes) -> Certificate:
    outer = list(_items(der))
    fields = list(_items(_only([outer[0]], _SEQUENCE)))
    if len(outer) != 1 or len(fields) != 3:
        raise IndexError
    body = list(_items(_only(fields[:1], _SEQUENCE)))
    version = 1
    if body[0][0] == _VERSION:
        version = 1 + _only(list(_items(body.pop(0)[1])), 0x02)[0]
    # serial number, algorithm, issuer, validity, subject, key, and what is optional
    key = _only(body[5:6], _SEQUENCE)
    found = _extensions([content for tag, content, _raw in body[6:] if tag == _EXTENSIONS])
    names = list(_inside(found, _NAMES))
    return Certificate(
        public_key=body[5][2] if key else b"",
        emails=tuple(content.decode("ascii") for tag, content in names if tag == _EMAIL),
        hosts=tuple(content.decode("ascii") for tag, content in names if tag == _DNS),
        addresses=tuple(content for tag, content in names if tag == _ADDRESS),
        purposes=tuple(oid for _tag, oid in _inside(found, _PURPOSES)) if _PURPOSES in found else None,
        is_authority=version < 3 or (_BOOLEAN, b"\xff") in list(_inside(found, _BASIC)),
        issuers=tuple(_issuers(found)),
    )


def _issuers(found: dict[bytes, bytes]) -> Iterator[str]:
    if _ISSUER_1 in found:
        yield found[_ISSUER_1].decode()
    if _ISSUER_2 in found:
        yield _only(list(_items(found[_ISSUER_2])), _UTF8).decode()


def _extensions(wrapped: list[bytes]) -> dict[bytes, bytes]:
    """Object identifier -> value.  Raises IndexError, also for one that is there twice."""
    found: dict[bytes, bytes] = {}
    for outer in wrapped:
        for tag, content, _raw in _items(_only(list(_items(outer)), _SEQUENCE)):
            parts = [(kind, value) for kind, value, _whole in _items(content)]
            if tag != _SEQUENCE or parts[0][0] != _OID or parts[-1][0] != _OCTETS or parts[0][1] in found:
                raise IndexError
            found[parts[0][1]] = parts[-1][1]
    return found


def _inside(found: dict[bytes, bytes], oid: bytes) -> Iterator[tuple[int, bytes]]:
    """Tag and content of each item in the sequence that the extension holds."""
    if oid in found:
        for tag, content, _raw in _items(_only(list(_items(found[oid])), _SEQUENCE)):
            yield tag, content


def _items(data: bytes) -> Iterator[tuple[int, bytes, bytes]]:
    """Tag, content and all bytes of each item.  Raises IndexError when something is cut short."""
    while data:
        tag, content, rest = pem.item(data)
        yield tag, content, data[: len(data) - len(rest)]
        data = rest


def _only(items: list[tuple[int, bytes, bytes]], tag: int) -> bytes:
    if len(items) != 1 or items[0][0] != tag:
        raise IndexError
    return items[0][1]
