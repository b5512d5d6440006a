# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting a container: everything it needs is made, then conmon creates it and the runtime lets it run.

Every step can be interrupted. What a start is about to make is written into the container's state before it is made,
so the next start, clean-up or removal knows what to give back first; podman's own clean-up knows as well.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, nullcontext
from typing import TYPE_CHECKING

from ..base import clock, jsonval
from ..base.errors import BadInput, Conflict, EngineError, HostLacks, NotFound
from ..base.files import atomic_write, dump_json
from ..base.steps import reached
from ..host.cgroups import V2
from ..host.rooted import Root, read_file
from ..libpod.rows import PAUSED, REMOVING, RUNNING
from ..runtime import conmon
from ..runtime import start as runtime_start
from ..spec import start_spec, users
from . import host_limits, lookup, mount_sources, networking, parts, resources, runfiles, secret_files
from .events import event
from .holding import held, save
from .settle import release, settle

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..base.jsonval import Json
    from ..host.cgroups import Place
    from ..netavark.connect import Connection
    from ..runtime.conmon import Created
    from ..session.session import Session
    from .model import Container

    Ready = Callable[[Container], None]

_OCI_VERSION = "1.0.2"  # nothing newer is used, and runtimes of 2022 and 2023 refuse 1.1 and later
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
    with ExitStack() as stack:
        stack.enter_context(connection or nullcontext())
        shm = resources.mount_shm(session, container)
        accounts = _accounts(container, rootfs)
        files = {**runfiles.write(session, container, hostname, connection, accounts), **secret_files.binds(container)}
        sources = stack.enter_context(mount_sources.prepared(session, container, rootfs, accounts.account))
        facts = start_spec.StartFacts(
            root=rootfs,
            account=accounts.account,
            hostname=hostname,
            netns=netns,
            shared=_shared_namespaces(session, container),
            bind_mounts={**files, **({"/dev/shm": shm} if shm else {})},
            volumes=sources.volumes,
            parts=sources.parts,
            extra_mounts=sources.overlays,
            secret_env=secret_files.environment(session, container),
            cgroups_v2=session.cgroups.mode == V2,
            all_devices=host_limits.all_devices(session, container),
            **host_limits.process_limits(session),
        )
        _make_workdir(container, rootfs, accounts.account)
        spec = host_limits.fit(session, _spec(session, container, facts), f"start container {container.name}")
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
        bindMounts=dict(facts.bind_mounts),
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


def _spec(session: Session, container: Container, facts: start_spec.StartFacts) -> Json:
    """The bundle's config.json."""
    spec, warnings = start_spec.render(container.config, facts)
    for warning in warnings:
        session.warn(warning)
    spec["ociVersion"] = _OCI_VERSION
    linux: Json = dict(jsonval.table(spec, "linux"))
    where = parts.place(session, container).oci_path
    if where:
        linux["cgroupsPath"] = where
    else:
        linux.pop("cgroupsPath", None)
    spec["linux"] = linux
    return spec


def _hostname(session: Session, container: Container) -> str:
    """Its own name, that of the container whose uts namespace it shares, or the host's."""
    other_id = jsonval.text(container.config, "utsNsCtr")
    other = lookup.by_id(session, other_id) if other_id else None
    peer = _hostname(session, other) if other is not None else ""
    return start_spec.hostname_of(container.config, os.uname().nodename, peer) or container.id[:12]


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


def _make_workdir(container: Container, rootfs: str, account: users.Account) -> None:
    """podman makes a missing working directory, owned by the container's user; one below a volume is left alone."""
    cwd = jsonval.text(jsonval.table(container.spec, "process"), "cwd", "/")
    if cwd == "/" or not jsonval.flag(container.config, "createWorkingDir"):
        return
    targets = [jsonval.text(mount, "destination") for mount in jsonval.tables(container.spec, "mounts")]
    targets += [jsonval.text(volume, "dest") for volume in jsonval.tables(container.config, "namedVolumes")]
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


def _shared_namespaces(session: Session, container: Container) -> dict[str, str]:
    """The paths of the other containers' namespaces that this one joins. Raises Conflict for one that does not run."""
    found = {}
    for kind, other_id in start_spec.container_ids(container.config).items():
        other = lookup.by_id(session, other_id)
        if other is None or not other.running:
            word = other.name if other else other_id[:12]
            raise Conflict(
                f"start container {container.name}", f"container {word}, whose {kind} it shares, is not running"
            )
        found[kind] = f"/proc/{other.pid}/ns/{'net' if kind == 'network' else kind}"
    return found
