# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless exec"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..base.errors import EngineError
from . import open_files
from .attached import exit_code
from .context import Usage

if TYPE_CHECKING:
    from argparse import Namespace

    from ..container.execute import ExecRequest
    from ..container.model import Container
    from .arguments import Parser
    from .context import Context

_NOT_RUNNING = 255
_FAILED = 125  # as podman, whatever kept it from running in the background


def arguments(parser: Parser, name: str) -> None:
    import argparse

    parser.flag("-d", "--detach", help="do not wait for it")
    parser.add_argument("--detach-keys", help="keys to leave it running, ctrl-p,ctrl-q by default")
    parser.many("-e", "--env", metavar="NAME=VALUE", help="set a variable; NAME alone takes ours")
    parser.many("--env-file", metavar="FILE", help="read variables from a file")
    parser.flag("-i", "--interactive", help="pass our standard input on")
    parser.latest()
    open_files.arguments(parser)
    parser.flag("--privileged", help="with every capability")
    parser.flag("-t", "--tty", help="with a terminal")
    parser.add_argument("-u", "--user", default="", help="user[:group]")
    parser.add_argument("-w", "--workdir", default="", help="directory to start in")
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="CONTAINER COMMAND [ARGUMENT...]")


def run(context: Context, options: Namespace) -> int:
    from ..container import execute

    more = open_files.handed(options.preserve_fds, options.preserve_fd)
    argv = list(options.words)
    if not argv and not options.latest:
        raise Usage("must provide a container and a command")
    name = context.chosen([], latest=True)[0] if options.latest else argv.pop(0)
    if not argv:
        raise Usage("must provide a non-empty command to start an exec session")
    container = context.container(name)
    if not container.running:
        context.error(f"exec in container {container.name}: it is not running but {container.status}")
        return _NOT_RUNNING
    request = execute.ExecRequest(
        argv=tuple(argv),
        env=tuple(_environment(options.env, options.env_file)),
        user=options.user,
        workdir=options.workdir,
        tty=options.tty,
        privileged=options.privileged,
        more=more,
    )
    try:
        if options.detach:
            context.out(f"{execute.detach(context.session, container, request)}\n")
            return 0
        sys.stdout.flush()
        if options.tty or (options.interactive and options.detach_keys):
            return _attached(context, container, request, options)
        if not options.interactive:
            _close_input()
        return execute.interactive(context.session, container, request)
    except EngineError as error:
        context.error(str(error))
        return _FAILED if options.detach else exit_code(error)


def _attached(context: Context, container: Container, request: ExecRequest, options: Namespace) -> int:
    """A monitor is between us and the program, so that it can be left to itself."""
    from ..container import execute
    from ..runtime import attach
    from . import terminal

    keys = attach.parse_keys(context.session.conf.detach_keys if options.detach_keys is None else options.detach_keys)
    feed = attach.Input(fd=0, keys=keys) if options.interactive else None

    def sink(stream: str, data: bytes) -> None:
        terminal.write(1 if stream == attach.STDOUT else 2, data)

    with terminal.Surroundings() as here:

        def ready(directory: str) -> None:
            if options.tty:
                here.on_resize(lambda rows, columns: attach.resize(directory, rows, columns))
                if options.interactive:
                    here.raw()

        code = execute.attached(context.session, container, request, execute.Listener(sink, feed, ready))
    return 0 if code is None else code


def _close_input() -> None:
    """Nothing of our standard input is for the program; taking it would also steal from a surrounding shell loop."""
    empty = os.open(os.devnull, os.O_RDONLY)
    os.dup2(empty, 0)
    os.close(empty)


def _environment(given: list[str], files: list[str]) -> list[tuple[str, str]]:
    pairs = []
    lines = [line.strip() for path in files for line in _lines(path)]
    for text in [line for line in lines if line and not line.startswith("#")] + given:
        name, equals, value = text.partition("=")
        if equals:
            pairs.append((name, value))
        elif name in os.environ:
            pairs.append((name, os.environ[name]))
    return pairs


def _lines(path: str) -> list[str]:
    with open(path, encoding="utf-8") as opened:
        return opened.read().splitlines()
