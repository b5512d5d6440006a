# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The stages of the module `checkpoint_transfer` for a pod as a whole: as for one container, and one more in which the
receiving host makes the pod, while all of it still runs at the sending host."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import BadInput, Conflict, EngineError, HostLacks, NotFound, Refused
from . import checkpoint_transfer as single
from . import outgoing, volume_transfer
from .checkpoint_deeds import freezing, packing, published, thawing
from .frame import Request, Result

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..base.jsonval import Json
    from ..container.checkpoint import Wish as Freezing
    from ..container.model import Container
    from ..pod.arrival import Plan, Wish
    from ..pod.model import Pod
    from ..session.session import Session


def whole(request: Request) -> bool:
    """Whether the task is about a pod, and not about one container."""
    return not request.text("name")


# -- the sending host


def _offer(request: Request, _stage: Json) -> Result:
    """What there is, and what keeps it from being frozen."""
    from ..criu import probe
    from ..pod import freezing as together
    from ..pod import model, portrait

    session = request.session()
    pod = model.lookup(session, request.text("pod"))
    if pod is None:
        return single.answer({"exists": False})
    found = portrait.obstacles(session, pod, _freezing(request))
    if found:
        raise together.refusal(pod, found)
    told = portrait.portrait(pod, probe.seen_version(session.runner, request.text("criu_path")))
    running = [one.id for one in pod.members if one.running]
    words: Json = {"exists": True, "id": pod.id, "running": running, "portrait": told}
    return single.answer({**words, "volumes": single.offered(session, pod.containers)})


def _freezing(request: Request) -> Freezing:
    return freezing(request, exported=True)


def _freeze(request: Request, stage: Json) -> Result:
    """Freeze all that run, and leave everything for the plugin that the other host does not have. When that fails they
    all go on."""
    from ..pod import freezing as together
    from ..pod import model, portrait

    session = request.session()
    pod = model.find(session, request.text("pod"))
    anew = together.to_freeze(session, pod)
    if not portrait.moving(pod):
        raise Conflict(f"send pod {pod.name}", "all of its containers have ended meanwhile")
    earlier = frozenset(jsonval.texts(stage, "previous"))
    if anew:
        together.freeze(session, pod, _freezing(request), earlier)
    try:
        members, folder = model.find(session, pod.id).members, jsonval.text(stage, "directory")
        archives = [_archive(request, one, f"{folder}/frozen-{n}", earlier) for n, one in enumerate(members)]
        volumes = [single.packed(session, number, one, folder) for number, one in enumerate(single.told(stage))]
    except EngineError as error:
        together.go_on(session, pod, anew, request.text("criu_path"), error)
        raise
    return single.answer({"archives": archives, "volumes": volumes})


def _archive(request: Request, container: Container, path: str, earlier: frozenset[str]) -> Json:
    from ..container import checkpoint_pack
    from ..pod import portrait

    if container.running:
        raise Conflict(f"send container {container.name}", "it has been started meanwhile")
    ended = portrait.ended(container)
    previous = container.name not in earlier
    wish = packing(request)._replace(volumes=False, previous=previous, ended=ended is not None)
    made = checkpoint_pack.write(request.session(), container, path, wish)
    outgoing.hand_over(path)
    archive: Json = {"file": os.path.basename(path), "size": made.size, "digest": made.digest}
    return {"name": container.name, "ended": ended, "archive": archive}


def _thaw(request: Request, stage: Json) -> Result:
    """Have those run again that did."""
    from ..pod import freezing as together
    from ..pod import model

    session, name = request.session(), request.text("pod")
    pod, running = model.find(session, name), jsonval.texts(stage, "running")
    failed = HostLacks(f"restore pod {name}", "not all of its containers run again")
    chosen = together.in_order(session, [one for one in pod.members if one.id in running], needed_first=False)
    together.go_on(session, pod, chosen, request.text("criu_path"), failed)
    if failed.cleanup:
        raise failed
    return single.answer({})


# -- the receiving host


def _ready(request: Request, stage: Json) -> Result:
    """Whether the pod can come here, and what is here of its volumes."""
    from ..pod import arrival, portrait

    session, name = request.session(), request.text("pod")
    if not jsonval.flag(stage, "exists"):
        return _there_already(request)
    found = _planned(request, stage)
    if found.arrived == arrival.HERE and not jsonval.texts(stage, "running") and _runs(session, name) is not None:
        return _there_already(request)
    obstacles = single.strange(request, stage) if found.arrived == arrival.ABSENT else []
    obstacles += [*found.obstacles, *portrait.host_obstacles(session, found.said, request.text("criu_path"))]
    if obstacles:
        shown = f"pod {name} of {request.text('from_host')}"
        raise Refused(f"receive {shown}", f"it cannot be restored here: {'; '.join(obstacles)}")
    previous = [one.name for one in found.said.members if _earlier(request, one.name)]
    return _result(request, found, {"volumes": single.asked(request, stage), "previous": previous, "make": True})


def _earlier(request: Request, name: str) -> str:
    """The archive of an earlier round of a container that went ahead."""
    folder = request.text("src_previous")
    if folder and not os.path.isdir(folder):
        raise BadInput(f"read src_previous {folder}", "for a pod it is a directory, with an archive for each container")
    path = os.path.join(folder, name) if folder else ""
    return path if path and os.path.isfile(path) else ""


def _planned(request: Request, stage: Json) -> Plan:
    from ..pod import arrival, portrait

    told = portrait.said(jsonval.table(stage, "portrait"))
    return arrival.plan(request.session(), told, _wish(request))


def _wish(request: Request) -> Wish:
    from ..pod.arrival import Wish

    return Wish(
        request.text("from_host"),
        publish=published(request),
        trust=request.flag("trust"),
        ignore_ip=request.flag("ignore_static_ip"),
        ignore_mac=request.flag("ignore_static_mac"),
    )


def _runs(session: Session, name: str) -> Pod | None:
    """The pod of this name, where containers of it run."""
    from ..pod import model

    pod = model.by_name(session, name)
    return pod if pod is not None and any(one.running for one in pod.members) else None


def _there_already(request: Request) -> Result:
    from ..pod.inspect import inspect

    session, name = request.session(), request.text("pod")
    pod = _runs(session, name)
    if pod is None:
        cause = f"{request.text('from_host')} has no pod of this name, and none of this name runs here"
        raise NotFound(f"receive pod {name}", cause)
    return Result({}, changed=False, extra={"stage": {}, "pod": inspect(session, pod)})


def _result(request: Request, found: Plan, words: Json) -> Result:
    from ..pod.arrival import PARTLY

    told, host = found.said, request.text("from_host")
    before, after = _diff(told.name, {one.name: one.ended for one in told.members})
    if found.privileges:
        after["privileges"] = found.privileges
    actions = [f"Removed what an earlier task had left of pod {told.name}"] if found.arrived == PARTLY else []
    actions += [f"Pulled image {name}" for name, _id in found.images]
    actions.append(f"Moved pod {told.name} here from {host}")
    return Result({}, changed=True, actions=actions, before=before, after=after, extra={"stage": words, "pod": {}})


def _diff(name: str, ended: dict[str, Json | None]) -> tuple[Json, Json]:
    states = {one: "running" if how is None else "as it was" for one, how in ended.items()}
    return {"name": name, "containers": dict.fromkeys(states, "absent")}, {"name": name, "containers": states}


def _make(request: Request, stage: Json) -> Result:
    """The pod, with what it shares; its containers still run elsewhere. Images that did not go ahead are pulled."""
    from ..container.checkpoint_import import fetch_image
    from ..pod import arrival

    session, found = request.session(), _planned(request, stage)
    deed = f"receive pod {found.said.name} of {request.text('from_host')}"
    if found.obstacles:
        raise Refused(deed, f"it cannot be restored here: {'; '.join(found.obstacles)}")
    for name, image in found.images:
        fetch_image(session, name, image, deed)
    for one in single.told(stage):
        volume_transfer.ensure(session, jsonval.text(one, "name"), one)
    arrival.make(session, found, _wish(request))
    return single.answer({})


def _take(request: Request, stage: Json) -> Result:
    """Put the volumes in place and have all go on. After an error nothing of the pod is here."""
    from ..pod import arrival, model
    from ..pod.inspect import inspect

    session, host = request.session(), request.text("from_host")
    pod = model.find(session, request.text("pod"))
    parts = []
    for told in jsonval.tables(stage, "archives"):
        name = jsonval.text(told, "name")
        path = single.arrived(told, f"container {name} of {host}")
        ended = told.get("ended")
        parts.append(arrival.Part(name, path, _earlier(request, name), ended if isinstance(ended, dict) else None))
    for one in single.told(stage):
        volume_transfer.take(session, jsonval.text(one, "name"), one, host)
    arrival.bring(session, pod, parts, _wish(request), thawing(request))
    pod = model.find(session, pod.id)
    actions = [f"Moved pod {pod.name} here from {host}"]
    before, after = _diff(pod.name, {part.name: part.ended for part in parts})
    extra: Json = {"stage": {}, "pod": inspect(session, pod)}
    return Result({}, changed=True, actions=actions, before=before, after=after, extra=extra)


def _drop(request: Request, stage: Json) -> Result:
    """What came here goes: the pod, else it would run twice, and the volumes that were made for it."""
    from ..pod import arrival

    session = request.session()
    arrival.drop(session, jsonval.text(stage, "id"))
    single.drop_volumes(session, stage)
    return single.answer({})


STAGES: dict[str, Callable[[Request, Json], Result]] = {
    "offer": _offer,
    "ready": _ready,
    "make": _make,
    "freeze": _freeze,
    "take": _take,
    "drop": _drop,
    "thaw": _thaw,
}
