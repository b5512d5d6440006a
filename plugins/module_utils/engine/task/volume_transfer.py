# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `volume_transfer`, seen from one of the two hosts.

The action plugin leads, and runs the module in stages: the sending host offers the volume, the receiving one says what
it has of it, the sending one packs what differs, and the receiving one puts that in place.
"""

from __future__ import annotations

import os
from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import BadInput, Conflict, NotFound
from ..base.tuples import NamedTuple
from . import outgoing
from .frame import Noun, Request, Result, run

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from ..base.jsonval import Json
    from ..session.session import Session
    from ..volume.mirroring import Offered
    from ..volume.observed import VolumeView
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "str", "required": True, "aliases": ["volume"]},
    "from_host": {"type": "str", "required": True},
    "source_become": {"type": "bool"},
    "source_become_user": {"type": "str"},
    "delete": {"type": "bool", "default": False},
    "changed_since": {"type": "int"},
    "stage": {"type": "dict"},
}
_SHOWN = 500  # paths that a diff names


def reconcile(request: Request) -> Result:
    stage = jsonval.table(request.params, "stage")
    deed = _STAGES.get(jsonval.text(stage, "do"))
    if deed is None:
        raise BadInput("transfer a volume", "the module was run without its action plugin, which does the carrying")
    return deed(request, stage)


def _answer(words: Json) -> Result:
    return Result(None, changed=False, extra={"stage": words})


def found(session: Session, name: str) -> VolumeView:
    from ..volume import observed

    view = observed.find(session, name)
    if view is None:
        raise NotFound(f"send volume {name}", "there is none of this name")
    return view


# -- the sending host


def _offer(request: Request, _stage: Json) -> Result:
    from ..volume import mirroring

    return _answer({"volume": mirroring.offered(found(request.session(), request.text("name"))).words()})


class Packing(NamedTuple):
    """A volume that is held `against` the index of the other host (a file, "" when nothing is there); `file` below
    `folder` is what is to be sent, "" when nothing is to be packed."""

    name: str
    against: str
    folder: str
    file: str = "archive"
    since: int = 0
    delete: bool = False


def _pack(request: Request, stage: Json) -> Result:
    since = request.params.get("changed_since")
    wish = Packing(
        request.text("name"),
        jsonval.text(stage, "index"),
        jsonval.text(stage, "directory"),
        "" if request.check else "archive",
        since if isinstance(since, int) else 0,
        request.flag("delete"),
    )
    return _answer(pack(request.session(), wish))


def pack(session: Session, wish: Packing) -> Json:
    """Pack what differs; the words that tell the other host of it."""
    from ..base.files import read_bytes
    from ..files import mirror
    from ..volume import mirroring

    view = found(session, wish.name)
    there = mirror.read_index(read_bytes(wish.against)) if wish.against else {}
    # Without a moment given this is a round ahead, and what comes later is to be told from what this one sends.
    taken = 0 if wish.since or not wish.file else mirroring.moment(session, view)
    differs = mirroring.compare(session, view, there, wish.since)
    gone = differs.gone if wish.delete else ()
    words: Json = {
        "files": len(differs.changed),
        "size": differs.size,
        "removed": len(gone),
        "gone": b64encode(b"\0".join(gone)).decode(),
        "shown": _names(differs.changed),
        "shown_gone": _names(gone),
        "taken": taken,
    }
    if differs.send and wish.file:
        packed = _compressed(mirroring.pieces(session, view, differs))
        words["archive"] = outgoing.leave(packed, wish.file, wish.folder, aside(session))
    return words


def _names(paths: Sequence[bytes]) -> list[str]:
    from ..files.decide import shown

    return [f"/{shown(path)}" for path in paths[:_SHOWN]]


def _compressed(plain: Iterator[bytes]) -> Iterator[bytes]:
    from ..host.compressing import compressor
    from ..host.compression import ZSTD

    made = compressor(ZSTD, 1)
    for piece in plain:
        yield made.compress(piece)
    yield made.flush()


def aside(session: Session) -> str:
    return os.path.join(session.store_options.graph_root, "libpod", "daemonless-transfer")


# -- the receiving host


def _ask(request: Request, stage: Json) -> Result:
    return _answer(ask(request.session(), request.text("name"), stage, "index"))


def ask(session: Session, name: str, stage: Json, file: str) -> Json:
    """What is here of a volume: an index for the other host to compare with, none where there is no volume."""
    from ..volume import mirroring, observed

    view = observed.find(session, name)
    if view is None:
        return {"exists": False}
    _refuse_other(view, _offered(stage))
    index = outgoing.leave((mirroring.index(session, view),), file, jsonval.text(stage, "directory"), aside(session))
    return {"exists": True, "index": index}


def _offered(stage: Json) -> Offered:
    from ..volume.mirroring import Offered

    told = jsonval.table(stage, "volume")
    return Offered(jsonval.text(told, "driver"), jsonval.text_map(told, "options"), jsonval.text_map(told, "labels"))


def _refuse_other(view: VolumeView, offered: Offered) -> None:
    from ..volume import mirroring

    here = mirroring.offered(view)
    if (here.driver, here.options) != (offered.driver, offered.options):
        raise Conflict(
            f"receive volume {view.name}",
            f"one with other options is here: {here.options or 'none'}, not {offered.options or 'none'}",
            "Remove it, or change it with the module volume",
        )


def _foresee(request: Request, stage: Json) -> Result:
    return _result(request, stage, made=False)


def _take(request: Request, stage: Json) -> Result:
    session, name = request.session(), request.text("name")
    result = _result(request, stage, made=True)
    take(session, name, stage, request.text("from_host"))
    result.value = _shown(session, name)
    return result


def take(session: Session, name: str, stage: Json, host: str) -> None:
    """Make the volume if it is missing, and put in place what came from `host`."""
    from ..volume import mirroring

    view = ensure(session, name, stage)
    gone = tuple(path for path in b64decode(jsonval.text(stage, "gone")).split(b"\0") if path)
    archive = jsonval.text(stage, "archive")
    if archive:
        with open(archive, "rb") as file:
            mirroring.bring(session, view, file, gone, f"volume {name} of {host}")
    else:
        mirroring.clear(session, view, gone)


def ensure(session: Session, name: str, stage: Json) -> VolumeView:
    """The volume, as the other host has told that it is to be made where it is missing."""
    from ..volume import steps

    return steps.ensure(session, _offered(stage).desired(name))


def _result(request: Request, stage: Json, *, made: bool) -> Result:
    name, exists = request.text("name"), jsonval.flag(stage, "exists")
    files, removed = jsonval.number(stage, "files"), jsonval.number(stage, "removed")
    actions = [] if exists else [f"Create volume {name}"]
    actions += [f"Send {files} files and directories ({jsonval.number(stage, 'size')} bytes)"] if files else []
    actions += [f"Remove {removed} files and directories"] if removed else []
    after = "".join(f"send {path}\n" for path in jsonval.texts(stage, "shown"))
    after += "".join(f"remove {path}\n" for path in jsonval.texts(stage, "shown_gone"))
    extra: Json = {key: jsonval.number(stage, key) for key in ("files", "removed", "size", "taken")}
    return Result(
        {} if made else _shown(request.session(), name),
        changed=bool(actions),
        actions=actions,
        before="" if actions else None,
        after=after if actions else None,
        extra=extra,
    )


def _shown(session: Session, name: str) -> Json:
    from ..volume import observed

    view = observed.find(session, name)
    return observed.shown(view) if view is not None else {}


_STAGES: dict[str, Callable[[Request, Json], Result]] = {
    "offer": _offer,
    "pack": _pack,
    "ask": _ask,
    "foresee": _foresee,
    "take": _take,
    "read": lambda _request, stage: _answer(outgoing.read(stage)),
    "drop": lambda _request, stage: _answer(outgoing.drop(stage)),
}
NOUN = Noun("volume", OPTIONS, reconcile)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
