# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where libpod's state lies: podman's own places, or a store of our own beside a podman that we must not touch."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple
from .schema import Settings

if TYPE_CHECKING:
    from ..host.identity import Identity
    from .conf import ContainersConf

DATABASE = "db.sql"
BOLT = "bolt_state.db"
_OWN = "daemonless"


class Roots(NamedTuple):
    """What storage.conf says."""

    graph_root: str
    run_root: str
    transient: bool = False


class LibpodPaths(NamedTuple):
    """Every place of one state store. `own` tells that podman does not look here; `reason` why."""

    static_dir: str
    tmp_dir: str
    volume_path: str
    graph_root: str
    run_root: str
    database: str
    shm_lock: str
    alive: str
    own: bool = False
    reason: str = ""
    events_file: str = ""

    @property
    def exits(self) -> str:
        """conmon's --exit-dir: one file a container, holding its exit code."""
        return os.path.join(self.tmp_dir, "exits")

    def persist(self, id: str) -> str:
        """conmon's --persist-dir of one container: files `exit` and `oom`."""
        return os.path.join(self.tmp_dir, "persist", id)

    @property
    def alive_lock(self) -> str:
        return os.path.join(self.tmp_dir, "alive.lck")

    @property
    def lock_directory(self) -> str:
        """Of lock_type "file"."""
        return os.path.join(self.tmp_dir, "locks")

    @property
    def events_log(self) -> str:
        return self.events_file or os.path.join(self.tmp_dir, "events", "events.log")

    @property
    def secrets(self) -> str:
        return os.path.join(self.graph_root, "secrets")

    def settings(self, driver: str = "") -> Settings:
        """What the database's own row says of these places. `driver`: "" unless one is configured, as podman does."""
        return Settings(self.static_dir, self.tmp_dir, self.graph_root, self.run_root, driver, self.volume_path)


def shared_paths(conf: ContainersConf, roots: Roots, identity: Identity) -> LibpodPaths:
    """The places podman takes with this configuration."""
    static = conf.static_dir or os.path.join(roots.graph_root, "libpod")
    if roots.transient:
        directory = roots.run_root
    else:
        directory = static if conf.static_dir else roots.graph_root
    tmp = conf.tmp_dir or default_tmp_dir(identity)
    return LibpodPaths(
        static_dir=os.path.normpath(static),
        tmp_dir=os.path.normpath(tmp),
        volume_path=os.path.normpath(conf.volume_path or os.path.join(roots.graph_root, "volumes")),
        graph_root=os.path.normpath(roots.graph_root),
        run_root=os.path.normpath(roots.run_root),
        database=os.path.join(directory, DATABASE),
        shm_lock="/dev/shm/libpod_lock" if not identity.rootless else f"/dev/shm/libpod_rootless_lock_{identity.uid}",
        alive=os.path.join(tmp, "alive"),
        events_file=conf.events_logfile_path,
    )


def own_paths(shared: LibpodPaths, identity: Identity, reason: str) -> LibpodPaths:
    """A store of our own: the same images and storage containers, but tables, locks and run-time files apart."""
    base = os.path.join(shared.graph_root, _OWN)
    tmp = f"/run/{_OWN}" if not identity.rootless else os.path.join(identity.runtime_dir, _OWN, "tmp")
    return shared._replace(
        static_dir=os.path.join(base, "libpod"),
        tmp_dir=tmp,
        volume_path=os.path.join(base, "volumes"),
        database=os.path.join(base, DATABASE),
        shm_lock=f"/dev/shm/{_OWN}_lock_{identity.uid}",
        alive=os.path.join(tmp, "alive"),
        own=True,
        reason=reason,
        events_file="",
    )


def beside_bolt(shared: LibpodPaths, identity: Identity, reason: str) -> LibpodPaths:
    """A database that we filled before a podman with a BoltDB store came: it stays, running containers write their
    exit codes below the same tmp_dir, but locks and boot mark are ours alone, for the other podman re-numbers its own.
    """
    return shared._replace(
        shm_lock=f"/dev/shm/{_OWN}_lock_{identity.uid}",
        alive=os.path.join(shared.tmp_dir, f"alive-{_OWN}"),
        own=True,
        reason=reason,
    )


def with_stored(paths: LibpodPaths, stored: Settings) -> LibpodPaths:
    """The database's own row wins over configuration that changed later, as in podman. "" there: the default."""
    tmp = stored.tmp_dir or paths.tmp_dir
    return paths._replace(
        static_dir=stored.static_dir or paths.static_dir,
        tmp_dir=tmp,
        alive=os.path.join(tmp, os.path.basename(paths.alive)),
        volume_path=stored.volume_dir or paths.volume_path,
        graph_root=stored.graph_root or paths.graph_root,
        run_root=stored.run_root or paths.run_root,
    )


def default_tmp_dir(identity: Identity) -> str:
    return "/run/libpod" if not identity.rootless else state_directory(identity)


def state_directory(identity: Identity) -> str:
    """Where a plain user's pause.pid lies, whatever tmp_dir says."""
    return os.path.join(identity.runtime_dir, "libpod", "tmp")
