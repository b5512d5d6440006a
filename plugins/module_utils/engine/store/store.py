# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image and container store that podman, buildah and skopeo share with us (containers/storage, overlay driver).

Nothing is created until the first write. Reading takes shared locks, and reads a table again only when its token says
that somebody changed it. Writers take locks in one order, the one podman takes them in: storage.lock briefly, then
layers, images, containers; mountpoints inside layers.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Conflict, Damaged, EngineError, InUse, NotFound
from ..base.steps import reached
from . import containers as container_tables
from . import images as image_tables
from .containers import ContainerStore
from .images import ImageStore
from .layers import LayerStore, Lookup, WritableDraft, chain, layer_id
from .overlay import Home, Top
from .values import Limits, StagedLayer, UnpackOptions, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..base.digest import Digest
    from ..base.streams import Reader
    from .check import Parts, Problem
    from .conf import StoreOptions
    from .mounting import Mounter, MountWish
    from .overlay import Staging
    from .records import ContainerDraft, ContainerRecord, ImageDraft, ImageRecord, LayerRecord
    from .tables import Writer
    from .tarsplit import Rebuilt


_ORPHAN_AGE = 600  # seconds


class Store:
    """One graph root with its run root, and the additional image stores it reads from."""

    def __init__(self, options: StoreOptions, rootless: bool, limits: Limits | None = None) -> None:
        self.options = options
        self.rootless = rootless
        self.limits = limits or Limits()
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

    def layer_tar(self, identity: str) -> Rebuilt:
        """A reader of the exact tar the layer was made from; close it. Raises NotFound, Damaged."""
        layer = self.layer(identity)
        if layer is None:
            raise NotFound(f"export layer {identity[:12]}", "there is no such layer")
        return LayerStore(layer.root, Home(layer.root)).tar(identity)

    def unpack_options(self) -> UnpackOptions:
        fuse = self.home.fuse_conventions()
        return UnpackOptions(self.rootless, not fuse, self.options.ignore_chown_errors, self.limits)

    def new_staging(self) -> Staging:
        """A locked place to stage a layer in, for a parent that lets forked children do the staging."""
        return self.home.new_staging()

    def stage_layer(self, reader: Reader, wanted: Wanted | None = None, place: Staging | None = None) -> StagedLayer:
        """Verify, decompress and unpack a blob outside the store's tables. Raises Corrupt, HostLacks; leaves nothing.

        Takes no lock of the store: any number of processes may do it at once. The staging lock lives as long as this
        process keeps it (`place` of the caller, or `release_staged`, `discard_staged`, `commit_*`).
        """
        from .staging import stage

        if not self._swept:
            self._swept = True
            self.home.sweep()
        mine = place or self.home.new_staging()
        try:
            staged = stage(reader, mine, wanted or Wanted(), self.unpack_options())
        except BaseException as error:
            _clean(error, mine)
            raise
        self.home.remember(mine)
        return staged

    def discard_staged(self, staged: Sequence[StagedLayer]) -> None:
        """Remove staged layers that will not be committed. Idempotent."""
        for layer in staged:
            self.home.staging_of(layer.path).discard()

    def commit_layers(self, layers: Sequence[StagedLayer | Digest], parent: str = "") -> list[LayerRecord]:
        """Record a chain, base first; a plain Digest stands for a layer that is there. What exists is kept.

        Raises NotFound when a layer taken for present is gone.
        """
        try:
            with self._layers.writing(self._mounter) as table:
                return self._layers.commit(table, chain(layers, parent), self._elsewhere)
        finally:
            self.discard_staged([layer for layer in layers if isinstance(layer, StagedLayer)])

    # ---- images, writing

    def put_image(self, draft: ImageDraft) -> ImageRecord:
        """Record an image over layers that are there, or add names and items to the one of that id."""
        with self._layers.table.reading(), self._images.table.writing() as images:
            self._require_layer(draft)
            return self._images.put(images, draft)

    def commit_image(self, layers: Sequence[StagedLayer | Digest], draft: ImageDraft) -> ImageRecord:
        """Layers and image in one go, so that nobody removes the one before the other names it.

        `draft.top_layer` is filled in.
        """
        try:
            with self._layers.writing(self._mounter) as table:
                committed = self._layers.commit(table, chain(layers), self._elsewhere)
                reached("layers-committed")
                full = draft._replace(top_layer=committed[-1].id if committed else draft.top_layer)
                with self._images.table.writing() as images:
                    return self._images.put(images, full)
        finally:
            self.discard_staged([layer for layer in layers if isinstance(layer, StagedLayer)])

    def _require_layer(self, draft: ImageDraft) -> None:
        if draft.top_layer and self._lookup(draft.top_layer) is None:
            raise NotFound(
                f"record image {draft.id[:12]}", f"its layer {draft.top_layer[:12]} is gone", "Pull the image again"
            )

    def set_names(self, identity: str, names: Sequence[str]) -> ImageRecord:
        """Give an image exactly these names; other images lose them."""
        with self._writable_image(identity) as images:
            return self._images.rename(images, identity, names)

    def add_names(self, identity: str, names: Sequence[str]) -> ImageRecord:
        """Names first, then what it had; other images lose them."""
        with self._writable_image(identity) as images:
            held = self._images.record(images.rows.find(identity) or {}).names
            return self._images.rename(images, identity, [*names, *(name for name in held if name not in names)])

    def remove_names(self, identity: str, names: Sequence[str]) -> ImageRecord:
        """Idempotent: a name the image does not have is no error."""
        with self._writable_image(identity) as images:
            held = self._images.record(images.rows.find(identity) or {}).names
            return self._images.rename(images, identity, [name for name in held if name not in names])

    @contextmanager
    def _writable_image(self, identity: str) -> Iterator[Writer]:
        with self._images.table.writing() as images:
            if images.rows.find(identity) is None:
                copied = next((image for image in self._read_only_images() if image.id == identity), None)
                if copied is None:
                    raise NotFound(f"name image {identity[:12]}", "there is no such image")
                self._adopt(images, copied)
            yield images

    def _read_only_images(self) -> list[ImageRecord]:
        return [image for _home, _layers, images in self._others for image in images.all()]

    def _adopt(self, images: Writer, image: ImageRecord) -> None:
        """Copy the record of an additional store's image, its layers staying there: only so can it get names here."""
        from .records import ImageDraft

        data = tuple((key, self.image_data(image, key)) for key in image.big_data_names)
        draft = ImageDraft(image.id, image.names, image.top_layer, b"", (), image.created, image.metadata, (), data)
        self._images.put(images, draft)

    def remove_image(self, identity: str, *, force: bool = False) -> list[str]:
        """Remove an image and the layers nobody else needs; ids of the layers that went. Idempotent.

        Raises InUse, naming the containers that were made from it. `force` removes it all the same and keeps the
        layers that they stand on.
        """
        trash: list[Staging] = []
        with self._layers.writing(self._mounter) as layers, self._images.table.writing() as images:
            row = images.rows.find(identity)
            if row is None:
                if any(image.id == identity for image in self._read_only_images()):
                    raise BadInput(f"remove image {identity[:12]}", "it is in a read-only additional image store")
                return []
            users = [user for user in self._containers.all() if user.image == identity]
            if users and not force:
                names = ", ".join(user.names[0] if user.names else user.id[:12] for user in users)
                raise InUse(f"remove image {identity[:12]}", f"used by container {names}", "Remove the container first")
            record = self._images.record(row)
            self._images.drop(images, identity)
            reached("image-gone")
            doomed = self._unneeded(layers, images, record)
            if doomed:
                trash = self._layers.remove(layers, doomed, self._mounter)
        for staging in trash:
            staging.discard()
        return doomed

    def _unneeded(self, layers: Writer, images: Writer, gone: ImageRecord) -> list[str]:
        """Layers of a removed image that no image, container or other layer needs, top first, mapped copies before."""
        rows = {str(row["id"]): self._layers.record(row) for row in layers.rows.all()}
        needed = {container.layer for container in self._containers.all()}
        for row in images.rows.all():
            image = self._images.record(row)
            needed.update((image.top_layer, *image.mapped_layers))
        children: dict[str, int] = {}
        for layer in rows.values():
            children[layer.parent] = children.get(layer.parent, 0) + 1
        doomed: list[str] = []
        for start in (*gone.mapped_layers, gone.top_layer):
            identity = start
            while identity in rows and identity not in needed and not children.get(identity) and identity not in doomed:
                doomed.append(identity)
                identity = rows[identity].parent
                children[identity] = children.get(identity, 0) - 1
        return doomed

    # ---- containers

    def containers(self) -> list[ContainerRecord]:
        return self._containers.all()

    def container(self, text: str) -> ContainerRecord | None:
        """By id, name or unambiguous id prefix (BadInput if not)."""
        return self._containers.get(text)

    def create_container(self, draft: ContainerDraft) -> ContainerRecord:
        """Make the writable layer and the record. Raises Conflict for a taken id or name, NotFound for the image."""
        container_tables.check_draft(draft)
        self.home.prepare()
        with self._layers.writing(self._mounter) as layers:
            self._drop_orphans(layers)
            parent, image = self._base_of(draft, layers)
            with self._containers.table.writing() as table:
                self._containers.check_names(table, draft.id, draft.names)
                volatile = draft.volatile or self.options.transient
                writable = WritableDraft((), draft.mount_label, volatile, _mapped_top(draft, parent))
                layer = self._layers.make_writable(layers, parent, writable)
                return self._containers.put(table, draft, layer.id, image)

    def _drop_orphans(self, layers: Writer) -> None:
        """Writable layers whose maker was killed before it recorded the container. podman makes both under one hold
        of the lock as we do; the age is for tools that do not."""
        from .check import orphans

        images, containers = self._images.all(), self._containers.all()
        found = orphans([self._layers.record(row) for row in layers.rows.all()], images, containers, _ORPHAN_AGE)
        if found:
            for staging in self._layers.remove(layers, found, self._mounter):
                staging.discard()

    def _base_of(self, draft: ContainerDraft, layers: Writer) -> tuple[tuple[Home, str] | None, str]:
        if not draft.image_id:
            return None, ""
        image = next((image for image in self.images() if image.id == draft.image_id), None)
        if image is None:
            raise NotFound("create a container", f"image {draft.image_id[:12]} is not in the store")
        if not image.top_layer:
            raise BadInput("create a container", f"image {draft.image_id[:12]} is a list of images, or has no layers")
        home = self.home if layers.rows.find(image.top_layer) else self._elsewhere(image.top_layer)
        if home is None:
            raise Damaged(
                "create a container", f"layer {image.top_layer[:12]} of its image is missing", "Pull the image again"
            )
        return (home, image.top_layer), image.id

    def remove_container(self, identity: str) -> bool:
        """Remove the record, the writable layer, mounts and directories; False when there was none. Idempotent."""
        trash: list[Staging] = []
        with self._layers.writing(self._mounter) as layers, self._containers.table.writing() as table:
            row = table.rows.find(identity)
            if row is None:
                return False
            layer = self._containers.record(row).layer
            if layer:
                trash = self._layers.remove(layers, [layer], self._mounter)
            reached("rw-layer-gone")
            self._containers.drop(table, identity)
        for staging in trash:
            staging.discard()
        return True

    def rename_container(self, identity: str, name: str) -> ContainerRecord:
        with self._containers.table.writing() as table:
            return self._containers.rename(table, identity, name)

    def container_dir(self, identity: str) -> str:
        """Data that lives as long as the container; made with it."""
        return self._containers.data_dir(identity)

    def container_run_dir(self, identity: str) -> str:
        """Data that lives until the next boot; `ensure_run_dir` makes it anew after one."""
        return self._containers.run_dir(identity)

    def ensure_run_dir(self, identity: str) -> str:
        self._containers.make_dirs(identity)
        return self._containers.run_dir(identity)

    # ---- mounts

    def mount(self, identity: str) -> str:
        """Mount a container's tree, or count one more user of it; the path of the merged tree."""
        container = self._container(identity)
        if not self.options.skip_mount_home:
            self._mounter.hold_home(os.path.join(self.options.graph_root, "storage.lock"))
        with self._layers.table.reading() as rows:
            if rows.find(container.layer) is None:
                raise Damaged(f"mount container {container.id[:12]}", "its writable layer is missing")
            return self._mounter.mount(container.layer, self._wish(container))

    def _wish(self, container: ContainerRecord) -> MountWish:
        from .mounting import MountWish

        own = container.flags.get("MountOpts")
        options = tuple(str(item) for item in own) if isinstance(own, list) and own else self.options.mountopt
        program = self.options.mount_program
        volatile = container.volatile and not self.options.disable_volatile
        wish = MountWish(options, container.mount_label, volatile, self.rootless, program)
        layer = self._layers.get(container.layer)
        if layer is not None and layer.row.get("uidmap"):
            return wish  # its files are shifted on the disk
        return wish._replace(uid_map=container.uid_map, gid_map=container.gid_map)

    def unmount(self, identity: str, force: bool = False) -> bool:
        """Count one user less, all with `force`; whether nothing is mounted any more. Idempotent."""
        container = self._container(identity)
        with self._layers.table.reading():
            return self._mounter.unmount(container.layer, force)

    def is_mounted(self, identity: str) -> bool:
        return self._mounter.mounted(self._container(identity).layer)

    def merged_path(self, identity: str) -> str:
        """Where the container's tree is when it is mounted."""
        return self._mounter.target(self._container(identity).layer)

    def diff_path(self, identity: str) -> str:
        """The upper directory: what the container changed."""
        return self.home.diff(self._container(identity).layer)

    def _container(self, identity: str) -> ContainerRecord:
        found = self._containers.get(identity)
        if found is None:
            raise NotFound(f"find container {identity[:64]}", "it is not in the store")
        return found

    # ---- care

    def _parts(self) -> Parts:
        from .check import Parts

        elsewhere = frozenset(layer.id for _home, layers, _images in self._others for layer in layers.all())
        return Parts(self.home, self._layers, self._images, self._containers, self._mounter, elsewhere, self.rootless)

    def check(self) -> list[Problem]:
        """What is wrong, without changing anything."""
        from .check import check

        return check(self._parts())

    def repair(self) -> list[Problem]:
        """Remove what killed processes left, report what only pulling or recreating mends. Idempotent."""
        from .check import repair

        return repair(self._parts()) if os.path.isdir(self.home.path) else []

    def verify_layer(self, identity: str) -> list[str]:
        """What of an image's layer is no longer as it was unpacked: reads all of it. [] when it is whole."""
        from .check import verify_tree

        return verify_tree(self._parts(), identity)

    def changes_tar(self, identity: str) -> Iterator[bytes]:
        """The tar of what a container changed (its writable layer), in pieces."""
        from ..host.rooted import Root
        from .pack import pack

        container = self._container(identity)
        with Root.of(self.home.diff(container.layer)) as tree:
            yield from pack(tree, f"the changes of container {container.id[:12]}")


def _mapped_top(draft: ContainerDraft, parent: tuple[Home, str] | None) -> Top | None:
    """With id maps the writable layer's top belongs to the namespace's root."""
    if not draft.uid_map and not draft.gid_map:
        return None
    top = parent[0].top_of(parent[1]) if parent else Top(0o555, 0, 0)
    uid = next((line.host_id for line in draft.uid_map if line.container_id == 0), top.uid)
    gid = next((line.host_id for line in draft.gid_map if line.container_id == 0), top.gid)
    return Top(top.mode, uid, gid)


def _clean(error: BaseException, staging: Staging) -> None:
    try:
        staging.discard()
    except OSError as failure:
        if isinstance(error, EngineError):
            error.add_cleanup_failure(f"remove {staging.path}: {failure.strerror}")


__all__ = ["Conflict", "StagedLayer", "Store", "Wanted"]
