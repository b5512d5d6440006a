# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creating a pod: its lock, its row, then its infra container; and what a killed creation left."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import clock
from ..base.files import atomic_write
from ..base.ids import new_id
from ..base.steps import reached
from ..container import create as containers
from ..container import gather, lookup, pod_group
from ..container import remove as removal
from ..container.journal import Journal, undoing
from ..container.parts import journal as container_journal
from . import model, planner, rows
from .events import event

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..container.journal import Entry
    from ..container.model import Container
    from ..container.surroundings import Surroundings
    from ..session.session import Session
    from .desired import PodDesired
    from .model import Pod


def journal(session: Session) -> Journal:
    """Unfinished deeds about pods; apart from those about containers, whose room knows nothing of pods."""
    return Journal(os.path.join(session.paths.static_dir, "daemonless-pods"))


def surroundings(session: Session, wish: PodDesired, *, real: bool, pull: bool = False) -> Surroundings:
    """What the rows of a pod depend on; `real` when it is going to be made, which may try runtimes."""
    from ..base.values import replace

    base, image = wish.base, None
    if base.image is not None:
        from ..image.pull import preview, resolve_for

        resolved = resolve_for(session, base.image, "missing", None, check=not pull)
        image = preview(session, resolved.reference, None) if resolved.would_pull else resolved.image
    around = gather.surroundings(session, base, image, runtime=session.runtime.name if real else "")
    limited = gather.nodes_of(wish.limits)
    return replace(around, host=replace(around.host, nodes={**around.host.nodes, **limited})) if limited else around


def create(session: Session, wish: PodDesired, command: tuple[str, ...] = ()) -> Pod:
    """Make it, ready to be started; after an error nothing of it is left.

    Raises Conflict when the name is taken, HostLacks naming limits this host cannot give, NotFound.
    """
    around = surroundings(session, wish, real=True, pull=True)
    planner.build(wish, around)  # a mistake is found before anything is made
    _find_networks(session, wish)
    with journal(session).begin(new_id(), "create", name=wish.name) as entry:
        with undoing(lambda: undo(session, entry)):
            _create(session, wish, around, entry, command)
    return model.find(session, entry.key)


def _find_networks(session: Session, wish: PodDesired) -> None:
    """Raises NotFound for one that is not there: without it the pod could never start."""
    default = session.conf.default_network or "podman"
    for endpoint in wish.base.network.endpoints if wish.base.network is not None else ():
        if endpoint.network not in ("", default):
            session.networks.find(endpoint.network)


def _create(
    session: Session, wish: PodDesired, around: Surroundings, entry: Entry, command: tuple[str, ...]
) -> None:
    lock = containers.allocate_lock(session, entry)
    made = rows.config(wish, around.host, (entry.key, lock, clock.now()), command)
    config = rows.remembered(made, planner.notes(wish))
    path = rows.cgroup_path(config)
    pod_group.limit(session, wish.name, path, pod_group.limits_of(config), {})
    session.database.add_pod(config, {"cgroupPath": path, "InfraContainerID": ""})
    reached("pod-recorded")
    if wish.has_infra:
        add_infra(session, wish, model.find(session, entry.key), around)
    reached("pod-complete")
    if wish.pod_id_file:
        atomic_write(wish.pod_id_file, entry.key.encode(), mode=0o644)
    event(session, entry.key, wish.name, "create", wish.label or {})


def add_infra(session: Session, wish: PodDesired, pod: Pod, around: Surroundings) -> Container:
    """Make the infra container of a pod that has none, and make it known as such."""
    made = make_infra(session, wish, pod.config, around, "")
    session.database.save_pod_state(pod.id, {**pod.state, "InfraContainerID": made.id})
    reached("infra-known")
    return made


def make_infra(
    session: Session, wish: PodDesired, config: Json, around: Surroundings, name: str, entry: Entry | None = None
) -> Container:
    """A container that could be a pod's infra container; under `name` when that is not the one it shall have in the
    end, and under a journal entry of the caller's when there is one."""
    from ..base.values import replace

    own = entry or container_journal(session).begin(
        new_id(), "create", name=name or rows.infra_name(wish, str(config["id"]))
    )
    rootfs = os.path.join(session.store.container_dir(own.key), "rootfs")
    base = rows.infra_wish(wish, str(config["id"]), rootfs)
    if name:
        base = replace(base, name=name)
    memory = containers.Memory(planner.notes(wish))
    try:
        made = containers.create_journaled(session, base, rows.within(around, config), own, memory)
        pod_group.fill_rootfs(session, made)
    finally:
        if entry is None:
            own.end()
    return made


def undo(session: Session, entry: Entry) -> None:
    """Remove what a creation that did not come to its end has left."""
    pod = model.lookup(session, entry.key)
    if pod is not None:
        for container in pod.containers:
            removal.remove(session, container, force=True, volumes=True, timeout=0, infra=True)
        session.database.remove_pod(pod.id)
    lock = entry.notes.get("lock", entry.notes.get("lock_wanted", -1))
    removal.free_unused(session, lock if isinstance(lock, int) else -1)


def settle_interrupted(session: Session, entry: Entry) -> str:
    """Without an infra container that it was to have, a pod never came to be; with one, it only has to be told."""
    pod = model.lookup(session, entry.key)
    if pod is None:
        undo(session, entry)
        return ""
    if not pod.has_infra or pod.infra is not None:
        return ""
    made = next((one for one in pod.containers if one.infra), None)
    if made is not None and lookup.by_id(session, made.id) is not None:
        pod_group.fill_rootfs(session, made)
        session.database.save_pod_state(pod.id, {**pod.state, "InfraContainerID": made.id})
        return f"finished making pod {pod.name}"
    undo(session, entry)
    return f"removed the half-made pod {pod.name}"
