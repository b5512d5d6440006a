# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""PEM blocks, and as much DER as tells what kind of public key one holds (RFC 7468, RFC 5280 section 4.1)."""

from __future__ import annotations

import re
from base64 import b64decode, encodebytes

from ...base import patterns
from ...base.errors import Corrupt
from ...base.tuples import NamedTuple

_BLOCK = patterns.compile(rb"-----BEGIN ([A-Z0-9 ]+)-----[ \t]*\r?\n(.*?)-----END \1-----", patterns.DOTALL)
#: Object identifiers of keys that sigstore signatures are made with.
_KINDS = {
    bytes.fromhex("2a864886f70d010101"): "rsa",
    bytes.fromhex("2a8648ce3d0201"): "ecdsa",
    bytes.fromhex("2b6570"): "ed25519",
}


class Block(NamedTuple):
    label: str
    data: bytes

    def __repr__(self) -> str:
        return f"Block({self.label!r}, ...)"

    def text(self) -> bytes:
        label = self.label.encode()
        return b"-----BEGIN " + label + b"-----\n" + encodebytes(self.data) + b"-----END " + label + b"-----\n"


def first(text: bytes, deed: str) -> Block:
    """The first block of the file.  Raises Corrupt when there is none."""
    found = _BLOCK.search(text)
    if found is None:
        raise Corrupt(deed, "it is not a PEM file")
    return _read(found, deed)


def only(text: bytes, deed: str) -> Block:
    """The one block that the text is made of.  Raises Corrupt, also for what stands around it."""
    found = _BLOCK.fullmatch(text.strip())
    if found is None or b"-----" in found.group(2):
        raise Corrupt(deed, "it is not a single PEM block")
    return _read(found, deed)


def every(text: bytes, deed: str) -> list[Block]:
    """All blocks of the file.  Raises Corrupt when there is none."""
    found = [_read(match, deed) for match in _BLOCK.finditer(text)]
    if not found:
        raise Corrupt(deed, "it is not a PEM file")
    return found


def _read(found: re.Match[bytes], deed: str) -> Block:
    body = b"".join(line for line in found.group(2).split(b"\n") if b":" not in line)
    try:
        return Block(found.group(1).decode(), b64decode(b"".join(body.split()), validate=True))
    except ValueError:  # binascii.Error, and what base64 says of letters beyond ASCII
        raise Corrupt(deed, "its PEM block is not base64")


def kind_of_public_key(block: Block, deed: str) -> str:
    """``rsa``, ``ecdsa`` or ``ed25519``.  Raises Corrupt for everything else."""
    if block.label != "PUBLIC KEY":
        raise Corrupt(deed, f"it holds a {block.label}, not a PUBLIC KEY")
    try:
        tag, outer, _rest = item(block.data)
        inner_tag, algorithm, _key = item(outer)
        oid_tag, oid, _parameters = item(algorithm)
    except IndexError:
        raise Corrupt(deed, "it is no public key")
    kind = _KINDS.get(oid)
    if (tag, inner_tag, oid_tag) != (0x30, 0x30, 0x06) or kind is None:
        raise Corrupt(deed, "it is not a public key of ECDSA, RSA or Ed25519")
    return kind


def item(data: bytes) -> tuple[int, bytes, bytes]:
    """Tag, content and what follows of the first DER item.  Raises IndexError when it is cut short."""
    tag, length, at = data[0], data[1], 2
    if length & 0x80:
        count = length & 0x7F
        at += count
        if not 1 <= count <= 4 or len(data) < at:
            raise IndexError
        length = int.from_bytes(data[2:at], "big")
    if len(data) < at + length:
        raise IndexError
    return tag, data[at : at + length], data[at + length :]
