# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Container rows: find, add, save, rename, remove."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Conflict, InUse, NotFound
from ..base.files import dump_json
from ..base.ids import is_id, is_id_prefix, short
from .connection import Connection
from .rows import ContainerRow, Json

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Iterable, Sequence

_SELECT = (
    "SELECT c.ID, c.Name, c.PodID, c.JSON, s.JSON FROM ContainerConfig c JOIN ContainerState s ON s.ID = c.ID{where}"
)
_EXIT_CODES_KEPT_SECONDS = 300  # podman drops those of vanished containers after five minutes


class ContainerRows(Connection):
    """The part of the database about containers."""

    def containers(self) -> list[ContainerRow]:
        """Every container, oldest row first."""
        return self._rows(" ORDER BY c.rowid")

    def container_by_id(self, id: str) -> ContainerRow | None:
        """By full id."""
        return self._single(" WHERE c.ID = ?", id)

    def container_by_name(self, name: str) -> ContainerRow | None:
        return self._single(" WHERE c.Name = ?", name)

    def container(self, text: str) -> ContainerRow | None:
        """By name, id, or unique beginning of an id; a name wins. Raises BadInput when several ids begin so."""
        if not text:
            raise BadInput("find container", "an empty name")
        named = self.container_by_name(text)
        if named is not None or not is_id_prefix(text):
            return named
        if is_id(text):  # by the index: a search for a beginning goes through all rows
            return self.container_by_id(text)
        found = self._rows(" WHERE c.ID LIKE ?", f"{text}%")
        if len(found) > 1:
            several = ", ".join(f"{row.name} ({short(row.id)})" for row in found)
            raise BadInput(f"find container {text}", f"several ids begin so: {several}")
        return found[0] if found else None

    def add_container(
        self, config: Json, state: Json, depends: Iterable[str] = (), volumes: Iterable[str] = ()
    ) -> None:
        """Insert one container. `config` holds id, name and pod (or none); `depends` are container ids, `volumes`
        the names of existing volumes.

        Raises Conflict when a container or pod has the name or id, NotFound for a dependency that is not there.
        """
        id, name = str(config["id"]), str(config["name"])
        pod = str(config["pod"]) if config.get("pod") else None
        with self.transaction() as tables:
            refuse_taken_name(tables, name, f"create container {name}")
            if tables.execute("SELECT 1 FROM IDNamespace WHERE ID = ?", (id,)).fetchone():
                raise Conflict(f"create container {name}", f"the id {short(id)} is taken")
            tables.execute("INSERT INTO IDNamespace VALUES (?)", (id,))
            tables.execute("INSERT INTO ContainerConfig VALUES (?, ?, ?, ?)", (id, name, pod, _text(config)))
            row = (id, state.get("state", 1), _exit_code(state), _text(state))
            tables.execute("INSERT INTO ContainerState VALUES (?, ?, ?, ?)", row)
            for other in dict.fromkeys(depends):
                if not tables.execute("SELECT 1 FROM ContainerConfig WHERE ID = ?", (other,)).fetchone():
                    raise NotFound(f"create container {name}", f"container {short(other)}, which it needs, is gone")
                tables.execute("INSERT INTO ContainerDependency VALUES (?, ?)", (id, other))
            for volume in dict.fromkeys(volumes):
                if not tables.execute("SELECT 1 FROM VolumeConfig WHERE Name = ?", (volume,)).fetchone():
                    raise NotFound(f"create container {name}", f"volume {volume}, which it mounts, is gone")
                tables.execute("INSERT INTO ContainerVolume VALUES (?, ?)", (id, volume))

    def save_state(self, id: str, state: Json, ended: int | None = None) -> None:
        """Replace the state of a container whose lock the caller holds; `ended` is the exit code of a run that it
        records the end of. Raises NotFound when it was removed."""
        with self.transaction() as tables:
            done = tables.execute("UPDATE ContainerState SET JSON = ? WHERE ID = ?", (_text(state), id))
            _expect(done.rowcount, "save the state of", id)
            if ended is not None:
                _add_exit_code(tables, id, ended)

    def save_config(self, id: str, config: Json) -> None:
        """Replace the configuration; its `name` must be the one the container has. Raises NotFound."""
        with self.transaction() as tables:
            done = tables.execute(
                "UPDATE ContainerConfig SET JSON = ? WHERE ID = ? AND Name = ?", (_text(config), id, config["name"])
            )
            _expect(done.rowcount, "save the configuration of", id)

    def rename(self, id: str, new: str) -> None:
        """Raises Conflict when a container or pod has the name."""
        self.swap_names([(id, new)])

    def swap_names(self, names: Sequence[tuple[str, str]]) -> None:
        """Give several containers new names at once, in one transaction; the new names may be each other's old ones.

        A reader sees all old names or all new ones. Raises Conflict, NotFound.
        """
        with self.transaction() as tables:
            for number, (id, new) in enumerate(names):
                parked = f" {number} {id}"  # a space: no container can be called so
                done = tables.execute("UPDATE ContainerConfig SET Name = ? WHERE ID = ?", (parked, id))
                _expect(done.rowcount, f"rename to {new}", id)
            for id, new in names:
                refuse_taken_name(tables, new, f"rename container {short(id)} to {new}")
                tables.execute("UPDATE ContainerConfig SET Name = ? WHERE ID = ?", (new, id))
                self._rename_inside(tables, id, new)

    @staticmethod
    def _rename_inside(tables: sqlite3.Connection, id: str, new: str) -> None:
        from .rows import parse_row

        (text,) = tables.execute("SELECT JSON FROM ContainerConfig WHERE ID = ?", (id,)).fetchone()
        config = parse_row(text, f"configuration of container {short(id)}")
        config["name"] = new
        tables.execute("UPDATE ContainerConfig SET JSON = ? WHERE ID = ?", (_text(config), id))

    def remove_container(self, id: str) -> None:
        """Drop every row of a container except its exit code. One that is gone is no error.

        Raises InUse when other containers depend on it.
        """
        with self.transaction() as tables:
            if not tables.execute("SELECT 1 FROM ContainerConfig WHERE ID = ?", (id,)).fetchone():
                return
            needed_by = tables.execute(
                "SELECT c.Name FROM ContainerDependency d JOIN ContainerConfig c ON c.ID = d.ID"
                " WHERE d.DependencyID = ? ORDER BY c.Name",
                (id,),
            ).fetchall()
            if needed_by:
                others = ", ".join(str(row[0]) for row in needed_by)
                raise InUse(f"remove container {short(id)}", f"it is needed by {others}", "Remove those first")
            for sql in (
                "DELETE FROM ContainerExecSession WHERE ContainerID = ?",
                "DELETE FROM ContainerVolume WHERE ContainerID = ?",
                "DELETE FROM ContainerDependency WHERE ID = ?",
                "DELETE FROM ContainerConfig WHERE ID = ?",
                "DELETE FROM ContainerState WHERE ID = ?",
                "DELETE FROM IDNamespace WHERE ID = ?",
            ):
                tables.execute(sql, (id,))

    def dependents(self, id: str) -> list[str]:
        """Ids of the containers that need this one (share its namespaces or came with `requires`)."""
        rows = self.query("SELECT ID FROM ContainerDependency WHERE DependencyID = ? ORDER BY 1", (id,))
        return [str(row[0]) for row in rows]

    def dependencies(self, id: str) -> list[str]:
        """Ids of the containers that this one needs."""
        rows = self.query("SELECT DependencyID FROM ContainerDependency WHERE ID = ? ORDER BY 1", (id,))
        return [str(row[0]) for row in rows]

    def add_exit_code(self, id: str, code: int) -> None:
        """Record how a container ended (also for those waiting for it after its removal)."""
        with self.transaction() as tables:
            _add_exit_code(tables, id, code)

    def exit_code(self, id: str) -> int | None:
        rows = self.query("SELECT ExitCode FROM ContainerExitCode WHERE ID = ?", (id,))
        code = rows[0][0] if rows else None
        return code if isinstance(code, int) else None

    def add_exec_session(self, session_id: str, container_id: str) -> None:
        with self.transaction() as tables:
            tables.execute("INSERT OR REPLACE INTO ContainerExecSession VALUES (?, ?)", (session_id, container_id))

    def remove_exec_session(self, session_id: str) -> bool:
        """False for one that is gone: somebody else has removed it."""
        with self.transaction() as tables:
            return tables.execute("DELETE FROM ContainerExecSession WHERE ID = ?", (session_id,)).rowcount > 0

    def exec_session(self, session_id: str) -> str | None:
        """The id of the container in which an exec session runs."""
        rows = self.query("SELECT ContainerID FROM ContainerExecSession WHERE ID = ?", (session_id,))
        return str(rows[0][0]) if rows else None

    def _rows(self, where: str, *values: object) -> list[ContainerRow]:
        return [
            ContainerRow((str(id), str(name), str(pod) if pod else None), config, state, self.rebooted)
            for id, name, pod, config, state in self.query(_SELECT.format(where=where), values)
        ]

    def _single(self, where: str, value: str) -> ContainerRow | None:
        found = self._rows(where, value)
        return found[0] if found else None


def _add_exit_code(tables: sqlite3.Connection, id: str, code: int) -> None:
    now = int(time.time())
    tables.execute("INSERT OR REPLACE INTO ContainerExitCode VALUES (?, ?, ?)", (id, now, code))
    tables.execute(
        "DELETE FROM ContainerExitCode WHERE Timestamp <= ? AND ID NOT IN (SELECT ID FROM ContainerConfig)",
        (now - _EXIT_CODES_KEPT_SECONDS,),
    )


def refuse_taken_name(tables: sqlite3.Connection, name: str, deed: str) -> None:
    """Names are one space for containers and pods, though the tables would let both have one. Raises Conflict."""
    for kind, table in (("container", "ContainerConfig"), ("pod", "PodConfig")):
        found = tables.execute(f"SELECT ID FROM {table} WHERE Name = ?", (name,)).fetchone()
        if found:
            raise Conflict(deed, f"the name {name} is taken by {kind} {short(str(found[0]))}")


def _text(value: Json) -> str:
    return dump_json(value).decode()


def _exit_code(state: Json) -> int:
    code = state.get("exitCode", 0)
    return code if isinstance(code, int) and -1 <= code <= 255 else 0


def _expect(count: int, deed: str, id: str) -> None:
    if count == 0:
        raise NotFound(f"{deed} container {short(id)}", "it is not in the database any more")
