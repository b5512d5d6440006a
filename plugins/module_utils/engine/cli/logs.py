# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless logs"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .context import Usage

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context


def arguments(parser: Parser, name: str) -> None:
    parser.names()
    parser.flag("-f", "--follow", help="go on until the container ends")
    parser.latest()
    parser.add_argument(
        "-n", "--names", dest="prefix", action="store_true", help="begin lines with the container's name"
    )
    parser.add_argument("--since", default="", help="not older than this: a time, or an age such as 10m")
    parser.add_argument("--until", default="", help="not younger than this")
    parser.add_argument("--tail", type=int, default=-1, help="the last N lines")
    parser.flag("-t", "--timestamps", help="begin lines with their time")


def run(context: Context, options: Namespace) -> int:
    if not options.names and not options.latest:
        raise Usage("specify at least one container name or ID to log")
    for name in context.chosen(options.names, latest=options.latest):
        _show(context, name, options)
    return 0


def _show(context: Context, name: str, options: Namespace) -> None:
    from ..base.filters import moment_or_none
    from ..container.logs import logs
    from ..runtime.logs import LogQuery

    container = context.container(name)
    wanted = LogQuery(moment_or_none(options.since), moment_or_none(options.until), options.tail, options.follow)
    before = f"{container.name} " if options.prefix else ""
    for line in logs(context.session, container, wanted):
        stream = sys.stderr.buffer if line.stream == "stderr" else sys.stdout.buffer
        stamp = f"{line.stamp.replace('+00:00', 'Z')} " if options.timestamps else ""
        stream.write(f"{before}{stamp}".encode() + line.data + (b"\n" if line.complete else b""))
        if options.follow:
            stream.flush()
    sys.stdout.flush()
    sys.stderr.flush()
