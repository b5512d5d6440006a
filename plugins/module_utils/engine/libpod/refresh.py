# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The first use after a boot: podman's "refresh", done the same way under the same lock.

TMP/alive says that some process has gone through it since the host started. Whoever finds it missing resets every
state row, takes every lock number again in the fresh lock table, and creates it with the kernel's boot id. A podman
that comes later finds `alive` and leaves running containers alone.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import HostLacks, Refused
from ..base.files import dump_json, read_bytes
from ..base.locks import FileLock
from ..base.steps import reached
from ..base.tuples import NamedTuple
from .rows import EXITED, REMOVING, Json, after_boot, parse_row, volume_after_boot
from .survivors import still_runs

if TYPE_CHECKING:
    import sqlite3

    from .database import Database
    from .locks import LockTable
    from .paths import LibpodPaths

_BOOT_ID = "/proc/sys/kernel/random/boot_id"
_CONMON_FILES = ("attach", "ctl", "winsz")


class BootReport(NamedTuple):
    """What a refresh did. `to_remove`: ids of containers that should have vanished with the last boot (--rm, or a
    removal cut short); their storage is for the caller to remove.
    """

    to_remove: tuple[str, ...]
    kept_running: tuple[str, ...]


def is_booted(paths: LibpodPaths) -> bool:
    """Whether some process has already recorded this boot."""
    return os.path.exists(paths.alive)


def ensure_booted(paths: LibpodPaths, database: Database, locks: LockTable) -> BootReport | None:
    """Record this boot if nobody has; None when somebody had. Raises Refused when `alive` is of another boot
    (a /run that survived it): podman refuses too; HostLacks when a directory cannot be made.
    """
    try:
        report = _ensure(paths, database, locks)
    except OSError as error:
        named = os.fsdecode(error.filename) if error.filename else paths.tmp_dir
        raise HostLacks("record this boot for the containers", f"{named}: {error.strerror}") from error
    database.rebooted = False  # whoever recorded it, and whenever: its states are of this boot
    return report


def _ensure(paths: LibpodPaths, database: Database, locks: LockTable) -> BootReport | None:
    if _mark_is_ours(paths):
        return None
    os.makedirs(paths.tmp_dir, mode=0o751, exist_ok=True)
    with FileLock(paths.alive_lock):
        if _mark_is_ours(paths):
            return None
        report = BootReport((), ())
        if not is_booted(paths):
            report = _refresh(paths, database, locks)
        reached("states-reset")
        _write_mark(paths.alive)
    return report


def _mark_is_ours(paths: LibpodPaths) -> bool:
    """False when there is none, or an empty one (podman writes the id a moment after creating the file)."""
    try:
        mark = read_bytes(paths.alive, 4096)
    except FileNotFoundError:
        return False
    if mark and mark != _boot_id():
        raise Refused(
            "use the containers of this host",
            f"{paths.alive} is of an earlier boot, so it is unknown what still runs",
            f"If nothing does, remove {paths.tmp_dir} and {paths.run_root}",
        )
    return bool(mark)


def _boot_id() -> bytes:
    return read_bytes(_BOOT_ID, 4096)


def _write_mark(path: str) -> None:
    temporary = f"{path}.{os.getpid()}"
    fd = os.open(temporary, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.write(fd, _boot_id())
    finally:
        os.close(fd)
    os.rename(temporary, path)


def _refresh(paths: LibpodPaths, database: Database, locks: LockTable) -> BootReport:
    database.create()
    database.rebooted = False
    for number in locks.allocated():  # none after a boot; those of a refresh that was killed half-way
        locks.free(number)
    to_remove: list[str] = []
    kept: list[str] = []
    with database.transaction() as tables:
        for id, config_text, state_text in tables.execute(
            "SELECT c.ID, c.JSON, s.JSON FROM ContainerConfig c JOIN ContainerState s ON s.ID = c.ID"
        ).fetchall():
            config = parse_row(config_text, f"configuration of container {id[:12]}")
            state = parse_row(state_text, f"state of container {id[:12]}")
            new_lock = _take_lock(locks, config)
            if new_lock is not None:
                text = dump_json(new_lock).decode()
                tables.execute("UPDATE ContainerConfig SET JSON = ? WHERE ID = ?", (text, id))
            if still_runs(id, state):
                kept.append(id)
                continue
            fresh = after_boot(state)
            fresh["runDir"] = os.path.join(paths.run_root, "overlay-containers", id, "userdata")
            tables.execute("UPDATE ContainerState SET JSON = ? WHERE ID = ?", (dump_json(fresh).decode(), id))
            _prepare_directories(fresh["runDir"], config)
            if fresh["state"] == REMOVING or (fresh["state"] == EXITED and _removes_itself(config)):
                to_remove.append(id)
        _refresh_pods(tables, locks)
        _refresh_volumes(tables, locks)
        tables.execute("DELETE FROM ContainerExitCode")
        tables.execute("DELETE FROM ContainerExecSession")
    return BootReport(tuple(to_remove), tuple(kept))


def _refresh_pods(tables: sqlite3.Connection, locks: LockTable) -> None:
    for id, config_text, state_text in tables.execute(
        "SELECT c.ID, c.JSON, s.JSON FROM PodConfig c JOIN PodState s ON s.ID = c.ID"
    ).fetchall():
        config = parse_row(config_text, f"configuration of pod {id[:12]}")
        state = parse_row(state_text, f"state of pod {id[:12]}")
        new_lock = _take_lock(locks, config)
        if new_lock is not None:
            tables.execute("UPDATE PodConfig SET JSON = ? WHERE ID = ?", (dump_json(new_lock).decode(), id))
        state["cgroupPath"] = _pod_cgroup(id, config)
        tables.execute("UPDATE PodState SET JSON = ? WHERE ID = ?", (dump_json(state).decode(), id))


def _refresh_volumes(tables: sqlite3.Connection, locks: LockTable) -> None:
    for name, config_text, state_text in tables.execute(
        "SELECT c.Name, c.JSON, s.JSON FROM VolumeConfig c JOIN VolumeState s ON s.Name = c.Name"
    ).fetchall():
        new_lock = _take_lock(locks, parse_row(config_text, f"configuration of volume {name}"))
        if new_lock is not None:
            tables.execute("UPDATE VolumeConfig SET JSON = ? WHERE Name = ?", (dump_json(new_lock).decode(), name))
        state = volume_after_boot(parse_row(state_text, f"state of volume {name}"))
        tables.execute("UPDATE VolumeState SET JSON = ? WHERE Name = ?", (dump_json(state).decode(), name))


def _take_lock(locks: LockTable, config: Json) -> Json | None:
    """Take the number that `config` names; the changed config when another had it already."""
    number = config.get("lockID", 0)
    if isinstance(number, int) and locks.allocate_given(number):
        return None
    return {**config, "lockID": locks.allocate()}


def _prepare_directories(run_directory: object, config: Json) -> None:
    """The run directory, lost with /run, and no sockets of the dead conmon."""
    os.makedirs(str(run_directory), mode=0o700, exist_ok=True)
    static = config.get("staticDir")
    if not isinstance(static, str):
        return
    for name in _CONMON_FILES:
        try:
            os.unlink(os.path.join(static, name))
        except (FileNotFoundError, NotADirectoryError):
            pass


def _removes_itself(config: Json) -> bool:
    spec = config.get("spec")
    annotations = spec.get("annotations") if isinstance(spec, dict) else None
    if not isinstance(annotations, dict):
        return False
    return annotations.get("io.podman.annotations.autoremove") == "TRUE"


def _pod_cgroup(id: str, config: Json) -> str:
    """Where the pod's own cgroup will be; runtimes create it at the next start."""
    parent = config.get("cgroupParent")
    if not config.get("sharesCgroup"):
        return ""
    if not isinstance(parent, str) or not parent:
        return ""
    if parent.endswith(".slice"):
        stem = parent[: -len(".slice")]
        return os.path.join(parent, f"{stem}-libpod_pod_{id}.slice")
    return os.path.join(parent, id)
