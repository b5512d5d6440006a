# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container printed, and waiting until it prints something."""

from __future__ import annotations

import time
from collections import deque
from typing import TYPE_CHECKING

from ..base.errors import Conflict, TimedOut
from ..base.tuples import NamedTuple
from ..runtime import exits
from ..runtime import logs as runtime_logs
from . import lookup
from .settle import exit_paths

if TYPE_CHECKING:
    import re
    from collections.abc import Callable, Iterator

    from ..runtime.logs import LogLine, LogQuery
    from ..session.session import Session
    from .model import Container

_SHOWN = 10  # last lines in the message of an error


class Awaited(NamedTuple):
    """The lines up to and with the one that fits, as many of them as the query's `tail`; `match` is what fits."""

    lines: tuple[LogLine, ...]
    match: str


def logs(
    session: Session, container: Container, query: LogQuery, more: Callable[[], bool] | None = None
) -> Iterator[LogLine]:
    """Lines in the order in which they were recorded; those that are to come for as long as `more` says so, by default
    to the container's end. Raises BadInput for a log driver that keeps nothing.
    """
    return _read(session, container, query, more or (lambda: may_print(session, container)))


def may_print(session: Session, container: Container) -> bool:
    """Whether lines may come that are not in its log yet: a moment longer than it runs."""
    fresh = lookup.by_id(session, container.id)
    if fresh is None:
        return False
    return fresh.running or (fresh.ended_unseen and exits.may_print(exit_paths(session, fresh.id), fresh.init))


def wait_for(
    session: Session, container: Container, query: LogQuery, pattern: re.Pattern[str], seconds: float
) -> Awaited:
    """Read on until a line holds `pattern`. Lines of before count too, as far as the query reaches back.

    Raises TimedOut after `seconds`, Conflict when the container ends without such a line; both show the last lines.
    """
    deed = f"wait for {pattern.pattern!r} in the logs of container {container.name}"
    end = time.monotonic() + seconds
    kept: deque[LogLine] = deque(maxlen=query.tail if query.tail > 0 else None)
    last: deque[str] = deque(maxlen=_SHOWN)

    def running() -> bool:
        if time.monotonic() >= end:
            raise TimedOut(deed, f"no line of it fits after {seconds:g} s{_shown(last)}")
        return may_print(session, container)

    for line in _read(session, container, query._replace(tail=-1, follow=True), running):
        text = text_of(line)
        kept.append(line)
        last.append(text)
        found = pattern.search(text)
        if found:
            return Awaited(tuple(kept), found.group())
    fresh = lookup.by_id(session, container.id)
    state = "was removed" if fresh is None else f"is {fresh.status}"
    raise Conflict(deed, f"no line of it fits, and the container {state}{_shown(last)}")


def text_of(line: LogLine) -> str:
    """What was printed, as text; a terminal's carriage return at the end is no part of it."""
    return line.data.decode("utf-8", "replace").rstrip("\r")


def _read(session: Session, container: Container, query: LogQuery, running: Callable[[], bool]) -> Iterator[LogLine]:
    source = runtime_logs.LogSource(container.log_driver, container.name, container.id, container.log_path)
    return runtime_logs.read(session.runner, source, query, running)


def _shown(last: deque[str]) -> str:
    return "; it printed last: " + "\n".join(last) if last else "; it printed nothing"
