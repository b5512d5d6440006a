"""The first use after a boot."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Refused
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod import refresh, rows
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.database import Database
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.file_locks import FileLocks
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.paths import LibpodPaths

BOOT = Path("/proc/sys/kernel/random/boot_id").read_bytes()
A, B, C, D, E = (digit * 64 for digit in "abcde")


class Host:
    def __init__(self, top: Path) -> None:
        self.top = top
        self.paths = LibpodPaths(
            f"{top}/g/libpod",
            f"{top}/tmp",
            f"{top}/g/volumes",
            f"{top}/g",
            f"{top}/r",
            f"{top}/g/db.sql",
            "",
            f"{top}/tmp/alive",
        )
        self.database = Database(self.paths.database, self.paths.settings())
        self.locks = FileLocks(f"{top}/tmp/locks", 0)

    def add(self, id: str, lock: int, state: dict[str, object], **config: object) -> None:
        self.database.add_container({"id": id, "name": id[:3], "lockID": lock, **config}, state)

    def boot(self) -> refresh.BootReport | None:
        return refresh.ensure_booted(self.paths, self.database, self.locks)

    def state(self, id: str) -> dict[str, object]:
        row = self.database.container_by_id(id)
        assert row is not None
        return row.state

    def lock_of(self, id: str) -> int:
        row = self.database.container_by_id(id)
        assert row is not None
        return row.lock_id


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


@pytest.fixture
def monitor() -> Iterator[Callable[[str], int]]:
    started: list[subprocess.Popen[bytes]] = []

    def start(id: str) -> int:
        started.append(subprocess.Popen([sys.executable, "-c", "import time; time.sleep(60)", "-c", id]))
        return started[-1].pid

    yield start
    for process in started:
        process.kill()
        process.wait()


def test_the_first_marks_the_boot_and_the_second_does_nothing(host: Host) -> None:
    assert host.boot() == refresh.BootReport((), ())
    assert Path(host.paths.alive).read_bytes() == BOOT
    host.add(A, 5, {"state": rows.RUNNING})
    assert host.boot() is None
    assert host.state(A)["state"] == rows.RUNNING
    assert host.locks.allocated() == set()


def test_states_and_locks_after_a_reboot(host: Host) -> None:
    host.add(A, 3, {"state": rows.RUNNING, "pid": 4, "mounted": True, "mountPoint": "/m"})
    host.add(B, 0, {"state": rows.CREATED})
    host.database.add_pod(
        {"id": C, "name": "app", "lockID": 1, "sharesCgroup": True, "cgroupParent": "/libpod_parent"}, {}
    )
    host.database.add_volume({"name": "data", "lockID": 7}, {"mountCount": 3, "notYetMounted": True})
    host.database.add_exit_code(A, 1)
    host.database.add_exec_session("s", A)
    assert host.boot() == refresh.BootReport((), ())
    assert host.state(A) == {"state": rows.EXITED, "runDir": f"{host.top}/r/overlay-containers/{A}/userdata"}
    assert host.state(B)["state"] == rows.CONFIGURED
    assert os.path.isdir(str(host.state(A)["runDir"]))
    assert host.locks.allocated() == {0, 1, 3, 7}
    pod, volume = host.database.pod("app"), host.database.volume("data")
    assert pod is not None and pod.state == {"cgroupPath": f"/libpod_parent/{C}"}
    assert volume is not None and volume.state == {"mountCount": 0, "notYetMounted": True}
    assert host.database.exit_code(A) is None
    assert host.database.exec_session("s") is None


def test_a_number_that_is_taken_is_replaced(host: Host) -> None:
    host.add(A, 2, {"state": 1})
    host.add(B, 2, {"state": 1})
    host.database.add_volume({"name": "data", "lockID": 2}, {})
    host.database.add_pod({"id": C, "name": "app", "lockID": 2}, {})
    host.boot()
    volume, pod = host.database.volume("data"), host.database.pod("app")
    assert volume is not None and pod is not None
    numbers = [host.lock_of(A), host.lock_of(B), volume.config["lockID"], pod.config["lockID"]]
    assert len(set(numbers)) == 4
    assert host.locks.allocated() == set(numbers)


def test_a_container_that_still_runs_is_kept(host: Host, monitor: Callable[[str], int]) -> None:
    """Somebody removed `alive`; the containers know nothing of it."""
    running = {"state": rows.RUNNING, "conmonPid": monitor(A), "pid": 1}
    host.add(A, 0, running)
    host.add(B, 1, {"state": rows.RUNNING, "conmonPid": monitor(C), "pid": 1})  # the pid is another's by now
    host.add(D, 2, {"state": rows.RUNNING, "conmonPid": 2**22 + 1})
    assert host.boot() == refresh.BootReport((), (A,))
    assert host.state(A) == running
    assert host.state(B)["state"] == host.state(D)["state"] == rows.EXITED
    assert host.locks.allocated() == {0, 1, 2}


def test_reading_before_anybody_recorded_the_boot(host: Host, monitor: Callable[[str], int]) -> None:
    host.add(A, 0, {"state": rows.RUNNING, "conmonPid": monitor(A)})
    host.add(B, 1, {"state": rows.RUNNING, "conmonPid": monitor(C)})
    host.database.rebooted = True
    assert (host.state(A)["state"], host.state(B)["state"]) == (rows.RUNNING, rows.EXITED)


def test_a_boot_that_another_recorded_meanwhile(host: Host) -> None:
    """Else states would be read as of before the boot, and written back so: containers lose what runs."""
    refresh.ensure_booted(host.paths, host.database, host.locks)
    host.database.rebooted = True  # opened before the mark was made
    assert refresh.ensure_booted(host.paths, host.database, host.locks) is None
    assert not host.database.rebooted


def test_what_should_have_gone_is_reported(host: Host) -> None:
    spec = {"annotations": {"io.podman.annotations.autoremove": "TRUE"}}
    host.add(A, 0, {"state": rows.RUNNING}, spec=spec)
    host.add(B, 1, {"state": rows.CONFIGURED}, spec=spec)
    host.add(C, 2, {"state": rows.REMOVING})
    host.add(D, 3, {"state": rows.EXITED}, spec={"annotations": None})
    report = host.boot()
    assert report is not None and report.to_remove == (A, C)


def test_sockets_of_dead_monitors_go(host: Host) -> None:
    static = host.top / "static"
    static.mkdir()
    for name in ("attach", "ctl", "winsz", "ctr.log"):
        (static / name).touch()
    host.add(A, 0, {"state": rows.RUNNING}, staticDir=str(static))
    host.boot()
    assert [entry.name for entry in static.iterdir()] == ["ctr.log"]


def test_a_mark_of_another_boot_is_refused_with_advice(host: Host) -> None:
    os.makedirs(host.paths.tmp_dir)
    Path(host.paths.alive).write_text("00000000-0000-0000-0000-000000000000\n")
    with pytest.raises(Refused, match="earlier boot.*remove"):
        host.boot()


def test_an_empty_mark_is_filled_without_a_reset(host: Host) -> None:
    """podman creates the file first and writes the boot id a moment later."""
    os.makedirs(host.paths.tmp_dir)
    Path(host.paths.alive).touch()
    host.add(A, 0, {"state": rows.RUNNING})
    host.boot()
    assert Path(host.paths.alive).read_bytes() == BOOT
    assert host.state(A)["state"] == rows.RUNNING


def test_killed_half_way_the_next_does_it_again(host: Host) -> None:
    host.add(A, 3, {"state": rows.RUNNING})
    pid = os.fork()
    if pid == 0:
        os.environ["DAEMONLESS_STOP_AT"] = "states-reset"
        host.database.close()
        try:
            host.boot()
        finally:
            os._exit(0)
    assert os.waitpid(pid, 0)[1] == 9
    assert not refresh.is_booted(host.paths)
    host.database.close()
    assert host.boot() == refresh.BootReport((), ())
    assert host.state(A)["state"] == rows.EXITED
    assert host.lock_of(A) == 3
    assert host.locks.allocated() == {3}
