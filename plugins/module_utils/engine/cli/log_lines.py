# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lines of logs on our own streams: whose they are, when, in which colour; and those of several containers by time."""

from __future__ import annotations

import sys
import time
from functools import partial
from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence

    from ..container.model import Container
    from ..runtime.logs import LogLine, LogQuery
    from .arguments import Parser
    from .context import Context

#: Podman's, by the number of the container: grey, red, yellow, blue, magenta, cyan, green.
_COLORS = (b"\033[37m", b"\033[31m", b"\033[33m", b"\033[34m", b"\033[35m", b"\033[36m", b"\033[32m")
_RESET = b"\033[0m"


class Style(NamedTuple):
    """How a line looks: `whose` is "id" or "name", or "" where there is one container only."""

    whose: str
    stamps: bool
    color: bool


def arguments(parser: Parser, names: str, tail: str) -> None:
    """The flags that `logs` and `pod logs` have in common."""
    parser.flag("--color", help="a colour for each container")
    parser.flag("-f", "--follow", help="go on until it ends")
    parser.latest()
    parser.add_argument("-n", "--names", dest="prefix", action="store_true", help=names)
    parser.add_argument("--since", default="", help="not older than this: a time, or an age such as 10m")
    parser.add_argument("--until", default="", help="not younger than this")
    parser.add_argument("--tail", type=int, default=-1, help=tail)
    parser.flag("-t", "--timestamps", help="begin lines with their time")


def write(line: LogLine, container: Container, number: int, style: Style) -> None:
    """`number` tells which of several containers it is of."""
    stream = sys.stderr.buffer if line.stream == "stderr" else sys.stdout.buffer
    head = {"": "", "id": f"{container.id[:12]} ", "name": f"{container.name} "}[style.whose]
    if style.stamps:
        head += f"{line.stamp.replace('+00:00', 'Z')} "
    text = head.encode() + line.data
    if style.color:
        text = _COLORS[number % len(_COLORS)] + text + _RESET
    stream.write(text + (b"\n" if line.complete else b""))


def flush() -> None:
    sys.stdout.flush()
    sys.stderr.flush()


def query(options: Namespace) -> LogQuery:
    """Raises BadInput for a time that is none."""
    from ..base.filters import moment_or_none
    from ..runtime.logs import LogQuery

    return LogQuery(moment_or_none(options.since), moment_or_none(options.until), options.tail, options.follow)


def together(context: Context, containers: Sequence[Container], wanted: LogQuery, style: Style) -> None:
    """The lines of all, by time; with `follow` until the last of them has ended."""
    from ..container.logs import logs, may_print

    session = context.session
    if not wanted.follow:
        found = [(line.time_ns, n, line) for n, one in enumerate(containers) for line in logs(session, one, wanted)]
        for _moment, number, line in sorted(found, key=lambda item: item[0]):
            write(line, containers[number], number, style)
        flush()
        return
    from .log_follow import follow

    def show(line: LogLine, number: int) -> None:
        write(line, containers[number], number, style)
        flush()

    def more() -> bool:
        late = wanted.until_ns is not None and time.time_ns() > wanted.until_ns
        return not late and any(may_print(session, one) for one in containers)

    follow([partial(logs, session, one, wanted) for one in containers], more, show)
