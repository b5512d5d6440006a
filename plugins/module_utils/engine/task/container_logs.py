# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `container_logs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from . import commands
from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    import re
    from collections.abc import Sequence

    from ..runtime.logs import LogLine, LogQuery
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "str", "required": True},
    "since": {"type": "str"},
    "until": {"type": "str"},
    "tail": {"type": "int", "default": 1000},
    "timestamps": {"type": "bool", "default": False},
    "wait_for": {"type": "str"},
    "wait_timeout": {"type": "float", "default": 60.0},
    "executable": EXECUTABLE,
}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("lines", OPTIONS, look, reads=True))


def look(request: Request) -> Result:
    from ..container import lookup
    from ..container.logs import logs, wait_for

    query, pattern = _query(request), _pattern(request)
    seconds = commands.seconds(request, "wait_timeout") or 0.0
    session = request.session()
    container = lookup.find(session, request.text("name"), "read the logs of container")
    lines: Sequence[LogLine]
    if pattern is None or request.check:  # check mode waits for nothing: what would print it may not have been done
        lines = list(logs(session, container, query))
        return _result(request, lines, _first(pattern, lines))
    found = wait_for(session, container, query, pattern, seconds)
    return _result(request, found.lines, found.match)


def _query(request: Request) -> LogQuery:
    from ..base.filters import moment_or_none
    from ..runtime.logs import LogQuery

    tail = request.params.get("tail")
    if not isinstance(tail, int) or tail < -1:
        raise BadInput("read tail", f"{tail!r} is not a number of lines, or -1 for all")
    return LogQuery(moment_or_none(request.text("since")), moment_or_none(request.text("until")), tail)


def _pattern(request: Request) -> re.Pattern[str] | None:
    import re

    text = request.text("wait_for")
    if not text:
        return None
    if request.params.get("until") is not None:
        raise BadInput("read wait_for", "until is set as well: what has been printed until then will not change")
    try:
        return re.compile(text)
    except re.error as error:
        raise BadInput("read wait_for", f"{text[:80]!r} is not a regular expression: {error}") from error


def _first(pattern: re.Pattern[str] | None, lines: Sequence[LogLine]) -> str:
    from ..container.logs import text_of

    hits = (pattern.search(text_of(line)) for line in lines) if pattern else ()
    return next((hit.group() for hit in hits if hit), "")


def _result(request: Request, lines: Sequence[LogLine], match: str) -> Result:
    from ..container.logs import text_of

    stamped = request.flag("timestamps")
    texts = [f"{line.stamp.replace('+00:00', 'Z')} {text_of(line)}" if stamped else text_of(line) for line in lines]
    streams = {
        name: "\n".join(text for line, text in zip(lines, texts) if line.stream == name)
        for name in ("stdout", "stderr")
    }
    return Result(texts, changed=False, extra={**streams, "match": match})
