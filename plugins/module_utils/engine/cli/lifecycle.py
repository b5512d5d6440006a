# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless start, stop, restart, kill, pause, unpause, wait"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .arguments import key_values

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from ..container.model import Container
    from ..session.session import Session
    from .arguments import Parser
    from .context import Context

    Verb = Callable[[Session, Container, Namespace], None]


def arguments(parser: Parser, name: str) -> None:
    parser.names()
    parser.latest()
    if name != "wait":
        parser.flag("-a", "--all", help="every container")
        parser.many("-f", "--filter", metavar="KEY=VALUE", help="those that match, as in ps")
    if name in ("stop", "restart"):
        parser.add_argument("-t", "--time", type=int, help="seconds until SIGKILL, instead of the container's own")
    if name == "stop":
        parser.flag("-i", "--ignore", help="containers that do not exist are no error")
    if name == "restart":
        parser.flag("--running", help="only those that run")
    if name == "kill":
        parser.add_argument("-s", "--signal", default="KILL", help="name or number; KILL by default")


def run(context: Context, options: Namespace) -> int:
    verb = options.command_name
    if verb == "wait":
        return _wait(context, options)
    deed = _VERBS[verb]

    def one(name: str) -> None:
        deed(context.session, context.container(name), options)
        context.out(f"{name}\n")

    names = _names(context, options)
    if getattr(options, "ignore", False):
        from ..container.lookup import lookup

        names = [name for name in names if lookup(context.session, name) is not None]
    return context.each(names, one)


def _names(context: Context, options: Namespace) -> list[str]:
    running = getattr(options, "running", False)
    if options.filter or running:
        from ..container.lookup import all_containers
        from .filters import matching

        found = matching(all_containers(context.session), key_values(options.filter))
        return [container.id for container in found if not running or container.running]
    if not options.all:
        return context.chosen(options.names, latest=options.latest)
    from ..container.lookup import all_containers

    context.chosen(options.names, every=True)
    fitting = _FITTING.get(options.command_name)
    return [one.id for one in all_containers(context.session) if fitting is None or one.status in fitting]


_FITTING = {
    "stop": ("running", "paused"),
    "kill": ("running", "paused"),
    "pause": ("running",),
    "unpause": ("paused",),
    "start": ("created", "exited", "stopped"),
}


def _start(session: Session, container: Container, options: Namespace) -> None:
    from ..container.start import start

    start(session, container)


def _stop(session: Session, container: Container, options: Namespace) -> None:
    from ..container.stop import stop

    stop(session, container, options.time)


def _restart(session: Session, container: Container, options: Namespace) -> None:
    from ..container.restart import restart

    restart(session, container, options.time)


def _kill(session: Session, container: Container, options: Namespace) -> None:
    from ..container.kill import kill
    from ..runtime.kill import number

    kill(session, container, number(options.signal))


def _pause(session: Session, container: Container, options: Namespace) -> None:
    from ..container.pause import pause

    pause(session, container)


def _unpause(session: Session, container: Container, options: Namespace) -> None:
    from ..container.pause import unpause

    unpause(session, container)


_VERBS: dict[str, Verb] = {
    "start": _start,
    "stop": _stop,
    "restart": _restart,
    "kill": _kill,
    "pause": _pause,
    "unpause": _unpause,
}


def _wait(context: Context, options: Namespace) -> int:
    from ..container.wait import wait

    def one(name: str) -> None:
        context.out(f"{wait(context.session, context.container(name))}\n")

    return context.each(context.chosen(options.names, latest=options.latest), one)
