# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `checkpoint_info`: what is kept, what archives and images hold, and whether it can be restored here."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import EngineError
from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..container.checkpoint_unpack import Origin, Said
    from ..container.model import Container
    from ..session.session import Session
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "list", "elements": "str", "aliases": ["container"]},
    "src": {"type": "list", "elements": "path"},
    "image": {"type": "list", "elements": "str"},
    "portrait": {"type": "bool", "default": False},
    "portraits": {"type": "list", "elements": "dict"},
    "ignore_volumes": {"type": "bool", "default": False},
    "ignore_static_ip": {"type": "bool", "default": False},
    "pod": {"type": "str"},
    "publish": {"type": "list", "elements": "str", "aliases": ["ports", "published", "published_ports"]},
    "criu_path": {"type": "path"},
    "executable": EXECUTABLE,
}
_NOTED = ("kernel", "criu", "runtime", "architecture", "tcp_established", "file_locks", "ext_unix_sk")


def main(delivery: Delivery) -> None:
    # A portrait has the environment of a container in it, which is not for the host's log.
    run(delivery, Noun("checkpoints", OPTIONS, look, reads=True, nested=True))


def look(request: Request) -> Result:
    session = request.session()
    criu = request.text("criu_path")
    if request.flag("portrait") and _of_pod(request):
        from .checkpoint_info_pods import portrayed

        return Result(portrayed(session, request.text("pod"), criu))
    containers = _containers(request, session)
    found = [_kept(session, one, criu) for one in containers]
    if request.flag("portrait"):
        found = [_portrayed(session, *pair, criu) for pair in zip(containers, found)]
    for path in request.texts("src"):
        found.append(_held(request, path, image=False))
    for name in request.texts("image"):
        found.append(_held(request, name, image=True))
    portraits = request.params.get("portraits")
    for told in portraits if isinstance(portraits, list) else []:
        found.append(_elsewhere(request, told))
    return Result([one for one in found if one])


def _containers(request: Request, session: Session) -> list[Container]:
    from ..container import lookup

    if request.params.get("name") is not None:
        found = [lookup.lookup(session, name) for name in request.texts("name")]
        return [one for one in found if one is not None]
    if request.texts("src") or request.texts("image") or request.params.get("portraits") is not None:
        return []
    if request.text("pod"):
        from ..pod import model

        pod = model.lookup(session, request.text("pod"))
        return [] if pod is None else list(pod.members)
    return lookup.all_containers(session)


def _of_pod(request: Request) -> bool:
    """Whether it is asked for a pod of this host, and not for something that would go into it."""
    others = ("name", "src", "image", "portraits")
    return bool(request.text("pod")) and not any(request.params.get(key) for key in others)


def _kept(session: Session, container: Container, criu: str) -> Json:
    from ..container import frozen, frozen_members, landing, restore
    from ..container.checkpoint_unpack import Said
    from ..criu import probe
    from ..host.sizes import tree_bytes

    kept = frozen.kept(container)
    if kept is None:
        return {}
    obstacles = restore.obstacles(session, container, restore.Wish(criu=criu))
    said = Said(container.config, {}, kept.notes)
    row = session.database.pod(container.pod_id) if container.pod_id else None
    return {
        "kind": "container",
        "name": container.name,
        "id": container.id,
        "path": kept.path,
        "time": kept.taken,
        "size": tree_bytes(kept.path),
        **({"pod": row.name} if row is not None else {}),
        "shares": frozen_members.of_pod(container.config),
        **_noted(kept.notes),
        "can_restore": not obstacles,
        "obstacles": obstacles,
        "doubts": landing.doubts(said, probe.seen_version(session.runner, criu)),
    }


def _portrayed(session: Session, container: Container, kept: Json, given: str) -> Json:
    """For one that runs, too: what another host is to be told of it."""
    from ..container import landing
    from ..criu import probe

    if not kept and not container.running:
        return {}
    criu = probe.seen(session.runner, given)[0]
    return {
        "kind": "running",
        "name": container.name,
        "id": container.id,
        **kept,
        "portrait": landing.portrait(container, criu.version if criu else ""),
        "tracks_memory": bool(criu and criu.tracks_memory),
    }


def _elsewhere(request: Request, told: object) -> Json:
    from ..base.jsonval import text
    from ..container import checkpoint_unpack, landing

    if isinstance(told, dict) and "pod" in told:
        from .checkpoint_info_pods import elsewhere

        return elsewhere(request, told)
    said = landing.said(told if isinstance(told, dict) else {})
    name = text(said.config, "name")
    about: Json = {"kind": "portrait", "name": name, "path": ""}
    try:
        about.update(_said(request, checkpoint_unpack.Origin(name=f"container {name}"), said))
    except EngineError as error:
        about.update(can_restore=False, obstacles=[str(error)], doubts=[])
    return about


def _noted(notes: Json) -> Json:
    """What was noted when it was taken; podman notes nothing."""
    return {key: notes.get(key, "") for key in _NOTED}


def _held(request: Request, name: str, *, image: bool) -> Json:
    """One that cannot be read is told with its error, so that the others are told as well."""
    from ..container import checkpoint_image, checkpoint_unpack

    about: Json = {"kind": "image" if image else "archive", "path": name}
    try:
        session = request.session()
        origin = checkpoint_image.origin(session, name) if image else checkpoint_unpack.Origin(name)
        about.update(_said(request, origin))
        if not image:
            about["size"] = os.stat(name).st_size
    except EngineError as error:
        about.update(can_restore=False, obstacles=[str(error)], doubts=[])
    return about


def _said(request: Request, origin: Origin, told: Said | None = None) -> Json:
    """`told` is what it says where it is not here to be read."""
    from ..base import jsonval
    from ..container import adopted, checkpoint_import, frozen_members, landing, restore
    from ..criu import probe
    from .checkpoint_deeds import published

    session, given = request.session(), request.text("criu_path")
    wish = checkpoint_import.Wish(
        origin,
        trust=True,
        volumes=not request.flag("ignore_volumes"),
        ignore_ip=request.flag("ignore_static_ip"),
        publish=published(request),
        pod=request.text("pod"),
    )
    plan = checkpoint_import.plan(session, wish, told)
    said = plan.said
    obstacles = [*plan.obstacles, *restore.of_host(session, adopted.runtime_name(said.config), given)]
    if plan.existing is not None:
        obstacles.append(f"a container named {plan.name} is here (another name makes another one)")
    image, image_id = jsonval.text(said.config, "rootfsImageName"), jsonval.text(said.config, "rootfsImageID")
    missing = bool(image_id) and session.store.image(image_id) is None
    return {
        "name": jsonval.text(said.config, "name"),
        "id": jsonval.text(said.config, "id"),
        "time": jsonval.text(said.notes, "time"),
        "image": image,
        "image_id": image_id,
        "image_missing": bool(plan.pull),
        "images_missing": [{"name": image, "id": image_id}] if missing else [],
        "volumes": list(plan.volumes),
        "shares": frozen_members.of_pod(said.config),
        **_noted(said.notes),
        "privileges": plan.privileges,
        "can_restore": not obstacles,
        "obstacles": obstacles,
        "doubts": landing.doubts(said, probe.seen_version(session.runner, given)),
    }
