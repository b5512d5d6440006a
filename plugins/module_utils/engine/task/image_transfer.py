# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deed `image_transfer`, seen from one of the two hosts.

The action plugin on the controller leads: it asks the sending host (or reads a file of its own) what the image is, asks
the receiving host what it lacks, carries that over and has it stored. Each of these is one run of the module with a
`stage`; the shapes of question and answer are the methods' own.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import BadInput
from .frame import Noun, Request, Result, run

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..base.jsonval import Json
    from ..image.parcels import Parcel
    from ..image.travel import Needs, Travelling
    from ..session.session import Session
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "str"},
    "path": {"type": "str"},
    "from_host": {"type": "str"},
    "source_name": {"type": "str"},
    "source_become": {"type": "bool"},
    "source_become_user": {"type": "str"},
    "platform": {"type": "str"},
    "stage": {"type": "dict"},
}
RULES = {
    "mutually_exclusive": [
        ["path", "from_host"],
        ["path", "source_name"],
        ["path", "source_become"],
        ["path", "source_become_user"],
        ["from_host", "platform"],
    ],
    "required_one_of": [["path", "from_host"]],
}


def reconcile(request: Request) -> Result:
    given = request.params.get("stage")
    stage: Json = given if isinstance(given, dict) else {}
    deed = _STAGES.get(jsonval.text(stage, "do"))
    if deed is None:
        raise BadInput("transfer an image", "the module was run without its action plugin, which does the carrying")
    return deed(request, stage)


def _answer(words: Json) -> Result:
    return Result(None, changed=False, extra={"stage": words})


# -- the sending host


def _offer(request: Request, stage: Json) -> Result:
    from ..image.travel import offer

    travelling, sizes = offer(request.session(), jsonval.text(stage, "name"))
    return _answer({**travelling.words(), "layers": [list(pair) for pair in zip(travelling.diff_ids, sizes)]})


def _give(request: Request, stage: Json) -> Result:
    """Pack one layer into the controller's directory here, or beside the store where it cannot be fetched as a file."""
    import os
    from contextlib import closing

    from ..base.errors import NotFound
    from ..image.parcels import Parcels, pack
    from .outgoing import giveable

    session = request.session()
    diff_id, folder = jsonval.text(stage, "diff_id"), jsonval.text(stage, "directory")
    layer = next((layer for layer in session.store.layers() if layer.diff_digest == diff_id), None)
    if layer is None:
        raise NotFound(f"send layer {diff_id}", "it was there and is gone", "Run the task again")
    parcels = Parcels.of(session)
    owner = giveable(folder)
    path = os.path.join(folder, "layer") if owner is not None else parcels.scratch(diff_id)
    with closing(session.store.layer_tar(layer.id)) as tar:
        parcel = pack(tar, path, diff_id)
    if owner is not None:
        os.chown(path, owner, -1, follow_symlinks=False)
    else:
        os.rename(path, parcels.path(parcel))
    return _answer({"digest": parcel.digest, "size": parcel.size, "file": path if owner is not None else ""})


def _read(request: Request, stage: Json) -> Result:
    from base64 import b64encode

    from ..image.parcels import Parcels
    from .outgoing import PIECE

    parcel = _parcel(stage)
    data = Parcels.of(request.session()).read(parcel, jsonval.number(stage, "offset"), PIECE)
    return _answer({"data": b64encode(data).decode()})


def _drop(request: Request, stage: Json) -> Result:
    from ..image.parcels import Parcels

    Parcels.of(request.session()).drop(jsonval.texts(stage, "diff_ids"))
    return _answer({})


# -- the receiving host


def _platform(_request: Request, _stage: Json) -> Result:
    from ..image.view import host

    return _answer({"platform": str(host())})


def _ask(request: Request, stage: Json) -> Result:
    """What is to be done here; the whole answer of a task in check mode and of one that has nothing to do."""
    from ..image.parcels import Parcels
    from ..image.travel import needs

    session = request.session()
    travelling, sizes = _travelling(stage)
    found = needs(session, travelling)
    parcels = Parcels.of(session)
    if not request.check:
        # What is in the store was no longer taken away by a run that was killed.
        parcels.drop(set(travelling.diff_ids).difference(found.missing))
    held = parcels.held(found.missing)
    words: Json = {
        "missing": list(found.missing),
        "held": [{"diff_id": p.diff_id, "digest": p.digest, "size": p.size, "at": p.at} for p in held],
    }
    return _result(session, travelling, sizes, found, {"stage": words})


def _keep(request: Request, stage: Json) -> Result:
    import os

    from ..image.parcels import Parcels

    parcels = Parcels.of(request.session())
    here = []
    for words in jsonval.tables(stage, "files"):
        path = jsonval.text(words, "path")
        here.append(parcels.keep(_parcel(words), jsonval.number(words, "offset"), path))
        try:
            os.unlink(path)
        except OSError:
            pass  # in another user's directory; it goes with that
    return _answer({"at": here})


def _commit(request: Request, stage: Json) -> Result:
    from ..image.travel import commit, needs

    session = request.session()
    travelling, sizes = _travelling(stage)
    found = needs(session, travelling)
    result = _result(session, travelling, sizes, found, {})
    if not found.nothing:
        commit(session, travelling, [_parcel(words) for words in jsonval.tables(stage, "sent")])
        result.value = _shown(session, travelling)
    return result


def _parcel(words: Json) -> Parcel:
    from ..image.parcels import Parcel

    size = jsonval.number(words, "size", -1)
    return Parcel.checked(jsonval.text(words, "diff_id"), jsonval.text(words, "digest"), size)


def _travelling(stage: Json) -> tuple[Travelling, dict[str, int]]:
    from ..image.travel import parse

    travelling = parse(jsonval.table(stage, "image"))
    sizes: dict[str, int] = {}
    for pair in jsonval.items(stage, "layers"):
        if isinstance(pair, list) and len(pair) == 2 and isinstance(pair[0], str) and isinstance(pair[1], int):
            sizes[pair[0]] = pair[1]
    return travelling, sizes


def _result(session: Session, travelling: Travelling, sizes: dict[str, int], found: Needs, extra: Json) -> Result:
    name = travelling.names[0] if travelling.names else travelling.chosen.id[:12]
    layers = [{"digest": diff_id, "size": sizes.get(diff_id, 0)} for diff_id in found.missing]
    actions = [f"Send layer {diff_id} ({sizes.get(diff_id, 0)} bytes)" for diff_id in found.missing]
    if found.image:
        actions.append(f"Store image {name} ({travelling.chosen.id[:12]})")
    actions += [f"Name image {travelling.chosen.id[:12]} {text}" for text in found.names if not found.image]
    size = sum(sizes.get(diff_id, 0) for diff_id in found.missing)
    return Result(
        _shown(session, travelling),
        changed=not found.nothing,
        actions=actions,
        before="" if found.nothing else _page(travelling, sizes, found.missing, found),
        after="" if found.nothing else _page(travelling, sizes, (), None),
        extra={"layers": layers, "size": size, **extra},
    )


def _page(travelling: Travelling, sizes: dict[str, int], without: tuple[str, ...], found: Needs | None) -> str:
    """The image at this host as text: its id where it is recorded, the names and layers that are there."""
    absent = found.names if found is not None else ()
    lines = [] if found is not None and found.image else [f"image {travelling.chosen.id}"]
    lines += [f"name {name}" for name in travelling.names if name not in absent]
    lines += [f"layer {diff_id}" for diff_id in dict.fromkeys(travelling.diff_ids) if diff_id not in without]
    return "".join(f"{line}\n" for line in lines)


def _shown(session: Session, travelling: Travelling) -> object:
    from ..image.inspect import inspect

    record = session.store.image(travelling.chosen.id)
    return [inspect(session, record)] if record is not None else []


_STAGES: dict[str, Callable[[Request, Json], Result]] = {
    "offer": _offer,
    "give": _give,
    "read": _read,
    "drop": _drop,
    "platform": _platform,
    "ask": _ask,
    "keep": _keep,
    "commit": _commit,
}
NOUN = Noun("image", OPTIONS, reconcile, rules=RULES)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
