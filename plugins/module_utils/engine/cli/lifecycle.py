# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless start, stop, restart, kill, pause, unpause, wait"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import EngineError, NotFound
from .arguments import key_values
from .together import Ways, each_container

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
        parser.flag(*(["--all"] if name == "start" else ["-a", "--all"]), help="every container")
        parser.many("-f", "--filter", metavar="KEY=VALUE", help="those that match, as in ps")
    if name == "start":
        parser.flag("-a", "--attach", help="show what it prints, and stay until it ends")
        parser.add_argument("--detach-keys", help="keys to leave it running, ctrl-p,ctrl-q by default")
        parser.flag("-i", "--interactive", help="pass our standard input on, with --attach")
        parser.switch("--sig-proxy", help="pass our signals on to it, with --attach")
    elif name == "wait":
        parser.many("--condition", metavar="CONDITION", help="stopped (the default), running, healthy, removing, ...")
        parser.flag("--ignore", help="a container that does not exist counts as one that has ended, with -1")
        parser.add_argument("-i", "--interval", default="250ms", help="how often to look: milliseconds, or as in 1s")
    else:
        parser.many("--cidfile", metavar="FILE", help="the container whose id is in this file")
    if name in ("stop", "restart"):
        parser.add_argument(
            "-t", "--time", "--timeout", type=int, help="seconds until SIGKILL, instead of the container's own"
        )
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
    if verb == "start":
        from .open_files import with_sockets

        options.handed = with_sockets(context)
    if getattr(options, "attach", False) or getattr(options, "interactive", False):
        return _start_attached(context, options)
    deed = _VERBS[verb]
    ways = Ways(_FIRST.get(verb, ""), forgiving=getattr(options, "ignore", False))
    names = _names(context, options)
    return each_container(context, names, lambda session, container: deed(session, container, options), ways)


def _names(context: Context, options: Namespace) -> list[str]:
    running = getattr(options, "running", False)
    if options.filter or running:
        from ..container.lookup import all_containers
        from .filters import matching

        found = matching(all_containers(context.session), key_values(options.filter))
        return [container.id for container in found if not running or container.running]
    if not options.all:
        return context.chosen(named(options), latest=options.latest)
    from ..container.lookup import all_containers

    context.chosen(options.names, every=True)
    fitting = _FITTING.get(options.command_name)
    return [one.id for one in all_containers(context.session) if fitting is None or one.status in fitting]


def named(options: Namespace) -> list[str]:
    """The names that were given, and the ids in files that were named."""
    found = list(options.names)
    for path in getattr(options, "cidfile", ()):
        with open(path, encoding="utf-8") as file:
            found.append(file.read().split("\n", 1)[0].strip())
    return found


def _start_attached(context: Context, options: Namespace) -> int:
    from .attached import Wish, exit_code, stay
    from .context import Usage

    names = context.chosen(options.names, latest=options.latest)
    if len(names) > 1:
        raise Usage("you cannot start and attach multiple containers at once")
    container = context.container(names[0])
    streams = ("stdout", "stderr", *(["stdin"] if options.interactive else []))
    proxy = options.sig_proxy is not False
    fresh = not container.running
    try:
        return stay(context, container, Wish(streams, options.detach_keys, proxy, fresh, options.handed))
    except EngineError as error:
        context.error(str(error))
        return exit_code(error)


_FIRST = {"start": "needed", "restart": "needed", "stop": "needing"}
_FITTING = {
    "stop": ("running", "paused"),
    "kill": ("running", "paused"),
    "pause": ("running",),
    "unpause": ("paused",),
    "start": ("created", "exited", "stopped"),
}


def _start(session: Session, container: Container, options: Namespace) -> None:
    from ..container.start import start

    start(session, container, handed=options.handed)


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
    from ..base.units import parse_duration
    from ..container.wait import UNMET, wait_for

    text = str(options.interval)
    seconds = max(0.001, parse_duration(f"{text}ms" if text.isdigit() else text, "interval") / 1e9)
    conditions = options.condition or ["stopped"]

    def one(name: str) -> None:
        try:
            code = wait_for(context.session, context.container(name), conditions, interval=seconds)
        except NotFound:
            if not options.ignore:
                raise
            code = UNMET
        context.out(f"{code}\n")

    return context.each(context.chosen(options.names, latest=options.latest), one)
