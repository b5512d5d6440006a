# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers of pods, frozen and brought back: which of a pod's namespaces they can leave and enter again, and the row
of one that comes out of an archive into a pod of this host.

CRIU leaves the network of the infra container alone and enters it again, and so it does with its ipc and uts
namespaces. What else a pod may share, it cannot enter, or not safely.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import NotFound
from ..base.tuples import NamedTuple
from ..spec import start_spec
from . import lookup
from .membership import SANDBOX, SHARES, has_user_namespace, shares_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..base.jsonval import Json
    from ..session.session import Session
    from .model import Container

_CANNOT = {
    "pid": "where the numbers of its processes may be taken when it comes back",
    "user": "which CRIU does not enter",
    "cgroup": "which CRIU does not enter",
}
_WORDS = {kind: word for word, _key, kind in SHARES}


def obstacles(session: Session, container: Container) -> Iterator[str]:
    """Which namespaces of others keep it from being frozen; for an infra container, that it is one."""
    row = session.database.pod(container.pod_id) if container.pod_id else None
    pod = row.name if row is not None else container.pod_id[:12]
    if container.infra:
        yield f"it is the infra container of pod {pod}, whose namespaces the pod's containers are in: freeze those"
        return
    infra = jsonval.text(row.state, "InfraContainerID") if row is not None else ""
    for kind, other in start_spec.container_ids(container.config).items():
        if other != infra:
            found = lookup.by_id(session, other)
            yield f"it shares the {kind} namespace of container {found.name if found else other[:12]}"
        elif kind in _CANNOT:
            yield f"it shares the {kind} namespace of pod {pod}, {_CANNOT[kind]}"


class Place(NamedTuple):
    """A pod that a container out of an archive comes into; `cgroup` is the pod's group, "" for none."""

    id: str
    name: str
    infra: Container | None
    shares: frozenset[str]
    cgroup: str

    def has(self, kind: str) -> bool:
        """Whether it shares a namespace of this kind, which is not the host's."""
        if self.infra is None or _WORDS[kind] not in self.shares:
            return False
        spaces = jsonval.tables(jsonval.table(self.infra.spec, "linux"), "namespaces")
        return any(space.get("type") == kind for space in spaces)


def place(session: Session, name: str) -> Place:
    """Raises NotFound for a pod that is not there."""
    row = session.database.pod(name)
    if row is None:
        raise NotFound(f"find pod {name}", "there is no pod with this name or id")
    infra = lookup.by_id(session, jsonval.text(row.state, "InfraContainerID"))
    return Place(row.id, row.name, infra, shares_of(row.config), jsonval.text(row.state, "cgroupPath"))


def of_pod(config: Json) -> list[str]:
    """The words (`share` of a pod) for what the container of an archive shared with its pod."""
    return [_WORDS[kind] for kind in start_spec.container_ids(config)] if config.get("pod") else []


def unfit(config: Json, pod: Place | None, *, publishes: bool) -> Iterator[str]:
    """Why the container of an archive cannot come back into `pod`, or into none. `publishes`: ports of its own are
    asked for."""
    spaces = start_spec.container_ids(config)
    if pod is None:
        if config.get("pod"):
            yield "it comes out of a pod, and goes only into one (pod names it)"
        elif spaces:
            yield "it shares namespaces with another container, which no archive carries"
        return
    if not config.get("pod"):
        yield f"it comes out of no pod, so it cannot go into pod {pod.name}"
        return
    if len(set(spaces.values())) > 1:
        yield "it shares namespaces with containers beside the infra container, which no archive carries"
    for kind in spaces:
        if kind in _CANNOT:
            yield f"it shared the {kind} namespace of its pod, {_CANNOT[kind]}"
        elif not pod.has(kind):
            yield f"pod {pod.name} shares no {kind} namespace, and the pod that it comes out of did"
    if pod.infra is not None and has_user_namespace(pod.infra.config):
        yield f"pod {pod.name} has ids of its own (userns), which no archive carries"
    if publishes and "network" in spaces:
        yield f"the network is that of pod {pod.name}, and so are the ports: none can be published for it alone"


def as_infra(row: Json) -> None:
    """Write into the row of an adopted container that it is the infra container of its pod."""
    row["pause"] = True
    if not jsonval.text(row, "rootfsImageID"):
        row["rootfs"] = f"{jsonval.text(row, 'staticDir')}/rootfs"  # where pod_group puts its only program


def join(row: Json, config: Json, pod: Place) -> tuple[str, ...]:
    """Write into the row of an adopted container what it takes from the pod; the ids of those that it needs there."""
    row["pod"] = pod.id
    notes = jsonval.table(jsonval.table(row, "spec"), "annotations")
    if SANDBOX in notes:
        notes[SANDBOX] = pod.infra.id if pod.infra is not None else pod.id
    if pod.cgroup and not jsonval.flag(row, "noCgroups"):
        row["cgroupParent"] = pod.cgroup
    if pod.infra is None:
        return ()
    for label in ("ProcessLabel", "MountLabel"):
        if jsonval.text(pod.infra.config, label):
            row[label] = pod.infra.config[label]
    shared = [key for key, _kind in start_spec.SHARED_KEYS if config.get(key)]
    row.update(dict.fromkeys(shared, pod.infra.id))
    if "ipcNsCtr" in shared:
        row["ShmDir"] = jsonval.text(pod.infra.config, "ShmDir")
        row.pop("mounts", None)
    return (pod.infra.id,) if shared else ()
