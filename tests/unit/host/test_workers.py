"""Forked workers: results, errors as they were, and no process left in any case."""

from __future__ import annotations

import os
import signal
import time

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Corrupt, EngineError
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.workers import Pool


def nothing() -> None:
    pass


BEFORE: list[str] = []


@pytest.fixture(autouse=True)
def _children_of_other_tests() -> None:
    """Other tests of the same process may have left a helper running."""
    BEFORE[:] = children()


def children() -> list[str]:
    with open(f"/proc/self/task/{os.getpid()}/children", encoding="ascii") as file:
        return file.read().split()


def test_results_by_number() -> None:
    pool = Pool(3, lambda number: (number * number, os.getpid()), nothing)
    done = pool.run(list(range(10)))
    pool.close()
    assert {number: square for number, (square, _pid) in done.items()} == {n: n * n for n in range(10)}
    assert os.getpid() not in {pid for _square, pid in done.values()}
    assert children() == BEFORE


def test_large_results() -> None:
    pool = Pool(2, lambda number: bytes([number]) * 3_000_000, nothing)
    done = pool.run([0, 1, 2, 3])
    pool.close()
    assert [len(done[number]) for number in range(4)] == [3_000_000] * 4


def test_errors_arrive_as_they_were() -> None:
    def work(number: int) -> int:
        if number == 2:
            raise Corrupt("read x", "is wrong", "Do y")
        return number

    pool = Pool(2, work, nothing)
    with pytest.raises(Corrupt, match="read x: is wrong. Do y"):
        pool.run([0, 1, 2, 3])
    pool.kill()
    assert children() == BEFORE


def test_begin_runs_once_in_each_worker() -> None:
    begun: list[int] = []
    pool = Pool(2, lambda number: list(begun), lambda: begun.append(os.getpid()))
    done = pool.run(list(range(6)))
    pool.close()
    assert begun == []
    assert all(len(seen) == 1 for seen in done.values())


def test_a_worker_that_dies() -> None:
    def work(number: int) -> int:
        os.kill(os.getpid(), signal.SIGKILL)
        return number

    pool = Pool(2, work, nothing)
    with pytest.raises(EngineError, match="ended without a result"):
        pool.run([0, 1])
    pool.kill()
    assert children() == BEFORE


def test_kill_does_not_wait_for_the_work() -> None:
    def work(number: int) -> int:
        if number:
            time.sleep(60)
        raise Corrupt("read x", "is wrong")

    pool = Pool(2, work, nothing)
    began = time.monotonic()
    with pytest.raises(Corrupt):
        pool.run([0, 1])
    pool.kill()
    assert time.monotonic() - began < 30
    assert children() == BEFORE


def test_workers_die_with_their_parent() -> None:
    reader, writer = os.pipe()
    parent = os.fork()
    if parent == 0:
        pool = Pool(2, lambda number: time.sleep(60), nothing)
        os.write(writer, " ".join(str(worker.pid) for worker in pool._workers).encode())
        os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(parent, 0)
    pids = [int(word) for word in os.read(reader, 100).split()]
    assert len(pids) == 2
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline and any(alive(pid) for pid in pids):
        time.sleep(0.02)
    assert not any(alive(pid) for pid in pids)


def alive(pid: int) -> bool:
    try:
        with open(f"/proc/{pid}/stat", encoding="ascii") as file:
            return file.read().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False
