# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bringing the record of a container in line with what happened: its end noticed, everything it held released.

Everything here can be repeated: a clean-up that was killed half-way is simply done again by whoever comes next, our
own next task, conmon's exit command, or podman.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import clock, jsonval
from ..base.errors import Damaged, EngineError, HostLacks
from ..base.steps import reached
from ..host import cgroup_trees
from ..libpod.rows import CONFIGURED, CREATED, EXITED, REMOVING, RUNNING, STOPPED
from ..runtime import delete as runtime_delete
from ..runtime import exits, monitor
from ..runtime.liveness import Init, monitor_alive
from . import health_watch, resources
from .events import event
from .holding import save, save_end
from .parts import place, runtime_of

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..session.session import Session
    from .model import Container

_UNKNOWN_EXIT = 255  # what podman records when nobody knows


def exit_paths(session: Session, cid: str) -> exits.ExitPaths:
    return exits.ExitPaths(session.paths.exits, session.paths.persist(cid))


def settle(session: Session, container: Container) -> Container:
    """Under the container's lock: record an end nobody has recorded, and release what a container that does not run
    still holds. A container that runs, or that holds nothing, is returned as it is.
    """
    if container.running:
        return container
    if container.ended_unseen:
        container = _record_end(session, container)
    if container.code == STOPPED or holds_something(container):
        if container.code in (CONFIGURED, EXITED):  # its start was interrupted, and conmon may be about to create it
            monitor.end(container.id)
        container = release(session, container)
    return container


def holds_something(container: Container) -> bool:
    """Whether the record says that a mount, network namespace or process is still there."""
    state = container.state
    return bool(
        jsonval.flag(state, "mounted")
        or jsonval.text(state, "netns")
        or jsonval.table(state, "networkStatus")
        or (container.code == CONFIGURED and _monitor_left(container))
    )


def _monitor_left(container: Container) -> bool:
    """Whether conmon runs for a container that is not recorded as started: the task that started it was killed."""
    try:
        with open(os.path.join(container.run_dir, "conmon.pid"), encoding="ascii") as file:
            pid = int(file.read(32).strip() or 0)
    except (OSError, ValueError):
        return False
    return monitor_alive(Init(0, pid, container.id))


def _record_end(session: Session, container: Container) -> Container:
    """STOPPED: the code is known and kept, nothing is released yet. One that was never started is configured again."""
    if container.code == CREATED:
        return save(session, container, state=CONFIGURED, pid=None, conmonPid=None)
    ended = how_it_ended(session, container)
    if frozen_in_hand(container):  # it was frozen by a task that has been killed since
        from . import frozen

        if frozen.finish(container):
            ended.update(frozen.marks(container.static_dir))
    code = jsonval.number(ended, "exitCode", _UNKNOWN_EXIT)
    container = save_end(session, container, code, state=STOPPED, pid=None, conmonPid=None, **ended)
    reached("exit-recorded")
    event(session, container, "died", exit_code=container.exit_code)
    return container


def frozen_in_hand(container: Container) -> bool:
    """Whether a checkpoint of it was begun and has not been taken over. Asked at every end, so it costs one look."""
    return os.path.isdir(os.path.join(container.static_dir, "checkpointing"))


def how_it_ended(session: Session, container: Container) -> Json:
    """Code, time and cause of an end that nobody has recorded yet, as a state row has them. The monitor tells a moment
    after the process is gone, so this may take that moment.
    """
    try:
        ended = exits.wait(exit_paths(session, container.id), container.init, container.name, 5.0)
    except Damaged:
        ended = None
    code = ended.code if ended else session.database.exit_code(container.id)
    return {
        "exitCode": _UNKNOWN_EXIT if code is None else code,
        "exited": True,
        "finishedTime": clock.from_unix_ns(ended.finished_ns) if ended else clock.now(),
        "oomKilled": True if ended and ended.oom else None,
    }


def release(session: Session, container: Container, *, in_runtime: bool = True) -> Container:
    """Give back network, mounts and runtime state. Raises the first failure, after trying everything else too.

    `in_runtime` is false when the runtime has forgotten it: asking again would start a program for nothing.
    """
    health_watch.end(session, container)
    failures: list[EngineError] = []
    of_runtime = (_delete_from_runtime,) if in_runtime else ()
    for step in (*of_runtime, resources.release_network, resources.release_mounts):
        try:
            step(session, container)
        except EngineError as error:
            failures.append(error)
        reached(f"released-{step.__name__.rsplit('_', 1)[-1]}")
        if step is _delete_from_runtime and container.state.get("extensionStageHooks"):
            from .hooks import after_end

            after_end(session, container)
    if failures:
        for other in failures[1:]:
            failures[0].add_cleanup_failure(str(other))
        raise failures[0]
    exits.forget(exit_paths(session, container.id), container.id)
    known = container.code in (RUNNING, STOPPED, EXITED)
    after = container.code if container.code == REMOVING else EXITED if known else CONFIGURED
    container = save(
        session,
        container,
        state=after,
        mounted=None,
        mountPoint=None,
        netns=None,
        networkStatus=None,
        pid=None,
        conmonPid=None,
        bindMounts=None,
        extensionStageHooks=None,
        hcUnitName=None,
    )
    event(session, container, "cleanup")
    return container


def _delete_from_runtime(session: Session, container: Container) -> None:
    """A runtime that has been uninstalled keeps nobody from removing what it made: its group is all that is left."""
    try:
        runtime = runtime_of(session, container.config)
    except HostLacks:
        cgroup_trees.remove(session.cgroups, place(session, container).oci_path)
        return
    runtime_delete.delete(session.runner, runtime, container.id, container.name, force=True)
