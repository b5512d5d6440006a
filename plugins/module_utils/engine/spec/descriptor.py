# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Descriptors and the media types of images.

Source: OCI image-spec descriptor.md and media-types.md; Docker image manifest version 2, schema 2.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.digest import Digest
from ..base.errors import BadInput, Corrupt
from ..base.tuples import NamedTuple
from . import strict_json
from .platform import Platform, from_json

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .strict_json import Json

OCI_INDEX = "application/vnd.oci.image.index.v1+json"
OCI_MANIFEST = "application/vnd.oci.image.manifest.v1+json"
OCI_CONFIG = "application/vnd.oci.image.config.v1+json"
OCI_EMPTY = "application/vnd.oci.empty.v1+json"
OCI_LAYER = "application/vnd.oci.image.layer.v1.tar"
DOCKER_LIST = "application/vnd.docker.distribution.manifest.list.v2+json"
DOCKER_MANIFEST = "application/vnd.docker.distribution.manifest.v2+json"
DOCKER_CONFIG = "application/vnd.docker.container.image.v1+json"
DOCKER_LAYER = "application/vnd.docker.image.rootfs.diff.tar"
DOCKER_V1 = "application/vnd.docker.distribution.manifest.v1+json"
DOCKER_V1_SIGNED = "application/vnd.docker.distribution.manifest.v1+prettyjws"

#: What we ask a registry for, best first.
MANIFEST_TYPES = (OCI_MANIFEST, OCI_INDEX, DOCKER_MANIFEST, DOCKER_LIST)

#: Layer media type -> compression ("auto" where the type does not say and the first bytes decide).
_LAYERS: Mapping[str, str] = {
    OCI_LAYER: "none",
    OCI_LAYER + "+gzip": "gzip",
    OCI_LAYER + "+zstd": "zstd",
    DOCKER_LAYER: "none",
    DOCKER_LAYER + ".gzip": "gzip",
    DOCKER_LAYER + ".zstd": "zstd",
}
#: Layers whose bytes live at an address the manifest names, outside the registry.
_FOREIGN = (
    "application/vnd.oci.image.layer.nondistributable.",
    "application/vnd.docker.image.rootfs.foreign.",
)
_KEYS = frozenset(("mediaType", "digest", "size", "urls", "annotations", "platform", "artifactType", "data"))


class Descriptor(NamedTuple):
    """What a manifest says about one blob: ``size`` in bytes as stored (compressed)."""

    media_type: str
    digest: Digest
    size: int
    urls: tuple[str, ...] = ()
    annotations: Mapping[str, str] = {}
    platform: Platform | None = None
    artifact_type: str = ""

    @property
    def foreign(self) -> bool:
        """Whether the bytes are to be fetched from somewhere the manifest's author chose."""
        return bool(self.urls) or self.media_type.startswith(_FOREIGN)


def parse(raw: Json, deed: str) -> Descriptor:
    """Raises Corrupt, naming the field, for anything but a media type, a registered digest and a size."""
    strict_json.same_case(raw, _KEYS, deed)
    try:
        digest = Digest.parse(strict_json.text(raw, "digest", deed))
    except BadInput as err:
        raise Corrupt(deed, err.cause)
    platform = None
    if raw.get("platform") is not None:
        platform = from_json(strict_json.obj(raw, "platform", deed))
    return Descriptor(
        media_type=strict_json.text(raw, "mediaType", deed),
        digest=digest,
        size=strict_json.integer(raw, "size", deed),
        urls=strict_json.texts(raw, "urls", deed) or (),
        annotations=strict_json.mapping(raw, "annotations", deed),
        platform=platform,
        artifact_type=strict_json.text(raw, "artifactType", deed, ""),
    )


def to_json(descriptor: Descriptor) -> Json:
    """The descriptor as a manifest carries it."""
    found: Json = {"mediaType": descriptor.media_type, "digest": str(descriptor.digest), "size": descriptor.size}
    if descriptor.urls:
        found["urls"] = list(descriptor.urls)
    if descriptor.annotations:
        found["annotations"] = dict(descriptor.annotations)
    return found


def layer_compression(media_type: str) -> str | None:
    """``none``, ``gzip`` or ``zstd`` for a layer's media type, None when it is no layer type we know.

    The type is a promise only: docker has pushed gzip under the plain type for years, so readers look at the bytes.
    """
    return _LAYERS.get(media_type)


def is_index(media_type: str) -> bool:
    return media_type in (OCI_INDEX, DOCKER_LIST)


def is_manifest(media_type: str) -> bool:
    return media_type in (OCI_MANIFEST, DOCKER_MANIFEST)
