# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Changes that a container takes without being made anew: limits, restart policy, labels, how it is stopped.

The config row is rewritten, and a running container's cgroup told; both documents are made here.
"""

from __future__ import annotations

import copy
import json
from typing import TYPE_CHECKING

from ..base.jsonval import number, table, text
from .config import NOTE_OPTIONS
from .effective import recorded

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..base.jsonval import Json

#: Option -> where it lies in linux.resources.
RESOURCES = {
    "memory": ("memory", "limit"),
    "memory_reservation": ("memory", "reservation"),
    "memory_swap": ("memory", "swap"),
    "cpu_period": ("cpu", "period"),
    "cpu_quota": ("cpu", "quota"),
    "cpu_shares": ("cpu", "shares"),
    "cpuset_cpus": ("cpu", "cpus"),
    "cpuset_mems": ("cpu", "mems"),
    "pids_limit": ("pids", "limit"),
    "blkio_weight": ("blockIO", "weight"),
}
#: Option -> the keys of the config that hold it.
ROW = {
    "restart_policy": ("restart_policy", "restart_retries"),
    "label": ("labels",),
    "healthcheck": (
        "healthcheck",
        "startupHealthCheck",
        "healthcheck_on_failure_action",
        "healthLogDestination",
        "healthMaxLogCount",
        "healthMaxLogSize",
    ),
    "stop_signal": ("stopSignal",),
    "stop_timeout": ("stopTimeout",),
}
#: What the runtime has to be told to lift a limit; the others can be changed but not lifted.
_LIFTED = {
    "memory": -1,
    "memory_swap": -1,
    "cpu_quota": -1,
    "cpu_period": 100_000,
    "cpu_shares": 1024,
    "pids_limit": 4194304,  # all that a kernel can have: older releases of crun cannot say "max" in an update
}


def possible(option: str, after: object) -> bool:
    """Whether this option can be brought to this canonical value on a container that exists."""
    if option in ROW:
        return True
    return option in RESOURCES and (bool(after) or option in _LIFTED)


def rewritten(observed: Json, built: Json, options: Iterable[str], notes: Iterable[str]) -> Json:
    """The config row with these options taken over from `built`; `notes` are what the task mentions now.

    The limit on swap counts memory and swap together: it follows a new memory limit unless it is given itself.
    """
    made: Json = copy.deepcopy(observed)
    spec = table(made, "spec")
    linux = table(spec, "linux")
    mine, theirs = table(linux, "resources"), table(table(table(built, "spec"), "linux"), "resources")
    wanted = set(options)
    if "memory" in wanted and "memory_swap" not in set(recorded(observed)) & set(notes):
        wanted.add("memory_swap")
    for option in sorted(wanted):
        if option in RESOURCES:
            part, key = RESOURCES[option]
            _take(mine, theirs, part, key)
        for key in ROW.get(option, ()):
            made.pop(key, None)
            if key in built:
                made[key] = copy.deepcopy(built[key])
    linux["resources"] = mine
    spec["linux"] = linux
    annotations = table(spec, "annotations")
    if notes or NOTE_OPTIONS in annotations:
        annotations[NOTE_OPTIONS] = json.dumps(sorted(set(notes)), separators=(",", ":"))
    spec["annotations"] = annotations
    made["spec"] = spec
    return made


def resources(before: Json, after: Json) -> Json:
    """What `runtime update` has to be given, from two config rows; {} when no limit differs. A limit that is gone is
    said to be lifted, which leaving it out would not do."""
    old, new = (table(table(table(row, "spec"), "linux"), "resources") for row in (before, after))
    made: dict[str, Json] = {}
    for option, (part, key) in RESOURCES.items():
        is_text = part == "cpu" and key in ("cpus", "mems")
        was = text(table(old, part), key) if is_text else number(table(old, part), key)
        now = text(table(new, part), key) if is_text else number(table(new, part), key)
        if was != now:
            lifted = not is_text and isinstance(now, int) and now <= 0
            made.setdefault(part, {})[key] = _LIFTED.get(option, now) if lifted else now
    memory = made.get("memory", {})
    if "limit" in memory and "swap" not in memory:  # cgroup v1 refuses a memory limit above the one for both
        memory["swap"] = number(table(new, "memory"), "swap") or -1
    cpu = made.get("cpu", {})
    if "quota" in cpu or "period" in cpu:
        cpu.setdefault("period", number(table(new, "cpu"), "period") or _LIFTED["cpu_period"])
        cpu.setdefault("quota", number(table(new, "cpu"), "quota") or -1)
    return {key: value for key, value in made.items() if value}


def with_limits(mine: Json, theirs: Json) -> Json:
    """linux.resources with the limits of another one."""
    made: Json = copy.deepcopy(mine)
    for part, key in RESOURCES.values():
        _take(made, theirs, part, key)
    return made


def _take(mine: Json, theirs: Json, part: str, key: str) -> None:
    group = table(mine, part)
    group.pop(key, None)
    source = table(theirs, part)
    if key in source:
        group[key] = source[key]
    if group:
        mine[part] = group
    else:
        mine.pop(part, None)
