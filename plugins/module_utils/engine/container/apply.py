# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing what a plan says. The order and meaning of the steps are the planner's; here each one is a call."""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import EngineError, NotFound
from ..base.files import atomic_write, dump_json, read_json
from ..base.steps import reached
from ..host import cgroup_trees
from . import config as configuration
from . import create, effective, endpoints, gather, lookup, parts, planner, recreate, remove, rewiring, update
from .desired import HEALTHY
from .events import event
from .holding import held
from .pause import pause, unpause
from .restart import restart
from .start import start
from .stop import stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..base.jsonval import Json
    from ..image.view import ImageView
    from ..session.session import Session
    from .journal import Entry
    from .model import Container
    from .reconcile import Task, View
    from .run import RunResult
    from .surroundings import Surroundings


def apply(session: Session, task: Task, view: View) -> RunResult | None:
    """Carry the plan out; the result of the container's program where the task waits for it."""
    result = _apply(session, task, view)
    if view.plan.has(planner.PAUSE):
        pause(session, lookup.find(session, task.desired.name))
    return result


def _apply(session: Session, task: Task, view: View) -> RunResult | None:
    plan, container = view.plan, view.container
    if plan.has(planner.REMOVE) and container is not None:
        _remove(session, task, container)
        return None
    image = _pulled(session, task) if plan.has(planner.PULL) else view.image
    if container is None:
        return _make(session, task, image, starts=plan.has(planner.START))
    if plan.has(planner.RECREATE_STEP):
        return _recreate(session, task, view, container, image)
    if plan.has(planner.UPDATE):
        container = _update(session, task, view, container, image)
    if plan.has(planner.STOP):
        stop(session, container, _or(task.flags.stop_time, task.desired.stop_timeout))
    if plan.has(planner.KILL):
        stop(session, container, 0)
    if plan.has(planner.UNPAUSE):
        unpause(session, container)
    if plan.has(planner.RESTART):
        restart(session, container, _or(task.flags.restart_time, task.desired.stop_timeout))
    return _start(session, task, container) if plan.has(planner.START) else None


def _make(session: Session, task: Task, image: ImageView | None, *, starts: bool) -> RunResult | None:
    with cgroup_trees.moving_soon(session.cgroups) if starts else nullcontext():
        made = create.create(session, task.desired, _around(session, task, image), _memory(task))
        return _first_start(session, task, made) if starts else None


def _or(first: int | None, second: int | None) -> int | None:
    return second if first is None else first


def _pulled(session: Session, task: Task) -> ImageView | None:
    from ..image.pull import resolve_for

    if task.desired.image is None:
        return None
    return resolve_for(session, task.desired.image, task.flags.pull, task.pull).image


def _around(session: Session, task: Task, image: ImageView | None) -> Surroundings:
    """The surroundings of a container that is really made: here the runtime is chosen, which may try programs."""
    if any(mount.kind == "image" for mount in task.desired.mount or ()):
        from . import image_mounts

        image_mounts.require(session, task.desired)
    return gather.surroundings(session, task.desired, image, runtime=session.runtime.name)


def _memory(task: Task) -> create.Memory:
    """A container that a person made by hand carries no notes: no task has mentioned any option yet."""
    if task.command:
        return create.Memory(command=task.command)
    return create.Memory(effective.keys_of(task.desired))


def _start(
    session: Session, task: Task, container: Container, begun: Callable[[], None] | None = None
) -> RunResult | None:
    if not task.flags.detach:
        from .run import run

        return run(session, container, begun).only(task.flags.attach)
    start(session, container, known_as=task.desired.name)
    if begun is not None:
        begun()
    return None


def _first_start(session: Session, task: Task, container: Container) -> RunResult | None:
    """A container that this task made and that cannot start is not left behind."""
    try:
        return _start(session, task, container)
    except EngineError as error:
        try:
            remove.remove(session, lookup.find(session, container.id), force=True, volumes=True, timeout=0)
        except NotFound:
            pass
        except EngineError as failure:
            error.add_cleanup_failure(str(failure))
        raise


def _remove(session: Session, task: Task, container: Container) -> None:
    flags = task.flags
    if flags.delete_depend:
        for cid in session.database.dependents(container.id):
            other = lookup.by_id(session, cid)
            if other is not None:
                _remove(session, task, other)
    try:
        remove.remove(
            session, container, force=flags.force_delete, volumes=flags.delete_volumes, timeout=flags.delete_time
        )
    except NotFound:
        return


def _recreate(
    session: Session, task: Task, view: View, container: Container, image: ImageView | None
) -> RunResult | None:
    """An image that was pulled may turn out to be the one the container has: then there may be nothing to replace."""
    around = _around(session, task, image)
    world = planner.World(around)
    observed = planner.Observed(container.id, container.config, container.status)
    settled = planner.plan(observed, task.desired, task.flags, world)
    if not settled.has(planner.RECREATE_STEP):
        return apply(session, task, view._replace(plan=settled, image=image))
    desired, memory = task.desired, _memory(task)

    def make(name: str, entry: Entry) -> Container:
        from ..base.values import replace

        return create.create_journaled(session, replace(desired, name=name), around, entry, memory)

    def begin(made: Container, begun: Callable[[], None]) -> RunResult | None:
        if task.flags.then == HEALTHY and task.flags.detach:  # one that does not become healthy has not taken its place
            from .wait import until_healthy

            start(session, made, known_as=desired.name)
            until_healthy(session, made.known_as(desired.name), task.flags.wait_timeout)
            begun()
            return None
        return _start(session, task, made, begun)

    runs = view.plan.has(planner.START)
    first = runs and planner.starts_first(task.flags, running=container.running)
    manner = recreate.Manner(begin if runs else None, desired.stop_timeout, bool(task.flags.delete_volumes), first)
    return recreate.replace(session, container, make, manner)


def _update(session: Session, task: Task, view: View, container: Container, image: ImageView | None) -> Container:
    """Tell a running container's cgroup first: a task that is killed here finds the old record and does it again."""
    around = gather.surroundings(session, task.desired, image, runtime=parts.runtime_of(session, container.config).name)
    built = configuration.build(task.desired, around).config
    options = [change.option for change in view.plan.changes]
    with held(session, container, "update") as current:
        notes = set(effective.keys_of(task.desired)) if task.flags.noted else set()
        if task.desired.image is None:
            notes.update(effective.recorded(current.config))  # a task that names no image leaves the rest as it is
        fresh = update.rewritten(current.config, built, options, sorted(notes))
        from .host_limits import require

        spec = fresh["spec"]
        require(session, spec if isinstance(spec, dict) else {}, f"update container {current.name}")
        if rewiring.OPTIONS.intersection(options):
            current = endpoints.rewire_held(session, current, rewiring.networks(current.config, built, options))
            fresh["newNetworks"] = current.config["newNetworks"]
        limits = update.resources(current.config, fresh)
        if limits and current.running:
            from ..runtime import update as runtime_update

            runtime_update.update(
                session.runner, parts.runtime_of(session, current.config), current.id, current.name, limits
            )
            _show_limits(current, fresh)
        reached("limits-updated")
        session.database.save_config(current.id, fresh)
        if "healthcheck" in options and current.running:
            from . import health_log, health_watch

            health_log.set_status(current, health_log.STARTING, fresh=True)
            health_watch.begin(session, lookup.find(session, current.id))
    event(session, container, "update")
    return lookup.find(session, container.id)


def _show_limits(container: Container, fresh: Json) -> None:
    """podman shows the limits of a running container from what it was started with: that follows."""
    path = os.path.join(container.static_dir, "config.json")
    bundle = read_json(path)
    if not isinstance(bundle, dict):
        return
    linux = jsonval.table(bundle, "linux")
    wanted = jsonval.table(jsonval.table(jsonval.table(fresh, "spec"), "linux"), "resources")
    linux["resources"] = update.with_limits(jsonval.table(linux, "resources"), wanted)
    bundle["linux"] = linux
    atomic_write(path, dump_json(bundle), mode=0o644, durable=False)
