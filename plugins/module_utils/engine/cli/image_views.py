# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless history, and image tree, diff and exists"""

from __future__ import annotations

import json
import time
from typing import TYPE_CHECKING

from ..base.errors import NotFound
from . import words
from .context import Usage
from .rows import Listing, Row, render

if TYPE_CHECKING:
    from argparse import Namespace

    from ..base.jsonval import Json
    from ..store.records import ImageRecord
    from .arguments import Parser
    from .context import Context

_COLUMNS = (("ID", "ID"), ("CREATED", "Created"), ("CREATED BY", "CreatedBy"), ("SIZE", "Size"), ("COMMENT", "Comment"))
_WIDTH = 45


def arguments(parser: Parser, name: str) -> None:
    parser.names("IMAGE")
    if name == "history":
        parser.add_argument("--format", default="", help="json, or a Go template")
        parser.add_argument("-H", "--human", default="true", nargs="?", const="true", help="sizes and ages for people")
        parser.flag("--no-trunc", help="ids and commands in full")
        parser.flag("-q", "--quiet", help="only ids")
    elif name == "image tree":
        parser.flag("--whatrequires", help="the layers that stand on it, and not those it stands on")
    elif name == "image diff":
        parser.add_argument("--format", default="", help="json")


def run(context: Context, options: Namespace) -> int:
    name = options.command_name
    limit = 2 if name == "image diff" else 1
    if not 1 <= len(options.names) <= limit:
        raise Usage(f"accepts {limit if limit == 1 else 'between 1 and 2'} arg(s), received {len(options.names)}")
    if name == "image exists":
        return 0 if _found(context, options.names[0]) is not None else 1
    records = [_needed(context, text) for text in options.names]
    shown = {"history": _history, "image tree": _tree, "image diff": _diff}[name]
    context.out(shown(context, options, records))
    return 0


def _found(context: Context, name: str) -> ImageRecord | None:
    from ..image.lookup import finder

    return finder(context.session)(name)


def _needed(context: Context, name: str) -> ImageRecord:
    record = _found(context, name)
    if record is None:
        raise NotFound(f"find image {name}", "there is no image with this name or id")
    return record


def _history(context: Context, options: Namespace, records: list[ImageRecord]) -> str:
    from ..image.catalogue import Catalogue
    from ..image.history import history

    steps = history(Catalogue(context.session.store), records[0])
    if options.format == "json":
        return json.dumps([_as_json(step) for step in steps]) + "\n"
    now, human = time.time_ns(), options.human.lower() != "false"
    rows = [_row(step, now, human, options.no_trunc) for step in steps]
    return render(Listing(_COLUMNS, rows, lambda: steps, "ID"), options.format, quiet=options.quiet)


def _as_json(step: Json) -> Json:
    found: Json = {"id": step["id"], "created": step["created"], "CreatedBy": step["created_by"]}
    found.update(size=step["size"], comment=step["comment"])
    return {**found, "tags": step["tags"]} if step["tags"] else found


def _row(step: Json, now: int, human: bool, full: bool) -> Row:
    created, command, identity = (str(step[key]) for key in ("created", "created_by", "id"))
    size = step["size"]
    return Row(
        ID=identity if full else identity[:12],
        Created=words.ago(created, now) if human else created,
        CreatedSince=words.ago(created, now),
        CreatedAt=created,
        CreatedBy=command if full or len(command) <= _WIDTH else command[: _WIDTH - 3] + "...",
        Size=words.size(size if isinstance(size, int) else 0).replace(" ", ""),
        Comment=step["comment"],
        Tags=step["tags"],
    )


def _tree(context: Context, options: Namespace, records: list[ImageRecord]) -> str:
    from ..image.catalogue import Catalogue
    from ..image.history import drawn

    return drawn(Catalogue(context.session.store), records[0], options.whatrequires) + "\n"


def _diff(context: Context, options: Namespace, records: list[ImageRecord]) -> str:
    from ..image.difference import compare, grouped

    if options.format not in ("", "json"):
        raise Usage("only supported value for '--format' is 'json'")
    found = compare(context.session.store, records[0], records[1] if len(records) > 1 else None)
    if options.format == "json":
        return json.dumps({key: paths for key, paths in grouped(found).items() if paths}, indent=5) + "\n"
    return "".join(f"{kind} {path}\n" for kind, path in found)
