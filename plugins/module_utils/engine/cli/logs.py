# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless logs"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import log_lines
from .context import Usage

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context


def arguments(parser: Parser, name: str) -> None:
    parser.names()
    log_lines.arguments(parser, "the names of several containers, not their ids", "the last N lines")


def run(context: Context, options: Namespace) -> int:
    if not options.names and not options.latest:
        raise Usage("specify at least one container name or ID to log")
    names = context.chosen(options.names, latest=options.latest)
    containers = [context.container(name) for name in names]
    wanted = log_lines.query(options)
    several = ("name" if options.prefix else "id") if len(containers) > 1 else ""
    style = log_lines.Style(several, options.timestamps, options.color)
    if several and options.follow:
        log_lines.together(context, containers, wanted, style)
        return 0
    from ..container.logs import logs

    for number, container in enumerate(containers):
        for line in logs(context.session, container, wanted):
            log_lines.write(line, container, number, style)
            if options.follow:
                log_lines.flush()
        log_lines.flush()
    return 0
