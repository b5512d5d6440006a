# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless search"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import EngineError
from .access_flags import ACCESS, HELP, access, listed, read, text
from .arguments import key_values
from .context import Usage
from .goflags import LIST, SWITCH, Flag
from .rows import Listing, Row, pretty, render

if TYPE_CHECKING:
    from argparse import Namespace

    from ..image.remote import Remote
    from .arguments import Parser
    from .context import Context
    from .goflags import Line

FLAGS = (
    *ACCESS,
    Flag("--compatible", SWITCH, "with docker's columns"),
    Flag("--filter -f", LIST, "stars=COUNT, is-automated=BOOL, is-official=BOOL"),
    Flag("--format", help="json, table, or a Go template"),
    Flag("--limit", help="how many at most; 25 when nothing is said"),
    Flag("--list-tags", SWITCH, "the tags of a repository"),
    Flag("--no-trunc", SWITCH, "whole descriptions"),
    HELP,
)
_COLUMNS = (("NAME", "Name"), ("DESCRIPTION", "Description"))
_COMPATIBLE = (*_COLUMNS, ("STARS", "Stars"), ("OFFICIAL", "Official"), ("AUTOMATED", "Automated"))
_TAGS = (("NAME", "Name"), ("TAG", "Tag"))
_USUAL, _WIDTH = 25, 44
_TRUE, _FALSE = ("true", "1", "t"), ("false", "0", "f")


def arguments(parser: Parser, name: str) -> None:
    parser.take_all(FLAGS, "TERM")


def run(context: Context, options: Namespace) -> int:
    line = read(context, options, FLAGS, (1, 1))
    if line is None:
        return 0
    limit, term = text(line, "limit") or "0", line.words[0]
    if not limit.isdecimal():
        raise Usage(f"invalid argument {limit!r} for --limit: it is not a number")
    if line.given.get("list-tags") and line.given.get("filter"):
        raise Usage("filters are not applicable to list tags result")
    filters = _filters(line)
    from ..image.remote import Remote

    remote = Remote(context.session.identity, context.session.runner, access(line))
    try:
        if line.given.get("list-tags"):
            listing = _tags(remote, term, int(limit) or _USUAL)
        else:
            listing = _found(context, remote, line, int(limit) or _USUAL, filters)
    finally:
        remote.close()
    if text(line, "format") == "json":
        context.out(pretty(listing.objects(), 4) + "\n")
    else:
        context.out(render(listing, text(line, "format")))
    return 0


def _filters(line: Line) -> dict[str, str]:
    found = {key: values[-1] for key, values in key_values(listed(line, "filter")).items()}
    for key, value in found.items():
        good = value.isdecimal() if key == "stars" else value in (*_TRUE, *_FALSE)
        if key not in ("stars", "is-automated", "is-official") or not good:
            raise Usage(f"invalid filter {key}={value}")
    return found


def _tags(remote: Remote, term: str, limit: int) -> Listing:
    from ..spec import reference

    if reference.is_short(term):
        raise Usage(
            "reference must be a docker reference: --list-tags needs the name of a repository with its registry"
        )
    ref = reference.parse(term)
    if ref.tag is not None or ref.digest is not None:
        raise Usage("--list-tags takes the name of a repository, without a tag")
    tags = remote.tags(ref).list()[:limit]
    return Listing(
        _TAGS, [Row(Name=ref.name, Tag=tag) for tag in tags], lambda: [{"Name": ref.name, "Tags": tags}], "Name"
    )


def _found(context: Context, remote: Remote, line: Line, limit: int, filters: dict[str, str]) -> Listing:
    from ..image import described

    places, term = described.places_to_search(remote, line.words[0])
    rows, failures = [], []
    for place in places:
        try:
            rows += [Row(entry) for entry in described.search(remote, place, term, limit)]
        except EngineError as error:
            failures.append(error)
    if failures and not rows:
        raise failures[0]
    for failure in failures:
        context.error(str(failure))
    rows = [row for row in rows if _fits(row, filters)]
    for row in rows:
        row["Tag"] = ""
        if not line.given.get("no-trunc") and len(str(row["Description"])) > _WIDTH:
            row["Description"] = str(row["Description"])[:_WIDTH] + "..."
    return Listing(_COMPATIBLE if line.given.get("compatible") else _COLUMNS, rows, lambda: rows, "Name")


def _fits(row: Row, filters: dict[str, str]) -> bool:
    stars = row["Stars"]
    if "stars" in filters and isinstance(stars, int) and stars < int(filters["stars"]):
        return False
    for key, field in (("is-automated", "Automated"), ("is-official", "Official")):
        if key in filters and bool(row[field]) != (filters[key] in _TRUE):
            return False
    return True
