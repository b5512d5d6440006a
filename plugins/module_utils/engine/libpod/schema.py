# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tables of podman's state database, schema version 1 (podman 4.5 to 6), and its one row of settings.

The table and column definitions are podman's (libpod, schema version 1); a database that we create is one that podman
takes for its own.
"""

from __future__ import annotations

from ..base.tuples import NamedTuple

SCHEMA_VERSION = 1
OPERATING_SYSTEM = "linux"

_REFERS = "FOREIGN KEY ({column}) REFERENCES {table}({target})"
_LATE = " DEFERRABLE INITIALLY DEFERRED"


def _refers(column: str, table: str, target: str = "ID", late: bool = True) -> str:
    return _REFERS.format(column=column, table=table, target=target) + (_LATE if late else "")


_EXIT_CODE = "CHECK (ExitCode BETWEEN -1 AND 255)"
_TABLES: dict[str, tuple[str, ...]] = {
    "DBConfig": (
        "ID INTEGER PRIMARY KEY NOT NULL",
        "SchemaVersion INTEGER NOT NULL",
        "OS TEXT NOT NULL",
        "StaticDir TEXT NOT NULL",
        "TmpDir TEXT NOT NULL",
        "GraphRoot TEXT NOT NULL",
        "RunRoot TEXT NOT NULL",
        "GraphDriver TEXT NOT NULL",
        "VolumeDir TEXT NOT NULL",
        "CHECK (ID IN (1))",
    ),
    "IDNamespace": ("ID TEXT PRIMARY KEY NOT NULL",),
    "ContainerConfig": (
        "ID TEXT PRIMARY KEY NOT NULL",
        "Name TEXT UNIQUE NOT NULL",
        "PodID TEXT",
        "JSON TEXT NOT NULL",
        _refers("ID", "IDNamespace"),
        _refers("ID", "ContainerState"),
        _refers("PodID", "PodConfig", late=False),
    ),
    "ContainerState": (
        "ID TEXT PRIMARY KEY NOT NULL",
        "State INTEGER NOT NULL",
        "ExitCode INTEGER",
        "JSON TEXT NOT NULL",
        _refers("ID", "ContainerConfig"),
        _EXIT_CODE,
    ),
    "ContainerExecSession": (
        "ID TEXT PRIMARY KEY NOT NULL",
        "ContainerID TEXT NOT NULL",
        _refers("ContainerID", "ContainerConfig", late=False),
    ),
    "ContainerDependency": (
        "ID TEXT NOT NULL",
        "DependencyID TEXT NOT NULL",
        "PRIMARY KEY (ID, DependencyID)",
        _refers("ID", "ContainerConfig"),
        _refers("DependencyID", "ContainerConfig", late=False),
        "CHECK (ID <> DependencyID)",
    ),
    "ContainerVolume": (
        "ContainerID TEXT NOT NULL",
        "VolumeName TEXT NOT NULL",
        "PRIMARY KEY (ContainerID, VolumeName)",
        _refers("ContainerID", "ContainerConfig"),
        _refers("VolumeName", "VolumeConfig", "Name", late=False),
    ),
    "ContainerExitCode": (
        "ID TEXT PRIMARY KEY NOT NULL",
        "Timestamp INTEGER NOT NULL",
        "ExitCode INTEGER NOT NULL",
        _EXIT_CODE,
    ),
    "PodConfig": (
        "ID TEXT PRIMARY KEY NOT NULL",
        "Name TEXT UNIQUE NOT NULL",
        "JSON TEXT NOT NULL",
        _refers("ID", "IDNamespace"),
        _refers("ID", "PodState"),
    ),
    "PodState": (
        "ID TEXT PRIMARY KEY NOT NULL",
        "InfraContainerID TEXT",
        "JSON TEXT NOT NULL",
        _refers("ID", "PodConfig"),
        _refers("InfraContainerID", "ContainerConfig"),
    ),
    "VolumeConfig": (
        "Name TEXT PRIMARY KEY NOT NULL",
        "StorageID TEXT",
        "JSON TEXT NOT NULL",
        _refers("Name", "VolumeState", "Name"),
    ),
    "VolumeState": (
        "Name TEXT PRIMARY KEY NOT NULL",
        "JSON TEXT NOT NULL",
        _refers("Name", "VolumeConfig", "Name"),
    ),
}


class Settings(NamedTuple):
    """The row of DBConfig that every later process must agree with. "" in the three storage columns: the default."""

    static_dir: str
    tmp_dir: str
    graph_root: str
    run_root: str
    graph_driver: str
    volume_dir: str


SELECT_SETTINGS = (
    "SELECT SchemaVersion, StaticDir, TmpDir, GraphRoot, RunRoot, GraphDriver, VolumeDir FROM DBConfig WHERE ID = 1"
)
INSERT_SETTINGS = "INSERT OR IGNORE INTO DBConfig VALUES (1, ?, ?, ?, ?, ?, ?, ?, ?)"


def statements() -> tuple[str, ...]:
    """What creates the tables that are missing."""
    return tuple(f"CREATE TABLE IF NOT EXISTS {name}({', '.join(columns)})" for name, columns in _TABLES.items())


def settings_row(settings: Settings) -> tuple[object, ...]:
    return (SCHEMA_VERSION, OPERATING_SYSTEM, *settings)
