# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pods as a whole in the module `checkpoint_info`: described for another host, and held against this one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import EngineError

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..session.session import Session
    from .frame import Request


def portrayed(session: Session, name: str, given: str) -> list[Json]:
    """What another host is to be told of the pod; nothing where it is not here, or has no memory to move."""
    from ..criu import probe
    from ..pod import model, portrait

    pod = model.lookup(session, name)
    if pod is None or not portrait.moving(pod):
        return []
    criu = probe.seen(session.runner, given)[0]
    return [
        {
            "kind": "pod",
            "name": pod.name,
            "id": pod.id,
            "containers": [one.name for one in portrait.moving(pod)],
            "running": [one.name for one in pod.members if one.running],
            "portrait": portrait.portrait(pod, criu.version if criu else ""),
            "tracks_memory": bool(criu and criu.tracks_memory),
        }
    ]


def elsewhere(request: Request, told: Json) -> Json:
    """Whether a pod of another host, by its portrait, could go on here."""
    from ..criu import probe
    from ..pod import arrival, portrait
    from .checkpoint_deeds import published

    session, given = request.session(), request.text("criu_path")
    about: Json = {"kind": "portrait", "name": jsonval.text(jsonval.table(told, "pod"), "name"), "path": ""}
    wish = arrival.Wish(
        "another host",
        publish=published(request),
        volumes=not request.flag("ignore_volumes"),
        trust=True,
        ignore_ip=request.flag("ignore_static_ip"),
    )
    try:
        said = portrait.said(told)
        found = arrival.plan(session, said, wish)
        obstacles = [*found.obstacles, *portrait.host_obstacles(session, said, given)]
        about.update(
            id=said.id,
            arrived=found.arrived,
            containers=[one.name for one in said.members],
            images_missing=[{"name": name, "id": image} for name, image in found.images],
            volumes=list(found.volumes),
            privileges=found.privileges,
            can_restore=not obstacles,
            obstacles=obstacles,
            doubts=arrival.doubts(said, probe.seen_version(session.runner, given)),
        )
    except EngineError as error:
        about.update(can_restore=False, obstacles=[str(error)], doubts=[])
    return about
