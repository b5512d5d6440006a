# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docker-archive: what `docker save` and `podman save` write (Docker image specification v1.2).

Such an archive has no manifest with digests.  One is made from its list, exactly as the other engines make it, so that
an image loaded here and by them has the same digest: layers by their uncompressed digest, under the type for gzip.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base.digest import Digest, digest_of
from ..base.errors import BadInput, Corrupt, NotFound
from ..base.files import parse_json
from ..spec import image_config, reference
from ..spec.descriptor import DOCKER_CONFIG, DOCKER_LAYER, DOCKER_MANIFEST
from ..spec.manifest import MAX_LAYERS
from .source import Fetched
from .tree import read_member

if TYPE_CHECKING:
    from ..base.streams import Reader
    from ..spec.descriptor import Descriptor
    from .signatures.blob import Signature
    from .tree import Span, Tree

_LIST_LIMIT = 16 * 1024 * 1024


class DockerArchiveSource:
    """One image of an archive: the one tagged ``ref``, number N for ``@N``, or the only one."""

    #: Whatever the types in its manifest say: layers come uncompressed.
    delivers_plain = True

    def __init__(self, tree: Tree, ref: str = "") -> None:
        self._tree = tree
        self.what = f"{tree.what}:{ref}" if ref else tree.what
        config_name, self.tags, layer_names = self._choose(ref)
        self._config = read_member(tree, config_name, image_config.MAX_BYTES)
        diff_ids = image_config.parse(self._config).diff_ids
        if len(diff_ids) != len(layer_names):
            deed = f"read the archive {self.what}"
            raise Corrupt(deed, f"it lists {len(layer_names)} layers, the image config {len(diff_ids)}")
        self._layers = dict(zip(diff_ids, layer_names))
        self._order = diff_ids
        self._manifest: bytes | None = None

    @property
    def name(self) -> str:
        """The first tag, empty when there is none."""
        return self.tags[0] if self.tags else ""

    @property
    def config_digest(self) -> Digest:
        return digest_of(self._config)

    def digest(self) -> Digest | None:
        return digest_of(self.manifest().data)

    def manifest(self, digest: Digest | None = None) -> Fetched:
        if self._manifest is None:
            self._manifest = self._make_manifest()
        found = digest_of(self._manifest)
        if digest is not None and digest != found:
            raise NotFound(f"read the manifest of {self.what}", f"the archive has no {digest}")
        return Fetched(self._manifest, DOCKER_MANIFEST, found)

    def blob(self, descriptor: Descriptor) -> Reader:
        import io

        if descriptor.digest == self.config_digest:
            return io.BytesIO(self._config)
        reader, _size = self._plain(descriptor.digest)
        return reader

    def signatures(self, digest: Digest | None = None) -> tuple[Signature, ...]:
        return ()  # the format has no place for them

    def fork(self) -> DockerArchiveSource:
        return self

    def close(self) -> None:
        self._tree.close()

    def _choose(self, ref: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
        deed = f"read the archive {self._tree.what}"
        entries = _entries(self._tree)
        if ref.startswith("@"):
            number = int(ref[1:]) if ref[1:].isdecimal() else len(entries)
            if number >= len(entries):
                raise NotFound(deed, f"it has no image number {ref[1:]!r}, counted from 0")
            return entries[number]
        if ref:
            wanted = str(reference.parse(ref).with_default_tag())
            entries = [entry for entry in entries if wanted in map(_normal, entry[1])]
            if not entries:
                raise NotFound(deed, f"it has no image tagged {wanted}")
        if len(entries) > 1:
            names = ", ".join(tag for entry in entries for tag in entry[1])
            raise BadInput(deed, f"it holds several images ({names})", "Name one after a colon, or by @NUMBER")
        return entries[0]

    def _plain(self, diff_id: Digest) -> tuple[Reader, int | None]:
        """The layer uncompressed, with its size where that is known without reading it."""
        from ..host import compression

        span = self._span(diff_id)
        kind = compression.sniff(self._span(diff_id).read(8))
        if kind == "none":
            return span, span.size
        return compression.decompressor(kind, span), None

    def _span(self, diff_id: Digest) -> Span:
        name = self._layers.get(diff_id)
        if name is None:
            raise NotFound(f"read {diff_id} of {self.what}", "the archive has no such layer")
        return self._tree.span(name)

    def _make_manifest(self) -> bytes:
        layers = [_describe(DOCKER_LAYER + ".gzip", self._size(diff_id), diff_id) for diff_id in self._order]
        document = {
            "schemaVersion": 2,
            "mediaType": DOCKER_MANIFEST,
            "config": _describe(DOCKER_CONFIG, len(self._config), self.config_digest),
            "layers": layers,
        }
        return json.dumps(document, separators=(",", ":")).encode()

    def _size(self, diff_id: Digest) -> int:
        reader, size = self._plain(diff_id)
        if size is not None:
            return size
        total = 0
        while True:
            part = reader.read(1 << 20)
            if not part:
                return total
            total += len(part)


def listing(tree: Tree) -> list[tuple[str, tuple[str, ...]]]:
    """Id (the config's hex digest) and tags of each image in the archive.  Raises NotFound, Corrupt."""
    found = []
    for config_name, tags, _layers in _entries(tree):
        found.append((digest_of(read_member(tree, config_name, image_config.MAX_BYTES)).hex, tags))
    return found


def _entries(tree: Tree) -> list[tuple[str, tuple[str, ...], tuple[str, ...]]]:
    deed = f"read the archive {tree.what}"
    raw = parse_json(read_member(tree, "manifest.json", _LIST_LIMIT), f"manifest.json of {tree.what}")
    if not isinstance(raw, list) or not raw:
        raise Corrupt(deed, "its manifest.json lists no image")
    return [_entry(item, deed) for item in raw]


def _describe(media_type: str, size: int, digest: Digest) -> dict[str, object]:
    return {"mediaType": media_type, "size": size, "digest": str(digest)}


def _entry(item: object, deed: str) -> tuple[str, tuple[str, ...], tuple[str, ...]]:
    config = item.get("Config") if isinstance(item, dict) else None
    tags = (item.get("RepoTags") if isinstance(item, dict) else None) or []
    layers = (item.get("Layers") if isinstance(item, dict) else None) or []
    if not isinstance(config, str) or not _texts(tags) or not _texts(layers):
        raise Corrupt(deed, "an entry of its manifest.json is not Config, RepoTags and Layers")
    if len(layers) > MAX_LAYERS:
        raise Corrupt(deed, f"an image has {len(layers)} layers, more than the {MAX_LAYERS} that can be mounted")
    return config, tuple(tags), tuple(layers)


def _texts(value: object) -> bool:
    return isinstance(value, list) and all(isinstance(entry, str) for entry in value)


def _normal(tag: str) -> str:
    try:
        return str(reference.parse(tag).with_default_tag())
    except BadInput:
        return ""
