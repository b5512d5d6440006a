# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Another infra container for a pod, as a transaction; its members are moved under it and keep all that is theirs.

    preparing   the new infra container is being made; nothing else has been touched
    stopping    the members and the old one are being stopped
    swapped     all rows say the new one; what ran is being started
    confirmed   it runs again: what remains is to remove the old infra container

Up to `confirmed` every failure and every interruption ends with the pod as it was.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from ..base.errors import EngineError
from ..base.ids import new_id
from ..base.steps import reached
from ..base.values import replace as changed
from ..container import lookup, pod_group
from ..container.create import undo as undo_container
from ..container.journal import roll_back
from ..container.membership import policy_of
from ..container.remove import remove as remove_container
from ..container.start import start as start_container
from ..container.stop import stop as stop_container
from . import create, lifecycle, model, moving, planner, rows, update

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..container.journal import Entry
    from ..container.model import Container
    from ..plan.change import Plan
    from ..session.session import Session
    from .desired import PodDesired
    from .model import Pod

_CONFIRMED = "confirmed"


def replace(session: Session, wish: PodDesired, pod: Pod, plan: Plan, timeout: int | None = None) -> None:
    """Raises the failure of whichever step failed, after the pod is as it was and runs again if it ran; the error says
    so."""
    wish = _filled(wish, pod)
    around = create.surroundings(session, wish, real=True, pull=True)
    options = {change.option for change in plan.changes}
    placed = update.placed(pod.config, planner.build(wish, around).pod, options)
    config = rows.remembered(placed, planner.notes(wish))
    path = rows.cgroup_path(config)
    old = pod.infra
    if not wish.has_infra:
        _without(session, pod, config, path, timeout)
        return
    entry = create.journal(session).begin(new_id(), "replace", pod=pod.id, phase="preparing", **_ran(pod))
    try:
        pod_group.limit(session, pod.name, path, pod_group.limits_of(config), {})
        name, mark = rows.infra_name(wish, pod.id), os.urandom(4).hex()
        spare = f"{name[:200]}-{mark}"
        new = create.make_infra(session, wish, config, around, spare, entry)
        reached("new-infra-made")
        names = {"name": name, "spare": spare, "retired": f"{name[:200]}-{mark}-old"}
        entry.note(phase="stopping", old=old.id if old else "", **names, **_rows(pod))
        lifecycle.stop(session, pod, timeout)
        reached("pod-stopped")
        _swap(session, pod, new, config, path, entry)
        reached("infra-swapped")
        entry.note(phase="swapped")
        _start(session, pod.id, entry)
        reached("pod-started-again")
        entry.note(phase=_CONFIRMED)
    except EngineError as error:
        roll_back(entry, error, lambda: _restore(session, entry))
        raise
    _finish(session, entry)


def _without(session: Session, pod: Pod, config: Json, path: str, timeout: int | None) -> None:
    """A pod that nobody is in loses its infra container: first it is not known as such any more, then it goes."""
    lifecycle.stop(session, pod, timeout)
    with session.locks.hold(pod.lock_id):
        session.database.save_pod_state(pod.id, {**pod.state, "cgroupPath": path, "InfraContainerID": ""})
        session.database.save_pod_config(pod.id, config)
    reached("infra-disowned")
    if pod.infra is not None:
        remove_container(session, pod.infra, force=True, volumes=True, timeout=0, infra=True)


def _filled(wish: PodDesired, pod: Pod) -> PodDesired:
    """What the pod has, where the task says nothing."""
    if wish.label is None:
        wish = changed(wish, label=pod.labels)
    policy = policy_of(pod.config)
    return changed(wish, restart_policy=policy) if wish.restart_policy is None and policy is not None else wish


def _ran(pod: Pod) -> dict[str, str]:
    """Ids of those that ran, and of those that were paused."""
    return {
        "running": " ".join(one.id for one in pod.containers if one.running),
        "paused": " ".join(one.id for one in pod.containers if one.paused),
    }


def _rows(pod: Pod) -> dict[str, str]:
    """What the rows were, to be put back."""
    members = [one.config for one in pod.members]
    return {
        "pod_config": json.dumps(pod.config),
        "pod_state": json.dumps(pod.state),
        "members": json.dumps(members),
        "old_name": pod.infra.name if pod.infra else "",
    }


def _swap(session: Session, pod: Pod, new: Container, config: Json, path: str, entry: Entry) -> None:
    old = pod.infra
    names = [(new.id, entry.text("name"))]
    members: list[Json] = []
    if old is not None:
        names.insert(0, (old.id, entry.text("retired")))
        before = moving.Side(pod.config, old.config, pod.cgroup)
        after = moving.Side(config, new.config, path)
        there = model.find(session, pod.id).members
        members = [moving.moved(one.config, before, after) for one in there if one.id != new.id]
    state = {**pod.state, "cgroupPath": path, "InfraContainerID": new.id}
    with session.locks.hold(pod.lock_id):
        session.database.swap_infra(config, state, names, members, old.id if old else "")
    for cid, called in names:
        session.store.rename_container(cid, called)


def _start(session: Session, pod_id: str, entry: Entry) -> None:
    """What ran before runs again, under the infra container that there is now."""
    ran = entry.text("running").split()
    if not ran:
        return
    pod = model.find(session, pod_id)
    if pod.infra is not None:
        start_container(session, pod.infra)
    wanted = [one for one in pod.members if one.id in ran and not one.infra]  # the other infra container is one, too
    for wave in lifecycle.in_waves(session, wanted, needed_first=True):
        for number in wave:
            start_container(session, wanted[number])
    for cid in entry.text("paused").split():
        found = lookup.by_id(session, cid)
        if found is not None and found.running and found.id in (pod.infra_id, *(one.id for one in wanted)):
            from ..container.pause import pause

            pause(session, found)


def _finish(session: Session, entry: Entry) -> None:
    try:
        _remove_old(session, entry)
    except EngineError as error:
        entry.leave()  # the new one is in its place; the next task removes the old one
        session.warn(f"The replaced infra container could not be removed yet: {error}")
        return
    entry.end()


def _remove_old(session: Session, entry: Entry) -> None:
    old = lookup.by_id(session, entry.text("old")) if entry.text("old") else None
    if old is not None:
        remove_container(session, old, force=True, volumes=True, timeout=0, infra=True)


def _restore(session: Session, entry: Entry) -> str:
    """The pod under its old infra container, running as it ran, and the new one gone. What that means, for people."""
    pod_id = entry.text("pod")
    new = lookup.by_id(session, entry.key)
    pod = model.lookup(session, pod_id)
    if pod is None:
        return ""
    if new is None:
        undo_container(session, entry)
    elif pod.infra_id == new.id:
        for container in pod.containers:
            stop_container(session, container, 0)
        config, state = _table(entry, "pod_config"), _table(entry, "pod_state")
        names = [(new.id, entry.text("spare"))]
        old = entry.text("old")
        if old:
            names.append((old, entry.text("old_name")))
        members = [one for one in json.loads(entry.text("members") or "[]") if isinstance(one, dict)]
        with session.locks.hold(pod.lock_id):
            session.database.swap_infra(config, state, names, members, new.id)
        for cid, called in names:
            session.store.rename_container(cid, called)
    if new is not None:
        fresh = lookup.by_id(session, new.id)
        if fresh is not None:
            remove_container(session, fresh, force=True, timeout=0, infra=True)
    if entry.text("phase") == "preparing":
        return f"Pod {pod.name} has not been touched"
    _start(session, pod_id, entry)
    return f"Pod {pod.name} is as it was before"


def _table(entry: Entry, name: str) -> Json:
    value = json.loads(entry.text(name) or "{}")
    return value if isinstance(value, dict) else {}


def settle_interrupted(session: Session, entry: Entry) -> str:
    """Finish or take back a replacement whose task was killed."""
    pod = model.lookup(session, entry.text("pod"))
    name = pod.name if pod is not None else entry.text("pod")[:12]
    if entry.text("phase") == _CONFIRMED:
        _remove_old(session, entry)
        return f"finished changing pod {name}"
    _restore(session, entry)
    return f"took back the interrupted change of pod {name}"
