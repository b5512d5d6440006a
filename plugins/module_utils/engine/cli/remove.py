# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless rm"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import EngineError, NotFound
from .arguments import key_values

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context

_MISSING, _STILL_RUNS = 1, 2


def arguments(parser: Parser, name: str) -> None:
    parser.names()
    parser.flag("-a", "--all", help="every container")
    parser.many("--filter", metavar="KEY=VALUE", help="those that match, as in ps")
    parser.flag("-f", "--force", help="stop those that run; those that do not exist are no error")
    parser.flag("-i", "--ignore", help="containers that do not exist are no error")
    parser.latest()
    parser.add_argument("-t", "--time", type=int, help="seconds until SIGKILL, with --force")
    parser.flag("-v", "--volumes", help="also their anonymous volumes")


def run(context: Context, options: Namespace) -> int:
    code = 0
    for name in _names(context, options):
        try:
            _remove(context, options, name)
        except NotFound as error:
            if options.force or options.ignore:
                continue
            context.error(str(error))
            code = _MISSING
        except EngineError as error:
            context.error(str(error))
            code = _code(context, name)
    return code


def _remove(context: Context, options: Namespace, name: str) -> None:
    from ..container.remove import remove

    container = context.container(name)
    remove(context.session, container, force=options.force, volumes=options.volumes, timeout=options.time)
    context.out(f"{name}\n")


def _code(context: Context, name: str) -> int:
    from ..container.lookup import lookup

    container = lookup(context.session, name)
    return _STILL_RUNS if container is not None and container.running else 125


def _names(context: Context, options: Namespace) -> list[str]:
    if options.filter:
        from ..container.lookup import all_containers
        from .filters import matching

        return [one.id for one in matching(all_containers(context.session), key_values(options.filter))]
    return context.chosen(options.names, latest=options.latest, every=options.all)
