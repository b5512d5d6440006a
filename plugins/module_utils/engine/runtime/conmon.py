# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creating a container under its monitor, with the command line that podman gives conmon."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import Conflict, EngineError, NotFound, ToolFailed
from ..base.files import read_bytes
from ..base.tuples import NamedTuple
from . import errors, handed
from .delete import delete
from .monitor import Answer, Launch
from .monitor import Waiting as Conmon

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..host.process import Runner
    from .program import Runtime


class LogTarget(NamedTuple):
    """`driver`: k8s-file, journald, none or passthrough; `path` for k8s-file; `size_max` bytes, 0 is no limit."""

    driver: str
    path: str = ""
    size_max: int = 0
    tag: str = ""


class Monitor(NamedTuple):
    """How conmon is to run, the same for many containers.

    `env` as monitor.Launch; `systemd_cgroup` when the cgroup manager is systemd; `deadline` seconds for the runtime.
    """

    path: str
    exit_dir: str
    persist_root: str
    env: tuple[tuple[str, str], ...] = ()
    systemd_cgroup: bool = False
    log_level: str = "warning"
    deadline: float = 120.0


class CreateRequest(NamedTuple):
    """One container. `bundle` holds config.json and gets `attach`, `ctl` and `winsz`; `run_dir` gets conmon.pid,
    pidfile and oci-log. `exit_command` is the whole command that conmon runs when the container ended, () for none.
    `stdin` keeps the container's standard input open for attaching; `placed`, `hold_fds`, `stdio` as monitor.Launch.
    `handed` are open files of ours for its program (handed.py).
    `view` (path of the root, path at which the runtime finds it) where it cannot go the ordinary way.
    """

    cid: str
    name: str
    bundle: str
    run_dir: str
    log: LogTarget
    exit_command: tuple[str, ...] = ()
    terminal: bool = False
    stdin: bool = False
    timeout: int = 0
    no_pivot: bool = False
    no_new_keyring: bool = False
    sdnotify_socket: str = ""
    runtime_options: tuple[str, ...] = ()
    restore_from: str = ""
    hold_fds: tuple[int, ...] = ()
    stdio: tuple[int, int, int] | None = None
    placed: Callable[[int], None] | None = None
    view: tuple[str, str] | None = None
    handed: tuple[int, ...] = ()


class Created(NamedTuple):
    pid: int
    conmon_pid: int


class Waiting:
    """A monitor that waits until its bundle is ready."""

    def __init__(self, runner: Runner, runtime: Runtime, monitor: Monitor, request: CreateRequest) -> None:
        """Directories are made, old pid and exit files of an earlier run removed. Raises HostLacks, NotFound."""
        self._runner, self._runtime, self._request = runner, runtime, request
        self._deed = f"{'restore' if request.restore_from else 'start'} container {request.name}"
        _prepare(self._deed, monitor, request, os.path.join(monitor.persist_root, request.cid))
        wanted = Launch(
            self._deed,
            command(runtime, monitor, request),
            os.path.join(request.run_dir, "conmon.pid"),
            dict(monitor.env),
            request.placed,
            request.hold_fds,
            request.stdio,
            monitor.deadline,
            request.handed,
        )
        self._monitor = Conmon(runner, wanted)

    def __enter__(self) -> Waiting:
        return self

    def __exit__(self, *_error: object) -> None:
        self._monitor.close()

    def create(self) -> Created:
        """Create the container; its program waits for start.start. Raises EngineError with the runtime's cause.

        After an error nothing of the container is left in the runtime.
        """
        try:
            with self._monitor:
                answer = self._monitor.go()
            if answer.data <= 0:
                raise _refusal(self._deed, self._runtime, self._request, answer)
        except EngineError as error:
            _clean_up(self._runner, self._runtime, self._request, error)
            raise
        return Created(answer.data, answer.conmon_pid)


def _prepare(deed: str, monitor: Monitor, request: CreateRequest, persist_dir: str) -> None:
    folder = os.path.dirname(request.log.path)
    if folder and not os.path.isdir(folder):
        raise NotFound(deed, f"the folder of the log file, {folder}, does not exist")
    os.makedirs(monitor.exit_dir, mode=0o750, exist_ok=True)
    os.makedirs(persist_dir, mode=0o750, exist_ok=True)
    stale = (
        os.path.join(request.run_dir, "conmon.pid"),
        os.path.join(request.run_dir, "pidfile"),
        os.path.join(request.run_dir, "oci-log"),
        os.path.join(monitor.exit_dir, request.cid),
        os.path.join(persist_dir, "exit"),
        os.path.join(persist_dir, "oom"),
        os.path.join(request.bundle, "attach"),
        os.path.join(request.bundle, "ctl"),
        os.path.join(request.bundle, "winsz"),
    )
    for path in stale:
        try:
            os.unlink(path)
        except FileNotFoundError:
            pass


def command(runtime: Runtime, monitor: Monitor, request: CreateRequest) -> tuple[str, ...]:
    """The argument list for conmon 2.0.26 and later, in podman's order."""
    run = request.run_dir
    program, leading = _viewing(runtime, monitor, request.view) if request.view else (runtime.path, [])
    argv = [monitor.path, "--api-version", "1", "-c", request.cid, "-u", request.cid, "-r", program]
    argv += ["-b", request.bundle, "-p", f"{run}/pidfile", "-n", request.name]
    argv += ["--exit-dir", monitor.exit_dir, "--persist-dir", os.path.join(monitor.persist_root, request.cid)]
    argv += ["--full-attach"]
    if monitor.systemd_cgroup and not request.view:
        argv.append("-s")
    argv += ["-l", _log_argument(request.log), "--log-level", monitor.log_level, "--syslog"]
    if request.log.size_max > 0:
        argv += ["--log-size-max", str(request.log.size_max)]
    if request.log.tag:
        argv += ["--log-tag", request.log.tag]
    for argument in (*leading, *runtime.args, "--log-format=json", "--log", f"{run}/oci-log"):
        argv += ["--runtime-arg", argument]
    argv += _switches(request)
    argv += ["--conmon-pidfile", f"{run}/conmon.pid"]
    for option in (*request.runtime_options, *handed.options(request.handed)):
        argv += ["--runtime-opt", option]
    if request.restore_from:
        argv += ["--restore", request.restore_from]
    if request.exit_command:
        argv += ["--exit-command", request.exit_command[0]]
        for argument in request.exit_command[1:]:
            argv += ["--exit-command-arg", argument]
    return tuple(argv)


def _viewing(runtime: Runtime, monitor: Monitor, view: tuple[str, str]) -> tuple[str, list[str]]:
    """The runtime with the root of the container at a place of everybody's, in a mount namespace of its own.

    A container whose root is nobody of the host cannot go through directories that are closed to others, and those
    above its own tree stay closed: what lies there must not be at the hands of every user of the host.
    """
    from ..host.programs import require

    deed = "start a container with ids of its own"
    script = '"$1" -n --bind "$2" "$3" && shift 3 && exec "$@"'
    words = ["--mount", "--propagation", "slave", "--", "/bin/sh", "-c", script, "sh", require("mount", deed), *view]
    words.append(runtime.path)
    if monitor.systemd_cgroup:  # conmon would say so to the program that it starts, which is another one here
        words.append("--systemd-cgroup")
    return require("unshare", deed), words


def _switches(request: CreateRequest) -> list[str]:
    found: list[str] = []
    if request.sdnotify_socket:
        found.append(f"--sdnotify-socket={request.sdnotify_socket}")
    if request.terminal:
        found.append("-t")
    elif request.stdin:
        found.append("-i")
    if request.timeout:
        found.append(f"--timeout={request.timeout}")
    if request.no_new_keyring:
        found.append("--no-new-keyring")
    if request.no_pivot:
        found.append("--no-pivot")
    return found


def _log_argument(log: LogTarget) -> str:
    if log.driver in ("k8s-file", "json-file"):
        return f"k8s-file:{log.path}"
    return log.driver


def _refusal(deed: str, runtime: Runtime, request: CreateRequest, answer: Answer) -> EngineError:
    """The runtime's log file says more than what conmon passes on, which may be cut."""
    try:
        text = read_bytes(f"{request.run_dir}/oci-log").decode("utf-8", "replace")
    except OSError:
        text = ""
    return errors.failure(deed, runtime, abs(answer.data), text if errors.messages(text) else answer.message)


def _clean_up(runner: Runner, runtime: Runtime, request: CreateRequest, error: EngineError) -> None:
    if isinstance(error, Conflict):
        return  # what the runtime has under this id is another's, and may run
    if isinstance(error, ToolFailed) and error.program == "conmon":
        return  # the runtime was never called
    try:
        delete(runner, runtime, request.cid, request.name, force=True)
    except EngineError as second:
        error.add_cleanup_failure(str(second))
