# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading what a container printed, from whichever place its log driver put it.

All drivers yield the same lines. A line without an end yet, or one longer than LINE_LIMIT, comes in pieces whose
`complete` is False, so that a container which never prints a newline costs no memory.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..host.process import Runner

LINE_LIMIT = 1024 * 1024


class LogSource(NamedTuple):
    """Where to read: `path` for k8s-file, `cid` for journald; `journal_dir` reads another machine's journal files."""

    driver: str
    name: str
    cid: str = ""
    path: str = ""
    journal_dir: str = ""


class LogQuery(NamedTuple):
    """`since_ns`, `until_ns`: nanoseconds since 1970, inclusive; `tail`: only the last lines, -1 all.

    With `follow` the iterator waits for more until the container has ended and everything was read.
    """

    since_ns: int | None = None
    until_ns: int | None = None
    tail: int = -1
    follow: bool = False

    def holds(self, time_ns: int) -> bool:
        if self.since_ns is not None and time_ns < self.since_ns:
            return False
        return self.until_ns is None or time_ns <= self.until_ns


class LogLine(NamedTuple):
    """`data` without its newline; `stamp` is the time as it was recorded; `stream` stdout or stderr."""

    time_ns: int
    stamp: str
    stream: str
    data: bytes
    complete: bool


def read(
    runner: Runner, source: LogSource, query: LogQuery, running: Callable[[], bool] | None = None
) -> Iterator[LogLine]:
    """The lines, oldest first. `running` tells whether more may come (needed to follow).

    Raises BadInput for a driver whose output is not kept, HostLacks without journalctl. A log that does not exist yet
    is empty.
    """
    more = running or _never
    if source.driver in ("k8s-file", "json-file"):
        from .logs_file import read_file

        return join(read_file(source.path, query, more))
    if source.driver == "journald":
        from .logs_journal import read_journal

        return join(read_journal(runner, source, query, more))
    raise BadInput(
        f"read the logs of container {source.name}",
        f"its log driver {source.driver} keeps none",
        "Use the log driver k8s-file or journald",
    )


def _never() -> bool:
    return False


def join(pieces: Iterator[LogLine]) -> Iterator[LogLine]:
    """Put the parts of a line together, per stream, under the time of the first; long lines are cut at LINE_LIMIT."""
    open_lines: dict[str, tuple[LogLine, list[bytes], int]] = {}
    for piece in pieces:
        first, parts, size = open_lines.pop(piece.stream, (piece, [], 0))
        parts.append(piece.data)
        size += len(piece.data)
        if piece.complete:
            yield first._replace(data=b"".join(parts), complete=True)
        elif size >= LINE_LIMIT:
            yield first._replace(data=b"".join(parts), complete=False)
        else:
            open_lines[piece.stream] = (first, parts, size)
    for first, parts, _size in open_lines.values():
        yield first._replace(data=b"".join(parts), complete=False)
