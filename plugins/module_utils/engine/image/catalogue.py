# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""All images of a store at one moment, and how they hang together: whose child, whose layer, used by whom."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base import clock
from ..base.errors import EngineError
from ..base.jsonval import table, tables, text_map, texts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..base.jsonval import Json
    from ..store.records import ContainerRecord, ImageRecord, LayerRecord
    from ..store.store import Store

_SAME = ("created", "created_by", "author", "comment", "empty_layer")


class Catalogue:
    """Reads tables once; a config only when somebody asks for it, and once."""

    def __init__(self, store: Store, ignoring: frozenset[str] = frozenset()) -> None:
        """``ignoring`` are ids of containers that are taken for gone."""
        self.store = store
        self.images = store.images()
        self._ignoring = ignoring
        self.layers: dict[str, LayerRecord] = {layer.id: layer for layer in store.layers()}
        self._containers: list[ContainerRecord] | None = None
        self._configs: dict[str, Json] = {}
        self._listed: set[str] | None = None

    @property
    def containers(self) -> list[ContainerRecord]:
        """Every container of the store, whichever program made it."""
        if self._containers is None:
            self._containers = [one for one in self.store.containers() if one.id not in self._ignoring]
        return self._containers

    def image(self, identity: str) -> ImageRecord | None:
        return next((one for one in self.images if one.id == identity), None)

    def without(self, gone: set[str]) -> Catalogue:
        """The same store with some images taken away."""
        rest = Catalogue.__new__(Catalogue)
        rest.store, rest.layers, rest._ignoring = self.store, self.layers, self._ignoring
        rest.images = [image for image in self.images if image.id not in gone]
        rest._containers, rest._configs, rest._listed = self._containers, self._configs, None
        return rest

    def config(self, record: ImageRecord) -> Json:
        """The image's config; empty for a manifest list, and for an image whose config cannot be read."""
        if record.id not in self._configs:
            found: object = {}
            if record.top_layer or not self.is_list(record):
                try:
                    found = json.loads(self.store.image_config_bytes(record))
                except (EngineError, ValueError):
                    found = {}
            self._configs[record.id] = found if isinstance(found, dict) else {}
        return self._configs[record.id]

    def labels(self, record: ImageRecord) -> dict[str, str]:
        return text_map(table(self.config(record), "config"), "Labels")

    @staticmethod
    def created_ns(record: ImageRecord) -> int:
        return clock.parse_or_zero(record.created)

    def is_list(self, record: ImageRecord) -> bool:
        from ..spec.manifest import Index
        from .view import parsed_manifest

        return not record.top_layer and isinstance(parsed_manifest(self.store, record), Index)

    def chain(self, record: ImageRecord) -> Iterator[LayerRecord]:
        """The layers of an image, its top layer first, each once; also those of its copies with shifted ids."""
        seen: set[str] = set()
        for top in (record.top_layer, *record.mapped_layers):
            while top and top not in seen and top in self.layers:
                seen.add(top)
                yield self.layers[top]
                top = self.layers[top].parent

    def size(self, record: ImageRecord) -> int:
        """Layers unpacked, and the image's own documents."""
        return sum(layer.diff_size for layer in self.chain(record)) + sum(record.big_data_sizes.values())

    def users(self, record: ImageRecord) -> list[ContainerRecord]:
        return [container for container in self.containers if container.image == record.id]

    def parent(self, record: ImageRecord) -> ImageRecord | None:
        """The image that this one was built upon by one step, as its history tells."""
        if not record.top_layer:
            return None
        above = self.layers[record.top_layer].parent if record.top_layer in self.layers else ""
        near = {record.top_layer, above} - {""}
        for other in self.images:
            if other.id != record.id and other.top_layer in near and follows(self.config(other), self.config(record)):
                return other
        return None

    def children(self, record: ImageRecord) -> list[ImageRecord]:
        """The images built upon this one by one step."""
        if not record.top_layer:
            return []
        near = {record.top_layer}
        near.update(layer.id for layer in self.layers.values() if layer.parent == record.top_layer)
        return [
            other
            for other in self.images
            if other.id != record.id and other.top_layer in near and follows(self.config(record), self.config(other))
        ]

    def is_dangling(self, record: ImageRecord) -> bool:
        """Without a name, and nothing stands on it: no child, no manifest list."""
        if record.names or self.children(record):
            return False
        return not self.listed.intersection(record.digests)

    def is_intermediate(self, record: ImageRecord) -> bool:
        return not record.names and bool(self.children(record))

    @property
    def listed(self) -> set[str]:
        """The digests that local manifest lists name."""
        if self._listed is None:
            from ..spec.manifest import Index
            from .view import parsed_manifest

            self._listed = set()
            for image in self.images:
                parsed = None if image.top_layer else parsed_manifest(self.store, image)
                if isinstance(parsed, Index):
                    self._listed.update(str(entry.digest) for entry in parsed.instances)
        return self._listed


def follows(older: Json, newer: Json) -> bool:
    """Whether a config is another's with exactly one step more."""
    before, after = tables(older, "history"), tables(newer, "history")
    if not before or len(before) + 1 != len(after):
        return False
    shorter = texts(table(older, "rootfs"), "diff_ids")
    if texts(table(newer, "rootfs"), "diff_ids")[: len(shorter)] != shorter:
        return False
    return all(_step(one) == _step(other) for one, other in zip(before, after))


def _step(entry: Json) -> tuple[object, ...]:
    return tuple(entry.get(key) or None for key in _SAME)


def tags(record: ImageRecord) -> list[str]:
    """The names that are no digests: what podman calls RepoTags."""
    return [name for name in record.names if "@" not in name]
