# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless pod start, stop, restart, kill, pause, unpause, rm, prune, exists"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from ..base.errors import EngineError, NotFound
from .context import Usage

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from ..pod.model import Pod
    from ..session.session import Session
    from .arguments import Parser
    from .context import Context

    Verb = Callable[[Session, Pod, Namespace], bool]

_ALL = {
    "kill": "every pod",
    "pause": "every pod that runs",
    "restart": "every pod that runs",
    "rm": "every pod",
    "start": "every pod",
    "stop": "every pod that runs",
    "unpause": "every paused pod",
}


def arguments(parser: Parser, name: str) -> None:
    verb = name.split()[-1]
    if verb == "prune":
        parser.flag("-f", "--force", help="do not ask")
        return
    if verb == "exists":
        parser.names("POD", minimum=1)
        return
    parser.names("POD")
    parser.latest()
    parser.flag("-a", "--all", help=_ALL[verb])
    if verb in ("rm", "start", "stop"):
        parser.many("--pod-id-file", metavar="FILE", help="the pod whose id is in this file")
    if verb in ("rm", "stop"):
        parser.flag("-i", "--ignore", help="pods that do not exist are no error")
        parser.add_argument("-t", "--time", "--timeout", type=int, help="seconds until SIGKILL")
    if verb == "rm":
        parser.flag("-f", "--force", help="stop its containers first")
    if verb == "kill":
        parser.add_argument("-s", "--signal", default="KILL", help="name or number; KILL by default")


def run(context: Context, options: Namespace) -> int:
    verb = options.command_name.split()[-1]
    if verb == "exists":
        from ..pod import model

        return 0 if all(model.lookup(context.session, name) for name in options.names) else 1
    if verb == "prune":
        return _prune(context, options)
    try:
        chosen = _chosen(context, options, verb)
    except NotFound as error:
        context.error(error.cause)
        return 1 if verb == "rm" else 125
    code = 0
    for name, pod in chosen:
        try:
            done = _VERBS[verb](context.session, pod, options)
        except EngineError as error:
            context.error(str(error))
            code = 125
            continue
        if done:
            context.out(f"{name if verb in ('start', 'stop') else pod.id}\n")
    return code


def _chosen(context: Context, options: Namespace, verb: str) -> list[tuple[str, Pod]]:
    """All of them are found before the first is touched, as with podman. Raises NotFound, Usage."""
    from ..pod import model

    session = context.session
    names = list(options.names)
    for path in getattr(options, "pod_id_file", ()):
        with open(path, encoding="utf-8") as file:
            names.append(file.read().split("\n", 1)[0].strip())
    if (options.all or options.latest) and names:
        raise Usage("--all and --latest take no names of pods")
    if options.all:
        return [(pod.id, pod) for pod in model.every(session) if _fits(pod, verb)]
    if options.latest:
        newest = model.latest(session)
        return [(newest.id, newest)]
    if not names:
        raise Usage("you must provide at least one name or id")
    found = []
    for name in names:
        pod = model.lookup(session, name)
        if pod is not None:
            found.append((name, pod))
        elif not getattr(options, "ignore", False):
            model.find(session, name)
    return found


def _fits(pod: Pod, verb: str) -> bool:
    if verb in ("pause", "restart", "stop"):
        return pod.active
    return verb != "unpause" or any(one.paused for one in pod.containers)


def _start(session: Session, pod: Pod, options: Namespace) -> bool:
    from ..pod.lifecycle import start

    start(session, pod, every=True)
    return True


def _stop(session: Session, pod: Pod, options: Namespace) -> bool:
    from ..pod.lifecycle import stop

    stop(session, pod, options.time)
    return True


def _restart(session: Session, pod: Pod, options: Namespace) -> bool:
    from ..pod.lifecycle import restart

    restart(session, pod)
    return True


def _kill(session: Session, pod: Pod, options: Namespace) -> bool:
    from ..pod.lifecycle import kill
    from ..runtime.kill import number

    kill(session, pod, number(options.signal))
    return True


def _pause(session: Session, pod: Pod, options: Namespace) -> bool:
    from ..pod.lifecycle import pause

    pause(session, pod)
    return True


def _unpause(session: Session, pod: Pod, options: Namespace) -> bool:
    from ..pod.lifecycle import unpause

    paused = any(one.paused for one in pod.containers)
    unpause(session, pod)
    return paused


def _rm(session: Session, pod: Pod, options: Namespace) -> bool:
    from ..pod.remove import remove

    remove(session, pod, force=options.force, timeout=options.time)
    return True


_VERBS: dict[str, Verb] = {
    "kill": _kill,
    "pause": _pause,
    "restart": _restart,
    "rm": _rm,
    "start": _start,
    "stop": _stop,
    "unpause": _unpause,
}


def _prune(context: Context, options: Namespace) -> int:
    from ..pod import model
    from ..pod.remove import remove

    if not options.force:
        context.out("WARNING! This will remove all stopped/exited pods..\nAre you sure you want to continue? [y/N] ")
        sys.stdout.flush()
        if sys.stdin.readline()[:1].lower() != "y":
            return 0
    code = 0
    for pod in model.every(context.session):
        if pod.status not in (model.EXITED, model.STOPPED):
            continue
        try:
            remove(context.session, pod)
        except EngineError as error:
            context.error(str(error))
            code = 125
            continue
        context.out(f"{pod.id}\n")
    return code
