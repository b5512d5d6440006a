# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pod rows: find, add, save, remove, members."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, Conflict, InUse, NotFound
from ..base.files import dump_json
from ..base.ids import is_id_prefix, short
from .container_rows import ContainerRows, refuse_taken_name
from .rows import ContainerRow, Json, PodRow

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Sequence

_SELECT = "SELECT c.ID, c.Name, c.JSON, s.JSON FROM PodConfig c JOIN PodState s ON s.ID = c.ID"


class PodRows(ContainerRows):
    """The part of the database about pods."""

    def pods(self) -> list[PodRow]:
        return self._pod_rows(" ORDER BY c.rowid")

    def pod(self, text: str) -> PodRow | None:
        """By name, id, or unique beginning of an id; a name wins. Raises BadInput when several ids begin so."""
        named = self._pod_rows(" WHERE c.Name = ?", text)
        if named:
            return named[0]
        if not is_id_prefix(text):
            return None
        found = self._pod_rows(" WHERE c.ID LIKE ?", f"{text}%")
        if len(found) > 1:
            several = ", ".join(f"{row.name} ({short(row.id)})" for row in found)
            raise BadInput(f"find pod {text}", f"several ids begin so: {several}")
        return found[0] if found else None

    def pod_members(self, id: str) -> list[ContainerRow]:
        """Its containers, the infra container included."""
        return self._rows(" WHERE c.PodID = ? ORDER BY c.rowid", id)

    def add_pod(self, config: Json, state: Json) -> None:
        """Raises Conflict when a pod or container has the name or id."""
        id, name = str(config["id"]), str(config["name"])
        with self.transaction() as tables:
            refuse_taken_name(tables, name, f"create pod {name}")
            if tables.execute("SELECT 1 FROM IDNamespace WHERE ID = ?", (id,)).fetchone():
                raise Conflict(f"create pod {name}", f"the id {short(id)} is taken")
            tables.execute("INSERT INTO IDNamespace VALUES (?)", (id,))
            tables.execute("INSERT INTO PodConfig VALUES (?, ?, ?)", (id, name, _text(config)))
            tables.execute("INSERT INTO PodState VALUES (?, NULL, ?)", (id, _text(state)))

    def save_pod_state(self, id: str, state: Json) -> None:
        """Raises NotFound."""
        with self.transaction() as tables:
            if tables.execute("UPDATE PodState SET JSON = ? WHERE ID = ?", (_text(state), id)).rowcount == 0:
                raise NotFound(f"save pod {short(id)}", "it is not in the database any more")

    def save_pod_config(self, id: str, config: Json) -> None:
        """Raises NotFound."""
        with self.transaction() as tables:
            _save_config(tables, id, config)

    def swap_infra(
        self, config: Json, state: Json, names: Sequence[tuple[str, str]], members: Sequence[Json], old: str
    ) -> None:
        """Give a pod another infra container, the one in `state`, in one transaction: readers see the old or the new.

        `names` are (id, new name) of both infra containers; `members` the new configurations of those containers that
        the change is about; what they needed of `old` they need of the new one. Raises NotFound.
        """
        new = str(state["InfraContainerID"])
        with self.transaction() as tables:
            _save_config(tables, str(config["id"]), config)
            tables.execute("UPDATE PodState SET JSON = ? WHERE ID = ?", (_text(state), config["id"]))
            for id, _name in names:
                tables.execute("UPDATE ContainerConfig SET Name = ? WHERE ID = ?", (f" {id}", id))
            for id, name in names:
                tables.execute("UPDATE ContainerConfig SET Name = ? WHERE ID = ?", (name, id))
                self._rename_inside(tables, id, name)
            for member in members:
                id = str(member["id"])
                tables.execute("UPDATE ContainerConfig SET JSON = ? WHERE ID = ?", (_text(member), id))
                forget = "DELETE FROM ContainerDependency WHERE ID = ? AND DependencyID IN (?, ?)"
                tables.execute(forget, (id, old, new))
                if new in member.values():
                    tables.execute("INSERT INTO ContainerDependency VALUES (?, ?)", (id, new))

    def remove_pod(self, id: str) -> None:
        """One that is gone is no error. Raises InUse while it has members."""
        with self.transaction() as tables:
            members = tables.execute("SELECT Name FROM ContainerConfig WHERE PodID = ? ORDER BY Name", (id,)).fetchall()
            if members:
                raise InUse(f"remove pod {short(id)}", f"it still has {', '.join(str(row[0]) for row in members)}")
            if not tables.execute("SELECT 1 FROM PodConfig WHERE ID = ?", (id,)).fetchone():
                return
            for table in ("PodConfig", "PodState", "IDNamespace"):
                tables.execute(f"DELETE FROM {table} WHERE ID = ?", (id,))

    def _pod_rows(self, where: str, *values: object) -> list[PodRow]:
        rows = self.query(_SELECT + where, values)
        return [PodRow(str(id), str(name), config, state) for id, name, config, state in rows]


def _save_config(tables: sqlite3.Connection, id: str, config: Json) -> None:
    if tables.execute("UPDATE PodConfig SET JSON = ? WHERE ID = ?", (_text(config), id)).rowcount == 0:
        raise NotFound(f"save pod {short(id)}", "it is not in the database any more")


def _text(value: Json) -> str:
    return dump_json(value).decode()
