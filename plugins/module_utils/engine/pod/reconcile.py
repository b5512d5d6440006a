# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One pod made to be what a task wants: observe, plan, and unless this is check mode, apply and observe again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import Refused
from ..base.tuples import NamedTuple
from ..container.reconcile import named_lock
from . import create, model, planner
from .desired import ABSENT, KILLED, STOPPED
from .observed import seen

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..container.surroundings import Surroundings
    from ..plan.change import Plan
    from ..session.session import Session
    from .desired import PodDesired, PodFlags
    from .model import Pod


class Outcome(NamedTuple):
    """What was done, or in check mode would be. `pod` is podman's inspect document, {} when there is none."""

    plan: Plan
    pod: Json


class View(NamedTuple):
    pod: Pod | None
    plan: Plan
    around: Surroundings | None


def reconcile(session: Session, wish: PodDesired, flags: PodFlags, *, check: bool) -> Outcome:
    """Raises BadInput, NotFound, Conflict, HostLacks, Refused, and what starting raises.

    A task with nothing to do takes no lock and starts no process; check mode writes nothing at all.
    """
    if not check:
        from .repair import put_right

        put_right(session)
    view = look(session, wish, flags)
    if not check and view.plan.changed:
        with named_lock(session, f"pod {wish.name}"):
            view = look(session, wish, flags)  # what was seen before the lock may have changed since
            if view.plan.changed:
                apply(session, wish, flags, view)
    return Outcome(view.plan, shown(session, wish.name))


def shown(session: Session, name: str) -> Json:
    found = model.by_name(session, name)
    if found is None:
        return {}
    from .inspect import inspect

    return inspect(session, found)


def look(session: Session, wish: PodDesired, flags: PodFlags) -> View:
    """Observe and plan. Raises Refused for a change that would lose something."""
    pod = model.by_name(session, wish.name)
    only_less = flags.state in (ABSENT, STOPPED, KILLED) and not flags.recreate
    if flags.state == ABSENT or (pod is not None and only_less):
        from ..container.desired import ContainerDesired
        from .desired import PodDesired

        nothing = ContainerDesired(wish.name)
        bare = create.surroundings(session, PodDesired(wish.name, nothing, nothing), real=False)
        return View(pod, planner.plan(seen(pod) if pod else None, wish, flags, bare), None)
    around = create.surroundings(session, wish, real=False)
    plan = planner.plan(seen(pod) if pod else None, wish, flags, around)
    if plan.refused:
        reasons = "; ".join(f"{change.option}: {change.reason}" for change in plan.refused)
        raise Refused(f"change pod {wish.name}", reasons, "Remove the pod and make it anew with its containers")
    return View(pod, plan, around)


def apply(session: Session, wish: PodDesired, flags: PodFlags, view: View) -> None:
    """Carry the plan out. The order and meaning of the steps are the planner's."""
    from . import lifecycle

    plan, pod = view.plan, view.pod
    if plan.has(planner.REMOVE) and pod is not None:
        from .remove import remove

        remove(session, pod, force=True, timeout=flags.timeout)
        return
    if plan.has(planner.CREATE):
        pod = create.create(session, wish)
    if pod is None:
        return
    pod = _changed(session, wish, flags, view, pod)
    for name, deed in (
        (planner.STOP, lambda own, one: lifecycle.stop(own, one, flags.timeout)),
        (planner.KILL, lambda own, one: lifecycle.stop(own, one, 0)),
        (planner.UNPAUSE, lifecycle.unpause),
        (planner.RESTART, lambda own, one: lifecycle.restart(own, one, flags.timeout)),
        (planner.START, lifecycle.start),
        (planner.PAUSE, lifecycle.pause),
    ):
        if plan.has(name):
            deed(session, model.find(session, pod.id))


def _changed(session: Session, wish: PodDesired, flags: PodFlags, view: View, pod: Pod) -> Pod:
    plan = view.plan
    if not any(plan.has(name) for name in (planner.UPDATE, planner.INFRA, planner.REPLACE)):
        return pod
    wish = planner.completed(wish, seen(pod))
    if plan.has(planner.UPDATE) and view.around is not None:
        from .update import update

        update(session, wish, pod, view.around, plan)
    if plan.has(planner.INFRA):
        create.add_infra(session, wish, pod, create.surroundings(session, wish, real=True, pull=True))
    if plan.has(planner.REPLACE):
        from .replace import replace

        replace(session, wish, pod, plan, flags.timeout)
    return model.find(session, pod.id)
