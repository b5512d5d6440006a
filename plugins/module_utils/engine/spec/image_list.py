# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Indexes that are written here: entries with their platforms, in the order they were asked for."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple
from .descriptor import DOCKER_LIST, DOCKER_MANIFEST, OCI_INDEX

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Json = dict[str, object]


class Entry(NamedTuple):
    """One image of a list; ``platform`` is the JSON object with the keys that have a value."""

    media_type: str
    digest: str
    size: int
    platform: Mapping[str, object]
    annotations: Mapping[str, str] = {}

    def to_json(self) -> Json:
        found: Json = {"mediaType": self.media_type, "digest": self.digest, "size": self.size}
        if self.platform:
            found["platform"] = dict(self.platform)
        if self.annotations:
            found["annotations"] = dict(self.annotations)
        return found


def platform(raw: Mapping[str, object]) -> Json:
    """The object with its keys in the specification's order, empty ones left out."""
    keys = ("architecture", "os", "os.version", "os.features", "variant", "features")
    return {key: raw[key] for key in keys if raw.get(key)}


def kind(entries: Sequence[Entry], annotations: Mapping[str, str], asked: str = "") -> str:
    """The list's media type: Docker's only when it is asked for, or all images are Docker's and nobody is annotated."""
    if asked:
        return {"oci": OCI_INDEX, "v2s2": DOCKER_LIST}[asked]
    docker = all(entry.media_type == DOCKER_MANIFEST and not entry.annotations for entry in entries)
    return DOCKER_LIST if entries and docker and not annotations else OCI_INDEX


def render(entries: Sequence[Entry], media_type: str, annotations: Mapping[str, str]) -> bytes:
    """The document; the same for the same entries, so that digests can be compared."""
    found: Json = {"schemaVersion": 2, "mediaType": media_type, "manifests": [entry.to_json() for entry in entries]}
    if annotations:
        found["annotations"] = dict(annotations)
    return json.dumps(found, separators=(",", ":"), ensure_ascii=False).encode()
