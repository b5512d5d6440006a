# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running another program in a running container."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import Conflict, NotFound
from ..base.files import read_json
from ..base.ids import new_id
from ..base.tuples import NamedTuple
from ..host import cgroup_trees
from ..host.rooted import Root, read_file
from ..runtime import exec as runtime_exec
from ..spec import users
from . import own_ids, parts
from .events import event
from .holding import held, save

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..base.jsonval import Json
    from ..runtime.attach import Input, Sink
    from ..runtime.exec import ExecResult, ExecSession
    from ..session.session import Session
    from .model import Container


class ExecRequest(NamedTuple):
    """What to run. `env` goes on top of the container's own; "" as `user` or `workdir` means the container's.

    `seconds` ends it with SIGKILL. `more` are open files of ours that it gets under the same numbers. A `quiet` one is
    no event.
    """

    argv: tuple[str, ...]
    env: tuple[tuple[str, str], ...] = ()
    user: str = ""
    workdir: str = ""
    tty: bool = False
    stdin: bytes = b""
    privileged: bool = False
    seconds: float | None = None
    more: tuple[int, ...] = ()
    quiet: bool = False


def execute(session: Session, container: Container, request: ExecRequest) -> ExecResult:
    """Run to the end, keeping the output. Raises Conflict when the container does not run, NotFound for a command
    that is not in it, TimedOut.
    """
    _reachable(session, container)
    process = _process(container, request)
    runtime = parts.runtime_of(session, container.config)
    wanted = runtime_exec.ExecRequest(process, request.stdin, request.seconds)
    if request.quiet:
        return runtime_exec.run(session.runner, runtime, _target(container), wanted)
    session_id = _begins(session, container)
    done = runtime_exec.run(session.runner, runtime, _target(container), wanted)
    _died(session, container, session_id, done.rc)
    return done


def interactive(session: Session, container: Container, request: ExecRequest) -> int:
    """Run with our own standard streams; the exit code."""
    _reachable(session, container)
    process = _process(container, request)
    runtime = parts.runtime_of(session, container.config)
    session_id = _begins(session, container)
    code = runtime_exec.interactive(session.runner, runtime, _target(container), process, more=request.more)
    _died(session, container, session_id, code)
    return code


def _begins(session: Session, container: Container) -> str:
    """Tell of a program that no monitor keeps a record of; a number for it, as those with a record have."""
    event(session, container, "exec")
    return new_id()


def _died(session: Session, container: Container, session_id: str, code: int) -> None:
    event(session, container, "exec_died", exit_code=code, execID=session_id)


def attached(session: Session, container: Container, request: ExecRequest, listener: Listener) -> int | None:
    """Run it under a monitor of its own, and stay until it ends, or until `listener` leaves it: the exit code, or None.

    What goes in is the listener's to say.
    """
    _reachable(session, container)
    with _recorded(session, container, request) as wanted:
        asked = runtime_exec.Listener(
            listener.sink,
            listener.feed,
            lambda: listener.ready(wanted.directory),
            lambda pid: _note(session, container, wanted.session_id, pid, request),
        )
        wanted = wanted._replace(stdin=listener.feed is not None)
        runtime, monitor = parts.runtime_of(session, container.config), parts.monitor(session)
        code = runtime_exec.attached(session.runner, runtime, monitor, _target(container), wanted, asked)
    if code is not None:
        forget_exec(session, container, wanted.session_id, code)
    return code


class Listener(NamedTuple):
    """Who is attached to an exec: `sink` gets its output, `feed` is what goes in; `ready` is told the directory of its
    monitor before the program begins."""

    sink: Sink
    feed: Input | None
    ready: Callable[[str], None]


def detach(session: Session, container: Container, request: ExecRequest) -> str:
    """Start it under a monitor of its own; the id of the exec session."""
    _reachable(session, container)
    with _recorded(session, container, request) as wanted:
        runtime, monitor = parts.runtime_of(session, container.config), parts.monitor(session)
        pid, _conmon = runtime_exec.detached(session.runner, runtime, monitor, _target(container), wanted)
        _note(session, container, wanted.session_id, pid, request)
    return wanted.session_id


@contextmanager
def _recorded(session: Session, container: Container, request: ExecRequest) -> Iterator[ExecSession]:
    """A new one, known to the database unless what is done with it fails."""
    process = _process(container, request)
    session_id = new_id()
    command = (
        () if session.command is None else (session.command, "container", "cleanup", "--exec", session_id, container.id)
    )
    directory = os.path.join(container.static_dir, session_id)
    session.database.add_exec_session(session_id, container.id)
    try:
        yield runtime_exec.ExecSession(session_id, directory, process, command, request.more)
    except BaseException:
        forget_exec(session, container, session_id)
        raise


def _note(session: Session, container: Container, session_id: str, pid: int, request: ExecRequest) -> None:
    with held(session, container, "exec in") as current:
        sessions = dict(jsonval.table(current.state, "newExecSessions"))
        sessions[session_id] = _record(current, session_id, pid, request)
        save(session, current, newExecSessions=sessions)
    event(session, container, "exec")


def holds(container: Container, path: str) -> bool:
    """Whether there is something under this path inside the running container, volumes and mounts included.

    Raises Conflict when the container does not run.
    """
    deed = f"look for {path} in container {container.name}"
    if not container.running:
        raise Conflict(deed, f"it is not running but {container.status}")
    try:
        with Root.of(f"/proc/{container.pid}/root") as root:
            return root.exists(path)
    except OSError as error:
        raise Conflict(deed, f"its file system cannot be reached: {error.strerror}") from error


def forget_exec(session: Session, container: Container, session_id: str, code: int | None = None) -> None:
    """What the exit command of an exec under a monitor does, and whoever saw its end: its record and directory go.

    Without `code` its monitor has written how it ended.
    """
    directory = os.path.join(container.static_dir, session_id)
    if code is None:
        code = runtime_exec.exit_code(directory, container.id)
    try:
        with held(session, container, "clean up") as current:
            # of two who are at it one tells, before the other goes on
            if session.database.remove_exec_session(session_id) and code is not None:
                _died(session, container, session_id, code)
            sessions = dict(jsonval.table(current.state, "newExecSessions"))
            if sessions.pop(session_id, None) is not None:
                save(session, current, newExecSessions=sessions or None)
    except NotFound:
        session.database.remove_exec_session(session_id)
        return
    import shutil

    shutil.rmtree(directory, ignore_errors=True)


def _record(container: Container, session_id: str, pid: int, request: ExecRequest) -> Json:
    """libpod's ExecSession: state 2 is running."""
    config: Json = {
        "command": list(request.argv),
        "terminal": request.tty,
        "environment": dict(request.env),
        "privileged": request.privileged,
        "user": request.user,
        "workDir": request.workdir,
    }
    return {"id": session_id, "containerId": container.id, "state": 2, "pid": pid, "config": config}


def _target(container: Container) -> runtime_exec.ExecTarget:
    return runtime_exec.ExecTarget(container.id, container.name, container.run_dir)


def _reachable(session: Session, container: Container) -> None:
    """What tidies /tmp up may have taken away where runc thinks that the root is, and it looks for it. And a process of
    ours must be where the kernel lets it go from into the container's group."""
    if own_ids.hidden(container):
        own_ids.place(session)
    failure = cgroup_trees.join_users_manager(session.cgroups, session.identity.uid)
    if failure:
        session.warn(f"The command may not get into the container's cgroup: {failure}")


def _process(container: Container, request: ExecRequest) -> Json:
    """The OCI process: that of the container as it was started, with what the request changes."""
    deed = f"exec in container {container.name}"
    if not container.running or container.paused:
        raise Conflict(deed, f"it is not running but {container.status}")
    if not request.argv:
        raise NotFound(deed, "no command was given")
    bundle = read_json(os.path.join(container.static_dir, "config.json"))
    process: Json = dict(jsonval.table(bundle if isinstance(bundle, dict) else {}, "process"))
    process["args"] = list(request.argv)
    process["terminal"] = request.tty
    process.pop("consoleSize", None)
    process["env"] = _environment(jsonval.texts(process, "env"), request)
    if request.workdir:
        process["cwd"] = request.workdir
    if request.user:
        _as_user(container, process, request.user, deed)
    if request.privileged:
        from .gather import bounding

        process["capabilities"] = {kind: list(bounding()) for kind in ("bounding", "effective", "permitted")}
    return process


def _environment(base: list[str], request: ExecRequest) -> list[str]:
    env = dict(item.partition("=")[::2] for item in base)
    if request.tty:
        env.setdefault("TERM", "xterm")
    env.update(request.env)
    return [f"{name}={value}" for name, value in env.items()]


def _as_user(container: Container, process: Json, user: str, deed: str) -> None:
    """Another user than the container's: only root keeps what the container's bounding set allows."""
    with Root.of(jsonval.text(container.state, "mountPoint")) as root:
        passwd = read_file(root, "etc/passwd", users.MAX_BYTES) or b""
        group = read_file(root, "etc/group", users.MAX_BYTES) or b""
    try:
        account = users.lookup(user, passwd, group)
    except NotFound as error:
        raise NotFound(deed, f"{error.deed}: {error.cause}") from error
    process["user"] = {
        **jsonval.table(process, "user"),
        "uid": account.uid,
        "gid": account.gid,
        "additionalGids": list(account.additional),
    }
    bounding = jsonval.texts(jsonval.table(process, "capabilities"), "bounding")
    held_caps: Json = {"bounding": bounding}
    if account.uid == 0:
        held_caps.update(effective=bounding, permitted=bounding)
    process["capabilities"] = held_caps
    env = dict(item.partition("=")[::2] for item in jsonval.texts(process, "env"))
    env["HOME"] = account.home or "/"
    process["env"] = [f"{name}={value}" for name, value in env.items()]
