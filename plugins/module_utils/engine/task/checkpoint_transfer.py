# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `checkpoint_transfer`, seen from one of the two hosts.

The action plugin leads, and runs the module in stages. All that can be looked at before is looked at before: from the
moment on in which the sending host freezes the container there is one stage there, one way of files, and one stage at
the receiving host. After that there are only the stages that take it back.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.digest import digest_of_file
from ..base.errors import BadInput, Conflict, Corrupt, NotFound, Refused
from . import outgoing, volume_transfer
from .checkpoint_deeds import freezing, packing, published, thawing
from .frame import Noun, Request, Result, run

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..base.jsonval import Json
    from ..container.checkpoint import Wish as Freezing
    from ..container.checkpoint_import import Plan
    from ..container.checkpoint_import import Wish as Importing
    from ..container.checkpoint_unpack import Origin, Said
    from ..container.model import Container
    from ..session.session import Session
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "str", "aliases": ["container"]},
    "from_host": {"type": "str", "required": True},
    "source_become": {"type": "bool"},
    "source_become_user": {"type": "str"},
    "volumes": {
        "type": "list",
        "elements": "dict",
        "options": {"name": {"type": "str", "required": True}, "changed_since": {"type": "int"}},
    },
    "src_previous": {"type": "path"},
    "pod": {"type": "str"},
    "tcp_established": {"type": "bool", "default": False},
    "file_locks": {"type": "bool", "default": False},
    "ext_unix_sk": {"type": "bool", "default": False},
    "publish": {"type": "list", "elements": "str", "aliases": ["ports", "published", "published_ports"]},
    "ignore_static_ip": {"type": "bool", "default": False},
    "ignore_static_mac": {"type": "bool", "default": False},
    "trust": {"type": "bool", "default": False},
    "compression": {"type": "str", "default": "zstd", "choices": ["zstd", "gzip", "none"]},
    "compression_level": {"type": "int"},
    "criu_path": {"type": "path"},
    "stage": {"type": "dict"},
}
RULES = {"required_one_of": [["name", "pod"]]}


def reconcile(request: Request) -> Result:
    from . import checkpoint_transfer_pods as pods

    stage = jsonval.table(request.params, "stage")
    deed = (pods.STAGES if pods.whole(request) else _STAGES).get(jsonval.text(stage, "do"))
    if deed is None:
        raise BadInput("transfer a container", "the module was run without its action plugin, which does the carrying")
    if not request.check:
        from ..pod.repair import put_right

        put_right(request.session())
    return deed(request, stage)


def answer(words: Json) -> Result:
    return Result(None, changed=False, extra={"stage": words})


# -- the sending host


def _offer(request: Request, _stage: Json) -> Result:
    """What there is, and what keeps it from being frozen."""
    from ..container import checkpoint, frozen, landing, lookup
    from ..criu import probe

    session = request.session()
    container = lookup.lookup(session, request.text("name"))
    if container is None:
        return answer({"exists": False})
    if not container.running and frozen.kept(container) is None:
        deed = f"send container {container.name}"
        raise Conflict(deed, f"it is {container.status}, and not frozen: there is no memory to move")
    found = checkpoint.obstacles(session, container, _freezing(request)) if container.running else []
    if found:
        raise checkpoint.refusal(container, found)
    portrait = landing.portrait(container, probe.seen_version(session.runner, request.text("criu_path")))
    words: Json = {"exists": True, "id": container.id, "running": container.running, "portrait": portrait}
    return answer({**words, "volumes": offered(session, [container])})


def offered(session: Session, containers: Sequence[Container]) -> list[Json]:
    """What the receiving host is told of their volumes."""
    from ..container.model import volume_names
    from ..volume import mirroring

    names = dict.fromkeys(name for one in containers for name in volume_names(one.config))
    return [{"name": name, "volume": mirroring.offered(volume_transfer.found(session, name)).words()} for name in names]


def _freezing(request: Request) -> Freezing:
    return freezing(request, exported=True)._replace(after_early=bool(request.text("src_previous")))


def _freeze(request: Request, stage: Json) -> Result:
    """Freeze it unless it is, and leave everything for the plugin that the other host does not have. When that fails
    the container goes on."""
    from ..container import checkpoint, checkpoint_pack, frozen, lookup

    session = request.session()
    container = lookup.find(session, request.text("name"), "send container")
    if not container.running and frozen.kept(container) is None:
        raise Conflict(f"send container {container.name}", "it has ended meanwhile")
    anew = container.running
    if anew:
        checkpoint.checkpoint(session, container, _freezing(request))
    wish = packing(request)._replace(volumes=False, previous=not request.text("src_previous"))
    folder = jsonval.text(stage, "directory")
    container = lookup.find(session, container.id)
    with checkpoint_pack.as_before(session, container, request.text("criu_path")) if anew else nullcontext():
        path = os.path.join(folder, "frozen")
        made = checkpoint_pack.write(session, container, path, wish)
        outgoing.hand_over(path)
        volumes = [packed(session, number, one, folder) for number, one in enumerate(told(stage))]
    archive: Json = {"file": "frozen", "size": made.size, "digest": made.digest}
    return answer({"archives": [{"name": container.name, "archive": archive}], "volumes": volumes})


def told(stage: Json) -> list[Json]:
    """What was said of each volume."""
    return jsonval.tables(stage, "volumes")


def packed(session: Session, number: int, one: Json, folder: str) -> Json:
    """What the other host needs of a volume, as a file in the plugin's directory."""
    packing = volume_transfer.Packing(
        jsonval.text(one, "name"),
        jsonval.text(one, "index"),
        folder,
        f"volume-{number}",
        jsonval.number(one, "changed_since"),
        delete=True,
    )
    return {"name": packing.name, **volume_transfer.pack(session, packing)}


def _thaw(request: Request, _stage: Json) -> Result:
    from ..container import restore

    restore.go_on(request.session(), request.text("name"), request.text("criu_path"))
    return answer({})


# -- the receiving host


def _ready(request: Request, stage: Json) -> Result:
    """Whether it can come here, and what is here of its volumes."""
    from ..container import checkpoint_import, landing, restore
    from ..container.checkpoint_unpack import Origin

    session, name = request.session(), request.text("name")
    if not jsonval.flag(stage, "exists"):
        return _there_already(request)
    origin = Origin(name=f"container {name} of {request.text('from_host')}")
    said = landing.said(jsonval.table(stage, "portrait"))
    found = checkpoint_import.plan(session, _importing(request, origin), said)
    obstacles = [] if found.existing is None else [f"a container named {found.name} is here"]
    obstacles += [*strange(request, stage), *found.obstacles]
    obstacles += restore.of_host(session, _runtime(said), request.text("criu_path"))
    if obstacles:
        raise Refused(f"receive {origin.shown}", f"it cannot be restored here: {'; '.join(obstacles)}")
    return _result(request, found, {"volumes": asked(request, stage)})


def asked(request: Request, stage: Json) -> list[Json]:
    """What is here of the volumes, for the other host to compare with."""
    volumes = []
    for number, one in enumerate(told(stage)):
        words = {**one, "directory": stage.get("directory")}
        there = volume_transfer.ask(request.session(), jsonval.text(one, "name"), words, f"index-{number}")
        volumes.append({**one, **there})
    return volumes


def strange(request: Request, stage: Json) -> list[str]:
    """What stands in the way: volumes of the same names that nobody has said to be the same, or to be made so."""
    known = {jsonval.text(one, "name") for one in jsonval.tables(request.params, "volumes")}
    names = [jsonval.text(one, "name") for one in told(stage)]
    database = request.session().database
    return [
        f"volume {name} is here (volumes names those that it may replace)"
        for name in names
        if name not in known and database.volume(name) is not None
    ]


def _there_already(request: Request) -> Result:
    from ..container import lookup
    from ..container.inspect import inspect

    session, name = request.session(), request.text("name")
    container = lookup.lookup(session, name)
    if container is None or not container.running:
        cause = f"{request.text('from_host')} has no container of this name, and none of this name runs here"
        raise NotFound(f"receive container {name}", cause)
    return Result(inspect(session, container), changed=False, extra={"stage": {}})


def _runtime(said: Said) -> str:
    from ..container import adopted

    return adopted.runtime_name(said.config)


def _importing(request: Request, origin: Origin, before: Origin | None = None) -> Importing:
    from ..container.checkpoint_import import Wish

    return Wish(
        origin,
        publish=published(request),
        volumes=False,
        trust=request.flag("trust"),
        before=before,
        ignore_ip=request.flag("ignore_static_ip"),
        pod=request.text("pod"),
    )


def _result(request: Request, found: Plan, words: Json) -> Result:
    host = request.text("from_host")
    after: Json = {"name": found.name, "state": "running"}
    if found.privileges:
        after["privileges"] = found.privileges
    actions = [f"Pulled image {found.pull}"] if found.pull else []
    actions.append(f"Moved container {found.name} here from {host}")
    before: Json = {"name": found.name, "state": "absent"}
    return Result({}, changed=True, actions=actions, before=before, after=after, extra={"stage": words})


def _take(request: Request, stage: Json) -> Result:
    """Put its volumes in place and have it go on. After an error nothing of the container is here."""
    from ..container import checkpoint_import
    from ..container.checkpoint_unpack import Origin
    from ..container.inspect import inspect

    session, name, host = request.session(), request.text("name"), request.text("from_host")
    shown = f"container {name} of {host}"
    [archive] = jsonval.tables(stage, "archives")
    path, previous = arrived(archive, shown), request.text("src_previous")
    for one in told(stage):
        volume_transfer.take(session, jsonval.text(one, "name"), one, host)
    before = Origin(previous, name=f"the earlier round of {shown}") if previous else None
    wish = _importing(request, Origin(path, name=shown), before)
    found = checkpoint_import.plan(session, wish)
    container, _numbers = checkpoint_import.run(session, wish, found, thawing(request))
    result = _result(request, found, {})
    result.value = inspect(session, container)
    return result


def arrived(told: Json, shown: str) -> str:
    """The path of an archive that came here whole. Raises Corrupt."""
    path = jsonval.text(told, "path")
    if str(digest_of_file(path)) != jsonval.text(told, "digest"):
        raise Corrupt(f"receive {shown}", "it changed on the way", "Run the task again")
    return path


def _drop(request: Request, stage: Json) -> Result:
    """What came here goes: the container, else it would run twice, and the volumes that were made for it."""
    from ..container import lookup
    from ..container.remove import remove

    session = request.session()
    container = lookup.by_id(session, jsonval.text(stage, "id"))
    if container is not None:
        remove(session, container, force=True, timeout=0)
    drop_volumes(session, stage)
    return answer({})


def drop_volumes(session: Session, stage: Json) -> None:
    from ..volume.steps import remove

    for name in jsonval.texts(stage, "volumes"):
        if session.database.volume(name) is not None and not session.database.volume_users(name):
            remove(session, name)


_STAGES: dict[str, Callable[[Request, Json], Result]] = {
    "offer": _offer,
    "ready": _ready,
    "freeze": _freeze,
    "take": _take,
    "drop": _drop,
    "thaw": _thaw,
}
# A portrait has the environment of a container in it, which is not for the host's log.
NOUN = Noun("container", OPTIONS, reconcile, rules=RULES, nested=True)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
