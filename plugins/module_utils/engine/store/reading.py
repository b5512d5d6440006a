# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a store has: images, layers and containers, read under shared locks and without changing anything."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import Damaged, NotFound
from ..base.limits import Limits
from . import images as image_tables
from .containers import ContainerStore
from .images import ImageStore
from .layers import LayerStore, Lookup, layer_id
from .overlay import Home

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..base.digest import Digest
    from .conf import StoreOptions
    from .merged import Merged, Node
    from .mounting import Mounter
    from .records import ContainerRecord, ImageRecord, LayerRecord
    from .tarsplit import Rebuilt


class StoreReading:
    """The reading half of a store: a graph root with its run root, and the additional image stores beside it."""

    def __init__(self, options: StoreOptions, rootless: bool, limits: Callable[[], Limits] = Limits) -> None:
        """`limits` is asked when something is to be unpacked, and not before."""
        self.options = options
        self.rootless = rootless
        self.limits = limits
        self.home = Home(options.graph_root)
        self._swept = False
        transient = options.run_root if options.transient else ""
        self._layers = LayerStore(options.graph_root, self.home, transient_run=transient, sync=options.sync)
        self._images = ImageStore(options.graph_root)
        self._containers = ContainerStore(options.graph_root, options.run_root, transient=options.transient)
        self._others = [
            (Home(root), LayerStore(root, Home(root), readonly=True), ImageStore(root, readonly=True))
            for root in options.additional_stores
        ]
        self._made_mounter: Mounter | None = None
        self._lookup = Lookup([(self.home, self._layers), *((home, layers) for home, layers, _images in self._others)])
        self._elsewhere = Lookup([(home, layers) for home, layers, _images in self._others])

    @property
    def _mounter(self) -> Mounter:
        if self._made_mounter is None:
            from .mounting import Mounter

            others = tuple(home for home, _layers, _images in self._others)
            self._made_mounter = Mounter(self.home, others, self.options.run_root)
        return self._made_mounter

    # ---- images, reading

    def images(self) -> list[ImageRecord]:
        """All images, the main store's first; one that an additional store has as well is listed once."""
        found = self._images.all()
        for _home, _layers, images in self._others:
            known = {image.id for image in found}
            found += [image for image in images.all() if image.id not in known]
        return found

    def image(self, text: str) -> ImageRecord | None:
        """By full id, `sha256:` and full id, stored name, `name@digest`, or unambiguous id prefix (BadInput if not)."""
        return image_tables.find(self.images(), text)

    def image_data(self, record: ImageRecord, key: str) -> bytes:
        """One big-data item. Raises NotFound, Damaged."""
        return ImageStore(record.root, readonly=record.readonly).data(record, key)

    def image_manifest(self, record: ImageRecord) -> bytes:
        return self.image_data(record, "manifest")

    def image_config_bytes(self, record: ImageRecord) -> bytes:
        """The config blob: what the manifest names, since ids and config digests need not agree."""
        import json

        usual = f"sha256:{record.id}"
        if usual in record.big_data_names:
            return self.image_data(record, usual)
        try:
            digest = json.loads(self.image_manifest(record))["config"]["digest"]
        except (ValueError, KeyError, TypeError):
            raise Damaged(f"read image {record.id[:12]}", "its manifest names no config") from None
        return self.image_data(record, str(digest))

    # ---- layers

    def layers(self) -> list[LayerRecord]:
        found = self._layers.all()
        for _home, layers, _images in self._others:
            known = {layer.id for layer in found}
            found += [layer for layer in layers.all() if layer.id not in known]
        return found

    def layer(self, identity: str) -> LayerRecord | None:
        for layers in (self._layers, *(layers for _home, layers, _images in self._others)):
            found = layers.get(identity)
            if found is not None:
                return found
        return None

    def layer_chain(self, top: str) -> list[LayerRecord]:
        """The layers of an image, base first. Raises Damaged when one is missing."""
        by_id = {layer.id: layer for layer in self.layers()}
        links: list[LayerRecord] = []
        while top:
            layer = by_id.get(top)
            if layer is None or len(links) > len(by_id):
                raise Damaged("list the layers of an image", f"layer {top[:12]} is missing", "Pull the image again")
            links.append(layer)
            top = layer.parent
        links.reverse()
        return links

    @staticmethod
    def chain_ids(diff_ids: Sequence[Digest], parent: str = "") -> list[str]:
        """The layer ids that a list of diffIDs, base first, has in every store."""
        found = []
        for diff_id in diff_ids:
            parent = layer_id(parent, diff_id)
            found.append(parent)
        return found

    def layer_tar(self, identity: str, *, summed: bool = True) -> Rebuilt:
        """A reader of the exact tar the layer was made from; close it. Not `summed`, the caller compares its digest.
        Raises NotFound, Damaged."""
        layer = self.layer(identity)
        if layer is None:
            raise NotFound(f"export layer {identity[:12]}", "there is no such layer")
        return LayerStore(layer.root, Home(layer.root)).tar(identity, summed=summed)

    def tree(self, top: str) -> Merged:
        """What overlayfs would show of a layer and those below it; close it. Raises Damaged when one is missing."""
        from .merged import Merged

        chain = self.layer_chain(top)
        directories = [path for layer in reversed(chain) for path in Home(layer.root).trees(layer.id)]
        try:
            return Merged(directories, self.home.fuse_conventions())
        except FileNotFoundError as error:
            raise Damaged("read the tree of an image", f"{error.filename} is missing", "Pull the image again") from None

    def flat_tar(self, top: str, what: str) -> Iterator[bytes]:
        """The tar of that tree in pieces: the same bytes wherever the image was pulled. Raises Damaged, HostLacks."""
        from .pack import flatten

        stores: dict[str, LayerStore] = {}
        chain = [(layer.id, layer.root) for layer in reversed(self.layer_chain(top))]
        known: dict[int, set[bytes]] = {}

        def dated(node: Node) -> bool:
            number = node.layers[0]
            if number not in known:
                identity, root = chain[number]
                layers = stores.setdefault(root, LayerStore(root, Home(root), readonly=True))
                known[number] = layers.bodiless(identity)
            return node.path in known[number]

        with self.tree(top) as merged:
            yield from flatten(merged, dated, what)

    # ---- containers

    def containers(self) -> list[ContainerRecord]:
        return self._containers.all()

    def container(self, text: str) -> ContainerRecord | None:
        """By id, name or unambiguous id prefix (BadInput if not)."""
        return self._containers.get(text)
