# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container of a pod, moved under another infra container: its row, rewritten. Pure.

Its files, its id and all that is its own stay; only what it takes from the infra container is taken from the new one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.tuples import NamedTuple
from ..container.membership import SANDBOX, SHARES

if TYPE_CHECKING:
    from ..base.jsonval import Json

_KEYS = {
    "pid": "pidNsCtr",
    "ipc": "ipcNsCtr",
    "net": "netNsCtr",
    "user": "userNsCtr",
    "uts": "utsNsCtr",
    "cgroup": "cgroupNsCtr",
}
_DEFAULT_PARENTS = ("/libpod_parent", "machine.slice", "user.slice")


class Side(NamedTuple):
    """A pod's row and its infra container's, before or after."""

    pod: Json
    infra: Json
    cgroup: str


def moved(member: Json, before: Side, after: Side) -> Json:
    """The row of a member that was under `before` when it is under `after`."""
    made = dict(member)
    spec = dict(jsonval.table(member, "spec"))
    linux = dict(jsonval.table(spec, "linux"))
    spaces = jsonval.tables(linux, "namespaces")
    for word, share, kind in SHARES:
        key = _KEYS[word]
        if not _follows(member, before, share, kind, key):
            continue
        made.pop(key, None)
        spaces = [space for space in spaces if space.get("type") != kind] if kind != "user" else spaces
        shared = jsonval.flag(after.pod, share)
        if not shared or _has(after.infra, kind):
            spaces = [*spaces, {"type": kind}] if kind != "user" else spaces
        if shared and _has(after.infra, kind):
            made[key] = after.infra["id"]
        if word == "ipc":
            _shm(made, after, shared=shared)
        if word == "uts":
            spec.pop("hostname", None)
            if shared and jsonval.text(after.pod, "hostname"):
                spec["hostname"] = after.pod["hostname"]
    if before.infra is not after.infra:
        _mounts(made, spec, before.infra, after.infra)
    linux["namespaces"] = spaces
    spec["linux"] = linux
    notes = dict(jsonval.table(spec, "annotations"))
    if SANDBOX in notes:
        notes[SANDBOX] = after.infra["id"]
        spec["annotations"] = notes
    made["spec"] = spec
    if before.cgroup and made.get("cgroupParent") == before.cgroup:
        made["cgroupParent"] = after.cgroup or after.pod.get("cgroupParent", "")
    elif not before.cgroup and after.cgroup and made.get("cgroupParent") in _DEFAULT_PARENTS:
        made["cgroupParent"] = after.cgroup
    return made


def _mounts(made: Json, spec: Json, before: Json, after: Json) -> None:
    """What was mounted because it is mounted into the pod goes along with the pod."""
    targets = jsonval.texts(before, "userVolumes")
    own = jsonval.texts(made, "userVolumes")
    gone: set[str] = set()
    for holder, source, target in (
        (spec, jsonval.table(before, "spec"), "mounts"),
        (made, before, "namedVolumes"),
        (made, before, "overlayVolumes"),
    ):
        place = "destination" if target == "mounts" else "dest"
        pods = [entry for entry in jsonval.tables(source, target) if entry.get(place) in targets]
        kept = [entry for entry in jsonval.tables(holder, target) if entry not in pods]
        gone |= {str(entry[place]) for entry in jsonval.tables(holder, target) if entry in pods}
        taken = {entry.get(place) for entry in kept}
        fresh_from = jsonval.table(after, "spec") if target == "mounts" else after
        wanted = jsonval.texts(after, "userVolumes")
        fresh = [one for one in jsonval.tables(fresh_from, target) if one.get(place) in wanted]
        fresh = [one for one in fresh if one.get(place) not in taken]
        holder[target] = [*kept, *fresh]
        if not holder[target] and target != "mounts":
            holder.pop(target)
    listed = [path for path in own if path not in gone]
    listed += [path for path in jsonval.texts(after, "userVolumes") if path not in listed]
    made["userVolumes"] = listed
    if not listed:
        made.pop("userVolumes")


def _follows(member: Json, before: Side, share: str, kind: str, key: str) -> bool:
    """Whether it has the pod's namespace of this kind, or its own only because the pod shared none."""
    if member.get(key):
        return member[key] == before.infra["id"]
    own = _has(member, kind)
    if not jsonval.flag(before.pod, share):
        return own and kind not in ("network", "user")
    return not own and not _has(before.infra, kind)


def _has(config: Json, kind: str) -> bool:
    if kind == "user":
        maps = jsonval.table(config, "idMappingsOptions")
        return bool(maps.get("UIDMap")) or jsonval.flag(maps, "AutoUserNs")
    spaces = jsonval.tables(jsonval.table(jsonval.table(config, "spec"), "linux"), "namespaces")
    return any(space.get("type") == kind and not space.get("path") for space in spaces)


def _shm(made: Json, after: Side, *, shared: bool) -> None:
    if shared:
        made["ShmDir"] = after.infra.get("ShmDir", "/dev/shm")
        made.pop("mounts", None)
    else:
        made["ShmDir"] = f"{made['staticDir']}/shm"
        made["mounts"] = [made["ShmDir"]]
