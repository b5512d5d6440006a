# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volume rows: find, add, save, remove, and who uses them."""

from __future__ import annotations

from ..base.errors import Conflict, InUse, NotFound
from ..base.files import dump_json
from .connection import Connection
from .rows import Json, VolumeRow

_SELECT = "SELECT c.Name, c.JSON, s.JSON FROM VolumeConfig c JOIN VolumeState s ON s.Name = c.Name"


class VolumeRows(Connection):
    """The part of the database about named volumes."""

    def volumes(self) -> list[VolumeRow]:
        rows = self.query(f"{_SELECT} ORDER BY c.Name")
        return [VolumeRow(str(name), config, state) for name, config, state in rows]

    def volume(self, name: str) -> VolumeRow | None:
        """By exact name."""
        rows = self.query(f"{_SELECT} WHERE c.Name = ?", (name,))
        return VolumeRow(name, rows[0][1], rows[0][2]) if rows else None

    def add_volume(self, config: Json, state: Json) -> None:
        """Raises Conflict when the name is taken."""
        name = str(config["name"])
        with self.transaction() as tables:
            if tables.execute("SELECT 1 FROM VolumeConfig WHERE Name = ?", (name,)).fetchone():
                raise Conflict(f"create volume {name}", "the name is taken")
            storage_id = config.get("storageID") or None
            tables.execute("INSERT INTO VolumeConfig VALUES (?, ?, ?)", (name, storage_id, _text(config)))
            tables.execute("INSERT INTO VolumeState VALUES (?, ?)", (name, _text(state)))

    def save_volume_state(self, name: str, state: Json) -> None:
        """Raises NotFound."""
        self._replace("VolumeState", name, state)

    def save_volume_config(self, name: str, config: Json) -> None:
        """Raises NotFound."""
        self._replace("VolumeConfig", name, config)

    def _replace(self, table: str, name: str, value: Json) -> None:
        with self.transaction() as tables:
            done = tables.execute(f"UPDATE {table} SET JSON = ? WHERE Name = ?", (_text(value), name))
            if done.rowcount == 0:
                raise NotFound(f"save volume {name}", "it is not in the database any more")

    def remove_volume(self, name: str) -> None:
        """One that is gone is no error. Raises InUse with the names of the containers that mount it."""
        with self.transaction() as tables:
            users = tables.execute(
                "SELECT c.Name FROM ContainerVolume v JOIN ContainerConfig c ON c.ID = v.ContainerID"
                " WHERE v.VolumeName = ? ORDER BY c.Name",
                (name,),
            ).fetchall()
            if users:
                raise InUse(f"remove volume {name}", f"mounted by {', '.join(str(row[0]) for row in users)}")
            tables.execute("DELETE FROM VolumeConfig WHERE Name = ?", (name,))
            tables.execute("DELETE FROM VolumeState WHERE Name = ?", (name,))

    def volume_users(self, name: str) -> list[str]:
        """Ids of the containers, running or not, that mount the volume."""
        rows = self.query("SELECT ContainerID FROM ContainerVolume WHERE VolumeName = ? ORDER BY 1", (name,))
        return [str(row[0]) for row in rows]


def _text(value: Json) -> str:
    return dump_json(value).decode()
