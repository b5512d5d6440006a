# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures as files hold them: in lookaside stores, beside a dir: image, and in the store of images.

An OpenPGP message stands for itself (simple signing); everything else begins with a zero byte and the format's name.
"""

from __future__ import annotations

import json
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from ...base.errors import Corrupt
from ...base.tuples import NamedTuple
from ...spec import strict_json

if TYPE_CHECKING:
    from collections.abc import Mapping

MAX_BYTES = 4 * 1024 * 1024
#: More than this many on one image is an attack, not a signing process.
MAX_COUNT = 128
SIMPLE, SIGSTORE = "simple-signing", "sigstore-json"
SIGSTORE_TYPE = "application/vnd.dev.cosign.simplesigning.v1+json"
SIGSTORE_NOTE = "dev.cosignproject.cosign/signature"
#: What comes with signatures of keys that live for minutes: their certificate, its chain, and the log's word.
CERTIFICATE_NOTE, CHAIN_NOTE = "dev.sigstore.cosign/certificate", "dev.sigstore.cosign/chain"
LOG_NOTE = "dev.sigstore.cosign/bundle"
#: First bytes of OpenPGP messages: compressed data, one-pass signature, signature, each in old and new packet format.
_OPENPGP = frozenset((*range(0xA0, 0xA4), 0xC8, *range(0x90, 0x94), 0xC4, *range(0x88, 0x8C), 0xC2))


class Signature(NamedTuple):
    """``payload`` is the OpenPGP message of simple signing, or the bytes that a sigstore signature covers.

    ``media_type`` and ``annotations`` are those of a sigstore attachment; what is attached need not be a signature.
    """

    format: str
    payload: bytes
    media_type: str = ""
    annotations: Mapping[str, str] = {}

    @property
    def simple(self) -> bool:
        return self.format == SIMPLE

    def value(self, deed: str) -> bytes:
        """The bytes of a sigstore signature.  Raises Corrupt."""
        try:
            value = b64decode(self.annotations.get(SIGSTORE_NOTE, ""), validate=True)
        except ValueError:  # binascii.Error, and what base64 says of letters beyond ASCII
            raise Corrupt(deed, f"its annotation {SIGSTORE_NOTE} is not base64")
        if not value:
            raise Corrupt(deed, f"it has no annotation {SIGSTORE_NOTE}")
        return value

    def blob(self) -> bytes:
        if self.simple:
            return self.payload
        document = {
            "mimeType": self.media_type,
            "payload": b64encode(self.payload).decode(),
            "annotations": dict(self.annotations),
        }
        return b"\x00" + SIGSTORE.encode() + b"\n" + json.dumps(document, separators=(",", ":")).encode()


def attached(media_type: str, payload: bytes, annotations: Mapping[str, str]) -> Signature:
    return Signature(SIGSTORE, payload, media_type, dict(annotations))


def parse(blob: bytes, deed: str) -> Signature:
    """Raises Corrupt for a format that is not known: what cannot be read cannot be judged, nor carried on."""
    if not blob:
        raise Corrupt(deed, "it is empty")
    if len(blob) > MAX_BYTES:
        raise Corrupt(deed, f"it is longer than {MAX_BYTES} bytes")
    if blob[0] in _OPENPGP:
        return Signature(SIMPLE, blob)
    if blob[0]:
        raise Corrupt(deed, f"no signature begins with the byte 0x{blob[0]:02x}")
    name, newline, rest = blob[1:].partition(b"\n")
    if not newline or any(not 32 <= byte < 127 for byte in name):
        raise Corrupt(deed, "its format has no name")
    if name == SIMPLE.encode():
        return Signature(SIMPLE, rest)
    if name == SIGSTORE.encode():
        return _sigstore(rest, deed)
    raise Corrupt(deed, f"the signature format {name.decode()[:60]!r} is not known")


def _sigstore(data: bytes, deed: str) -> Signature:

    raw = strict_json.loads_object(data, deed, MAX_BYTES)
    try:
        payload = b64decode(strict_json.text(raw, "payload", deed), validate=True)
    except ValueError:  # binascii.Error, and what base64 says of letters beyond ASCII
        raise Corrupt(deed, "its payload is not base64")
    media_type = strict_json.text(raw, "mimeType", deed)
    return attached(media_type, payload, strict_json.mapping(raw, "annotations", deed))
