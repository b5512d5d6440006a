# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From what is and what is wanted of a pod to a plan. Pure: everything known about the world is in the arguments.

What the task does not mention is not compared, except what was noted that an earlier task had mentioned. Labels,
policies and limits change where they are. Everything else belongs to the infra container, which is then replaced: the
members are stopped, given the new one's namespaces, and started again.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.jsonval import flag, table, text, texts
from ..base.tuples import NamedTuple
from ..base.values import replace
from ..container import config as containers
from ..container import effective, membership
from ..container import planner as container_planner
from ..container.config import NOTE_OPTIONS
from ..plan import compare
from ..plan.change import IN_PLACE, RECREATE, REFUSED, Change, Plan, Step
from ..spec.restart import RestartPolicy
from . import rows
from .desired import ABSENT, CREATED, KILLED, PAUSED, RESTARTED, STARTED, STOPPED, UNPAUSED
from .params import LIMITS

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..container.surroundings import Surroundings
    from .desired import PodDesired, PodFlags

CREATE, UPDATE, REMOVE = "create", "update", "remove"
INFRA, REPLACE = "create infra container of", "replace infra container of"
START, STOP, RESTART, PAUSE, UNPAUSE, KILL = "start", "stop", "restart", "pause", "unpause", "kill"
#: What a pod is after a step, as a diff tells it.
REACHED = {
    START: "running",
    RESTART: "running",
    UNPAUSE: "running",
    PAUSE: "paused",
    STOP: "stopped",
    KILL: "stopped",
}
_OPTIONS = "label infra infra_name share share_parent exit_policy restart_policy cgroup_parent".split()
_OWN = "pod."  # before the keys of what is the pod's own, in the notes of its infra container
_PLACED = frozenset(("label", "exit_policy", "restart_policy", "infra_name", *LIMITS, "cpu_quota", "cpu_period"))
_FIXED = ("env", "pod", "cgroup_parent", "label", "restart_policy", "pids_limit", "command", "hostname", "umask")


class MemberSeen(NamedTuple):
    """A container of the pod that is not its infra container. `done` has run to a good end by itself."""

    name: str
    status: str
    init: bool = False
    done: bool = False


class PodSeen(NamedTuple):
    """A pod that exists: its row, that of its infra container and what that does, its other containers."""

    config: Json
    infra: Json | None
    infra_status: str
    infra_name: str
    members: tuple[MemberSeen, ...]

    @property
    def active(self) -> bool:
        return any(one.status in _ALIVE for one in self.members) or self.infra_status in _ALIVE


_ALIVE = ("running", "paused", "stopping")


def plan(seen: PodSeen | None, wish: PodDesired, flags: PodFlags, around: Surroundings) -> Plan:
    """Raises BadInput, NotFound and HostLacks where the wish cannot be had at all."""
    deed = f"pod {wish.name} {flags.state}"
    if flags.state == ABSENT:
        return _absent(seen, wish, deed)
    if seen is None:
        return _create(wish, flags, around, deed)
    return _change(seen, wish, flags, around, deed)


def _absent(seen: PodSeen | None, wish: PodDesired, deed: str) -> Plan:
    if seen is None:
        return Plan(deed)
    steps = [Step(STOP, wish.name)] if seen.active else []
    before = {"state": "present", "containers": sorted(one.name for one in seen.members)}
    return Plan(deed, (*steps, Step(REMOVE, wish.name)), (), before, {"state": ABSENT, "containers": []})


def _create(wish: PodDesired, flags: PodFlags, around: Surroundings, deed: str) -> Plan:
    built = build(wish, around)
    after: dict[str, object] = {"state": _word(flags)}
    after.update(_own(built.pod, built.infra, wish, own_keys(wish)))
    if built.infra is not None:
        after.update(effective.read(built.infra, effective.keys_of(wish.base)))
    steps = [Step(CREATE, wish.name)]
    if flags.state in (STARTED, RESTARTED, UNPAUSED):
        steps.append(Step(START, wish.name))
    if flags.state == PAUSED:
        steps += [Step(START, wish.name), Step(PAUSE, wish.name)]
    return Plan(deed, tuple(steps), (), {"state": ABSENT}, after)


def _word(flags: PodFlags) -> str:
    words = {STARTED: "running", RESTARTED: "running", UNPAUSED: "running", PAUSED: "paused"}
    return words.get(flags.state, CREATED)


class Built(NamedTuple):
    pod: Json
    infra: Json | None


def build(wish: PodDesired, around: Surroundings) -> Built:
    """The rows that the wish would become, with nothing that is only decided when a pod is really made."""
    pod = rows.config(wish, around.host, (rows.NO_ID, 0, "0001-01-01T00:00:00Z"))
    if not wish.has_infra:
        return Built(pod, None)
    infra = rows.infra_wish(wish, rows.NO_ID, "/rootfs")
    return Built(pod, containers.build(infra, rows.within(around, pod)).config)


def own_keys(wish: PodDesired) -> set[str]:
    """Keys of what the task mentions that is the pod's own."""
    found = {name for name in _OPTIONS if getattr(wish, name) is not None}
    return found | set(effective.keys_of(wish.limits))


def notes(wish: PodDesired) -> tuple[str, ...]:
    """What is remembered of a task, in the infra container."""
    if wish.noted is not None:
        return wish.noted
    return tuple(sorted((*effective.keys_of(wish.base), *(f"{_OWN}{key}" for key in own_keys(wish)))))


def _own(pod: Json, infra: Json | None, wish: PodDesired, keys: set[str]) -> dict[str, object]:
    """Canonical values of the pod's own options, from its row."""
    limited: Json = {"spec": {"linux": {"resources": table(pod, "ResourceLimits")}}}
    policy = membership.policy_of(pod) or RestartPolicy()
    values: dict[str, object] = {
        "label": {key: str(value) for key, value in table(pod, "labels").items()},
        "infra": flag(pod, "hasInfra"),
        "share": sorted(membership.shares_of(pod)),
        "share_parent": flag(pod, "sharesCgroup"),
        "exit_policy": text(pod, "ExitPolicy", "continue"),
        "restart_policy": str(policy),
        "cgroup_parent": text(pod, "cgroupParent"),
        "infra_name": text(infra, "name") if infra is not None else "",
    }
    values.update(effective.read(limited, effective.known(keys) - set(values)))
    return {key: values[key] for key in sorted(keys) if key in values}


def _change(seen: PodSeen, wish: PodDesired, flags: PodFlags, around: Surroundings, deed: str) -> Plan:
    only_state = flags.state in (STOPPED, KILLED) or not notes(wish)  # "the shop is started" describes no pod
    wish = completed(wish, seen)
    changes = () if only_state and not flags.recreate else _changes(seen, wish, flags, around)
    steps: list[Step] = []
    if any(change.how == RECREATE for change in changes):
        steps.append(Step(REPLACE, wish.name))
    elif any(change.how == IN_PLACE for change in changes):
        steps.append(Step(UPDATE, ", ".join(change.option for change in changes)))
    elif flag(seen.config, "hasInfra") and seen.infra is None:
        steps.append(Step(INFRA, wish.name))
    replaced = any(step.name == REPLACE for step in steps)
    more = _state_steps(seen, wish, flags, replaced)
    before: dict[str, object] = {}
    after: dict[str, object] = {}
    if more:
        before["state"] = {one.name: one.status for one in seen.members} or seen.infra_status
        after["state"] = REACHED[more[-1].name]
    if flags.recreate and not changes:
        before["recreate"], after["recreate"] = False, True
        steps.insert(0, Step(REPLACE, wish.name))
    return Plan(deed, (*steps, *more), changes, before, after)


def completed(wish: PodDesired, seen: PodSeen) -> PodDesired:
    """Whether there is an infra container, and how it is called, is no change when the task says nothing of it."""
    noted = recorded(seen)
    wish = replace(wish, noted=notes(wish))
    if wish.infra is None and wish.share is None and not flag(seen.config, "hasInfra") and f"{_OWN}infra" not in noted:
        wish = replace(wish, infra=False)
    if wish.infra_name is None and seen.infra is not None and f"{_OWN}infra_name" not in noted:
        wish = replace(wish, infra_name=seen.infra_name)
    if wish.share is None and flag(seen.config, "hasInfra") and f"{_OWN}share" not in noted:
        wish = replace(wish, share=membership.shares_of(seen.config) - {"user"})
    return wish


def recorded(seen: PodSeen) -> tuple[str, ...]:
    """Keys that the task before this one mentioned; of a pod of podman's there are none."""
    if seen.infra is not None:
        return effective.recorded(seen.infra)
    return tuple(texts(seen.config, NOTE_OPTIONS))


def _changes(seen: PodSeen, wish: PodDesired, flags: PodFlags, around: Surroundings) -> tuple[Change, ...]:
    built = build(wish, around)
    noted = recorded(seen)
    keys = own_keys(wish) | {key[len(_OWN) :] for key in noted if key.startswith(_OWN)}
    found: list[Change] = []
    before, after = _own(seen.config, seen.infra, wish, keys), _own(built.pod, built.infra, wish, keys)
    if "infra_name" in after:
        after["infra_name"] = rows.infra_name(wish, text(seen.config, "id"))
    for key, value in after.items():
        if not compare.satisfied(before[key], value, compare.STRICT):
            found.append(_own_change(seen, key, before[key], value))
    if any(change.option == "infra" for change in found):  # the rest follows from that
        found = [change for change in found if change.option not in ("infra_name", "share")]
    if seen.infra is not None and built.infra is not None:
        found += _infra_changes(seen.infra, built.infra, wish, noted, flags)
    return tuple(sorted(found))


def _own_change(seen: PodSeen, key: str, before: object, after: object) -> Change:
    if key in _PLACED:
        return Change(key, before, after, IN_PLACE)
    names = ", ".join(one.name for one in seen.members)
    if key == "infra" and names:
        reason = f"the containers {names} would lose what they share"
        if after:
            reason = f"the containers {names} were made to share nothing"
        return Change(key, before, after, REFUSED, reason)
    if key == "share" and names and isinstance(before, list) and isinstance(after, list):
        moved = {"net", "user"} & (set(before) ^ set(after))
        if moved:
            reason = f"how {names} would be without the {', '.join(sorted(moved))} of the pod is not known here"
            return Change(key, before, after, REFUSED, reason)
    return Change(key, before, after, RECREATE)


def _infra_changes(
    infra: Json, built: Json, wish: PodDesired, noted: tuple[str, ...], flags: PodFlags
) -> list[Change]:
    keys = set(effective.keys_of(wish.base)) | effective.known(noted)
    if not wish.base.image:
        keys -= {"rootfs"}
    if text(infra, "rootfs") and not wish.base.image:
        keys -= {"image"}
    exact = effective.is_ours(infra)
    found = container_planner.differences(infra, built, keys, {}, exact=exact)
    if found or flags.recreate:  # what a hand gave it does not outlive being replaced: say so
        rest = set(effective.READERS) - keys - container_planner.HOST_DEPENDENT - set(_FIXED)
        found += container_planner.differences(infra, built, rest, {}, exact=False)
    return [change._replace(how=RECREATE) for change in found]


def _state_steps(seen: PodSeen, wish: PodDesired, flags: PodFlags, replaced: bool) -> list[Step]:
    name, state = wish.name, flags.state
    if state in (STOPPED, KILLED):
        return [Step(KILL if state == KILLED else STOP, name)] if seen.active else []
    paused = seen.infra_status == "paused" or any(one.status == "paused" for one in seen.members)
    if state == RESTARTED:
        return [Step(RESTART, name)] if seen.active else [Step(START, name)]
    if state == CREATED:
        return []
    steps = [Step(UNPAUSE, name)] if paused and state in (STARTED, UNPAUSED) else []
    if wants_start(seen, replaced):
        steps.append(Step(START, name))
    if state == PAUSED and not _all_paused(seen):
        steps.append(Step(PAUSE, name))
    return steps


def _all_paused(seen: PodSeen) -> bool:
    words = [one.status for one in seen.members if not one.done and not one.init]
    if seen.infra is not None:
        words.append(seen.infra_status)
    return all(word == "paused" for word in words) and bool(words)


def wants_start(seen: PodSeen, replaced: bool = False) -> bool:
    """Whether anything of the pod is to be started. In a pod that is up, a container that has run to a good end by
    itself is left alone: it has done what it is there for."""
    infra_up = seen.infra_status in _ALIVE
    if seen.infra is not None and not infra_up:
        return True
    if flag(seen.config, "hasInfra") and seen.infra is None:
        return True
    for one in seen.members:
        if one.init or one.status in _ALIVE:
            continue
        if not (one.done and (infra_up or seen.active)):
            return True
    return False


def limits_of(config: Json) -> Json:
    """The limits of the whole pod that are set at all."""
    return {key: part for key, part in table(config, "ResourceLimits").items() if part}
