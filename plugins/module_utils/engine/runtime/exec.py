# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running another program in a container."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from typing import TYPE_CHECKING

from ..base.errors import EngineError, TimedOut, ToolFailed
from ..base.files import atomic_write, dump_json, read_bytes
from ..base.tuples import NamedTuple
from . import errors, handed, pump
from .monitor import Launch, launch, recorded_pid
from .program import Runtime, environment

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..host.process import Process, Runner
    from .attach import Input, Sink
    from .conmon import Monitor
    from .monitor import Answer

Json = dict[str, object]
_LAST_LINE = 60.0  # seconds: the program has ended, and its monitor says how


class ExecTarget(NamedTuple):
    """The running container; `scratch_dir` is a private directory of ours (the container's run directory)."""

    cid: str
    name: str
    scratch_dir: str


class ExecRequest(NamedTuple):
    """`process` is a whole OCI process object (args, cwd, env, user, capabilities, terminal, ...).

    `stdin` is given to the program and then closed; `seconds` ends it with SIGKILL.
    """

    process: Json
    stdin: bytes = b""
    seconds: float | None = None


class ExecResult(NamedTuple):
    """`rc`: 128+n when signal n killed the program. With a terminal all output is in `stdout`."""

    rc: int
    stdout: bytes
    stderr: bytes


def run(runner: Runner, runtime: Runtime, target: ExecTarget, request: ExecRequest) -> ExecResult:
    """Run to the end and keep all that it printed.

    Raises errors.CommandNotFound, errors.CommandNotExecutable and the other runtime causes when the program was never
    started, TimedOut when it did not end in time (it and its children in the runtime's reach are killed).
    """
    with _Files(target, request.process) as files, pump.Adopted(files.pid) as program:
        try:
            if request.process.get("terminal"):
                from . import exec_tty

                argv = partial(files.argv, runtime)
                done = exec_tty.run(runner, argv, request.stdin, request.seconds, program)
            else:
                argv_plain = files.argv(runtime, "--detach")
                done = pump.run(runner, argv_plain, request.stdin, environment(), request.seconds, program)
        except TimedOut:
            raise TimedOut(files.deed, f"it did not end within {request.seconds:g} s; it was killed") from None
        if program.pid == 0:
            raise files.failure(runtime, done.rc, done.stderr)
        return ExecResult(_exit_code(done.rc), done.stdout, done.stderr)


def interactive(
    runner: Runner,
    runtime: Runtime,
    target: ExecTarget,
    process: Json,
    fds: tuple[int, int, int] = (0, 1, 2),
    more: tuple[int, ...] = (),
) -> int:
    """Run with our own stdin, stdout and stderr (or `fds`), and `more` files (handed.py); returns the exit code.

    Errors as in `run`."""
    with _Files(target, process) as files:
        argv = files.argv(runtime, *handed.options(more))
        child: Process = runner.spawn(
            argv, env=environment(), stdin=fds[0], stdout=fds[1], stderr=fds[2], pass_fds=more
        )
        try:
            rc = child.wait()
        except KeyboardInterrupt:
            rc = child.wait()  # the terminal has told the program as well; its end is what counts
        if rc != 0 and files.never_ran():
            raise files.failure(runtime, rc, b"")
        return _exit_code(rc)


class ExecSession(NamedTuple):
    """An exec under a monitor: `directory` (inside the bundle, named by `session_id`) gets its pid, exit and log files;
    `more` are open files of ours for the program (handed.py); `stdin` keeps its standard input open for us; `log` is
    where the runtime complains, in place of a file in the directory, which may be gone with the program."""

    session_id: str
    directory: str
    process: Json
    exit_command: tuple[str, ...] = ()
    more: tuple[int, ...] = ()
    stdin: bool = False
    log: str = ""

    @property
    def complaints(self) -> str:
        return self.log or os.path.join(self.directory, "oci-log")


class Listener(NamedTuple):
    """Who is attached: `sink` gets the output as it comes, `feed` is what goes in, `ready` is called before the program
    begins, and `begun` with its pid."""

    sink: Sink
    feed: Input | None
    ready: Callable[[], None]
    begun: Callable[[int], None]


def detached(
    runner: Runner, runtime: Runtime, monitor: Monitor, target: ExecTarget, session: ExecSession
) -> tuple[int, int]:
    """Start a program under a monitor of its own and leave it; returns (pid, conmon pid)."""
    answer = _launched(runner, runtime, monitor, target, session, None)
    return answer.data, answer.conmon_pid


def attached(
    runner: Runner, runtime: Runtime, monitor: Monitor, target: ExecTarget, session: ExecSession, listener: Listener
) -> int | None:
    """Start a program under a monitor of its own, and stay until it ends; its exit code, None when the keys to leave
    were typed. Errors as in `run`."""
    from . import attach

    opened: list[attach.Attached] = []
    folder = tempfile.TemporaryDirectory(prefix="exec-", dir=target.scratch_dir)
    session = session._replace(log=os.path.join(folder.name, "log"))

    def connect() -> None:
        opened.append(attach.connect(session.directory, target.name))
        listener.ready()

    try:
        answer = _launched(runner, runtime, monitor, target, session, connect)
        if answer.lines is None or not opened:
            raise EngineError(f"exec in container {target.name}", "the monitor let nobody attach")
        try:
            listener.begun(answer.data)
            if not opened[0].stream(listener.sink, listener.feed):
                return None
            line = answer.lines.next(_LAST_LINE)
        finally:
            answer.lines.close()
        return _last_word(runtime, target, session, line)
    finally:
        for connection in opened:
            connection.__exit__()
        folder.cleanup()


def exit_code(directory: str, cid: str) -> int | None:
    """How the exec under a monitor with this directory ended; None while it has not, or nobody knows."""
    text = _read(os.path.join(directory, "exit", cid)).strip()
    return int(text) if text.isascii() and text.isdigit() else None


def _last_word(runtime: Runtime, target: ExecTarget, session: ExecSession, line: bytes | None) -> int:
    """The exit code; newer monitors take a runtime that failed for a program that did."""
    import json

    try:
        code = int(json.loads(line or b"")["data"])
    except (ValueError, KeyError, TypeError):
        raise EngineError(f"exec in container {target.name}", "its monitor ended without an exit code") from None
    text = _read(session.complaints)
    if code != 0 and _never_began(text):
        raise errors.failure(f"exec in container {target.name}", runtime, code, text)
    return code


def _launched(
    runner: Runner,
    runtime: Runtime,
    monitor: Monitor,
    target: ExecTarget,
    session: ExecSession,
    attach: Callable[[], None] | None,
) -> Answer:
    deed = f"exec in container {target.name}"
    os.makedirs(os.path.join(session.directory, "exit"), mode=0o700, exist_ok=True)
    os.makedirs(os.path.join(session.directory, "persist"), mode=0o700, exist_ok=True)
    spec = os.path.join(session.directory, "exec-process.json")
    atomic_write(spec, dump_json(session.process), durable=False)
    pidfile = os.path.join(session.directory, "conmon.pid")
    wanted = Launch(
        deed,
        _monitor_command(runtime, monitor, target, session, spec, attaches=attach is not None),
        pidfile,
        dict(monitor.env),
        deadline=monitor.deadline,
        handed=session.more,
        attach=attach,
    )
    try:
        answer = launch(runner, wanted)
    except ToolFailed:
        text = _read(session.complaints)
        if errors.messages(text):  # conmon before 2.2 says nothing when the runtime wrote only there
            raise errors.failure(deed, runtime, 1, text) from None
        raise
    if answer.data <= 0:
        text = _read(session.complaints)
        raise errors.failure(deed, runtime, abs(answer.data), text if errors.messages(text) else answer.message)
    return answer


def _monitor_command(
    runtime: Runtime, monitor: Monitor, target: ExecTarget, session: ExecSession, spec: str, *, attaches: bool
) -> tuple[str, ...]:
    where = session.directory
    argv = [monitor.path, "--api-version", "1", "-c", target.cid, "-u", session.session_id, "-r", runtime.path]
    argv += ["-b", where, "-p", f"{where}/exec_pid", "-n", target.name, "--exit-dir", f"{where}/exit"]
    argv += ["--persist-dir", f"{where}/persist", "--full-attach"]
    if monitor.systemd_cgroup:
        argv.append("-s")
    argv += ["-l", "none", "--log-level", monitor.log_level, "--syslog"]
    for argument in (*runtime.args, "--log-format=json", "--log", session.complaints):
        argv += ["--runtime-arg", argument]
    for option in handed.options(session.more):
        argv += ["--runtime-opt", option]
    if session.process.get("terminal"):
        argv.append("-t")
    elif session.stdin:
        argv.append("-i")
    argv += ["--conmon-pidfile", f"{where}/conmon.pid", "-e"]
    if attaches:
        argv.append("--exec-attach")
    argv += ["--exec-process-spec", spec]
    if session.exit_command:
        if not attaches:  # nobody who is attached asks afterwards how it ended
            argv += ["--exit-delay", "300"]
        argv += ["--exit-command", session.exit_command[0]]
        for argument in session.exit_command[1:]:
            argv += ["--exit-command-arg", argument]
    return tuple(argv)


class _Files:
    """The process description, pid file and runtime log of one exec, gone afterwards."""

    def __init__(self, target: ExecTarget, process: Json) -> None:
        self.deed = f"exec in container {target.name}"
        self._target = target
        self._process = process
        self._folder = tempfile.TemporaryDirectory(prefix="exec-", dir=target.scratch_dir)

    def __enter__(self) -> _Files:
        atomic_write(f"{self._folder.name}/process.json", dump_json(self._process), durable=False)
        return self

    def __exit__(self, *_error: object) -> None:
        self._folder.cleanup()

    def argv(self, runtime: Runtime, *options: str) -> tuple[str, ...]:
        folder = self._folder.name
        log = ("--log-format=json", "--log", f"{folder}/log")
        files = ("--process", f"{folder}/process.json", "--pid-file", f"{folder}/pid")
        return (runtime.path, *runtime.args, *log, "exec", *options, *files, self._target.cid)

    def pid(self) -> int:
        return recorded_pid(f"{self._folder.name}/pid")

    def never_ran(self) -> bool:
        """A runtime in the foreground that failed looks like a program that failed; but only a program that was
        started has a pid file, though runc writes that before it looks for the program inside."""
        return self.pid() <= 0 or _never_began(self._log())

    def failure(self, runtime: Runtime, rc: int, said: bytes) -> EngineError:
        text = self._log()
        return errors.failure(
            self.deed, runtime, rc, text if errors.messages(text) else said.decode("utf-8", "replace")
        )

    def _log(self) -> str:
        return _read(f"{self._folder.name}/log")


def _never_began(log: str) -> bool:
    found = errors.failure("", Runtime("", ""), 1, log)
    return isinstance(found, (errors.CommandNotFound, errors.CommandNotExecutable)) or "exec failed" in log


def _read(path: str) -> str:
    try:
        return read_bytes(path, 4 * 1024 * 1024).decode("utf-8", "replace")
    except (OSError, EngineError):
        return ""


def _exit_code(rc: int) -> int:
    return 128 - rc if rc < 0 else rc
