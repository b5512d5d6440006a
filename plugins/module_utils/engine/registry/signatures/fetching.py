# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The signatures of an image in a registry: beside it (lookaside), and attached to it where registries.d says so."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ...base.errors import Corrupt, NotFound
from ...base.tuples import NamedTuple
from ...spec import descriptor as descriptors
from ...spec import strict_json
from ...spec.descriptor import OCI_MANIFEST
from ...spec.manifest import MAX_BYTES
from ..source import read_blob
from . import blob

if TYPE_CHECKING:
    from ...base.digest import Digest
    from ...spec.descriptor import Descriptor
    from ..source import ImageSource
    from .blob import Signature
    from .lookaside import Lookaside

#: More attachments than this on one image are not read.
_MOST = 1000


class Attachment(NamedTuple):
    """One layer of the manifest that carries the attachments, and the signature it is."""

    descriptor: Descriptor
    signature: Signature


def tag_of(digest: Digest) -> str:
    """The tag under which attachments of this manifest are found, in its own repository."""
    return f"{digest.algorithm}-{digest.hex}.sig"


def read(lookaside: Lookaside, tagged: ImageSource | None, digest: Digest) -> tuple[Signature, ...]:
    """Those of both; ``tagged`` is the image under tag_of(), None where attachments are not in use.

    Raises Corrupt, Unreachable, TimedOut, Denied: what is there and cannot be read is an error.
    """
    found = lookaside.read(digest)
    if tagged is not None:
        found += [attachment.signature for attachment in attachments(tagged)]
    return tuple(found)


def attachments(tagged: ImageSource) -> list[Attachment]:
    """All kinds of them; () when nothing is attached."""
    deed = f"read the signatures {tagged.what}"
    try:
        top = tagged.manifest()
    except NotFound:
        return []
    raw = strict_json.loads_object(top.data, deed, MAX_BYTES)
    kinds = {strict_json.text(raw, "mediaType", deed, ""), top.media_type.partition(";")[0]} - {""}
    if kinds - {OCI_MANIFEST} or strict_json.integer(raw, "schemaVersion", deed) != 2:
        raise Corrupt(deed, "they are not in an OCI manifest")
    layers = [descriptors.parse(entry, deed) for entry in strict_json.objects(raw, "layers", deed)]
    if len(layers) > _MOST:
        raise Corrupt(deed, f"there are more than {_MOST}")
    found: list[Attachment] = []
    for layer in layers:
        data = read_blob(tagged, layer, blob.MAX_BYTES)
        found.append(Attachment(layer, blob.attached(layer.media_type, data, layer.annotations)))
    return found
