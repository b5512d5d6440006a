# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The image and container store that podman, buildah and skopeo share with us (containers/storage, overlay driver).

Nothing is created until the first write. Reading takes shared locks, and reads a table again only when its token says
that somebody changed it. Writers take locks in one order, the one podman takes them in: storage.lock, then
layers, images, containers; mountpoints inside layers.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Damaged, HostLacks, NotFound
from ..base.steps import reached
from . import containers as container_tables
from .image_writing import ImageWriting
from .layers import WritableDraft
from .overlay import Home, Top
from .values import StagedLayer, Wanted

if TYPE_CHECKING:
    from collections.abc import Iterator
    from contextlib import AbstractContextManager

    from .check import Parts, Problem
    from .mounting import MountWish
    from .overlay import Staging
    from .records import ContainerDraft, ContainerRecord
    from .tables import Writer


_ORPHAN_AGE = 600  # seconds
_DAY = 86400


class Store(ImageWriting):
    """One graph root with its run root, and the additional image stores it reads from."""

    def create_container(self, draft: ContainerDraft) -> ContainerRecord:
        """Make the writable layer and the record. Raises Conflict for a taken id or name, NotFound for the image."""
        container_tables.check_draft(draft)
        self.home.prepare()
        shifted = self.rootless and bool(draft.image_id) and bool(draft.uid_map or draft.gid_map)
        with self._home_held() if shifted else nullcontext(), self._layers.writing(self._mounter) as layers:
            self._drop_orphans(layers)
            parent, image = self._base_of(draft, layers)
            if shifted and parent is not None:
                parent = self._shifted(layers, parent, draft)
            with self._containers.table.writing() as table:
                self._containers.check_names(table, draft.id, draft.names)
                volatile = draft.volatile or self.options.transient
                top = None if shifted else _mapped_top(draft, parent)
                maps = (draft.uid_map, draft.gid_map) if shifted else ((), ())
                writable = WritableDraft((), draft.mount_label, volatile, top, *maps)
                layer = self._layers.make_writable(layers, parent, writable)
                return self._containers.put(table, draft, layer.id, image)

    def _shifted(self, layers: Writer, parent: tuple[Home, str], draft: ContainerDraft) -> tuple[Home, str]:
        """The image's files as the ids of the container have them: a copy that is there already, or a new one."""
        from .mounting import MountWish
        from .shifting import Owners, shift

        with self._writable_image(draft.image_id) as images:
            image = self._images.record(images.rows.find(draft.image_id) or {})
            for identity in image.mapped_layers:
                row = layers.rows.find(identity)
                if row is not None and self._layers.record(row).maps == (draft.uid_map, draft.gid_map):
                    return self.home, identity

            def fill(identity: str) -> None:
                options = MountWish((), rootless=self.rootless, program=self.options.mount_program)
                with self._mounter.passing(identity, options) as tree:
                    shift(tree, Owners(draft.uid_map, draft.gid_map))

            maps = (draft.uid_map, draft.gid_map)
            named = {one for row in images.rows.all() for one in self._images.record(row).mapped_layers}
            left = self._layers.shifted_copies(layers, parent[1], maps) - named  # by one who was killed then
            made = min(left, default="") or self._layers.make_shifted(layers, parent, maps, fill).id
            self._images.add_mapped(images, draft.image_id, made)
            return self.home, made

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
        with self._home_held(), self._layers.table.reading() as rows:
            if rows.find(container.layer) is None:
                raise Damaged(f"mount container {container.id[:12]}", "its writable layer is missing")
            return self._mounter.mount(container.layer, self._wish(container))

    def mount_layer(self, layer: str) -> str:
        """Mount an image's top layer, read-only, or count one more user of it; the path of the merged tree."""
        from .mounting import MountWish

        wish = MountWish(self.options.mountopt, rootless=self.rootless, program=self.options.mount_program)
        with self._home_held(), self._layers.table.reading() as rows:
            if rows.find(layer) is None:
                raise HostLacks(
                    f"mount layer {layer[:12]} of an image",
                    "it is in a read-only additional image store",
                    "Pull the image into the store of this host",
                )
            return self._mounter.mount(layer, wish, whole=True)

    def _home_held(self) -> AbstractContextManager[None]:
        if self.options.skip_mount_home:
            return nullcontext()
        return self._mounter.home_held(os.path.join(self.options.graph_root, "storage.lock"))

    def unmount_layer(self, layer: str) -> None:
        """Count one user less of an image's layer. Idempotent."""
        with self._layers.table.reading():
            self._mounter.unmount(layer)

    def look(self, identity: str, *, write: bool) -> str:
        """The path of a container's tree, mounted in a mount namespace of the caller's own (host/private_mounts).

        To write, the caller keeps everybody else from mounting it meanwhile; to read takes no lock.
        """
        container = self._container(identity)
        if self._layers.get(container.layer) is None:
            raise Damaged(f"look into container {container.id[:12]}", "its writable layer is missing")
        return self._mounter.look(container.layer, self._wish(container), write=write)

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

    def mounted(self, identity: str) -> tuple[str, int]:
        """Where a container's tree is mounted, and for how many users; ("", 0) when it is not."""
        layer = self._container(identity).layer
        if not self._mounter.mounted(layer):
            return "", 0
        return self._mounter.target(layer), self._mounter.count(layer)

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

    def check(self, unused_age: int = _DAY, contents: bool = False) -> list[Problem]:
        """What is wrong, without changing anything. With `contents` all of every layer is read."""
        from .check import check

        return check(self._parts(), unused_age, contents) if os.path.isdir(self.home.path) else []

    def repair(self, unused_age: int = _DAY) -> list[Problem]:
        """Remove what killed processes left, report what only pulling or recreating mends. Idempotent."""
        from .check import repair

        return repair(self._parts(), unused_age) if os.path.isdir(self.home.path) else []

    def affected(self, problems: list[Problem]) -> tuple[set[str], set[str], set[str]]:
        """Ids of layers, images and containers that are damaged or stand on what is."""
        from .mending import affected

        return affected(self._parts(), problems)

    def drop_damaged(self, images: set[str], layers: set[str]) -> None:
        """Remove them, except what other images and containers stand on. Idempotent."""
        from .mending import drop

        drop(self._parts(), images, layers)

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


__all__ = ["StagedLayer", "Store", "Wanted"]
