# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Looking at images: all of them, or those that were named. What costs more than a look is done when asked for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from ..image.catalogue import Catalogue
    from ..session.session import Session
    from ..store.records import ImageRecord
    from .frame import Delivery, Json, Options

OPTIONS: Options = {
    "name": {"type": "list", "elements": "str"},
    "filters": {"type": "dict"},
    "history": {"type": "bool", "default": False},
    "layers": {"type": "bool", "default": False},
    "size": {"type": "bool", "default": False},
    "diff_to": {"type": "str"},
    "diff_from_parent": {"type": "bool", "default": False},
    "executable": EXECUTABLE,
}
RULES = {"mutually_exclusive": [["diff_to", "diff_from_parent"]]}


def reconcile(request: Request) -> Result:
    """An image that is not there is left out, as by containers.podman; `exists` tells of each name."""
    from ..image.inspect import inspect

    session = request.session()
    names = request.texts("name")
    records, exists = _chosen(session, names)
    if request.params.get("filters"):
        records = _filtered(request, session, records)
    shown = [inspect(session, record) for record in records]
    if _asks_for_more(request):
        from ..image.catalogue import Catalogue

        catalogue = Catalogue(session.store)
        for record, entry in zip(records, shown):
            entry.update(_more(request, session, catalogue, record))
    return Result(shown, extra={"exists": exists})


def _chosen(session: Session, names: tuple[str, ...]) -> tuple[list[ImageRecord], dict[str, bool]]:
    from ..image import lookup
    from ..image.view import instance_of

    if names:
        found = {name: lookup.find_record(session, name) for name in names}
        records = [entry[0] for entry in found.values() if entry is not None]
        return list(dict.fromkeys(records)), {name: entry is not None for name, entry in found.items()}
    # A manifest list is no image of its own; what runs here of it is shown once.
    chosen = [instance_of(session.store, record) for record in session.store.images()]
    return list(dict.fromkeys(record for record in chosen if record is not None)), {}


def _filtered(request: Request, session: Session, records: list[ImageRecord]) -> list[ImageRecord]:
    from ..base.filters import given
    from ..image.catalogue import Catalogue
    from ..image.filters import matching
    from ..image.lookup import finder

    filters = request.params.get("filters")
    passed = matching(Catalogue(session.store), given(filters if isinstance(filters, dict) else None), finder(session))
    kept = {record.id for record in passed}
    return [record for record in records if record.id in kept]


def _asks_for_more(request: Request) -> bool:
    return any(request.params.get(key) for key in ("history", "layers", "size", "diff_to", "diff_from_parent"))


def _more(request: Request, session: Session, catalogue: Catalogue, record: ImageRecord) -> Json:
    """What was asked for beside the inspection; keys of our own, in small letters as podman has none there."""
    found: Json = {}
    if request.flag("history"):
        from ..image.history import history

        found["history"] = history(catalogue, record)
    if request.flag("layers"):
        from ..image.history import drawn, layers

        found["layers"] = layers(catalogue, record)
        found["tree"] = drawn(catalogue, record)
    if request.flag("size"):
        from ..image.usage import usages

        usage = usages(catalogue)[record.id]
        found["disk_usage"] = usage._asdict()
    if request.text("diff_to") or request.flag("diff_from_parent"):
        found["diff"] = _difference(request, session, record)
    return found


def _difference(request: Request, session: Session, record: ImageRecord) -> Json:
    from ..base.errors import NotFound
    from ..image.difference import compare, grouped
    from ..image.lookup import find_record

    other = None
    if request.text("diff_to"):
        entry = find_record(session, request.text("diff_to"))
        if entry is None:
            raise NotFound(f"compare with image {request.text('diff_to')}", "there is no image with this name or id")
        other = entry[0]
    return dict(grouped(compare(session.store, record, other)))


NOUN = Noun("images", OPTIONS, reconcile, reads=True, rules=RULES)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
