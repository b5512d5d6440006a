# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless rm"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import EngineError, NotFound
from .arguments import key_values
from .together import Ways, each_container

if TYPE_CHECKING:
    from argparse import Namespace

    from ..container.model import Container
    from ..session.session import Session
    from .arguments import Parser
    from .context import Context

_MISSING, _STILL_RUNS = 1, 2


def arguments(parser: Parser, name: str) -> None:
    parser.names()
    parser.flag("-a", "--all", help="every container")
    parser.many("--cidfile", metavar="FILE", help="the container whose id is in this file")
    parser.flag("--depend", help="also the containers that need it")
    parser.many("--filter", metavar="KEY=VALUE", help="those that match, as in ps")
    parser.flag("-f", "--force", help="stop those that run; those that do not exist are no error")
    parser.flag("-i", "--ignore", help="containers that do not exist are no error")
    parser.latest()
    parser.add_argument("-t", "--time", "--timeout", type=int, help="seconds until SIGKILL, with --force")
    parser.flag("-v", "--volumes", help="also their anonymous volumes")


def run(context: Context, options: Namespace) -> int:
    from ..container.remove import remove

    def deed(session: Session, container: Container) -> None:
        if options.depend:
            _remove_needing(session, container, options)
        remove(session, container, force=options.force, volumes=options.volumes, timeout=options.time)

    ways = Ways(first="needing", forgiving=options.force or options.ignore, code=_code, waits=options.time != 0)
    return each_container(context, _names(context, options), deed, ways)


def _remove_needing(session: Session, container: Container, options: Namespace) -> None:
    from ..container.lookup import by_id
    from ..container.remove import remove

    for identity in session.database.dependents(container.id):
        other = by_id(session, identity)
        if other is not None:
            _remove_needing(session, other, options)
            remove(session, other, force=True, volumes=options.volumes, timeout=options.time)


def _code(session: Session, name: str, error: EngineError) -> int:
    from ..container.lookup import lookup

    if isinstance(error, NotFound):
        return _MISSING
    container = lookup(session, name)
    return _STILL_RUNS if container is not None and container.running and not container.infra else 125


def _names(context: Context, options: Namespace) -> list[str]:
    if options.filter:
        from ..container.lookup import all_containers
        from .filters import matching

        return [one.id for one in matching(all_containers(context.session), key_values(options.filter))]
    from .lifecycle import named

    return context.chosen(named(options), latest=options.latest, every=options.all)
