# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Forked workers for jobs that hold the interpreter lock: same code, same memory, one processor each.

Fork before any thread.  A worker does one numbered job after another and stays until the pool is closed, so that locks
it took for its results are held until the parent has used them.  When the parent dies, its workers are killed.
"""

from __future__ import annotations

import os
import pickle
import signal
import struct
from typing import TYPE_CHECKING, Generic, TypeVar

from ..base import errors
from ..base.errors import EngineError

if TYPE_CHECKING:
    from collections.abc import Callable

_PR_SET_PDEATHSIG = 1
_HEAD = struct.Struct("<I")
_QUIT = 0xFFFFFFFF

Result = TypeVar("Result")


class _Worker:
    def __init__(self, pid: int, orders: int, results: int) -> None:
        self.pid = pid
        self.orders = orders
        self.results = results
        self.job: int | None = None


class Pool(Generic[Result]):
    """``work(number)`` runs in a worker and returns something that pickles; ``begin`` runs first in each worker."""

    def __init__(self, count: int, work: Callable[[int], Result], begin: Callable[[], None]) -> None:
        self._work = work
        self._begin = begin
        self._workers: list[_Worker] = []
        try:
            for _number in range(count):
                self._workers.append(self._fork())
        except BaseException:
            self.kill()
            raise

    def run(self, jobs: list[int]) -> dict[int, Result]:
        """Results by number.  Raises the first error of a job, EngineError for a dead worker: kill the pool then."""
        import select

        left = list(reversed(jobs))
        done: dict[int, Result] = {}
        poll = select.poll()
        by_fd = {worker.results: worker for worker in self._workers}
        for worker in self._workers:
            poll.register(worker.results, select.POLLIN)
            self._give(worker, left)
        while len(done) < len(jobs):
            for fd, _event in poll.poll():
                worker = by_fd[fd]
                number, result = self._take(worker)
                done[number] = result
                self._give(worker, left)
        return done

    def close(self) -> None:
        """End the workers in peace."""
        for worker in self._workers:
            try:
                os.write(worker.orders, _HEAD.pack(_QUIT))
            except OSError:
                pass
        self._reap()

    def kill(self) -> None:
        """End the workers at once, whatever they are doing."""
        for worker in self._workers:
            try:
                os.kill(worker.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
        self._reap()

    def _reap(self) -> None:
        for worker in self._workers:
            os.close(worker.orders)
            os.close(worker.results)
            try:
                os.waitpid(worker.pid, 0)
            except ChildProcessError:
                pass
        self._workers.clear()

    def _give(self, worker: _Worker, left: list[int]) -> None:
        worker.job = left.pop() if left else None
        if worker.job is not None:
            os.write(worker.orders, _HEAD.pack(worker.job))

    def _take(self, worker: _Worker) -> tuple[int, Result]:
        head = _read(worker.results, _HEAD.size)
        body = _read(worker.results, _HEAD.unpack(head)[0]) if head else b""
        if not body or worker.job is None:
            raise EngineError("run a worker process", "it ended without a result (killed, or out of memory)")
        kind, content = pickle.loads(body)  # made by our own child, a copy of this process
        if kind == "error":
            raise _rebuild(*content)
        return worker.job, content

    def _fork(self) -> _Worker:
        orders_in, orders_out = os.pipe()
        results_in, results_out = os.pipe()
        parent = os.getpid()
        pid = os.fork()
        if pid:
            os.close(orders_in)
            os.close(results_out)
            return _Worker(pid, orders_out, results_in)
        code = 1
        try:
            for worker in self._workers:
                os.close(worker.orders)
                os.close(worker.results)
            os.close(orders_out)
            os.close(results_in)
            _die_with(parent)
            self._serve(orders_in, results_out)
            code = 0
        finally:
            # Neither atexit handlers nor buffers of the parent are ours to run.
            os._exit(code)

    def _serve(self, orders: int, results: int) -> None:
        ready = False
        while True:
            head = _read(orders, _HEAD.size)
            number = _HEAD.unpack(head)[0] if head else _QUIT
            if number == _QUIT:
                return
            try:
                if not ready:
                    self._begin()
                    ready = True
                answer: tuple[str, object] = ("result", self._work(number))
            except EngineError as err:
                answer = ("error", (type(err).__name__, err.deed, err.cause, err.hint))
            except (OSError, MemoryError) as err:
                answer = ("error", ("EngineError", "run a worker process", str(err) or type(err).__name__, ""))
            body = pickle.dumps(answer)
            _write(results, _HEAD.pack(len(body)) + body)


def _rebuild(name: str, deed: str, cause: str, hint: str) -> EngineError:
    kind = getattr(errors, name, EngineError)
    if kind is errors.ToolFailed:
        kind = EngineError
    rebuilt: EngineError = kind(deed, cause, hint)
    return rebuilt


def _die_with(parent: int) -> None:
    from .libc import prctl

    signal.signal(signal.SIGINT, signal.SIG_IGN)
    signal.signal(signal.SIGTERM, signal.SIG_DFL)
    prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() != parent:
        os._exit(1)


def _read(fd: int, size: int) -> bytes:
    """Exactly ``size`` bytes, b"" when the other side is gone."""
    data = b""
    while len(data) < size:
        part = os.read(fd, size - len(data))
        if not part:
            return b""
        data += part
    return data


def _write(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
