# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What changes of a pod where it is: labels, policies, limits, the name of its infra container."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.steps import reached
from ..container import pod_group
from ..container.config import NOTE_OPTIONS
from ..container.membership import SHARES
from ..spec import restart
from . import planner, rows
from .params import LIMITS

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..container.surroundings import Surroundings
    from ..plan.change import Plan
    from ..session.session import Session
    from .desired import PodDesired
    from .model import Pod

_NAME = "infra_name"


def update(session: Session, wish: PodDesired, pod: Pod, around: Surroundings, plan: Plan) -> None:
    """The kernel is told first: a task that is killed then finds the old record, and does it again."""
    options = {change.option for change in plan.changes}
    with session.locks.hold(pod.lock_id):
        config = rows.remembered(placed(pod.config, planner.build(wish, around).pod, options), planner.notes(wish))
        before, after = pod_group.limits_of(pod.config), pod_group.limits_of(config)
        if before != after and (pod.active or after):
            pod_group.limit(session, pod.name, pod.cgroup, after, before)
        reached("pod-limits-set")
        infra = pod.infra
        if infra is not None:
            fresh = _infra(infra.config, config, wish)
            session.database.save_config(infra.id, fresh)
            name = rows.infra_name(wish, pod.id)
            if _NAME in options and name != infra.name:
                session.database.rename(infra.id, name)
                session.store.rename_container(infra.id, name)
        reached("infra-updated")
        session.database.save_pod_config(pod.id, config)


#: An option, and the keys of the pod's row that it is.
_KEYS: dict[str, tuple[str, ...]] = {
    "label": ("labels",),
    "exit_policy": ("ExitPolicy",),
    "restart_policy": ("RestartPolicy", "RestartRetries"),
    "hostname": ("hostname",),
    "share": tuple(key for _word, key, _kind in SHARES),
    "userns": ("sharesUser",),
    "infra": ("hasInfra", *(key for _word, key, _kind in SHARES)),
    "share_parent": ("sharesCgroup",),
    "cgroup_parent": ("cgroupParent",),
    **dict.fromkeys((*LIMITS, "cpu_quota", "cpu_period"), ("ResourceLimits",)),
}


def placed(config: Json, built: Json, options: set[str]) -> Json:
    """The pod's row with what the changed options are taken from the one that would be made."""
    made = dict(config)
    for key in (key for option in options for key in _KEYS.get(option, ())):
        if key in built:
            made[key] = built[key]
        else:
            made.pop(key, None)
    return made


def _infra(infra: Json, config: Json, wish: PodDesired) -> Json:
    made = dict(infra)
    before = jsonval.text_map(infra, "labels")
    kept = {key: value for key, value in before.items() if key.startswith("io.buildah.")}
    labels = {**kept, **jsonval.text_map(config, "labels")}
    made["labels"] = labels
    if not labels:
        made.pop("labels")
    for key, value in (
        ("restart_policy", jsonval.text(config, "RestartPolicy")),
        ("restart_retries", jsonval.number(config, "RestartRetries")),
    ):
        made.pop(key, None)
        if value and value != restart.NO:
            made[key] = value
    return noted(made, planner.notes(wish))


def noted(config: Json, notes: tuple[str, ...]) -> Json:
    """With what a task has mentioned, written where an infra container remembers it."""
    spec = dict(jsonval.table(config, "spec"))
    spec["annotations"] = {
        **jsonval.table(spec, "annotations"),
        NOTE_OPTIONS: json.dumps(sorted(notes), separators=(",", ":")),
    }
    return {**config, "spec": spec}
