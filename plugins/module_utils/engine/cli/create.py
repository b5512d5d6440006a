# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless run and create"""

from __future__ import annotations

import os
import sys
from typing import TYPE_CHECKING

from ..base.errors import EngineError, NotFound
from ..runtime.handed import NOTHING
from .access_flags import read
from .context import Usage
from .create_flags import FLAGS
from .open_files import handed, with_sockets

if TYPE_CHECKING:
    from argparse import Namespace

    from ..container.model import Container
    from ..runtime.handed import Handed
    from .arguments import Parser
    from .context import Context
    from .goflags import Line

_ALIKE = ("", "default", "bridge")


def arguments(parser: Parser, name: str) -> None:
    """None for argparse: after the image every word is the container's, and flags are read as podman reads them."""
    parser.take_all(FLAGS, "IMAGE [COMMAND [ARGUMENT...]]")


def run(context: Context, options: Namespace) -> int:
    line = read(context, options, FLAGS, stop_early=True)
    if line is None:
        return 0
    if not line.words:
        raise Usage(f"requires at least 1 arg(s), only received 0\nSee 'daemonless {options.command_name} --help'")
    runs = options.command_name == "run"
    _check(line, runs)
    more = NOTHING
    if runs:
        more = with_sockets(context, handed(line.given.get("preserve-fds"), line.given.get("preserve-fd")))
    argv = ("daemonless", options.command_name, *options.words)
    container = _create(context, line, argv)
    try:
        if not runs:
            context.out(f"{container.id}\n")
            return 0
        return _run(context, container, line, more)
    except EngineError as error:
        from .attached import exit_code

        context.error(str(error))
        _after_failure(context, container)
        return exit_code(error)


def _check(line: Line, runs: bool) -> None:
    given = line.given
    if not runs and (given.get("detach") or "sig-proxy" in given or "detach-keys" in given):
        raise Usage("unknown flag: --detach, --detach-keys and --sig-proxy are for `daemonless run`")
    if not runs and (given.get("preserve-fd") or given.get("preserve-fds")):
        raise Usage("unknown flag: --preserve-fd and --preserve-fds are for `daemonless run`")
    if runs and given.get("tty") and given.get("interactive"):
        from .terminal import is_terminal

        if not is_terminal(0):
            sys.stderr.write(
                "Warning: The input device is not a TTY. The --tty and --interactive flags might not work properly\n"
            )


def _create(context: Context, line: Line, argv: tuple[str, ...]) -> Container:
    from ..container.fresh import free_name, make
    from .create_task import task_of

    path = _file_for_id(line)
    name = str(line.given.get("name") or "")
    if line.given.get("replace") and not name:
        raise Usage("cannot replace a container without --name being set")
    # relative paths are meant from here: a plain user's session enters namespaces of its own
    task = task_of(line, name or "unnamed", argv)
    if not name:
        from ..base.values import replace

        task = task._replace(desired=replace(task.desired, name=free_name(context.session)))
    if task.desired.pod is not None and task.desired.pod.startswith("new:"):
        from ..pod.joining import ensure

        task = task._replace(desired=ensure(context.session, task.desired, check=False, command=argv)[0])
    container = make(context.session, task, replace=bool(line.given.get("replace")))
    if path:
        with open(path, "x", encoding="ascii") as file:
            file.write(container.id)
    return container


def _file_for_id(line: Line) -> str:
    """Raises Usage where the file is there: it may name a container that is in use."""
    path = str(line.given.get("cidfile") or "")
    if not path:
        return ""
    path = os.path.abspath(path)
    if os.path.lexists(path):
        raise Usage(f"container ID file found. Make sure the other container is not running or delete {path}")
    return path


def _run(context: Context, container: Container, line: Line, more: Handed) -> int:
    if line.given.get("detach"):
        from ..container.start import start

        start(context.session, container, handed=more)
        context.out(f"{container.id}\n")
        return 0
    from .attached import Wish, stay, streams

    given = line.given
    listed = given.get("attach", ())
    wanted = streams(listed if isinstance(listed, list) else (), ("stdin", "stdout", "stderr"))
    keys = given.get("detach-keys")
    wish = Wish(wanted, None if keys is None else str(keys), given.get("sig-proxy") is not False, handed=more)
    return stay(context, container, wish)


def _after_failure(context: Context, container: Container) -> None:
    """One that was to vanish does; any other stays for a look at it, as with podman."""
    if not container.auto_remove:
        return
    from ..container.lookup import by_id
    from ..container.remove import remove

    left = by_id(context.session, container.id)
    if left is None:
        return
    try:
        remove(context.session, left, force=True, volumes=True, timeout=0)
    except NotFound:
        return  # its exit command was quicker
    except EngineError as error:
        context.error(str(error))
