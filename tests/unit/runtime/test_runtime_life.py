"""Recognising a container's process, reading its exit records, naming signals, printing its processes."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, NotFound
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime import exits, kill, processes
from ansible_collections.daemonless.oci.plugins.module_utils.engine.runtime.liveness import (
    Init,
    is_alive,
    monitor_alive,
    proc_stat,
)

CID = "c" * 64
INIT = Init(50, 40, CID)


class Proc:
    """A made-up /proc."""

    def __init__(self, base: Path) -> None:
        self.base = base
        (base / "self/ns").mkdir(parents=True)
        (base / "self/ns/mnt").symlink_to("mnt:[1]")

    def add(
        self, pid: int, ppid: int, *, state: str = "S", cgroup: str = "/", mnt: str = "mnt:[1]", name: str = "x"
    ) -> None:
        folder = self.base / str(pid)
        (folder / "ns").mkdir(parents=True)
        (folder / "stat").write_text(f"{pid} ({name}) {state} {ppid} 1 1 0 -1 0 0 0 0 0 7 8 0 0 20 0 1 0 900 0\n")
        (folder / "cgroup").write_text(f"0::{cgroup}\n")
        (folder / "ns/mnt").symlink_to(mnt)
        (folder / "cmdline").write_bytes(b"")

    def monitor(self, pid: int, cid: str = CID) -> None:
        self.add(pid, 1)
        (self.base / f"{pid}/cmdline").write_bytes(b"/usr/bin/conmon\0-c\0" + cid.encode() + b"\0")


@pytest.fixture
def proc(tmp_path: Path) -> Proc:
    return Proc(tmp_path)


def test_the_child_of_its_monitor(proc: Proc) -> None:
    proc.add(50, 40)
    assert is_alive(INIT, str(proc.base))


@pytest.mark.parametrize("state", ["Z", "X"])
def test_a_zombie_has_ended(proc: Proc, state: str) -> None:
    proc.add(50, 40, state=state)
    assert not is_alive(INIT, str(proc.base))


def test_nobody_there(proc: Proc) -> None:
    assert not is_alive(INIT, str(proc.base))
    assert not is_alive(Init(0, 0, CID), str(proc.base))


def test_somebody_else_has_the_pid(proc: Proc) -> None:
    proc.add(50, 1)
    assert not is_alive(INIT, str(proc.base))


def test_an_orphan_in_its_cgroup(proc: Proc) -> None:
    proc.add(50, 1, cgroup=f"/libpod_parent/libpod-{CID}")
    assert is_alive(INIT, str(proc.base))


def test_an_orphan_without_cgroup_but_with_mounts_of_its_own(proc: Proc) -> None:
    proc.add(50, 1, mnt="mnt:[2]")
    assert is_alive(INIT, str(proc.base))


def test_another_container_with_a_reused_pid_while_the_monitor_lives(proc: Proc) -> None:
    proc.monitor(40)
    proc.add(50, 1, mnt="mnt:[2]")
    assert not is_alive(INIT, str(proc.base))


def test_the_monitor_is_known_by_its_command_line(proc: Proc) -> None:
    assert not monitor_alive(INIT, str(proc.base))
    proc.monitor(40)
    assert monitor_alive(INIT, str(proc.base))
    assert not monitor_alive(Init(50, 40, "d" * 64), str(proc.base))


@pytest.mark.parametrize("name", ["x", "a b", ") S 1 (", "((", "", "é"])
def test_command_names_that_confuse_parsers(proc: Proc, name: str) -> None:
    proc.add(50, 40, name=name)
    found = proc_stat(50, str(proc.base))
    assert found is not None
    assert (found.command, found.ppid, found.user_ticks, found.system_ticks, found.started) == (name, 40, 7, 8, 900)


@pytest.fixture
def paths(tmp_path: Path) -> exits.ExitPaths:
    (tmp_path / "exits").mkdir()
    (tmp_path / "persist").mkdir()
    return exits.ExitPaths(str(tmp_path / "exits"), str(tmp_path / "persist"))


@pytest.mark.parametrize(("text", "code"), [("0", 0), ("137", 137), ("255\n", 255), ("-1", 255)])
def test_exit_codes(paths: exits.ExitPaths, text: str, code: int) -> None:
    record = Path(paths.exit_dir, CID)
    record.write_text(text)
    os.utime(record, ns=(5, 1_700_000_000_123_456_789))
    assert exits.read(paths, CID) == exits.Exit(code, 1_700_000_000_123_456_789, False)


@pytest.mark.parametrize("text", ["", "x", "-", "1 2"])
def test_a_record_that_is_not_written_yet(paths: exits.ExitPaths, text: str) -> None:
    Path(paths.exit_dir, CID).write_text(text)
    assert exits.read(paths, CID) is None


def test_the_copy_and_the_oom_mark(paths: exits.ExitPaths) -> None:
    assert exits.read(paths, CID) is None
    Path(paths.persist_dir, "exit").write_text("1")
    Path(paths.persist_dir, "oom").touch()
    found = exits.read(paths, CID)
    assert found is not None and (found.code, found.oom) == (1, True)
    exits.forget(paths, CID)
    assert exits.read(paths, CID) is None and not os.path.exists(paths.persist_dir)


def test_its_monitor_writes_down_what_it_printed_after_its_end(proc: Proc, paths: exits.ExitPaths) -> None:
    assert not exits.may_print(paths, INIT, str(proc.base)), "nobody is there who could"
    proc.monitor(40)
    assert exits.may_print(paths, INIT, str(proc.base)), "it has ended, and that is not recorded yet"
    proc.add(50, 40, state="Z")
    assert exits.may_print(paths, INIT, str(proc.base))
    Path(paths.exit_dir, CID).write_text("0")
    assert not exits.may_print(paths, INIT, str(proc.base)), "all that it printed was written down before"


def test_what_runs_may_print_whoever_watches(proc: Proc, paths: exits.ExitPaths) -> None:
    proc.add(50, 1, cgroup=f"/libpod_parent/libpod-{CID}")
    assert exits.may_print(paths, INIT, str(proc.base))


@pytest.mark.parametrize(
    ("text", "number"),
    [("15", 15), ("TERM", 15), ("SIGTERM", 15), ("sigkill", 9), ("Hup", 1), (" INT ", 2), ("64", 64)],
)
def test_signals(text: str, number: int) -> None:
    assert kill.number(text) == number


def test_real_time_signals() -> None:
    assert kill.number("SIGRTMIN+3") == signal.SIGRTMIN + 3
    assert kill.number("rtmax-1") == signal.SIGRTMAX - 1


@pytest.mark.parametrize(
    "text", ["", "0", "65", "-9", "NOPE", "SIG", "TERM+1", "RTMIN+x", "RTMIN+99", "_DFL", "SIG_IGN"]
)
def test_what_is_no_signal(text: str) -> None:
    with pytest.raises(NotFound):
        kill.number(text)


def _process(**fields: object) -> processes.ContainerProcess:
    base: dict[str, object] = dict.fromkeys(processes.ContainerProcess._fields, 0)
    base.update(tty="?", state="S", comm="sh", args="/bin/sh")
    return processes.ContainerProcess(**{**base, **fields})  # type: ignore[arg-type]


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0, "0s"), (0.5, "0.5s"), (59, "59s"), (60, "1m0s"), (61.25, "1m1.25s"), (3600, "1h0m0s"), (90061, "25h1m1s")],
)
def test_durations_as_go_prints_them(seconds: float, text: str) -> None:
    assert processes.rows([_process(elapsed=seconds)], ["etime"])[1] == [(text,)]


def test_the_headings_follow_the_descriptors() -> None:
    headings, table = processes.rows([_process(pid=7, cpu_percent=1.5)], ["%p", "pcpu", "command", "hpid"])
    assert headings == ("PID", "%CPU", "COMMAND", "HPID")
    assert table == [("7", "1.500", "/bin/sh", "0")]


def test_every_descriptor_can_be_printed() -> None:
    headings, table = processes.rows([_process()], list(processes.HEADINGS))
    assert len(headings) == len(table[0])
    with pytest.raises(BadInput, match="label"):
        processes.rows([], ["label"])
