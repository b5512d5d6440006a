# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Image manifests and indexes (OCI image-spec manifest.md, image-index.md; Docker image manifest v2 schema 2).

A document is exactly one of the two, says so consistently, and names nothing but registered digests; everything else
is refused here, before a file is named after a digest or a byte is fetched.  The bytes themselves stay verbatim with
the caller: the digest of an image is over them.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base.errors import Corrupt
from ..base.tuples import NamedTuple
from . import strict_json
from .descriptor import (
    DOCKER_CONFIG,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    DOCKER_V1,
    DOCKER_V1_SIGNED,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_MANIFEST,
    Descriptor,
    is_index,
    is_manifest,
    layer_compression,
    to_json,
)
from .descriptor import parse as parse_descriptor

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from .platform import Platform
    from .strict_json import Json

#: Registries refuse larger manifests, and so do the other engines.
MAX_BYTES = 4 * 1024 * 1024
#: The kernel stacks at most this many lower directories; a longer image could be stored but never run.
MAX_LAYERS = 500
#: No registry or engine makes indexes of this length; a hostile one costs time only.
MAX_INSTANCES = 10_000

_KEYS = frozenset(
    ("schemaVersion", "mediaType", "config", "layers", "manifests", "annotations", "artifactType", "subject")
)
_ZSTD_HINT = "io.github.containers.compression.zstd"


class Manifest(NamedTuple):
    """One image: its config blob and its layers, base first."""

    media_type: str
    config: Descriptor
    layers: tuple[Descriptor, ...]
    annotations: Mapping[str, str]

    @property
    def size(self) -> int:
        """Bytes to fetch for config and layers, a layer that occurs twice counted once."""
        return self.config.size + sum({layer.digest: layer.size for layer in self.layers}.values())


class Index(NamedTuple):
    """The same image for several platforms."""

    media_type: str
    instances: tuple[Descriptor, ...]
    annotations: Mapping[str, str]

    def choose(self, wanted: Platform) -> Descriptor | None:
        """The first instance for the best of the wanted platform's candidates, gzip before zstd, or None.

        An entry that names no platform is taken when no other fits: single-image indexes are written like that.
        """
        usable = [entry for entry in self.instances if is_manifest(entry.media_type)]
        for platform in (*wanted.candidates(), None):
            fitting = [entry for entry in usable if entry.platform == platform]
            plain = [entry for entry in fitting if entry.annotations.get(_ZSTD_HINT) != "true"]
            if fitting:
                return (plain or fitting)[0]
        return None

    @property
    def platforms(self) -> tuple[str, ...]:
        """What it offers, for messages; attestations and other entries without a platform left out."""
        texts = [str(entry.platform) for entry in self.instances if entry.platform is not None]
        return tuple(dict.fromkeys(text for text in texts if not text.startswith("unknown/")))


def render(
    media_type: str, config: Descriptor, layers: Iterable[Descriptor], annotations: Mapping[str, str] | None = None
) -> bytes:
    """The manifest of an image that is made here, without blanks."""
    document: Json = {
        "schemaVersion": 2,
        "mediaType": media_type,
        "config": to_json(config),
        "layers": [to_json(layer) for layer in layers],
    }
    if annotations:
        document["annotations"] = dict(annotations)
    return json.dumps(document, separators=(",", ":")).encode()


def parse(data: bytes, media_type: str, what: str) -> Manifest | Index:
    """Parse the manifest or index of ``what``; ``media_type`` is what the transport said, empty when it said nothing.

    Raises Corrupt with the reason.
    """
    deed = f"read the manifest of {what}"
    raw = strict_json.loads_object(data, deed, MAX_BYTES)
    strict_json.same_case(raw, _KEYS, deed)
    kind = _kind(raw, _essence(media_type), deed)
    annotations = strict_json.mapping(raw, "annotations", deed)
    if is_index(kind):
        return _index(raw, kind, annotations, deed)
    return _manifest(raw, kind, annotations, deed)


def _essence(media_type: str) -> str:
    """The type without parameters; the names registries use for "some bytes" count as silence."""
    bare = media_type.partition(";")[0].strip().lower()
    return "" if bare in ("application/json", "text/plain", "application/octet-stream") else bare


def _kind(raw: Json, told: str, deed: str) -> str:
    if told in (DOCKER_V1, DOCKER_V1_SIGNED) or raw.get("schemaVersion") == 1:
        raise Corrupt(deed, "it is a Docker schema 1 manifest, an obsolete format whose digests prove nothing")
    if strict_json.integer(raw, "schemaVersion", deed) != 2:
        raise Corrupt(deed, f"schemaVersion {raw['schemaVersion']} is not 2")
    written = strict_json.text(raw, "mediaType", deed, "")
    if told and written and told != written:
        raise Corrupt(deed, f"it was served as {told} but says it is {written}")
    looks_index, looks_image = "manifests" in raw, "layers" in raw or "config" in raw or "fsLayers" in raw
    if looks_index and looks_image:
        raise Corrupt(deed, "it is both an index and an image manifest")
    kind = written or told
    if not kind:
        kind = OCI_INDEX if looks_index else OCI_MANIFEST
    if not is_index(kind) and not is_manifest(kind):
        raise Corrupt(deed, f"{kind[:100]!r} is not a kind of image manifest")
    if is_index(kind) != looks_index:
        raise Corrupt(deed, f"it says it is {kind} but has {'manifests' if looks_index else 'no manifests'}")
    if not written and kind in (DOCKER_MANIFEST, DOCKER_LIST):
        raise Corrupt(deed, "a Docker manifest without a mediaType of its own")
    return kind


def _index(raw: Json, kind: str, annotations: Mapping[str, str], deed: str) -> Index:
    entries = strict_json.objects(raw, "manifests", deed)
    if len(entries) > MAX_INSTANCES:
        raise Corrupt(deed, f"it lists {len(entries)} images, more than {MAX_INSTANCES}")
    return Index(kind, tuple(parse_descriptor(entry, deed) for entry in entries), annotations)


def _manifest(raw: Json, kind: str, annotations: Mapping[str, str], deed: str) -> Manifest:
    if not isinstance(raw.get("config"), dict):
        raise Corrupt(deed, "it has no config")
    config = parse_descriptor(strict_json.obj(raw, "config", deed), deed)
    wanted = DOCKER_CONFIG if kind == DOCKER_MANIFEST else OCI_CONFIG
    if config.media_type != wanted:
        raise Corrupt(deed, f"its config is {config.media_type[:100]!r}: an artifact or plugin, not a container image")
    if "layers" not in raw:
        raise Corrupt(deed, "it has no layers")
    entries = strict_json.objects(raw, "layers", deed)
    if len(entries) > MAX_LAYERS:
        raise Corrupt(deed, f"it has {len(entries)} layers, more than the {MAX_LAYERS} that can be mounted")
    layers = tuple(parse_descriptor(entry, deed) for entry in entries)
    for layer in layers:
        if layer.foreign:
            raise Corrupt(deed, f"layer {layer.digest} is to be fetched from a foreign address, which is refused")
        if layer_compression(layer.media_type) is None:
            raise Corrupt(deed, f"layer {layer.digest} is of the unknown type {layer.media_type[:100]!r}")
    _same_sizes((config, *layers), deed)
    return Manifest(kind, config, layers, annotations)


def _same_sizes(descriptors: tuple[Descriptor, ...], deed: str) -> None:
    sizes: dict[object, int] = {}
    for entry in descriptors:
        if sizes.setdefault(entry.digest, entry.size) != entry.size:
            raise Corrupt(deed, f"{entry.digest} is listed with two sizes")
