# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod and the containers named along with it: the pod first, its containers in their order, then its state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple
from ..base.values import replace
from ..container import desired as containers
from ..container.many import Ended, Ways, reconcile_all
from ..container.membership import PodFacts, shares_of
from ..container.surroundings import Peer
from ..plan.change import Plan, Step
from . import create, model, planner
from .desired import ABSENT, CREATED, KILLED, PAUSED, STOPPED, PodDesired, PodFlags
from .observed import seen
from .reconcile import reconcile, shown

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..base.jsonval import Json
    from ..container.reconcile import Task
    from ..session.session import Session


class Outcome(NamedTuple):
    """`plans` of the pod, in order; what became of each container; podman's document of the pod in the end."""

    plans: tuple[Plan, ...]
    containers: tuple[Ended, ...]
    pod: Json


def reconcile_together(
    session: Session, wish: PodDesired, flags: PodFlags, tasks: Sequence[Task], *, check: bool, parallel: int = 4
) -> Outcome:
    """Raises what `reconcile` raises. A container that fails is told in its `Ended`; then the pod's state is left."""
    if not tasks or flags.state in (ABSENT, STOPPED, KILLED):
        outcome = reconcile(session, wish, flags, check=check)
        return Outcome((outcome.plan,), (), outcome.pod)
    made = reconcile(session, wish, replace(flags, state=CREATED), check=check)
    planned = _planned(session, wish)
    joined = [_in_pod(task, wish.name, planned) for task in tasks]
    if any(task.desired.init_ctr for task in tasks):
        parallel = 1  # they run in the order in which they were made
    ended = reconcile_all(session, joined, Ways(parallel=parallel, check=check))
    plans = [made.plan]
    if flags.state != CREATED and not any(one.error for one in ended):
        plans.append(_state(session, wish, flags, ended, check=check))
    return Outcome(tuple(plans), ended, shown(session, wish.name))


def _in_pod(task: Task, pod: str, planned: PodFacts | None) -> Task:
    """Made, and not started: that is the pod's own step, which knows who comes first."""
    own = replace(task.flags, state=containers.CREATED) if task.flags.state == containers.STARTED else task.flags
    return task._replace(desired=replace(task.desired, pod=pod), flags=own, pod=planned)


def _planned(session: Session, wish: PodDesired) -> PodFacts | None:
    """A pod that check mode does not make, as its containers will see it; None for one that is there."""
    if model.by_name(session, wish.name) is not None:
        return None
    return planned_facts(wish, planner.build(wish, create.surroundings(session, wish, real=False)))


def planned_facts(wish: PodDesired, built: planner.Built) -> PodFacts:
    infra = built.infra
    peer = None if infra is None else Peer(str(infra["id"]), str(infra["name"]), infra)
    return PodFacts(
        id=str(built.pod["id"]),
        name=wish.name,
        infra=peer,
        shares=shares_of(built.pod),
        hostname=wish.base.hostname or "",
        restart=wish.restart_policy,
    )


def _state(
    session: Session, wish: PodDesired, flags: PodFlags, ended: Sequence[Ended], *, check: bool
) -> Plan:
    """The last step, by what is there; in check mode by what would be: a container to be made is one to be started."""
    if not check:
        return reconcile(session, wish, replace(flags, recreate=False), check=False).plan
    if model.by_name(session, wish.name) is None:
        full = planner.plan(None, wish, flags, create.surroundings(session, wish, real=False))
        return full._replace(steps=full.steps[1:], before={"state": ABSENT}, after={"state": full.after.get("state")})
    plan = reconcile(session, wish, replace(flags, recreate=False), check=True).plan
    fresh = [one.name for one in ended if one.outcome is not None and one.outcome.before.get("state") == ABSENT]
    pod = model.by_name(session, wish.name)
    if not fresh or pod is None:
        return plan
    words = [planner.START, planner.PAUSE] if flags.state == PAUSED else [planner.START]
    steps = plan.steps or tuple(Step(word, wish.name) for word in words)
    stood = {one.name: one.status for one in seen(pod).members}
    before = {"state": {**stood, **dict.fromkeys(fresh, containers.CREATED)}}
    return plan._replace(steps=steps, before=before, after={"state": planner.REACHED[steps[-1].name]})
