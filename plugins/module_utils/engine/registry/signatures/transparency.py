# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A transparency log's promise that it recorded a signature: Rekor's signed entry timestamp, as cosign bundles it."""

from __future__ import annotations

import hashlib
import json
import re
from base64 import b64decode
from typing import TYPE_CHECKING

from ...base.errors import Corrupt, Denied
from ...base.tuples import NamedTuple
from ...spec import strict_json
from . import openssl, pem
from .blob import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...host.process import Runner
    from ...spec.strict_json import Json

_DEED = "verify the entry of a transparency log"
#: Larger whole numbers are not written alike by all programs that write JSON canonically (RFC 8785 section 3.2.2.3).
_MAX_NUMBER = (1 << 53) - 1
_PAYLOAD = ("body", "integratedTime", "logID", "logIndex")


class Recorded(NamedTuple):
    """What the entry has to be about; ``key`` is a public key or a certificate, as DER."""

    key: bytes
    signature: bytes
    payload: bytes


def verify(runner: Runner, keys: Sequence[bytes], bundle: bytes, wanted: Recorded) -> int:
    """When one of the logs recorded just this, in seconds of Unix time.  Raises Corrupt, Denied, HostLacks."""
    raw = strict_json.loads_object(bundle, _DEED, MAX_BYTES)
    _exactly(raw, ("Payload", "SignedEntryTimestamp"))
    payload = strict_json.obj(raw, "Payload", _DEED)
    body = _canonical(payload)
    promise = _base64(strict_json.text(raw, "SignedEntryTimestamp", _DEED), "SignedEntryTimestamp")
    if not any(_signed(runner, key, body, promise) for key in keys):
        raise Denied(_DEED, "it is not signed by a trusted log")
    _is_about(_base64(strict_json.text(payload, "body", _DEED), "body"), wanted)
    return strict_json.integer(payload, "integratedTime", _DEED)


def _signed(runner: Runner, key: bytes, body: bytes, promise: bytes) -> bool:
    if pem.kind_of_public_key(pem.first(key, "use a log's key"), "use a log's key") != "ecdsa":
        raise Denied(_DEED, "a log's key is not one of ECDSA")
    return openssl.verify(runner, key, body, promise, _DEED)


def _canonical(payload: Json) -> bytes:
    """The bytes that the log signed: sorted keys, no blanks (RFC 8785), for the four members that there are."""
    _exactly(payload, _PAYLOAD)
    for key in ("integratedTime", "logIndex"):
        if strict_json.integer(payload, key, _DEED) > _MAX_NUMBER:
            raise Corrupt(_DEED, f"{key} is out of range")
    for key in ("body", "logID"):
        strict_json.text(payload, key, _DEED)
    try:
        return json.dumps(payload, sort_keys=True, separators=(",", ":"), ensure_ascii=False).encode()
    except UnicodeEncodeError:
        raise Corrupt(_DEED, "it is no text")


def _is_about(body: bytes, wanted: Recorded) -> None:
    raw = strict_json.loads_object(body, _DEED, MAX_BYTES)
    kind = (strict_json.text(raw, "kind", _DEED), strict_json.text(raw, "apiVersion", _DEED))
    if kind != ("hashedrekord", "0.0.1"):
        raise Denied(_DEED, f"{kind[0][:60]!r} of version {kind[1][:60]!r} is not a kind of entry that can be verified")
    spec = strict_json.obj(raw, "spec", _DEED)
    signature = strict_json.obj(spec, "signature", _DEED)
    key = strict_json.text(strict_json.obj(signature, "publicKey", _DEED), "content", _DEED)
    if pem.only(_base64(key, "publicKey"), _DEED).data != wanted.key:
        raise Denied(_DEED, "it is about another key")
    if _base64(strict_json.text(signature, "content", _DEED), "signature") != wanted.signature:
        raise Denied(_DEED, "it is about another signature")
    digest = strict_json.obj(strict_json.obj(spec, "data", _DEED), "hash", _DEED)
    said = (strict_json.text(digest, "algorithm", _DEED), strict_json.text(digest, "value", _DEED).lower())
    if said != ("sha256", hashlib.sha256(wanted.payload).hexdigest()):
        raise Denied(_DEED, "it is about another content")


def _base64(text: str, what: str) -> bytes:
    try:
        return b64decode(re.sub(r"[\r\n]", "", text), validate=True)
    except ValueError:  # binascii.Error, and what base64 says of letters beyond ASCII
        raise Corrupt(_DEED, f"its {what} is not base64")


def _exactly(raw: Json, fields: tuple[str, ...]) -> None:
    if set(raw) != set(fields):
        raise Corrupt(_DEED, f"it does not consist of {', '.join(fields)}")
