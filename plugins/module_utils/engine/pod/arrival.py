# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod of another host that goes on here: what stands in its way, the same pod made, its containers brought and
thawed.

Until all of them are here its row says so, which podman passes over. Who finds such a pod knows that the task that
made it came to no end, and that the other host still has all of it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import clock, jsonval
from ..base.errors import EngineError
from ..base.files import dump_json
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..container import checkpoint_import, landing, lookup, pod_group, restore
from ..container import create as containers
from ..container.checkpoint_unpack import Origin
from ..container.config import NOTE_OPTIONS
from ..container.frozen_members import Place
from ..container.holding import held
from ..container.journal import undoing
from ..container.membership import SHARES, shares_of
from ..container.model import Container, volume_names
from ..host import cgroups
from ..libpod.rows import ContainerRow
from . import create, freezing, model, portrait, remove, rows
from .events import event

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..base.jsonval import Json
    from ..container.checkpoint_unpack import Said
    from ..session.session import Session
    from .model import Pod
    from .portrait import PodSaid

#: Where a pod is that is not here; whose arrival came to no end; that has arrived.
ABSENT, PARTLY, HERE = "absent", "partly", "here"
_MARK = "io.daemonless.arriving"
_TAKEN = (
    "id name hostname labels sharesCgroup hasInfra CreateCommand ExitPolicy RestartPolicy RestartRetries"
    f" ResourceLimits {NOTE_OPTIONS}"
).split() + [key for _word, key, _kind in SHARES]
_DEFAULT_PARENTS = ("/libpod_parent", "machine.slice", "user.slice")


class Wish(NamedTuple):
    """`publish` replaces the pod's ports, None keeps them; `volumes`: they are not to be here yet; `trust` allows what
    a container does not usually get; `ignore_ip`, `ignore_mac`: other addresses will do."""

    host: str
    publish: tuple[str, ...] | None = None
    volumes: bool = False
    trust: bool = False
    ignore_ip: bool = False
    ignore_mac: bool = False


class Plan(NamedTuple):
    """`images` are (name, id) of those that are missing; `privileges` by container, then by kind."""

    said: PodSaid
    arrived: str
    images: tuple[tuple[str, str], ...]
    volumes: tuple[str, ...]
    privileges: dict[str, dict[str, list[str]]]
    obstacles: tuple[str, ...]


def arrived(session: Session, told: PodSaid) -> str:
    pod = model.lookup(session, told.id)
    if pod is None:
        return ABSENT
    return PARTLY if jsonval.flag(pod.config, _MARK) else HERE


def plan(session: Session, told: PodSaid, wish: Wish) -> Plan:
    """Look at this host; nothing is changed. Raises Corrupt, BadInput for a portrait that is none."""
    state = arrived(session, told)
    obstacles = list(_of_pod(session, told, wish, state))
    place = _planned(told)
    images: dict[str, str] = {}
    volumes: dict[str, None] = {}
    privileges = {}
    for one in told.all:
        name = jsonval.text(one.config, "name")
        own = _import(told, one, wish)._replace(trust=True)
        found = checkpoint_import.plan(session, own, one, place)
        causes = list(found.obstacles)
        if found.existing is not None and found.existing.pod_id != told.id:
            causes.append("a container of this name is here")
        if model.by_name(session, name) is not None:
            causes.append("a pod of this name is here")
        obstacles += [f"container {name}: {'; '.join(causes)}"] if causes and state != HERE else []
        image = jsonval.text(one.config, "rootfsImageID")
        if image and session.store.image(image) is None:
            images[image] = jsonval.text(one.config, "rootfsImageName")
        volumes.update(dict.fromkeys(volume_names(one.config)))
        if found.privileges:
            privileges[name] = found.privileges
    if wish.volumes and state == ABSENT:  # else they came with it
        taken = [name for name in volumes if session.database.volume(name) is not None]
        obstacles += [f"volume {', '.join(taken)} exists (ignore_volumes takes it as it is)"] if taken else []
    if privileges and not wish.trust:
        named = [(f"{name}: {kind}", values) for name, kinds in privileges.items() for kind, values in kinds.items()]
        shown = "; ".join(f"{what} {', '.join(values)}" for what, values in named)
        obstacles.append(f"it asks for more than containers usually get ({shown}), say trust to allow that")
    missing = tuple((name, image) for image, name in images.items())
    return Plan(told, state, missing, tuple(volumes), privileges, tuple(obstacles))


def _of_pod(session: Session, told: PodSaid, wish: Wish, state: str) -> Iterator[str]:
    """What of the pod itself cannot be had here."""
    named = model.by_name(session, told.name)
    if state == HERE:
        yield "it is here already"
    elif named is not None and named.id != told.id:
        yield "another pod of this name is here"
    if lookup.by_name(session, told.name) is not None:
        yield "a container of this name is here"
    if wish.publish is not None and told.infra is None:
        yield "it has no infra container, so its containers publish ports themselves, and none can be published for it"
    limits = pod_group.limits_of(told.config)
    try:
        cgroups.require(session.cgroups, cgroups.limits_in(limits), f"limit pod {told.name}")
        if told.infra is not None and not jsonval.text(told.infra.config, "rootfsImageID"):
            pod_group.find_program(f"make pod {told.name}")
    except EngineError as error:
        yield error.cause


def _planned(told: PodSaid) -> Place:
    """The pod as its containers will find it."""
    infra = None
    if told.infra is not None:
        config = told.infra.config
        key = (jsonval.text(config, "id"), jsonval.text(config, "name"), told.id)
        infra = Container(ContainerRow(key, dump_json(config), b"{}"))
    return Place(told.id, told.name, infra, shares_of(told.config), "")


def _import(told: PodSaid, one: Said, wish: Wish) -> checkpoint_import.Wish:
    infra, name = one is told.infra, jsonval.text(one.config, "name")
    return checkpoint_import.Wish(
        Origin(name=f"container {name} of pod {told.name} of {wish.host}"),
        publish=wish.publish if infra else None,
        volumes=False,
        trust=wish.trust,
        ignore_ip=wish.ignore_ip,
        pod=told.id,
        infra=infra,
    )


def make(session: Session, found: Plan, wish: Wish) -> Pod:
    """The same pod, with its infra container running and without its containers. What an arrival that came to no end
    has left goes before. After an error nothing of it is left. Raises as making and starting a container."""
    told = found.said
    if found.arrived == PARTLY:
        drop(session, told.id)
    with create.journal(session).begin(told.id, "create", name=told.name) as entry:
        with undoing(lambda: create.undo(session, entry)):
            config = _row(session, told, containers.allocate_lock(session, entry))
            path = rows.cgroup_path(config)
            pod_group.limit(session, told.name, path, pod_group.limits_of(config), {})
            state: Json = {"cgroupPath": path, "InfraContainerID": ""}
            session.database.add_pod(config, state)
            reached("pod-recorded")
            if told.infra is not None:
                infra = _infra(session, told, told.infra, wish)
                session.database.save_pod_state(told.id, {**state, "InfraContainerID": infra.id})
                reached("infra-known")
                _start(session, infra, told.infra, wish)
    event(session, told.id, told.name, "create", jsonval.text_map(told.config, "labels"))
    return model.find(session, told.id)


def _row(session: Session, told: PodSaid, lock: int) -> Json:
    made: Json = {key: told.config[key] for key in _TAKEN if key in told.config}
    made.update(created=clock.now(), lockID=lock, cgroupParent=_parent(session, told.config))
    made[_MARK] = True
    return made


def _parent(session: Session, config: Json) -> str:
    """The group that it is below: one that was chosen, where groups are made in the same way here."""
    there, usual = jsonval.text(config, "cgroupParent"), checkpoint_import.cgroup_parent(session)
    chosen = there not in _DEFAULT_PARENTS and ".." not in there.split("/")
    return there if there and chosen and there.endswith(".slice") == usual.endswith(".slice") else usual


def _infra(session: Session, told: PodSaid, said: Said, wish: Wish) -> Container:
    own = _import(told, said, wish)
    made = checkpoint_import.bring(session, own, checkpoint_import.plan(session, own, said))
    pod_group.fill_rootfs(session, made)
    return made


def _start(session: Session, infra: Container, said: Said, wish: Wish) -> None:
    """With the addresses that it has where it comes from: sockets of the pod's containers are bound to them."""
    from ..container.start import start_held

    again = restore.addresses(said.network, restore.Wish(ignore_ip=wish.ignore_ip, ignore_mac=wish.ignore_mac))
    with held(session, infra, "start") as current:
        start_held(session, current, again=again)
    reached("infra-started")


class Part(NamedTuple):
    """What came of a container: `before` is the archive of an earlier round; `ended` as `portrait.Member` has it."""

    name: str
    path: str
    before: str
    ended: Json | None


def bring(session: Session, pod: Pod, parts: Sequence[Part], wish: Wish, thaw: restore.Wish) -> None:
    """Make its containers and have those go on that were frozen. After an error nothing of the pod is left. Raises as
    importing a container."""
    with undoing(lambda: drop(session, pod.id)):
        for part in parts:
            shown = f"container {part.name} of pod {pod.name} of {wish.host}"
            own = checkpoint_import.Wish(
                Origin(part.path, name=shown),
                volumes=False,
                trust=wish.trust,
                before=Origin(part.before, name=f"the earlier round of {shown}") if part.before else None,
                ignore_ip=wish.ignore_ip,
                pod=pod.id,
                ended=None if part.ended is None else portrait.past(part.ended),
            )
            checkpoint_import.bring(session, own, checkpoint_import.plan(session, own))
            reached("pod-container-brought")
        freezing.thaw(session, model.find(session, pod.id), thaw)
        config = model.find(session, pod.id).config
        session.database.save_pod_config(pod.id, {key: value for key, value in config.items() if key != _MARK})
    reached("pod-arrived")


def drop(session: Session, id: str) -> None:
    """Remove all of the pod that is here; nil work when there is none."""
    pod = model.lookup(session, id)
    if pod is not None:
        remove.remove(session, pod, force=True, timeout=0)


def doubts(told: PodSaid, criu: str) -> list[str]:
    """What may go wrong here although nothing forbids it; `criu` is the version here."""
    found = [doubt for one in told.members if one.ended is None for doubt in landing.doubts(one.said, criu)]
    return list(dict.fromkeys(found))
