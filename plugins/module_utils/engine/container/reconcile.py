# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One container made to be what a task wants: observe, plan, and unless this is check mode, apply and observe again."""

from __future__ import annotations

import hashlib
import os
from typing import TYPE_CHECKING

from ..base.errors import Refused
from ..base.locks import FileLock
from ..base.tuples import NamedTuple
from . import gather, lookup, planner
from .desired import ABSENT, HEALTHY, STOPPED
from .parts import journal
from .planner import Observed, World

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..base.jsonval import Json
    from ..image.options import PullOptions
    from ..image.view import ImageView
    from ..plan.change import Plan
    from ..session.session import Session
    from .desired import ContainerDesired, ContainerFlags
    from .membership import PodFacts
    from .model import Container
    from .surroundings import Peer, Surroundings


class Outcome(NamedTuple):
    """What was done, or in check mode would be. `container` is podman's inspect document, {} when there is none;
    `rc`, `stdout`, `stderr` only where the task waited for the container's end.
    """

    changed: bool
    actions: tuple[str, ...]
    before: Json
    after: Json
    container: Json
    warnings: tuple[str, ...] = ()
    rc: int | None = None
    stdout: str = ""
    stderr: str = ""


class Task(NamedTuple):
    """What one call is about; `command` is the command line of the person who makes it, () for a task;
    `pod` one that is not there yet but will be."""

    desired: ContainerDesired
    flags: ContainerFlags
    pull: PullOptions | None
    command: tuple[str, ...] = ()
    pod: PodFacts | None = None


class View(NamedTuple):
    """What was found, and the plan that follows from it. `image` may be one that has yet to be pulled; `around` is
    what the container's configuration depends on, None where the task needs none (removing, stopping).
    """

    container: Container | None
    image: ImageView | None
    plan: Plan
    around: Surroundings | None = None


def reconcile(
    session: Session, desired: ContainerDesired, flags: ContainerFlags, pull: PullOptions | None = None, *, check: bool
) -> Outcome:
    """Raises BadInput, NotFound, Conflict, HostLacks, Refused, and what pulling and starting raise.

    A task with nothing to do takes no lock and starts no process; check mode writes nothing at all.
    """
    task = Task(desired, flags, pull)
    if not check:
        put_right(session)
    view = look(session, task)
    if check or not view.plan.changed:
        return settled(session, task, view, check=check)
    with named_lock(session, desired.name):
        view = look(session, task)  # what was seen before the lock may have changed since
        if not view.plan.changed:
            return settled(session, task, view)
        from .apply import apply

        result = apply(session, task, view)
    _await_health(session, task)
    outcome = outcome_of(session, view, _by_name(session, desired.name))
    if result is None:
        return outcome
    return outcome._replace(
        rc=result.rc,
        stdout=result.stdout.decode("utf-8", "replace"),
        stderr=result.stderr.decode("utf-8", "replace"),
    )


def settled(session: Session, task: Task, view: View, *, check: bool = False) -> Outcome:
    """The outcome where nothing differs; whoever checks the container's health is there again if it was killed."""
    container = _by_name(session, task.desired.name)
    if container is not None and not check:
        from . import health_watch

        if health_watch.mend(session, container):
            session.warn(f"Nobody checked the health of container {container.name} any more; it is checked again")
        _await_health(session, task)
    return outcome_of(session, view, container)


def _await_health(session: Session, task: Task) -> None:
    if task.flags.then == HEALTHY and task.flags.detach:
        from .wait import until_healthy

        until_healthy(session, lookup.find(session, task.desired.name), task.flags.wait_timeout)


def put_right(session: Session) -> None:
    """Finish what killed tasks left. One directory is read; where that is empty, nothing else is even imported."""
    if os.path.isdir(session.paths.static_dir) and journal(session).busy():
        from . import repair

        for text in repair.sweep(session):
            session.warn(f"An earlier task was interrupted: {text}")


def look(session: Session, task: Task, planned: Mapping[str, Peer] | None = None) -> View:
    """Observe and plan. `planned` are containers by name that will be there when this one is made, but are not yet.

    Raises NotFound, BadInput, HostLacks, and Refused for a change that would lose something: all that can be known
    before anything is done.
    """
    container = _by_name(session, task.desired.name)
    observed = None if container is None else Observed(container.id, container.config, container.status)
    if task.flags.state == ABSENT or (container is not None and _only_stops(task.flags)):
        world = World(gather.surroundings(session, _nothing(task.desired), None))
        return View(container, None, planner.plan(observed, task.desired, task.flags, world))
    image, pulls = _image(session, task, container)
    around = gather.surroundings(session, task.desired, image, planned=planned or {}, pod=task.pod)
    world = World(around, pulls)
    plan = planner.plan(observed, task.desired, task.flags, world)
    if plan.refused:
        reasons = "; ".join(f"{change.option}: {change.reason}" for change in plan.refused)
        raise Refused(f"change container {task.desired.name}", reasons)
    config = container.config if container is not None else {}
    if plan.changed and (task.desired.device or config.get("cdiDevices")):
        from . import cdi

        cdi.foresee(plan, task.desired, config, rootless=session.identity.rootless)
    return View(container, image, plan, around)


def _only_stops(flags: ContainerFlags) -> bool:
    return flags.state == STOPPED and not flags.recreate


def _nothing(desired: ContainerDesired) -> ContainerDesired:
    """Only the name: what else a task says of a container that is to go or to stop does not matter."""
    return type(desired)(name=desired.name)


def _image(session: Session, task: Task, container: Container | None) -> tuple[ImageView | None, bool]:
    """The image that the container is to have, and whether it is yet to be fetched: then its manifest and config, which
    is all that planning needs, were read where it will come from."""
    from ..image import lookup as images

    wanted = task.desired.image
    if wanted is None:
        found = images.find(session, container.image_id) if container is not None and container.image_id else None
        return found, False
    from ..image.pull import preview, resolve_for

    resolved = resolve_for(session, wanted, task.flags.pull, task.pull, check=True)
    if not resolved.would_pull:
        return resolved.image, False
    return preview(session, resolved.reference, task.pull), True


def _by_name(session: Session, name: str) -> Container | None:
    return lookup.by_name(session, name)


def named_lock(session: Session, name: str) -> FileLock:
    """Two tasks about one name take turns; about different names they do not wait for each other."""
    folder = os.path.join(session.paths.tmp_dir, "daemonless", "names")
    os.makedirs(folder, mode=0o700, exist_ok=True)
    return FileLock(os.path.join(folder, hashlib.sha256(name.encode()).hexdigest()[:32]), mode=0o600)


def outcome_of(session: Session, view: View, container: Container | None) -> Outcome:
    """What a plan says, and the container as it is now."""
    rendered = view.plan.render()
    before, after = _with_names(session, view, rendered["before"]), _with_names(session, view, rendered["after"])
    document: Json = {}
    if container is not None:
        from .inspect import inspect

        document = inspect(session, container)
    return Outcome(
        view.plan.changed,
        tuple(str(step) for step in view.plan.steps),
        before,
        after,
        document,
        tuple(session.warnings),
    )


def _with_names(session: Session, view: View, page: object) -> Json:
    """A side of a diff with a pod's name for its id, which a pod that check mode does not make has none of yet."""
    told = dict(page) if isinstance(page, dict) else {}
    key = told.get("pod")
    if isinstance(key, str) and key:
        facts = view.around.pod if view.around is not None else None
        row = session.database.pod(key) if facts is None or facts.id != key else None
        told["pod"] = row.name if row is not None else facts.name if facts is not None else key
    return told
