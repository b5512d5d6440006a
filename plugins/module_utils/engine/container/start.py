# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting a container: everything it needs is made, then conmon creates it and the runtime lets it run.

Every step can be interrupted. What a start is about to make is written into the container's state before it is made,
so the next start, clean-up or removal knows what to give back first; podman's own clean-up knows as well.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import TYPE_CHECKING

from ..base import clock, jsonval
from ..base.errors import BadInput, Conflict, EngineError, HostLacks, NotFound
from ..base.files import atomic_write, dump_json
from ..base.steps import reached
from ..host.rooted import Root, read_file
from ..libpod.rows import PAUSED, REMOVING, RUNNING
from ..runtime import conmon
from ..runtime import start as runtime_start
from ..spec import users
from . import bundle, host_limits, lookup, networking, parts, resources, runfiles, volumes
from .events import event
from .holding import held, save
from .settle import release, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..host.cgroups import Place
    from ..netavark.connect import Connection
    from ..runtime.conmon import Created
    from ..session.session import Session
    from .model import Container

    Ready = Callable[[Container], None]

_JOINED = (
    ("netNsCtr", "network", "net"),
    ("ipcNsCtr", "ipc", "ipc"),
    ("pidNsCtr", "pid", "pid"),
    ("utsNsCtr", "uts", "uts"),
    ("userNsCtr", "user", "user"),
    ("cgroupNsCtr", "cgroup", "cgroup"),
)
_SYSTEM_DIRECTORIES = ("dev", "proc", "sys")


def start(session: Session, container: Container, ready: Ready | None = None) -> bool:
    """Start it, and first those containers whose namespaces it shares. False when it was running.

    `ready` is called when the container exists and its program has not begun: the moment to attach to its streams.
    Raises Conflict for a port or address in use, NotFound for a missing command or mount source, HostLacks, ToolFailed.
    """
    if container.running:
        return False
    for cid in session.database.dependencies(container.id):
        other = lookup.by_id(session, cid)
        if other is not None and not other.running:
            start(session, other)
    with held(session, container, "start") as current:
        return start_held(session, current, ready)


def start_held(session: Session, container: Container, ready: Ready | None = None, *, restarted: bool = False) -> bool:
    """As `start`, for a container whose lock the caller holds."""
    container = settle(session, container)
    if container.running:
        if container.code == PAUSED:
            raise Conflict(f"start container {container.name}", "it is paused", "Unpause it")
        return False
    if container.code == REMOVING:
        raise Conflict(f"start container {container.name}", "it is being removed")
    netns = networking.new_netns(session, container)
    count = container.restart_count if restarted else None
    container = save(
        session,
        container,
        mounted=True,
        netns=netns or None,
        stoppedByUser=None,
        restartCount=count,
        restartPolicyMatch=None if not restarted else True,
    )
    reached("start-recorded")
    try:
        _start(session, container, netns, ready)
    except BaseException as error:
        _undo(session, container, error)
        raise
    event(session, container, "start")
    return True


def _undo(session: Session, container: Container, error: BaseException) -> None:
    fresh = lookup.by_id(session, container.id)
    if fresh is None:
        return
    try:
        release(session, fresh)
    except EngineError as failure:
        if isinstance(error, EngineError):
            error.add_cleanup_failure(str(failure))


def _start(session: Session, container: Container, netns: str, ready: Ready | None) -> None:
    rootfs = resources.mount_rootfs(session, container)
    hostname = _hostname(session, container)
    connection = networking.connect(session, container, netns, hostname)
    with connection or nullcontext():
        shm = resources.mount_shm(session, container)
        accounts = _accounts(container, rootfs)
        files = runfiles.write(session, container, hostname, connection, accounts)
        mounted = volumes.attach(session, container, rootfs, accounts.account)
        _make_workdir(container, rootfs, accounts.account, [item.destination for item in mounted])
        spec = bundle.complete(
            container,
            bundle.Start(
                rootfs,
                hostname,
                accounts.account,
                tuple(files.items()),
                mounted,
                shm,
                parts.place(session, container).oci_path,
                tuple(_namespaces(session, container, netns).items()),
            ),
        )
        spec = host_limits.fit(session, spec, f"start container {container.name}")
        path = os.path.join(container.static_dir, "config.json")
        atomic_write(path, dump_json(spec), mode=0o644, durable=False)
        reached("bundle-written")
        created = _create(session, container, connection)
    reached("conmon-running")
    event(session, container, "init")
    if ready is not None:
        ready(container)
    runtime_start.start(session.runner, parts.runtime_of(session, container.config), container.id, container.name)
    reached("program-running")
    save(
        session,
        container,
        state=RUNNING,
        mountPoint=rootfs,
        configPath=path,
        startedTime=clock.now(),
        finishedTime=clock.ZERO,
        exitCode=None,
        exited=None,
        oomKilled=None,
        pid=created.pid,
        conmonPid=created.conmon_pid,
        networkStatus=(connection.network_status or None) if connection else None,
        bindMounts={**files, **({"/dev/shm": shm} if shm else {})},
    )


def _create(session: Session, container: Container, connection: Connection | None) -> Created:
    config = container.config
    where = parts.place(session, container)
    request = conmon.CreateRequest(
        cid=container.id,
        name=container.name,
        bundle=container.static_dir,
        run_dir=container.run_dir,
        log=_log_target(container),
        exit_command=parts.exit_command(session, container),
        terminal=container.terminal,
        stdin=jsonval.flag(config, "stdin"),
        timeout=jsonval.number(config, "timeout"),
        no_pivot=session.conf.no_pivot_root,
        no_new_keyring=not session.conf.keyring,
        hold_fds=connection.fds if connection else (),
        placed=lambda pid: _placed(session, where, pid),
    )
    return conmon.create(session.runner, parts.runtime_of(session, config), parts.monitor(session), request)


def _placed(session: Session, where: Place, pid: int) -> None:
    from ..host import cgroup_trees

    failure = cgroup_trees.enter_monitor(session.cgroups, where, pid, session.identity.uid)
    if failure:
        session.warn(failure)


def _log_target(container: Container) -> conmon.LogTarget:
    config = container.config
    return conmon.LogTarget(
        driver=container.log_driver or "k8s-file",
        path=container.log_path,
        size_max=max(0, jsonval.number(config, "logSize")),
        tag=jsonval.text(config, "logTag"),
    )


def _hostname(session: Session, container: Container) -> str:
    """Its own name, that of the container whose uts namespace it shares, or the host's."""
    other_id = jsonval.text(container.config, "utsNsCtr")
    if other_id:
        other = lookup.by_id(session, other_id)
        return _hostname(session, other) if other is not None else container.id[:12]
    own = jsonval.text(container.spec, "hostname")
    if own:
        return own
    spaces = jsonval.tables(jsonval.table(container.spec, "linux"), "namespaces")
    if not any(space.get("type") == "uts" for space in spaces):
        return os.uname().nodename
    return container.id[:12]


def _accounts(container: Container, rootfs: str) -> runfiles.Accounts:
    """Who the process is, by the image's own passwd and group, which are read as the hostile files they may be."""
    with Root.of(rootfs) as root:
        passwd = read_file(root, "etc/passwd", users.MAX_BYTES) or b""
        group = read_file(root, "etc/group", users.MAX_BYTES) or b""
        _refuse_redirected(container, root)
    wanted = jsonval.text(container.config, "user")
    extra = jsonval.texts(container.config, "groups")
    try:
        account = users.lookup(wanted, passwd, group, extra)
    except NotFound as error:
        raise NotFound(f"start container {container.name}", f"{error.deed}: {error.cause}") from error
    return runfiles.Accounts(account, passwd, group)


def _refuse_redirected(container: Container, root: Root) -> None:
    """An image whose /dev, /proc or /sys is a symbolic link makes runtimes write through it (CVE-2026-41579)."""
    for name in _SYSTEM_DIRECTORIES:
        try:
            target = root.readlink(name)
        except OSError:
            continue
        raise BadInput(
            f"start container {container.name}",
            f"/{name} of its image is a symbolic link to {os.fsdecode(target)}",
            "No honest image has that; the runtime would be led astray by it",
        )


def _make_workdir(container: Container, rootfs: str, account: users.Account, mounted: list[str]) -> None:
    """podman makes a missing working directory, owned by the container's user; one below a volume is left alone."""
    cwd = jsonval.text(jsonval.table(container.spec, "process"), "cwd", "/")
    if cwd == "/" or not jsonval.flag(container.config, "createWorkingDir"):
        return
    targets = mounted + [jsonval.text(mount, "destination") for mount in jsonval.tables(container.spec, "mounts")]
    if any(cwd == target or cwd.startswith(target.rstrip("/") + "/") for target in targets if target != "/"):
        return
    with Root.of(rootfs) as root:
        if root.exists(cwd):
            return
        try:
            os.close(root.mkdirs(cwd, 0o755, (account.uid, account.gid)))
        except OSError as error:
            raise HostLacks(
                f"start container {container.name}", f"working directory {cwd}: {error.strerror}"
            ) from error


def _namespaces(session: Session, container: Container, netns: str) -> dict[str, str]:
    """OCI namespace type -> path, for those that this start knows: our network namespace, other containers' ones."""
    found = {}
    if netns:
        found["network"] = netns
    for key, kind, name in _JOINED:
        other_id = jsonval.text(container.config, key)
        if not other_id:
            continue
        other = lookup.by_id(session, other_id)
        if other is None or not other.running:
            word = other.name if other else other_id[:12]
            raise Conflict(
                f"start container {container.name}", f"container {word}, whose {kind} it shares, is not running"
            )
        found[kind] = f"/proc/{other.pid}/ns/{name}"
    return found
