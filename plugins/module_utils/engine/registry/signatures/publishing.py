# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures go where an image's readers look for them; those that are there already stay."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING

from ...base.digest import digest_of
from ...base.errors import BadInput, NotFound
from ...spec import descriptor as descriptors
from ...spec import strict_json
from ...spec.descriptor import OCI_CONFIG, OCI_MANIFEST, Descriptor
from ...spec.manifest import MAX_BYTES
from ..source import read_blob
from . import fetching

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...spec.strict_json import Json
    from ..destination import ImageDestination
    from ..source import ImageSource
    from .blob import Signature

_NO_CONFIG = b'{"architecture":"","os":"","config":{},"rootfs":{"type":"layers","diff_ids":[]}}'


def attach(source: ImageSource, destination: ImageDestination, signatures: Sequence[Signature], what: str) -> None:
    """Add sigstore signatures to what is attached; both ends are the image under fetching.tag_of().

    What is attached already keeps its place and its annotations.
    """
    deed = f"attach signatures to {what}"
    held = fetching.attachments(source)
    new = [one for one in signatures if one not in [attachment.signature for attachment in held]]
    if not new:
        return
    manifest, config = _documents(source, deed)
    layers = [_descriptor(signature) for signature in new]
    for layer, signature in zip(layers, new):
        if not destination.has_blob(layer.digest, layer.size):
            destination.put_blob(layer, io.BytesIO(signature.payload))
    data = _extended_config(config, layers, deed)
    described = Descriptor(OCI_CONFIG, digest_of(data), len(data))
    if not destination.has_blob(described.digest, described.size):
        destination.put_blob(described, io.BytesIO(data))
    entries = [*strict_json.objects(manifest, "layers", deed), *map(descriptors.to_json, layers)]
    document = {**manifest, "config": descriptors.to_json(described), "layers": entries}
    destination.put_manifest(json.dumps(document, separators=(",", ":")).encode(), OCI_MANIFEST, instance=False)
    destination.commit()


def refuse_attachments(what: str) -> BadInput:
    return BadInput(
        f"attach signatures to {what}",
        "registries.d does not say that signatures are attached to its images, so nobody would look for them",
        "Set use-sigstore-attachments to true for it in /etc/containers/registries.d",
    )


def _documents(source: ImageSource, deed: str) -> tuple[Json, bytes]:
    """The manifest of what is attached and its config, or empty ones."""
    try:
        top = source.manifest()
    except NotFound:
        return {"schemaVersion": 2, "mediaType": OCI_MANIFEST}, _NO_CONFIG
    manifest = strict_json.loads_object(top.data, deed, MAX_BYTES)
    config = descriptors.parse(strict_json.obj(manifest, "config", deed), deed)
    if config.media_type != OCI_CONFIG:
        return manifest, _NO_CONFIG
    return manifest, read_blob(source, config, MAX_BYTES)


def _extended_config(data: bytes, layers: list[Descriptor], deed: str) -> bytes:
    config = strict_json.loads_object(data, deed, MAX_BYTES)
    rootfs = strict_json.obj(config, "rootfs", deed)
    ids = [*(strict_json.texts(rootfs, "diff_ids", deed) or ()), *(str(layer.digest) for layer in layers)]
    config["rootfs"] = {**rootfs, "type": "layers", "diff_ids": ids}
    return json.dumps(config, separators=(",", ":")).encode()


def _descriptor(signature: Signature) -> Descriptor:
    payload = signature.payload
    return Descriptor(signature.media_type, digest_of(payload), len(payload), annotations=signature.annotations)
