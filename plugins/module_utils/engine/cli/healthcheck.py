# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless healthcheck run"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import EngineError

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context


def arguments(parser: Parser, name: str) -> None:
    parser.add_argument("container", metavar="CONTAINER")
    parser.flag("--ignore-result", help="end with 0 whatever the check says")
    parser.flag("--scheduled", help="called by what checks a container at intervals")


def run(context: Context, options: Namespace) -> int:
    if options.scheduled:
        return _scheduled(context, options.container)
    from ..container.health import check
    from ..container.health_log import HEALTHY

    word = check(context.session, context.container(options.container)).word
    if word == HEALTHY:
        return 0
    context.out(f"{word}\n")
    return 0 if options.ignore_result else 1


def _scheduled(context: Context, cid: str) -> int:
    """Nobody reads what is said here. In a session of its own, so that a check which stops its container does not end
    with what called it.
    """
    from ..container.health import check
    from ..container.health_watch import GONE
    from ..container.lookup import lookup

    if os.getpgid(0) != os.getpid():
        os.setsid()
    container = lookup(context.session, cid)
    if container is None or not container.running:
        return GONE
    if container.paused:
        return 0
    try:
        check(context.session, container)
    except EngineError as error:
        context.error(str(error))
    return 0
