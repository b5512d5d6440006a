# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""overlay-containers/: the table of containers, each with its writable layer and a directory for its owner's data."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import clock
from ..base.errors import BadInput, Conflict, NotFound
from ..base.ids import is_id, is_id_prefix
from ..base.steps import reached
from .records import ContainerDraft, ContainerRecord, id_rows
from .tables import Row, Table, TableFile, Writer

if TYPE_CHECKING:
    from collections.abc import Sequence


class ContainerStore:
    """The containers of the main store."""

    def __init__(self, root: str, run_root: str, *, transient: bool = False) -> None:
        self.root = root
        self.transient = transient
        self.directory = os.path.join(root, "overlay-containers")
        self.run_directory = os.path.join(run_root, "overlay-containers")
        volatile = self.run_directory if transient else self.directory
        self.table = Table(
            os.path.join(self.directory, "containers.lock"),
            (
                TableFile(os.path.join(self.directory, "containers.json")),
                TableFile(os.path.join(volatile, "volatile-containers.json"), True),
            ),
        )

    def record(self, row: Row) -> ContainerRecord:
        return ContainerRecord(row, self.root)

    def all(self) -> list[ContainerRecord]:
        return [self.record(row) for row in self.table.peek().all()]

    def get(self, text: str) -> ContainerRecord | None:
        """By id, name, or the only id that begins so. Raises BadInput when several do."""
        return find(self.all(), text)

    def data_dir(self, identity: str) -> str:
        return os.path.join(self.directory, identity, "userdata")

    def run_dir(self, identity: str) -> str:
        return os.path.join(self.run_directory, identity, "userdata")

    def check_names(self, table: Writer, identity: str, names: Sequence[str]) -> None:
        """Raises Conflict when another container has the id or one of the names."""
        for row in table.rows.all():
            other = self.record(row)
            if other.id == identity:
                raise Conflict(f"create container {identity[:12]}", "a container of that id exists")
            for name in names:
                if name in other.names:
                    raise Conflict(f"create container {name}", f"the name is taken by container {other.id[:12]}")

    def put(self, table: Writer, draft: ContainerDraft, layer: str, image: str) -> ContainerRecord:
        row: Row = {"id": draft.id, "names": list(draft.names), "image": image, "layer": layer}
        if draft.metadata:
            row["metadata"] = draft.metadata
        row["created"] = clock.now()
        if draft.uid_map:
            row["uidmap"] = id_rows(draft.uid_map)
        if draft.gid_map:
            row["gidmap"] = id_rows(draft.gid_map)
        flags: dict[str, object] = {"MountLabel": draft.mount_label, "ProcessLabel": draft.process_label}
        if draft.mount_options:
            flags["MountOpts"] = list(draft.mount_options)
        if draft.volatile:
            flags["Volatile"] = True
        row["flags"] = flags
        self.make_dirs(draft.id)
        reached("container-dirs-made")
        table.put([row], "container-recorded", volatile=draft.volatile or self.transient)
        return self.record(row)

    def make_dirs(self, identity: str) -> None:
        for path in (self.data_dir(identity), self.run_dir(identity)):
            os.makedirs(path, mode=0o700, exist_ok=True)

    def rename(self, table: Writer, identity: str, name: str) -> ContainerRecord:
        row = table.rows.find(identity)
        if row is None:
            raise NotFound(f"rename container {identity[:12]}", "there is no such container in the store")
        for other in table.rows.all():
            if other["id"] != identity and name in self.record(other).names:
                raise Conflict(f"rename container {identity[:12]}", f"the name {name} is taken by {other['id']}")
        changed = {**row, "names": [name]}
        table.put([changed], "container-renamed")
        return self.record(changed)

    def drop(self, table: Writer, identity: str) -> None:
        from ..host.rooted import remove_tree

        for directory in (self.directory, self.run_directory):
            try:
                fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
            except FileNotFoundError:
                continue
            try:
                remove_tree(fd, identity)
            finally:
                os.close(fd)
        reached("container-dirs-gone")
        table.drop({identity}, "container-row-gone")


def find(records: Sequence[ContainerRecord], text: str) -> ContainerRecord | None:
    for container in records:
        if container.id == text:
            return container
    for container in records:
        if text in container.names:
            return container
    if not is_id_prefix(text):
        return None
    matching = [container for container in records if container.id.startswith(text)]
    if len(matching) > 1:
        raise BadInput(f"find container {text}", f"{len(matching)} containers have an id that begins so")
    return matching[0] if matching else None


def check_draft(draft: ContainerDraft) -> None:
    if not is_id(draft.id):
        raise BadInput("create a container", f"{draft.id!r} is not a container id")
    if bool(draft.mount_label) != bool(draft.process_label):
        raise BadInput("create a container", "a mount label and a process label go together")
