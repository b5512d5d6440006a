# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The store as a source: manifests and configs as they were brought, layers from the files by their tar-split.

A store keeps a layer's content, not the compressed bytes it came in: the layers are offered plain, by diffID.
"""

from __future__ import annotations

import io
from typing import TYPE_CHECKING

from ..base.digest import Digest, digest_of
from ..base.errors import BadInput, EngineError, NotFound
from ..registry.source import Fetched

if TYPE_CHECKING:
    from ..base.streams import Reader
    from ..registry.signatures.blob import Signature
    from ..spec.descriptor import Descriptor
    from ..store.records import ImageRecord
    from ..store.store import Store
    from ..store.tarsplit import Rebuilt


class StoreSource:
    """One image of a store, or a manifest list whose images are in the store."""

    def __init__(self, store: Store, record: ImageRecord, what: str = "") -> None:
        self._store = store
        self._record = record
        self._layers: dict[str, str] = {}
        self.what = what or (record.names[0] if record.names else record.id[:12])
        self.names = record.names
        self.name = record.names[0] if record.names else ""
        self._top: Fetched | None = None

    def digest(self) -> Digest | None:
        return self.manifest().digest

    def manifest(self, digest: Digest | None = None) -> Fetched:
        if digest is None:
            if self._top is None:
                data = self._store.image_manifest(self._record)
                self._top = Fetched(data, "", digest_of(data))
            return self._top
        for record in (self._record, *self._store.images()):
            if str(digest) not in record.digests:
                continue
            found = self._document(record, digest)
            if found is not None:
                return Fetched(found, "", digest)
        raise NotFound(f"read {self.what}", f"the store has no image {digest}", "Pull that platform first")

    def _document(self, record: ImageRecord, digest: Digest) -> bytes | None:
        for key in (f"manifest-{digest}", "manifest"):
            try:
                data = self._store.image_data(record, key)
            except EngineError:
                continue
            hasher = digest.hasher()
            hasher.update(data)
            if hasher.hexdigest() == digest.hex:
                return data
        return None

    def blob(self, descriptor: Descriptor) -> Reader:
        """A config.  Layers come from unpacked(), unless they were stored under the digest of their content."""
        key = str(descriptor.digest)
        for record in (self._record, *self._store.images()):
            if key in record.big_data_names:
                return io.BytesIO(self._store.image_data(record, key))
        return self.unpacked(descriptor.digest)

    def unpacked(self, diff_id: Digest, *, summed: bool = True) -> Rebuilt:
        """The layer's tar, byte for byte; not ``summed``, the caller compares its digest.  Raises NotFound, Damaged."""
        if not self._layers:
            self._layers = {layer.diff_digest: layer.id for layer in self._store.layers() if layer.diff_digest}
        identity = self._layers.get(str(diff_id))
        if identity is None:
            raise NotFound(f"read {diff_id} of {self.what}", "the store has no such layer")
        return self._store.layer_tar(identity, summed=summed)

    def arrived_as(self, diff_id: Digest, kind: str) -> list[tuple[Digest, int]]:
        """Digest and size of blobs of this compression that layers of this content were unpacked from."""
        found = {}
        for layer in self._store.layers():
            if layer.diff_digest == str(diff_id) and layer.compression == kind and layer.compressed_digest:
                found[Digest.parse(layer.compressed_digest)] = layer.compressed_size
        return list(found.items())

    def related(self) -> tuple[str, ...]:
        """Its names, and those of the images that it is built on: their repositories may have its layers."""
        if not self._record.top_layer:
            return self.names
        chain = {layer.id for layer in self._store.layer_chain(self._record.top_layer)}
        below = (record for record in self._store.images() if record.top_layer in chain)
        return tuple(dict.fromkeys((*self.names, *(name for record in below for name in record.names))))

    def signatures(self, digest: Digest | None = None) -> tuple[Signature, ...]:
        from .trust import stored

        return stored(self._store, self._record, str(digest) if digest else "")

    def fork(self) -> StoreSource:
        return self

    def close(self) -> None:
        self._layers.clear()


def open_image(store: Store, text: str, what: str) -> StoreSource:
    """The image of exactly this name, id or digest in the store.  Raises NotFound, BadInput."""
    if not text:
        raise BadInput(f"find {what}", "it names no image")
    record = store.image(text)
    if record is None:
        raise NotFound(f"find {what}", "there is no such image in the store")
    return StoreSource(store, record, what)
