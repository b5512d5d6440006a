# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifests in another form: schema 2 and OCI, other layers, fewer instances.  Pure.

What a conversion does not concern stays as it was written, unknown keys included; the config's bytes always do, so an
image keeps its id.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.files import dump_json
from ..base.tuples import NamedTuple
from ..registry import destination
from ..spec import strict_json
from ..spec.descriptor import (
    DOCKER_CONFIG,
    DOCKER_LAYER,
    DOCKER_LIST,
    DOCKER_MANIFEST,
    OCI_CONFIG,
    OCI_INDEX,
    OCI_LAYER,
    OCI_MANIFEST,
    is_index,
    layer_compression,
)
from ..spec.manifest import MAX_BYTES

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..base.digest import Digest
    from ..spec.descriptor import Descriptor
    from ..spec.manifest import Manifest
    from ..spec.strict_json import Json

#: Names of formats -> type of a manifest, type of an index.
FORMATS: Mapping[str, tuple[str, str]] = {"oci": (OCI_MANIFEST, OCI_INDEX), "v2s2": (DOCKER_MANIFEST, DOCKER_LIST)}
_SUFFIXES = {
    OCI_MANIFEST: {"none": "", "gzip": "+gzip", "zstd": "+zstd"},
    DOCKER_MANIFEST: {"none": "", "gzip": ".gzip"},
}
_DEED = "convert a manifest"


class Target(NamedTuple):
    """What an image becomes: the type of its manifest, and for each layer its compression."""

    media_type: str
    kinds: tuple[str, ...]


def target_type(current: str, wanted: str, accepts: Callable[[str], bool], *, zstd: bool, what: str) -> str:
    """The type for a manifest of type ``current`` (an index or not) under the format ``wanted`` ("" for any).

    Raises BadInput when the destination cannot hold it.
    """
    number = 1 if is_index(current) else 0
    if wanted:
        found = FORMATS[wanted][number]
        if not accepts(found):
            raise BadInput(
                f"copy to {what}", f"it cannot hold {'lists' if number else 'images'} in the format {wanted}"
            )
    else:
        order = (current, *(types[number] for types in FORMATS.values() if types[number] != current))
        found = next((kind for kind in order if accepts(kind)), "")
        if zstd and not number:
            found = OCI_MANIFEST if accepts(OCI_MANIFEST) else found
        if not found:
            raise BadInput(f"copy to {what}", f"it cannot hold {'more than one image' if number else 'such images'}")
    if zstd and found == DOCKER_MANIFEST:
        raise BadInput(f"copy to {what}", "Docker's format v2s2 has no layers compressed with zstd", "Use format oci")
    return found


def check_compression(wanted: str, layers: str, what: str) -> None:
    """Raises BadInput where layers are to be compressed and the destination keeps plain ones only."""
    if layers == destination.PLAIN and wanted not in ("", "none"):
        raise BadInput(f"copy to {what}", "its layers are never compressed", "Leave the compression out")


def layer_type(manifest_type: str, kind: str) -> str:
    base = OCI_LAYER if manifest_type == OCI_MANIFEST else DOCKER_LAYER
    return base + _SUFFIXES[manifest_type][kind]


def kind_of(layer: Descriptor) -> str:
    """The compression that a manifest says a layer has."""
    return layer_compression(layer.media_type) or "none"


class Made(NamedTuple):
    """A layer as it goes: digest and size of the blob, and its compression."""

    digest: Digest
    size: int
    kind: str


def image(data: bytes, parsed: Manifest, media_type: str, layers: Sequence[Made]) -> bytes:
    """The manifest with these layers and of this type; the very same bytes where that changes nothing."""
    same_type = media_type == parsed.media_type
    old = [(layer.digest, layer.size) for layer in parsed.layers]
    if same_type and old == [(layer.digest, layer.size) for layer in layers]:
        return data
    raw = strict_json.loads_object(data, _DEED, MAX_BYTES)
    entries = strict_json.objects(raw, "layers", _DEED)
    raw["layers"] = [
        _layer(entry, now, before, media_type, same_type=same_type)
        for entry, now, before in zip(entries, layers, parsed.layers)
    ]
    config = strict_json.obj(raw, "config", _DEED)
    config["mediaType"] = OCI_CONFIG if media_type == OCI_MANIFEST else DOCKER_CONFIG
    raw["config"] = config
    raw["mediaType"] = media_type
    if media_type == DOCKER_MANIFEST:
        for key in ("annotations", "artifactType", "subject"):
            raw.pop(key, None)
        config.pop("annotations", None)
    return dump_json(raw)


def _layer(entry: Json, now: Made, before: Descriptor, media_type: str, *, same_type: bool) -> Json:
    found = dict(entry)
    unchanged = (now.digest, now.size) == (before.digest, before.size)
    if not (unchanged and same_type):
        found["mediaType"] = layer_type(media_type, now.kind)
    found["digest"], found["size"] = str(now.digest), now.size
    if media_type == DOCKER_MANIFEST:
        found.pop("annotations", None)
    elif not unchanged and isinstance(found.get("annotations"), dict):
        # What tools noted about the compressed stream (tables of contents) is not true of another one.
        found["annotations"] = {key: value for key, value in before.annotations.items() if "zstd-chunked" not in key}
    return found


class Member(NamedTuple):
    """An instance of an index as it goes."""

    digest: Digest
    size: int
    media_type: str


def index(data: bytes, media_type: str, members: Mapping[Digest, Member], *, strip: bool) -> bytes:
    """The index with its copied instances (by the digest they had); the same bytes where nothing changes.

    ``strip`` leaves out those that were not copied.
    """
    raw = strict_json.loads_object(data, _DEED, MAX_BYTES)
    entries = strict_json.objects(raw, "manifests", _DEED)
    by_text = {str(digest): member for digest, member in members.items()}
    found: list[Json] = []
    for entry in entries:
        member = by_text.get(str(entry.get("digest")))
        if member is None:
            if not strip:
                found.append(entry)
            continue
        new: Json = {**entry, "digest": str(member.digest), "size": member.size, "mediaType": member.media_type}
        if media_type == DOCKER_LIST:
            new.pop("annotations", None)
        found.append(new)
    same_type = raw.get("mediaType", OCI_INDEX) == media_type
    if same_type and found == entries:
        return data
    raw["manifests"] = found
    raw["mediaType"] = media_type
    if media_type == DOCKER_LIST:
        for key in ("annotations", "artifactType", "subject"):
            raw.pop(key, None)
    return dump_json(raw)
