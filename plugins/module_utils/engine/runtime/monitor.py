# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting conmon and hearing from it: the two pipes, the cgroup, the deadline, and cleaning up after a hang.

conmon forks: its first process ends as soon as the second is up, and the second stays with the container. It waits for
one byte on the start pipe before it forks, so whatever cgroup it is in by then is that of the one which stays.
"""

from __future__ import annotations

import json
import os
import select
import signal
import time
from functools import partial
from typing import TYPE_CHECKING

from ..base.errors import EngineError, TimedOut, ToolFailed
from ..base.threads import meanwhile
from ..base.tuples import NamedTuple
from ..host.process import running, signal_all, until_gone
from .handed import copies, out_of_the_way

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..host.process import Process, Runner

_ANSWER_LIMIT = 1024 * 1024
_END_SECONDS = 5.0
_KEPT_VARIABLES = (
    "PATH",
    "HOME",
    "TMPDIR",
    "XDG_RUNTIME_DIR",
    "XDG_DATA_HOME",
    "XDG_CONFIG_HOME",
    "DBUS_SESSION_BUS_ADDRESS",
    "CONTAINERS_CONF",
    "CONTAINERS_STORAGE_CONF",
    "_CONTAINERS_USERNS_CONFIGURED",
    "_CONTAINERS_ROOTLESS_UID",
    "_CONTAINERS_ROOTLESS_GID",
)


class Launch(NamedTuple):
    """A conmon to start.

    `env` goes on top of the few variables that conmon's children need; `placed` moves the given pid into its cgroup;
    `hold_fds` stay open in the monitor for as long as the container lives (reserved ports); `stdio` replaces /dev/null
    for the passthrough log driver; `deadline` in seconds. `handed` are open files of ours for the program (handed.py);
    `attach` connects to a program that is run beside the container's own, before it begins.
    """

    deed: str
    argv: tuple[str, ...]
    pidfile: str
    env: Mapping[str, str]
    placed: Callable[[int], None] | None = None
    hold_fds: tuple[int, ...] = ()
    stdio: tuple[int, int, int] | None = None
    deadline: float = 120.0
    handed: tuple[int, ...] = ()
    attach: Callable[[], None] | None = None


class Answer(NamedTuple):
    """conmon's one line: `data` is the pid, or negative with the runtime's own words in `message`. `lines` has what it
    says later, for those who attached; they close it."""

    data: int
    message: str
    conmon_pid: int
    lines: Lines | None = None


class Waiting:
    """A conmon that has been started, is being put into its cgroup, and goes on when it is told to.

    Moving a process between cgroups can take the kernel 10 ms and more (it waits for all processors to pass a quiet
    moment); there is time for other things meanwhile. Leaving it without an answer ends conmon.
    """

    def __init__(self, runner: Runner, wanted: Launch) -> None:
        self._wanted = wanted
        self._child: Process | None = None
        self._placed: Callable[[], None] | None = None
        self._sync_read, self._sync_write = _pipe(wanted)
        self._start_read, self._start_write = _pipe(wanted)
        self._attach_read, self._attach_write = _pipe(wanted) if wanted.attach is not None else (-1, -1)
        self._said = os.memfd_create("conmon-stderr")
        held = copies(wanted.hold_fds, wanted.handed)
        given = (self._sync_write, self._start_read, self._attach_write)
        try:
            stdin, stdout, stderr = wanted.stdio or (None, None, self._said)
            self._child = runner.spawn(
                wanted.argv,
                env=_environment(wanted.env, *given),
                cwd="/",  # it outlives us: no directory of the caller may stay busy
                stdin=stdin,
                stdout=stdout,
                stderr=stderr,
                pass_fds=(*(fd for fd in given if fd >= 0), *held, *wanted.handed),
                new_session=True,
            )
            if wanted.placed is not None:
                self._placed = meanwhile(partial(wanted.placed, self._child.pid))
        except BaseException:
            self.close()
            raise
        finally:
            for fd in (*given, *(fd for fd, lent in zip(held, wanted.hold_fds) if fd != lent)):
                _close(fd)
            self._sync_write = self._start_read = self._attach_write = -1

    def __enter__(self) -> Waiting:
        return self

    def __exit__(self, *_error: object) -> None:
        self.close()

    def close(self) -> None:
        """End a conmon that has not answered."""
        child, self._child = self._child, None
        try:
            if self._placed is not None:
                self._placed()  # first, or the pid might be another's by then
        finally:
            if child is not None:
                stop_tree(child.pid, recorded_pid(self._wanted.pidfile))
                _reap(child)
            for fd in (self._sync_read, self._start_write, self._attach_read, self._said):
                _close(fd)
            self._sync_read = self._start_write = self._attach_read = self._said = -1

    def go(self) -> Answer:
        """Let it create the container, and wait for its answer, which may be a refusal.

        Raises TimedOut when the runtime hangs (conmon and all below it are killed), ToolFailed when conmon itself
        fails.
        """
        wanted, child = self._wanted, self._child
        if child is None:
            raise ToolFailed(wanted.deed, "conmon", 0, "it has been told to go on before")
        if self._placed is not None:
            self._placed()
        _go(self._start_write)
        if wanted.attach is not None and Lines(self._attach_read).next(wanted.deadline):
            wanted.attach()
            _go(self._start_write)
        lines = Lines(self._sync_read)
        line = lines.next(wanted.deadline)
        if line is None:
            raise TimedOut(wanted.deed, f"no answer from the runtime within {wanted.deadline:g} s; it was killed")
        if not line:
            raise ToolFailed(wanted.deed, "conmon", child.wait(5.0), _text_of(self._said))
        child.wait(5.0)  # gone already: its second process wrote the line
        answer = _answer(wanted, line)
        self._child = None
        if wanted.attach is not None and answer.data > 0:
            self._sync_read = -1
            return answer._replace(lines=lines)
        return answer


def launch(runner: Runner, wanted: Launch) -> Answer:
    """Start conmon and let it go on at once. Raises as Waiting.go."""
    with Waiting(runner, wanted) as waiting:
        return waiting.go()


def _pipe(wanted: Launch) -> tuple[int, int]:
    """Neither end under a number that is handed on."""
    read, write = os.pipe()
    return out_of_the_way(read, wanted.handed), out_of_the_way(write, wanted.handed)


def _go(start_write: int) -> None:
    try:
        os.write(start_write, b"\0")
    except BrokenPipeError:
        pass  # it has ended already; what it said is read later


def _environment(extra: Mapping[str, str], sync_write: int, start_read: int, attach_write: int) -> dict[str, str]:
    env = kept_environment()
    env.update(extra)
    env["_OCI_SYNCPIPE"] = str(sync_write)
    env["_OCI_STARTPIPE"] = str(start_read)
    if attach_write >= 0:
        env["_OCI_ATTACHPIPE"] = str(attach_write)
    return env


def kept_environment() -> dict[str, str]:
    """Of our environment, what those need who come back to a container when we are gone."""
    from ..host.process import child_environment

    ours = child_environment()
    return {name: ours[name] for name in _KEPT_VARIABLES if name in ours}


def _close(fd: int) -> int:
    if fd >= 0:
        os.close(fd)
    return -1


def _reap(child: Process) -> None:
    child.kill()
    try:
        child.wait(2.0)
    except EngineError:
        pass  # in uninterruptible sleep: init will reap it after us


class Lines:
    """What conmon says on a pipe, line by line."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._data = b""

    def next(self, seconds: float) -> bytes | None:
        """b"" when conmon closed the pipe without one; None when the deadline passed."""
        end = time.monotonic() + seconds
        poll = select.poll()
        poll.register(self._fd, select.POLLIN | select.POLLHUP)
        while b"\n" not in self._data and len(self._data) < _ANSWER_LIMIT:
            left = end - time.monotonic()
            if left <= 0 or not poll.poll(left * 1000):
                return None
            piece = os.read(self._fd, 65536)
            if not piece:
                break
            self._data += piece
        line, _newline, self._data = self._data.partition(b"\n")
        return line

    def close(self) -> None:
        self._fd = _close(self._fd)


def _answer(wanted: Launch, line: bytes) -> Answer:
    try:
        parsed = json.loads(line)
        data = parsed["data"]
        message = parsed.get("message", "")
    except (ValueError, KeyError, TypeError, AttributeError):
        raise ToolFailed(wanted.deed, "conmon", 0, f"answered {line[:200]!r}") from None
    if not isinstance(data, int):
        raise ToolFailed(wanted.deed, "conmon", 0, f"answered {line[:200]!r}")
    return Answer(data, str(message), recorded_pid(wanted.pidfile))


def recorded_pid(path: str) -> int:
    """The number in a pid file; 0 when there is none yet."""
    try:
        with open(path, "rb") as file:
            text = file.read(32).strip()
    except OSError:
        return 0
    return int(text) if text.isdigit() else 0


def _text_of(fd: int) -> str:
    return os.pread(fd, 65536, 0).decode("utf-8", "replace")


def stop_tree(*pids: int) -> None:
    """Kill these processes and everything below them.

    Children are listed before their parent dies, since they are handed to another parent then.
    """
    parents: dict[int, list[int]] = {}
    for name in os.listdir("/proc"):
        if name.isdigit():
            parents.setdefault(_ppid(name), []).append(int(name))
    doomed = [pid for pid in pids if pid > 1]
    for pid in doomed:
        doomed.extend(child for child in parents.get(pid, ()) if child not in doomed)
    signal_all(doomed, signal.SIGKILL)


def end(cid: str) -> None:
    """Kill the monitors of a container that is not to be, and all below them; but not one that has called us to clean
    up, for that has nothing else to do any more. Raises TimedOut."""
    callers = [os.getppid()]
    while callers[-1] > 1:
        callers.append(_ppid(str(callers[-1])))
    until_gone(
        f"end the monitor of container {cid[:12]}",
        _END_SECONDS,
        lambda: [pid for pid in running(cid, "conmon") if pid not in callers],
        lambda left: stop_tree(*left),
    )


def _ppid(name: str) -> int:
    try:
        with open(f"/proc/{name}/stat", "rb") as file:
            return int(file.read().rpartition(b")")[2].split()[1])
    except (OSError, IndexError, ValueError):
        return -1
