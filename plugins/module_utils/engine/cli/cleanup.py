# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless container cleanup: what conmon calls when a container, or a program run in one, has ended"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import handover

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context


def arguments(parser: Parser, name: str) -> None:
    parser.names(minimum=1)
    parser.flag("--stopped-only", help="leave those alone that wait for their start")
    parser.add_argument(handover.FLAG, metavar="FILE", help="leave it to the process that FILE names, while that lives")
    parser.flag("--rm", help="remove the container afterwards")
    parser.add_argument("--exec", metavar="SESSION", help="clean up after a program run in the container")


def run(context: Context, options: Namespace) -> int:
    from ..container.cleanup import cleanup

    if options.exec:
        from ..container.execute import forget_exec
        from ..container.lookup import lookup

        container = lookup(context.session, options.names[0])
        if container is not None:
            forget_exec(context.session, container, options.exec)
        return 0
    for name in options.names:
        cleanup(context.session, name, remove=options.rm, ended_only=options.stopped_only)
    return 0
