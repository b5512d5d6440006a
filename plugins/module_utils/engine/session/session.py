# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The one way to open the engine.

`Session.open()` finds out who asks and enters that user's namespaces, before any lock, thread or descriptor. All else
is imported and opened at its first use and no earlier: a task that only looks at images never loads SQLite, one that
changes nothing takes no exclusive lock, and no process is started where the user's namespaces exist already.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..host import identity as who
from . import below

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from ..host.cgroups import CgroupFacts
    from ..host.identity import Identity
    from ..host.process import Runner
    from ..libpod.conf import ContainersConf
    from ..libpod.database import Database
    from ..libpod.events import Event, EventLog
    from ..libpod.locks import LockTable
    from ..libpod.paths import LibpodPaths
    from ..libpod.refresh import BootReport
    from ..libpod.rows import ContainerRow
    from ..netavark.networks import NetworkDir
    from ..netavark.settings import NetContext
    from ..runtime.probe import ConmonFacts, RuntimeChoice
    from ..runtime.program import Runtime
    from ..store.conf import StoreOptions
    from ..store.store import Store


class Session:
    """Everything a deed needs of this host, for one user. Not to be used from two threads or across fork().

    `command` is the absolute path of the installed `daemonless`, which conmon calls when a container ends.
    `warnings` is what the user should be told besides the result.
    """

    def __init__(self, identity: Identity, runner: Runner | None = None, command: str | None = None) -> None:
        self.identity = identity
        self._runner = runner
        self.command = command
        self.warnings: list[str] = []
        self.after_boot: BootReport | None = None
        self._conf: ContainersConf | None = None
        self._store_options: StoreOptions | None = None
        self._store: Store | None = None
        self._libpod: tuple[LibpodPaths, Database] | None = None
        self._locks: LockTable | None = None
        self._events: EventLog | None = None
        self._cgroups: CgroupFacts | None = None
        self._runtime: RuntimeChoice | None = None
        self._conmon: ConmonFacts | None = None
        self._net: NetContext | None = None

    @classmethod
    def open(cls, command: str | None = None, runner: Runner | None = None) -> Session:
        """Raises HostLacks, naming what a plain user's namespaces need and this host does not have."""
        identity = who.who_am_i()
        session = cls(identity, runner, command)
        if identity.rootless:
            session._enter()
        else:
            # A login session's own, gone after the logout: crun would keep the state of root's containers there.
            os.environ.pop("XDG_RUNTIME_DIR", None)
        return session

    def sibling(self) -> Session:
        """A session for a forked process: the same user in the same namespaces, and nothing open that is shared. What
        has been read of the host's configuration is not read again."""
        other = type(self)(self.identity, self._runner, self.command)
        other._conf, other._store_options, other._cgroups = self._conf, self._store_options, self._cgroups
        other._runtime, other._conmon, other._net = self._runtime, self._conmon, self._net
        return other

    def read_ahead(self) -> None:
        """Read what siblings take over."""
        self._net = below.net_context(self)  # asks for the configuration and the roots
        self._cgroups = self.cgroups

    def _enter(self) -> None:
        from .enter import enter

        self.identity = enter(self)

    @property
    def runner(self) -> Runner:
        """What starts programs."""
        if self._runner is None:
            from ..host.process import LinuxRunner

            self._runner = LinuxRunner()
        return self._runner

    def close(self) -> None:
        if self._libpod is not None:
            self._libpod[1].close()
        self._libpod = None
        self._store = None

    def warn(self, text: str) -> None:
        """Tell the user once."""
        if text not in self.warnings:
            self.warnings.append(text)

    # -- configuration ------------------------------------------------------------------------------------------------

    @property
    def conf(self) -> ContainersConf:
        """containers.conf, merged."""
        if self._conf is None:
            from ..libpod import conf

            self._conf = conf.load(self.identity)
            if self._conf.image_copy_tmp_dir:
                self._choose_scratch(self._conf.image_copy_tmp_dir)
        return self._conf

    def _choose_scratch(self, wanted: str) -> None:
        """containers.conf(5), image_copy_tmp_dir; "storage" is a directory of the store."""
        from ..base.files import choose_scratch

        own = wanted == "storage"
        choose_scratch(os.path.join(self.store_options.graph_root, "tmp") if own else wanted, make=own)

    @property
    def store_options(self) -> StoreOptions:
        """storage.conf, with the roots that the container database insists on."""
        if self._store_options is None:
            from ..store import conf

            self._store_options = conf.load(self.identity)
            if below.unusual_roots(self._store_options, self.identity):
                self._opened()  # the usual ones were the same when the database was made
        return self._store_options

    @property
    def cgroups(self) -> CgroupFacts:
        """What this host lets us do with control groups."""
        if self._cgroups is None:
            from ..host import cgroups

            manager = self.conf.cgroup_manager
            self._cgroups = cgroups.observe(self.identity.rootless, self.identity.uid, manager)
        return self._cgroups

    @property
    def log_driver(self) -> str:
        """Of containers that name none."""
        from ..libpod.conf import default_log_driver

        return default_log_driver(self.conf)

    # -- what works below us ------------------------------------------------------------------------------------------

    @property
    def runtime(self) -> RuntimeChoice:
        """The OCI runtime for new containers: the configured one, else the first that works on this host.

        Raises HostLacks, naming each candidate with its reason.
        """
        if self._runtime is None:
            self._runtime = below.choose_runtime(self)
        return self._runtime

    def runtime_of(self, name: str) -> Runtime:
        """The runtime that an existing container was made with, by the name or path in its configuration."""
        return below.runtime_named(self, name)

    @property
    def conmon(self) -> ConmonFacts:
        """Raises HostLacks."""
        if self._conmon is None:
            self._conmon = below.find_conmon(self)
        return self._conmon

    @property
    def net(self) -> NetContext:
        """What the network deeds need."""
        if self._net is None:
            self._net = below.net_context(self)
        return self._net

    @property
    def network_directory(self) -> str:
        """Where the network files lie."""
        return self.net.settings.config_dir

    @property
    def networks(self) -> NetworkDir:
        from ..netavark.networks import NetworkDir

        return NetworkDir(self.net.settings)

    # -- state --------------------------------------------------------------------------------------------------------

    @property
    def store(self) -> Store:
        """Images, layers and storage containers."""
        if self._store is None:
            from ..store.store import Store

            self._store = Store(self.store_options, self.identity.rootless, lambda: below.layer_limits(self))
        return self._store

    @property
    def paths(self) -> LibpodPaths:
        """Where libpod's state lies."""
        return self._opened()[0]

    @property
    def database(self) -> Database:
        """Containers, pods, volumes. Reading creates nothing; the first write goes through the boot check."""
        return self._opened()[1]

    @property
    def locks(self) -> LockTable:
        """Locks of containers, pods and volumes. Asking for them goes through the boot check: after a boot, numbers
        must be taken again before anybody allocates or holds one."""
        self.ensure_booted()
        return self._lock_table()

    @property
    def events(self) -> EventLog:
        if self._events is None:
            from ..libpod.conf import default_events_logger
            from ..libpod.events import EventLog

            logger = default_events_logger(self.conf)
            self._events = EventLog(logger, self.paths.events_log, self.conf.events_logfile_max_size)
        return self._events

    def emit(self, event: Event) -> None:
        """Write an event; a failure becomes a warning, never an error."""
        failure = self.events.append(event)
        if failure:
            self.warn(failure)

    def hold(self, row: ContainerRow, timeout: float | None = None) -> AbstractContextManager[None]:
        """The lock of one container. Read its state again inside: it may have changed, or be gone."""
        return self.locks.hold(row.lock_id, timeout)

    def ensure_booted(self) -> None:
        """Record this boot in the container database if nobody has; `after_boot` then tells what it found."""
        if self._lock_table_ready:
            return
        paths, database = self._opened()
        if not database.exists:
            database.settings = paths.settings(below.graph_driver(self))
        from ..libpod import refresh
        from ..libpod.events import Event

        self._lock_table_ready = True  # recording the boot writes, and every first write asks for the boot check
        try:
            report = refresh.ensure_booted(paths, database, self._lock_table())
        except BaseException:
            self._lock_table_ready = False
            database.before_write = self.ensure_booted
            raise
        if report is not None:
            self.after_boot = report
            self.emit(Event("system", "refresh"))

    _lock_table_ready = False

    def _lock_table(self) -> LockTable:
        if self._locks is None:
            from ..libpod.locks import open_locks

            self._locks = open_locks(self.conf, self.paths)
        return self._locks

    def _obey_database(self, paths: LibpodPaths, options: StoreOptions) -> None:
        """As podman: storage.conf changed after the database was made does not move the store."""
        stored = (paths.graph_root, paths.run_root)
        if tuple(map(os.path.realpath, stored)) == (options.graph_root, options.run_root):
            return
        self._store_options = options._replace(graph_root=paths.graph_root, run_root=paths.run_root)
        self._store = None
        self.warn(
            f"storage.conf names {options.graph_root} and {options.run_root}, but the containers of this store were"
            f" made with {stored[0]} and {stored[1]}, which stay in use"
        )

    def _opened(self) -> tuple[LibpodPaths, Database]:
        if self._libpod is None:
            from ..libpod import gates, refresh
            from ..libpod.paths import Roots

            options = self.store_options
            roots = Roots(options.graph_root, options.run_root, options.transient)
            paths, database = gates.choose(self.conf, roots, self.identity)
            database.before_write = self.ensure_booted
            database.rebooted = not refresh.is_booted(paths)
            if paths.own:
                self.warn(f"Containers are kept apart from podman's: {paths.reason}")
            self._libpod = (paths, database)
            self._obey_database(paths, options)
        return self._libpod
