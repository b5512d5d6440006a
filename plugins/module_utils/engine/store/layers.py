# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""overlay-layers/: the table of layers and what belongs to each.

A layer is made under the lock: first recorded as incomplete, then its tree and tar-split put in place, then recorded
as complete. Whoever takes the lock for writing and finds an incomplete record, ours or podman's, removes that layer.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base import clock
from ..base.errors import Damaged, NotFound
from ..base.ids import new_id
from ..base.steps import reached
from ..base.tuples import NamedTuple
from .overlay import Home, Staging, Top, copy_file
from .records import COMPRESSIONS, LayerRecord, id_rows
from .tables import Row, Table, TableFile, Writer
from .values import StagedLayer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..base.digest import Digest
    from ..host.rooted import Root
    from .mounting import Mounter
    from .records import IdMap
    from .tarsplit import Rebuilt


class Chained(NamedTuple):
    """A layer's place in its image: its own id, its parent's, and its content."""

    id: str
    parent: str
    layer: StagedLayer | Digest


def layer_id(parent: str, diff_id: Digest) -> str:
    """The id that containers/storage gives to a diff on top of a parent (empty for a base layer)."""
    if not parent:
        return diff_id.hex
    return hashlib.sha256(f"{parent}+{diff_id.hex}".encode()).hexdigest()


def chain(layers: Sequence[StagedLayer | Digest], parent: str = "") -> list[Chained]:
    links: list[Chained] = []
    for layer in layers:
        diff_id = layer.diff_id if isinstance(layer, StagedLayer) else layer
        identity = layer_id(parent, diff_id)
        links.append(Chained(identity, parent, layer))
        parent = identity
    return links


class LayerStore:
    """The layers of one store."""

    def __init__(
        self, root: str, home: Home, *, readonly: bool = False, transient_run: str = "", sync: str = ""
    ) -> None:
        """`transient_run` is the run root of a transient store, which keeps its volatile rows there. `sync` is
        storage.conf's: "filesystem" has layers on the disk before they are recorded as complete."""
        self._sync = sync == "filesystem"
        self.root = root
        self.home = home
        self.directory = os.path.join(root, "overlay-layers")
        volatile = os.path.join(transient_run, "overlay-layers") if transient_run else self.directory
        self.table = Table(
            os.path.join(self.directory, "layers.lock"),
            (
                TableFile(os.path.join(self.directory, "layers.json")),
                TableFile(os.path.join(volatile, "volatile-layers.json"), True),
            ),
            readonly=readonly,
        )

    def record(self, row: Row) -> LayerRecord:
        return LayerRecord(row, self.root, self.table.readonly)

    def all(self) -> list[LayerRecord]:
        """All complete layers."""
        return [found for found in map(self.record, self.table.peek().all()) if not found.incomplete]

    def get(self, identity: str) -> LayerRecord | None:
        row = self.table.peek().find(identity)
        if row is None:
            return None
        found = self.record(row)
        return None if found.incomplete else found

    def split_path(self, identity: str) -> str:
        return os.path.join(self.directory, identity + ".tar-split.gz")

    @contextmanager
    def writing(self, mounter: Mounter | None = None) -> Iterator[Writer]:
        """The exclusive lock, with what a crash left incomplete removed first."""
        trash: list[Staging] = []
        try:
            with self.table.writing() as table:
                left = [str(row["id"]) for row in table.rows.all() if self.record(row).incomplete]
                if left:
                    trash += self.remove(table, left, mounter)
                yield table
        finally:
            for staging in trash:
                staging.discard()

    def commit(self, table: Writer, links: Sequence[Chained], find_parent: Lookup) -> list[LayerRecord]:
        """Make the layers of a chain that are not there yet, all in one go; their records, in order."""
        new = [link for link in links if table.rows.find(link.id) is None and find_parent(link.id) is None]
        rows = []
        for link in new:
            if not isinstance(link.layer, StagedLayer):
                raise NotFound(
                    "record the image's layers", f"layer {link.layer} was there and is gone", "Pull the image again"
                )
            rows.append(_row(link, link.layer))
        if new:
            table.put([{**row, "flags": {"incomplete": True}} for row in rows], "layers-announced")
            for link in new:
                self._place(link, find_parent)
            if self._sync:
                self.home.sync()
            table.put(rows, "layers-recorded")
        return [self.record(table.rows.find(link.id) or {"id": link.id}) for link in links]

    def _place(self, link: Chained, find_parent: Lookup) -> None:
        layer = link.layer
        if not isinstance(layer, StagedLayer):
            raise NotFound("record the image's layers", f"layer {layer} is gone")
        if not os.path.isdir(layer.tree):
            raise Damaged(
                "record the image's layers",
                f"another program cleared {layer.path} while the image was pulled",
                "Pull the image again",
            )
        parent = find_parent(link.parent) if link.parent else None
        if link.parent and parent is None:
            parent = self.home
        copy_file(layer.split, self.split_path(link.id))
        reached("tar-split-placed")
        self.home.make(link.id, (parent, link.parent) if parent else None, layer.tree, None)
        reached("layer-placed")

    def make_writable(self, table: Writer, parent: tuple[Home, str] | None, draft: WritableDraft) -> LayerRecord:
        """A container's own layer, recorded as complete."""
        identity = new_id()
        row: Row = {"id": identity}
        if draft.names:
            row["names"] = list(draft.names)
        if parent:
            row["parent"] = parent[1]
        if draft.label:
            row["mountlabel"] = draft.label
        row["created"] = clock.now()
        if draft.uids or draft.gids:
            row["uidmap"], row["gidmap"] = id_rows(draft.uids), id_rows(draft.gids)
        table.put([{**row, "flags": {"incomplete": True}}], "rw-layer-announced", volatile=draft.volatile)
        self.home.make(identity, parent, None, draft.top)
        reached("rw-layer-placed")
        table.put([row], "rw-layer-recorded")
        return self.record(row)

    def shifted_copies(self, table: Writer, top: str, maps: tuple[tuple[IdMap, ...], tuple[IdMap, ...]]) -> set[str]:
        """Whole layers that hold what `top` holds, in its place, with other owners."""
        known = table.rows.find(top) or {}
        place = [known.get("parent"), known.get("diff-digest")]
        return {
            str(row["id"])
            for row in table.rows.all()
            if known.get("diff-digest")
            and [row.get("parent"), row.get("diff-digest")] == place
            and self.record(row).maps == maps
            and not self.record(row).incomplete
        }

    def make_shifted(
        self,
        table: Writer,
        parent: tuple[Home, str],
        maps: tuple[tuple[IdMap, ...], tuple[IdMap, ...]],
        fill: Callable[[str], None],
    ) -> LayerRecord:
        """A layer over an image's topmost that is the image's content with other owners; `fill(id)` gives them."""
        home, top = parent
        identity = new_id()
        known = table.rows.find(top) or LayerStore(home.root, home, readonly=True).table.peek().find(top) or {}
        row = {key: value for key, value in known.items() if key not in ("names", "parent", "flags")}
        row.update(id=identity, created=clock.now(), uidmap=id_rows(maps[0]), gidmap=id_rows(maps[1]))
        if known.get("parent"):
            row["parent"] = known["parent"]
        table.put([{**row, "flags": {"incomplete": True}}], "shifted-layer-announced")
        split = os.path.join(home.root, "overlay-layers", top + ".tar-split.gz")
        if os.path.exists(split):
            copy_file(split, self.split_path(identity))
        self.home.make(identity, parent, None, None)
        reached("shifted-layer-placed")
        try:
            fill(identity)
        except BaseException:
            for staging in self.remove(table, [identity], None):
                staging.discard()
            raise
        table.put([row], "shifted-layer-recorded")
        return self.record(row)

    def remove(self, table: Writer, identities: Sequence[str], mounter: Mounter | None) -> list[Staging]:
        """Take layers away; the caller discards the result once the lock is released. Idempotent."""
        rows = [row for row in (table.rows.find(identity) for identity in identities) if row is not None]
        doomed = [row for row in rows if not self.record(row).incomplete]
        if doomed:
            table.put(
                [{**row, "flags": {**self.record(row).flags, "incomplete": True}} for row in doomed], "layers-doomed"
            )
        if mounter is not None:
            for identity in identities:
                mounter.forget(identity)
        trash = self.home.discard(identities)
        reached("layer-trees-gone")
        from ..host.rooted import remove_tree

        fd = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            for identity in identities:
                remove_tree(fd, identity + ".tar-split.gz")
                remove_tree(fd, identity)
        finally:
            os.close(fd)
        if rows:
            table.drop({str(row["id"]) for row in rows}, "layer-rows-gone")
        return trash

    def open_split(self, identity: str) -> tuple[str, Root]:
        """Where tar-split is and the tree that it needs. Raises NotFound, or Damaged when the layer has none."""
        from ..host.rooted import Root

        path = self.split_path(identity)
        if not os.path.exists(path):
            raise Damaged(
                f"export layer {identity[:12]}", "its tar-split file is missing", "Remove the image and pull it again"
            )
        try:
            return path, Root.of(self.home.diff(identity))
        except FileNotFoundError:
            raise Damaged(f"export layer {identity[:12]}", "its tree is missing") from None

    def tar(self, identity: str, *, summed: bool = True) -> Rebuilt:
        """A reader of the tar the layer was made from. Raises Damaged."""
        from ..host.compression import GZIP, decompressor
        from .tarsplit import Rebuilt

        path, tree = self.open_split(identity)
        what = f"layer {identity[:12]}"
        file = open(path, "rb")  # noqa: SIM115  the reader closes it
        return Rebuilt(decompressor(GZIP, file, f"the tar-split of {what}"), (file, tree), what, summed=summed)

    def bodiless(self, identity: str) -> set[bytes]:
        """The paths that the layer's archive has an entry for, those of files with content left out; empty when it is
        not known. Raises Damaged."""
        from ..host.compression import GZIP, decompressor
        from .tarsplit import bodiless

        what = f"layer {identity[:12]}"
        try:
            with open(self.split_path(identity), "rb") as file:
                return set(bodiless(decompressor(GZIP, file, f"the tar-split of {what}"), what))
        except FileNotFoundError:
            return set()


class WritableDraft(NamedTuple):
    """`uids` and `gids` where its files lie on the disk as a user namespace has them."""

    names: tuple[str, ...] = ()
    label: str = ""
    volatile: bool = False
    top: Top | None = None
    uids: tuple[IdMap, ...] = ()
    gids: tuple[IdMap, ...] = ()


class Lookup:
    """Finds the home that holds a layer, in the main store or an additional one."""

    def __init__(self, homes: Sequence[tuple[Home, LayerStore]]) -> None:
        self._homes = homes

    def __call__(self, identity: str) -> Home | None:
        for home, layers in self._homes:
            if layers.get(identity) is not None and home.holds(identity):
                return home
        return None


def _row(link: Chained, layer: StagedLayer) -> Row:
    row: Row = {"id": link.id}
    if link.parent:
        row["parent"] = link.parent
    row["created"] = clock.now()
    row["compressed-diff-digest"] = str(layer.source)
    row["compressed-size"] = layer.source_size
    row["diff-digest"] = str(layer.diff_id)
    row["diff-size"] = layer.diff_size
    if COMPRESSIONS.index(layer.compression):
        row["compression"] = COMPRESSIONS.index(layer.compression)
    row["uidset"] = list(layer.uids)
    row["gidset"] = list(layer.gids)
    return row
