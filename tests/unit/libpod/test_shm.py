"""The lock table in shared memory: podman's layout, and locks that survive their holders."""

from __future__ import annotations

import os
import signal
import struct
import time
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Damaged, HostLacks, TimedOut
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.file_locks import FileLocks
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.shm_layout import layout_for
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.shm_locks import ShmLocks

KINDS = {"shm": ShmLocks, "file": FileLocks}


@pytest.fixture(params=sorted(KINDS))
def locks(request: pytest.FixtureRequest, tmp_path: Path) -> ShmLocks | FileLocks:
    return KINDS[request.param](str(tmp_path / "locks"), 70)


@pytest.mark.parametrize(
    ("machine", "locks", "size", "last"),
    [
        ("x86_64", 2048, 82488, 82488 - 40),  # the size of podman's own file with the default num_locks
        ("x86_64", 1, 56 + 1288, 56 + 1288 - 40),
        ("x86_64", 33, 56 + 2 * 1288, 56 + 2 * 1288 - 40),
        ("aarch64", 2048, 64 + 64 * (8 + 32 * 48), 64 + 64 * (8 + 32 * 48) - 48),
    ],
)
def test_layout(machine: str, locks: int, size: int, last: int) -> None:
    layout = layout_for(locks, machine)
    assert layout.size == size
    assert layout.lock(layout.locks - 1) == last
    assert all(layout.lock(number) % 8 == 0 for number in range(layout.locks))


def test_unknown_machine_is_refused_with_a_way_out() -> None:
    with pytest.raises(HostLacks, match=r'armv7l.*lock_type = "file"'):
        layout_for(2048, "armv7l")


def test_header_is_podmans(tmp_path: Path) -> None:
    path = tmp_path / "locks"
    assert ShmLocks(str(path), 2048).allocate() == 0
    data = path.read_bytes()
    assert len(data) == layout_for(2048).size
    assert struct.unpack_from("<HH", data) == (0x87D1, 0)
    assert struct.unpack_from("<II", data, layout_for(2048).counts) == (64, 2048)
    assert oct(path.stat().st_mode & 0o777) == "0o600"
    assert [entry.name for entry in tmp_path.iterdir()] == ["locks"]


def test_allocation_takes_the_lowest_free(locks: ShmLocks | FileLocks) -> None:
    assert [locks.allocate() for _turn in range(40)] == list(range(40))
    locks.free(3)
    locks.free(3)
    locks.free(35)
    assert (locks.allocate(), locks.allocate(), locks.allocate()) == (3, 35, 40)
    assert locks.allocated() == set(range(41))


def test_given_numbers(locks: ShmLocks | FileLocks) -> None:
    assert locks.allocate_given(40)
    assert not locks.allocate_given(40)
    assert locks.allocated() == {40}


def test_a_full_table_says_what_to_do(tmp_path: Path) -> None:
    locks = ShmLocks(str(tmp_path / "locks"), 32)
    for _turn in range(32):
        locks.allocate()
    with pytest.raises(HostLacks, match="all 32 are taken.*num_locks"):
        locks.allocate()


def test_two_views_are_one_table(locks: ShmLocks | FileLocks, tmp_path: Path) -> None:
    locks.allocate()
    other = type(locks)(str(tmp_path / "locks"), 70)
    assert other.allocate() == 1
    assert locks.allocated() == {0, 1}


def _child(deed: object) -> int:
    pid = os.fork()
    if pid == 0:
        try:
            deed()  # type: ignore[operator]
        finally:
            os._exit(0)
    return pid


def test_a_held_lock_keeps_others_out(locks: ShmLocks | FileLocks, tmp_path: Path) -> None:
    number = locks.allocate()
    ready, go = os.pipe(), os.pipe()

    def hold() -> None:
        with type(locks)(str(tmp_path / "locks"), 70).hold(number):
            os.write(ready[1], b"1")
            os.read(go[0], 1)

    pid = _child(hold)
    os.read(ready[0], 1)
    with pytest.raises(TimedOut), locks.hold(number, timeout=0.1):
        pass
    os.write(go[1], b"1")
    with locks.hold(number, timeout=60):
        pass
    os.waitpid(pid, 0)


def test_a_killed_holder_leaves_the_lock_usable(locks: ShmLocks | FileLocks, tmp_path: Path) -> None:
    number = locks.allocate()
    ready = os.pipe()

    def hold() -> None:
        with type(locks)(str(tmp_path / "locks"), 70).hold(number):
            os.write(ready[1], b"1")
            time.sleep(60)

    pid = _child(hold)
    os.read(ready[0], 1)
    os.kill(pid, signal.SIGKILL)
    os.waitpid(pid, 0)
    for _turn in range(3):
        with locks.hold(number, timeout=60):
            pass


def test_killed_while_allocating_leaves_the_table_usable(tmp_path: Path) -> None:
    locks = ShmLocks(str(tmp_path / "locks"), 70)
    locks.allocate()
    layout = layout_for(70)

    def die() -> None:
        table = ShmLocks(str(tmp_path / "locks"), 70)
        table.allocated()
        with table._held(layout.table_mutex):
            os.kill(os.getpid(), signal.SIGKILL)

    os.waitpid(_child(die), 0)
    assert locks.allocate() == 1


def test_many_processes_get_different_numbers(locks: ShmLocks | FileLocks, tmp_path: Path) -> None:
    read, write = os.pipe()

    def take() -> None:
        table = type(locks)(str(tmp_path / "locks"), 70)
        for _turn in range(15):
            os.write(write, struct.pack("I", table.allocate()))

    for pid in [_child(take) for _turn in range(4)]:
        os.waitpid(pid, 0)
    numbers = struct.unpack("60I", os.read(read, 240))
    assert sorted(numbers) == list(range(60))


def test_the_table_is_made_by_one_of_many(tmp_path: Path) -> None:
    def make() -> None:
        ShmLocks(str(tmp_path / "locks"), 2048).allocate()

    for pid in [_child(make) for _turn in range(8)]:
        os.waitpid(pid, 0)
    assert ShmLocks(str(tmp_path / "locks"), 2048).allocated() == set(range(8))
    assert [entry.name for entry in tmp_path.iterdir()] == ["locks"]


def test_another_number_of_locks_is_explained(tmp_path: Path) -> None:
    ShmLocks(str(tmp_path / "locks"), 32).allocate()
    with pytest.raises(HostLacks, match="num_locks = 2048"):
        ShmLocks(str(tmp_path / "locks"), 2048).allocate()


def test_a_file_of_something_else_is_refused(tmp_path: Path) -> None:
    (tmp_path / "locks").write_bytes(bytes(layout_for(32).size))
    with pytest.raises(Damaged, match="not a table"):
        ShmLocks(str(tmp_path / "locks"), 32).allocate()


def test_numbers_outside_the_table_are_refused(tmp_path: Path) -> None:
    locks = ShmLocks(str(tmp_path / "locks"), 32)
    with pytest.raises(Damaged, match="has 32 locks"), locks.hold(32):
        pass
