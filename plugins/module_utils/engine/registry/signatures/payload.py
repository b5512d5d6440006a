# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a signature says: this manifest is the image of that name (containers/image, docs/containers-signature.5.md)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ...base.digest import Digest
from ...base.errors import BadInput, Corrupt
from ...base.tuples import NamedTuple
from ...spec import strict_json
from .blob import MAX_BYTES

if TYPE_CHECKING:
    from ...spec.strict_json import Json

SIMPLE_TYPE = "atomic container signature"
SIGSTORE_TYPE = "cosign container image signature"


class Claim(NamedTuple):
    """``reference`` is the name as signed, not parsed; ``digest`` that of the manifest."""

    reference: str
    digest: Digest


def read(data: bytes, kind: str, deed: str) -> Claim:
    """Raises Corrupt unless the payload says exactly what a payload of this kind says, and nothing else."""
    raw = strict_json.loads_object(data, deed, MAX_BYTES)
    _exactly(raw, ("critical", "optional"), "the payload", deed)
    _optional(raw["optional"], kind, deed)
    critical = _object(raw, "critical", ("identity", "image", "type"), deed)
    if critical["type"] != kind:
        raise Corrupt(deed, f"its type is {str(critical['type'])[:60]!r}, not {kind!r}")
    image = _object(critical, "image", ("docker-manifest-digest",), deed)
    identity = _object(critical, "identity", ("docker-reference",), deed)
    try:
        digest = Digest.parse(strict_json.text(image, "docker-manifest-digest", deed))
    except BadInput as err:
        raise Corrupt(deed, err.cause)
    return Claim(strict_json.text(identity, "docker-reference", deed), digest)


def make(claim: Claim, kind: str, creator: str, timestamp: int) -> bytes:
    document = {
        "critical": {
            "identity": {"docker-reference": claim.reference},
            "image": {"docker-manifest-digest": str(claim.digest)},
            "type": kind,
        },
        "optional": {"creator": creator, "timestamp": timestamp},
    }
    return json.dumps(document, separators=(",", ":")).encode()


def _optional(value: object, kind: str, deed: str) -> None:
    """Anything may stand there; what has a meaning must have its type.  cosign writes null for nothing."""
    if value is None and kind == SIGSTORE_TYPE:
        return
    if not isinstance(value, dict):
        raise Corrupt(deed, "optional is not an object")
    if not isinstance(value.get("creator", ""), str):
        raise Corrupt(deed, "optional.creator is not text")
    when = value.get("timestamp", 0)
    if isinstance(when, bool) or not isinstance(when, (int, float)) or when % 1 != 0:
        raise Corrupt(deed, "optional.timestamp is not a whole number")


def _object(raw: Json, key: str, fields: tuple[str, ...], deed: str) -> Json:
    value = raw[key]
    if not isinstance(value, dict):
        raise Corrupt(deed, f"{key} is not an object")
    _exactly(value, fields, key, deed)
    return value


def _exactly(raw: Json, fields: tuple[str, ...], where: str, deed: str) -> None:
    for key in raw:
        if key not in fields:
            raise Corrupt(deed, f"{where} has the unknown key {key[:60]!r}")
    for key in fields:
        if key not in raw:
            raise Corrupt(deed, f"{where} lacks {key}")
