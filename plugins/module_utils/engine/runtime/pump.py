# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a program with its three streams in memory until it ends, not until its last descendant does.

A program that leaves a daemon behind (`nginx`, `sh -c 'sleep 1000 &'`) hands it its standard output. Reading that to
the end would wait for the daemon; what the program itself printed is in the pipe when it ends, and that is all we take.
"""

from __future__ import annotations

import os
import select
import time
from functools import partial
from typing import TYPE_CHECKING

from ..base.errors import EngineError, TimedOut, ToolFailed
from ..host.libc import prctl
from ..host.process import Completed
from .monitor import stop_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from ..host.process import Process, Runner

_PIECE = 65536
_PR_SET_CHILD_SUBREAPER = 36
_BURIAL = 0.1  # seconds for an orphan to end; one that lives on falls to init when we end
_LOOK_MS = 20  # between looks at the child where the kernel has no pidfd


def _children() -> set[int]:
    """Our own; empty where the kernel does not list them."""
    found: set[int] = set()
    try:
        for thread in os.listdir("/proc/self/task"):
            with open(f"/proc/self/task/{thread}/children", encoding="ascii") as file:
                found.update(int(word) for word in file.read().split())
    except OSError:
        pass
    return found


def _in_a_container(pid: int) -> bool:
    """Whether it has a pid in a namespace below ours; told of the dead as well."""
    try:
        with open(f"/proc/{pid}/status", encoding="utf-8", errors="replace") as file:
            return any(line.startswith("NSpid:") and len(line.split()) > 2 for line in file)
    except OSError:
        return False


def _unburied(pids: set[int]) -> bool:
    """Reap those that have ended; whether others remain."""
    left = False
    for pid in pids:
        if not _in_a_container(pid):
            continue  # another thread's own child, whose exit code is awaited there
        try:
            left = os.waitpid(pid, os.WNOHANG)[0] == 0 or left
        except ChildProcessError:
            pass
    return left


class Adopted:
    """A process that our child left to us: while this is open, orphans below us become our children (prctl(2))."""

    def __init__(self, pid_of: Callable[[], int]) -> None:
        self._pid_of = pid_of
        self.pid = 0
        self._before: set[int] = set()

    def __enter__(self) -> Adopted:
        self._before = _children()
        prctl(_PR_SET_CHILD_SUBREAPER, 1)
        return self

    def __exit__(self, *_error: object) -> None:
        """Bury what else fell to us: a container cannot end before every process in it is reaped, and a runtime
        whose exec failed leaves one."""
        prctl(_PR_SET_CHILD_SUBREAPER, 0)
        last = time.monotonic() + _BURIAL
        while _unburied(_children() - self._before) and time.monotonic() < last:
            time.sleep(0.002)

    def take(self) -> None:
        """When the child has ended well: whom it left. Raises ToolFailed when it does not say."""
        self.pid = self._pid_of()
        if self.pid <= 0:
            raise ToolFailed("adopt the program", "the runtime", 0, "it wrote no pid file")

    def ended(self) -> int | None:
        """Its exit code once it has ended, negative for a signal. Raises ToolFailed when it is not ours after all."""
        try:
            pid, status = os.waitpid(self.pid, os.WNOHANG)
        except ChildProcessError:
            raise ToolFailed("wait for the program", "the runtime", 0, "somebody else has reaped it") from None
        if pid == 0:
            return None
        return os.WEXITSTATUS(status) if os.WIFEXITED(status) else -os.WTERMSIG(status)

    def kill(self) -> None:
        """End it and what it started as far as that is below it, and reap it."""
        if self.pid > 0:
            stop_tree(self.pid)
            try:
                os.waitpid(self.pid, 0)
            except ChildProcessError:
                pass


def run(
    runner: Runner,
    argv: Sequence[str],
    stdin: bytes,
    env: Mapping[str, str],
    seconds: float | None = None,
    heir: Adopted | None = None,
) -> Completed:
    """The program's end and output; with `heir`, that of the process which a program that ended well leaves behind.

    Raises TimedOut after `seconds` (both are killed), HostLacks when it cannot start.
    """
    ends = [*os.pipe(), *os.pipe(), *os.pipe()]
    in_read, in_write, out_read, out_write, err_read, err_write = range(6)
    child: Process | None = None
    try:
        child = runner.spawn(argv, env=env, stdin=ends[in_read], stdout=ends[out_write], stderr=ends[err_write])
        for theirs in (in_read, out_write, err_write):
            os.close(ends[theirs])
            ends[theirs] = -1
        streams = _Streams(ends[in_write], ends[out_read], ends[err_read], stdin)
        ends[in_write] = -1
        end = None if seconds is None else time.monotonic() + seconds
        try:
            rc = _follow(child.pid, partial(ended, child), streams, end)
            if rc == 0 and heir is not None:
                heir.take()
                rc = _follow(heir.pid, heir.ended, streams, end)
        finally:
            streams.close_input()
        if rc is None:
            raise TimedOut(f"run {os.path.basename(argv[0])}", f"it did not end within {seconds:g} s")
        streams.drain()
        return Completed(rc, bytes(streams.out), bytes(streams.err))
    except BaseException:
        if child is not None:
            stop(child)
        if heir is not None:
            heir.kill()
        raise
    finally:
        for fd in ends:
            if fd >= 0:
                os.close(fd)


def stop(child: Process) -> None:
    """Kill a child of ours."""
    child.kill()
    try:
        child.wait(2.0)
    except EngineError:
        pass  # in uninterruptible sleep


def ended(child: Process) -> int | None:
    """Its exit code once it has ended."""
    try:
        return child.wait(0)
    except TimedOut:
        return None


def _follow(pid: int, has_ended: Callable[[], int | None], streams: _Streams, end: float | None) -> int | None:
    """Move data until the process has ended; None when the deadline came first."""
    handle = _pidfd(pid)
    try:
        if handle >= 0:
            streams.poll.register(handle, select.POLLIN)
        while True:
            left = None if end is None else end - time.monotonic()
            if left is not None and left <= 0:
                return None
            wait_ms = None if left is None else left * 1000
            if handle < 0:
                wait_ms = _LOOK_MS if wait_ms is None else min(_LOOK_MS, wait_ms)
            ready = {fd for fd, _flags in streams.poll.poll(wait_ms)}
            rc = has_ended() if handle < 0 or handle in ready else None
            streams.move(ready)
            if rc is not None:
                return rc
    finally:
        if handle >= 0:
            streams.poll.unregister(handle)
            os.close(handle)


def _pidfd(pid: int) -> int:
    try:
        return os.pidfd_open(pid)
    except OSError:
        return -1


class _Streams:
    """Our ends of the three pipes; none of them blocks."""

    def __init__(self, stdin: int, stdout: int, stderr: int, data: bytes) -> None:
        self.out = bytearray()
        self.err = bytearray()
        self.poll = select.poll()
        self._open = {stdout: self.out, stderr: self.err}
        self._stdin = stdin
        self._data = memoryview(data)
        for fd in (stdin, stdout, stderr):
            os.set_blocking(fd, False)
        for fd in self._open:
            self.poll.register(fd, select.POLLIN)
        if data:
            self.poll.register(stdin, select.POLLOUT)
        else:
            self.close_input()

    def move(self, ready: set[int]) -> None:
        if self._stdin in ready:
            self._feed()
        for fd in ready & set(self._open):
            self._read(fd)

    def drain(self) -> None:
        """What is in the pipes by now; a descendant that goes on printing is not waited for."""
        for fd in tuple(self._open):
            limit = len(self._open[fd]) + (1 << 20)  # the largest a pipe can be
            while fd in self._open and len(self._open[fd]) < limit and self._read(fd):
                pass

    def close_input(self) -> None:
        if self._stdin >= 0:
            fd, self._stdin = self._stdin, -1
            try:
                self.poll.unregister(fd)
            except KeyError:
                pass
            os.close(fd)

    def _feed(self) -> None:
        try:
            self._data = self._data[os.write(self._stdin, self._data[:_PIECE]) :]
        except BlockingIOError:
            return
        except BrokenPipeError:
            self._data = self._data[:0]  # it reads no further
        if not self._data:
            self.close_input()

    def _read(self, fd: int) -> bool:
        try:
            piece = os.read(fd, _PIECE)
        except BlockingIOError:
            return False
        if not piece:
            self.poll.unregister(fd)
            del self._open[fd]
            return False
        self._open[fd] += piece
        return True
