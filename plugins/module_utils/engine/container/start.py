# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting a container: everything it needs is made, then conmon creates it and the runtime lets it run.

Every step can be interrupted. What a start is about to make is written into the container's state before it is made,
so the next start, clean-up or removal knows what to give back first; podman's own clean-up knows as well.
"""

from __future__ import annotations

import os
from contextlib import ExitStack, suppress
from typing import TYPE_CHECKING

from ..base import clock, jsonval
from ..base.errors import Conflict, EngineError
from ..base.files import atomic_write, dump_json
from ..base.steps import reached
from ..host import cgroup_trees
from ..host.cgroups import V2
from ..libpod.rows import CREATED as INITIALIZED
from ..libpod.rows import PAUSED, REMOVING, RUNNING
from ..runtime import conmon
from ..runtime import start as runtime_start
from ..runtime.handed import NOTHING
from ..spec import start_spec
from . import (
    frozen,
    health_log,
    health_watch,
    host_limits,
    inside,
    lookup,
    mount_sources,
    networking,
    own_ids,
    parts,
    pod_group,
    resources,
    runfiles,
    secret_files,
    stillness,
)
from .events import event
from .holding import held, save
from .settle import release, settle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..base.jsonval import Json
    from ..host.cgroups import Place
    from ..runtime.handed import Handed
    from ..session.session import Session
    from .model import Container
    from .networking import Kept as Address
    from .restore import Thaw

    Ready = Callable[[Container], None]

_THAW_SECONDS = 3600.0  # gigabytes of memory come from a disk
#: A start from the beginning is no continuation of what was frozen (podman forgets it there as well).
_NOT_THAWED: dict[str, object] = {
    "checkpointed": None,
    "checkpointPath": None,
    "checkpointLog": None,
    "restored": None,
    "restoreLog": None,
    "checkpointedTime": clock.ZERO,
    "restoredTime": clock.ZERO,
}
_OCI_VERSION = "1.0.2"  # nothing newer is used, and runtimes of 2022 and 2023 refuse 1.1 and later


def start(
    session: Session,
    container: Container,
    ready: Ready | None = None,
    known_as: str = "",
    handed: Handed = NOTHING,
) -> bool:
    """Start it, and first those containers whose namespaces it shares. False when it was running.

    `ready` is called when the container exists and its program has not begun: the moment to attach to its streams.
    `known_as` is the name it is going to have, by which its networks, its journal and its own files call it already.
    `handed` are open files of ours that its program gets under the same numbers, this time only.
    Raises Conflict for a port or address in use, NotFound for a missing command or mount source, HostLacks, ToolFailed.
    """
    if container.running:
        return False
    for cid in session.database.dependencies(container.id):
        other = lookup.by_id(session, cid)
        if other is not None and not other.running:
            start(session, other)
    with cgroup_trees.moving_soon(session.cgroups), held(session, container, "start") as current:
        return start_held(session, current.known_as(known_as) if known_as else current, ready, handed=handed)


def initialize(session: Session, container: Container) -> None:
    """Make all that it needs and create it in the runtime, and do not let its program begin.

    Raises Conflict when that has been done or it runs, and as `start`.
    """
    with held(session, container, "initialize") as current:
        if current.running or current.waits:
            raise Conflict(f"initialize container {current.name}", "it has been created in the runtime already")
        start_held(session, current, begins=False)


def start_held(
    session: Session,
    container: Container,
    ready: Ready | None = None,
    *,
    restarted: bool = False,
    begins: bool = True,
    thaw: Thaw | None = None,
    handed: Handed = NOTHING,
    again: Mapping[str, Address] | None = None,
) -> bool:
    """As `start`, for a container whose lock the caller holds; without `begins` its program is left waiting. With
    `thaw` its processes come out of a checkpoint, and run as soon as they are there. `again` are addresses that it gets
    by network, for this run."""
    if begins and thaw is None and container.waits:
        _begin(session, container, ready)
        health_watch.begin(session, save(session, container, state=RUNNING, startedTime=clock.now()))
        event(session, container, "start")
        return True
    name = container.name
    container = settle(session, container)
    if container.running:
        if container.code == PAUSED:
            raise Conflict(f"start container {container.name}", "it is paused", "Unpause it")
        return False
    if container.code == REMOVING:
        raise Conflict(f"start container {container.name}", "it is being removed")
    if thaw is None:
        stillness.go_on(session, container)
    pod_group.prepare(session, container)
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
        startupHCPassed=None,
        startupHCSuccessCount=None,
        startupHCFailureCount=None,
        hcUnitName=None,
        **({} if thaw else _NOT_THAWED),
    )
    reached("start-recorded")
    try:
        again = thaw.addresses if thaw is not None else again
        changes = _prepare(session, container.known_as(name), netns, thaw, again, handed)
        if thaw is not None:
            changes.update(state=RUNNING)
            if clock.is_zero(container.started_at):  # out of an archive: it never ran here
                changes.update(startedTime=clock.now())
        else:
            event(session, container, "init")
        if begins and thaw is None:
            _begin(session, container, ready)
            changes.update(state=RUNNING, startedTime=clock.now())
        container = save(session, container, **changes)
        if thaw is not None:
            from .restore import recorded

            container = recorded(session, container)
    except BaseException as error:
        _undo(session, container, error)
        raise
    if begins:
        health_watch.begin(session, container)
        event(session, container, "start" if thaw is None else "restore")
    return True


def _begin(session: Session, container: Container, ready: Ready | None) -> None:
    if health_log.check_of(container):
        health_log.set_status(container, health_log.STARTING, fresh=True)
    if ready is not None:
        ready(container)
    runtime_start.start(session.runner, parts.runtime_of(session, container.config), container.id, container.name)
    reached("program-running")


def _undo(session: Session, container: Container, error: BaseException) -> None:
    fresh = lookup.by_id(session, container.id)
    if fresh is None:
        return
    try:
        release(session, fresh)
    except EngineError as failure:
        if isinstance(error, EngineError):
            error.add_cleanup_failure(str(failure))


def _prepare(
    session: Session,
    container: Container,
    netns: str,
    thaw: Thaw | None,
    again: Mapping[str, Address] | None,
    handed: Handed,
) -> Json:
    """Everything up to the created container; what is to be written into its state then."""
    rootfs = resources.mount_rootfs(session, container)
    hostname = runfiles.own_hostname(session, container)
    path = os.path.join(container.static_dir, "config.json")
    with ExitStack() as stack:
        link = networking.connect(session, container, netns, hostname, again)
        if link is not None:
            stack.enter_context(link)
        folders = () if thaw else parts.hook_directories(session, container)
        connection = None
        if link is not None and (thaw or folders or not networking.may_come_late(session, container)):
            connection = link.finish()
        view = stack.enter_context(own_ids.view(session, container, rootfs))
        with suppress(FileNotFoundError):
            os.unlink(path)  # of its last start: conmon would go on with it if we were killed
        monitor = stack.enter_context(_monitor(session, container, link.fds if link else (), thaw, view, handed))
        reached("conmon-waiting")
        shm = resources.mount_shm(session, container)
        if thaw is not None:
            frozen.fill_shared_memory(container, shm)
        accounts = inside.accounts(container, rootfs)
        files = {**runfiles.write(session, container, hostname, connection, accounts), **secret_files.binds(container)}
        uid, gid = own_ids.outside(container.config, accounts.account.uid, accounts.account.gid)
        owner = accounts.account._replace(uid=uid, gid=gid)
        sources = stack.enter_context(mount_sources.prepared(session, container, rootfs, owner))
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
            secret_env={**secret_files.environment(session, container), **handed.variables},
            cgroups_v2=session.cgroups.mode == V2,
            all_devices=host_limits.all_devices(session, container),
            **host_limits.process_limits(session),
        )
        inside.make_workdir(container, rootfs, owner)
        inside.make_mtab(container, rootfs)
        spec = host_limits.fit(session, _spec(session, container, facts), f"start container {container.name}")
        staged: Json | None = None
        if folders:
            from . import hooks

            spec, staged = hooks.apply(session, container, spec, folders)
        if view is not None:
            jsonval.table(spec, "root")["path"] = view[1]
        atomic_write(path, dump_json(spec), mode=0o644, durable=False)
        reached("bundle-written")
        if netns and thaw is not None and thaw.keep.tcp_established:  # the ends of its connections are not there yet
            stack.enter_context(stillness.own(session, netns))
        created = monitor.create()
        if link is not None and connection is None:
            connection = link.finish()
            runfiles.fill_names(session, container, hostname, connection)
    reached("conmon-running")
    return {
        "state": INITIALIZED,
        "mountPoint": rootfs,
        "configPath": path,
        "finishedTime": clock.ZERO,
        "exitCode": None,
        "exited": None,
        "oomKilled": None,
        "pid": created.pid,
        "conmonPid": created.conmon_pid,
        "networkStatus": (connection.network_status or None) if connection else None,
        "bindMounts": dict(facts.bind_mounts),
        "extensionStageHooks": staged,
    }


def _monitor(
    session: Session,
    container: Container,
    hold_fds: Sequence[int],
    thaw: Thaw | None,
    view: tuple[str, str] | None,
    handed: Handed,
) -> conmon.Waiting:
    config = container.config
    monitor = parts.monitor(session)
    if thaw is not None:  # the runtimes look for CRIU on their PATH
        monitor = monitor._replace(env=(*monitor.env, ("PATH", thaw.search)), deadline=_THAW_SECONDS)
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
        hold_fds=tuple(hold_fds),
        restore_from=thaw.images if thaw else "",
        runtime_options=thaw.keep.flags() if thaw else (),
        placed=lambda pid: _placed(session, where, pid),
        view=view,
        handed=handed.fds,
    )
    return conmon.Waiting(session.runner, parts.runtime_of(session, config), monitor, request)


def _placed(session: Session, where: Place, pid: int) -> None:
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
    if container.config.get("cdiDevices"):
        from . import cdi

        cdi.inject(container, spec, rootless=session.identity.rootless)
    linux: Json = dict(jsonval.table(spec, "linux"))
    where = parts.place(session, container).oci_path
    if where:
        linux["cgroupsPath"] = where
    else:
        linux.pop("cgroupsPath", None)
    spec["linux"] = linux
    return spec


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
