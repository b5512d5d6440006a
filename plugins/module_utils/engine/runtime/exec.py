# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running another program in a container."""

from __future__ import annotations

import os
import tempfile
from functools import partial
from typing import TYPE_CHECKING

from ..base.errors import EngineError, TimedOut
from ..base.files import atomic_write, dump_json, read_bytes
from ..base.tuples import NamedTuple
from . import errors, pump
from .monitor import Launch, launch, recorded_pid
from .program import Runtime, environment

if TYPE_CHECKING:
    from ..host.process import Process, Runner
    from .conmon import Monitor

Json = dict[str, object]


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
    runner: Runner, runtime: Runtime, target: ExecTarget, process: Json, fds: tuple[int, int, int] = (0, 1, 2)
) -> int:
    """Run with our own stdin, stdout and stderr (or `fds`) handed on; returns the exit code. Errors as in `run`."""
    with _Files(target, process) as files:
        child: Process = runner.spawn(
            files.argv(runtime), env=environment(), stdin=fds[0], stdout=fds[1], stderr=fds[2]
        )
        try:
            rc = child.wait()
        except KeyboardInterrupt:
            rc = child.wait()  # the terminal has told the program as well; its end is what counts
        if rc != 0 and files.never_ran():
            raise files.failure(runtime, rc, b"")
        return _exit_code(rc)


def detached(
    runner: Runner, runtime: Runtime, monitor: Monitor, target: ExecTarget, session: ExecSession
) -> tuple[int, int]:
    """Start a program under a monitor of its own and leave it; returns (pid, conmon pid)."""
    deed = f"exec in container {target.name}"
    os.makedirs(os.path.join(session.directory, "exit"), mode=0o700, exist_ok=True)
    os.makedirs(os.path.join(session.directory, "persist"), mode=0o700, exist_ok=True)
    spec = os.path.join(session.directory, "exec-process.json")
    atomic_write(spec, dump_json(session.process), durable=False)
    pidfile = os.path.join(session.directory, "conmon.pid")
    log = os.path.join(session.directory, "oci-log")
    wanted = Launch(
        deed,
        _detached_command(runtime, monitor, target, session, spec),
        pidfile,
        dict(monitor.env),
        deadline=monitor.deadline,
    )
    answer = launch(runner, wanted)
    if answer.data <= 0:
        text = _read(log)
        raise errors.failure(deed, runtime, abs(answer.data), text if errors.messages(text) else answer.message)
    return answer.data, answer.conmon_pid


class ExecSession(NamedTuple):
    """A detached exec: `directory` (inside the bundle, named by `session_id`) gets its pid, exit and log files."""

    session_id: str
    directory: str
    process: Json
    exit_command: tuple[str, ...] = ()


def _detached_command(
    runtime: Runtime, monitor: Monitor, target: ExecTarget, session: ExecSession, spec: str
) -> tuple[str, ...]:
    where = session.directory
    argv = [monitor.path, "--api-version", "1", "-c", target.cid, "-u", session.session_id, "-r", runtime.path]
    argv += ["-b", where, "-p", f"{where}/exec_pid", "-n", target.name, "--exit-dir", f"{where}/exit"]
    argv += ["--persist-dir", f"{where}/persist", "--full-attach"]
    if monitor.systemd_cgroup:
        argv.append("-s")
    argv += ["-l", "none", "--log-level", monitor.log_level, "--syslog"]
    for argument in (*runtime.args, "--log-format=json", "--log", f"{where}/oci-log"):
        argv += ["--runtime-arg", argument]
    if session.process.get("terminal"):
        argv.append("-t")
    argv += ["--conmon-pidfile", f"{where}/conmon.pid", "-e", "--exec-process-spec", spec]
    if session.exit_command:
        argv += ["--exit-delay", "300", "--exit-command", session.exit_command[0]]
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
        found = errors.failure("", Runtime("", ""), 1, self._log())
        missing = isinstance(found, (errors.CommandNotFound, errors.CommandNotExecutable))
        return self.pid() <= 0 or missing or "exec failed" in self._log()

    def failure(self, runtime: Runtime, rc: int, said: bytes) -> EngineError:
        text = self._log()
        return errors.failure(
            self.deed, runtime, rc, text if errors.messages(text) else said.decode("utf-8", "replace")
        )

    def _log(self) -> str:
        return _read(f"{self._folder.name}/log")


def _read(path: str) -> str:
    try:
        return read_bytes(path, 4 * 1024 * 1024).decode("utf-8", "replace")
    except (OSError, EngineError):
        return ""


def _exit_code(rc: int) -> int:
    return 128 - rc if rc < 0 else rc
