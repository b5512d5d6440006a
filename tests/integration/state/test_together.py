"""Several writers at once, and writers that are killed: nothing is lost, nothing hangs."""

from __future__ import annotations

import json
import time
from collections.abc import Callable

import pytest
from commands import CommandFailed
from machine import USER, Machine
from state_in_machine import DEEDS, Deeds

BOTH = pytest.mark.parametrize("user", [None, USER], ids=["root", "user"])


def names(us: Deeds) -> list[str]:
    return sorted(entry["Names"][0] for entry in json.loads(us.podman("ps", "-a", "--format", "json")))


def program(machine: Machine) -> str:
    """The shell words that run deeds."""
    script = machine.share / "deeds.py"
    script.write_text(DEEDS.read_text())
    return f"PYTHONPATH={machine.lab.collections} RUNTIME=runc /usr/bin/python3 {script}"


def judge() -> str:
    return "CONTAINERS_CONF_OVERRIDE=/run/lab/judge.conf /opt/judge/bin/podman"


def wait_for(machine: Machine, path: str) -> None:
    deadline = time.monotonic() + 60
    while not machine.exists(path):
        assert time.monotonic() < deadline
        time.sleep(0.05)


@BOTH
def test_our_processes_and_podman_lose_nothing(deeds: Callable[..., Deeds], machine: Machine, user: str | None) -> None:
    us = deeds(user)
    us.load_image()
    ours, theirs = program(machine), judge()
    podman_loop = (
        f"for n in 0 1 2 3 4 5; do {theirs} create --name p$n busybox true >/dev/null;"
        f" {theirs} rename p$n p-$n; [ $n -lt 2 ] || {theirs} rm p-$n >/dev/null; done"
    )
    machine.sh(
        f"{ours} churn a 8 2 >/dev/null & one=$!; {ours} churn b 8 2 >/dev/null & two=$!;"
        f"({podman_loop}) & three=$!; wait $one; wait $two; wait $three",
        user,
    )
    expected = ["a-0", "a-1", "b-0", "b-1", "p-0", "p-1"]
    assert names(us) == expected
    assert sorted(us("list")) == expected  # type: ignore[call-overload]
    numbers = us("locks")
    assert len(numbers) == len(expected)  # type: ignore[arg-type]
    us.is_clean()
    us.podman("rm", *expected)
    assert us("locks") == []


@BOTH
def test_podman_waits_for_a_lock_that_we_hold(deeds: Callable[..., Deeds], machine: Machine, user: str | None) -> None:
    us = deeds(user)
    us.load_image()
    us("add", "web")
    tmp = "/run/libpod" if user is None else "/run/user/1500/libpod/tmp"
    command = ["sh", "-c", f"exec env {program(machine)} hold web 4"]
    holder = machine.spawn(command, user)
    wait_for(machine, f"{tmp}/held")
    start = time.monotonic()
    us.podman("start", "web")
    assert time.monotonic() - start > 1
    holder.wait()
    assert us("list") == {"web": "running"}


@BOTH
def test_a_holder_that_is_killed_stops_nobody(deeds: Callable[..., Deeds], machine: Machine, user: str | None) -> None:
    us = deeds(user)
    us.load_image()
    us("add", "web")
    for _turn in range(2):
        assert us.run("hold", "web", "100", check=False, DAEMONLESS_STOP_AT="lock-held").returncode != 0
    us.podman("start", "web")
    assert us.run("hold", "web", "100", check=False, DAEMONLESS_STOP_AT="lock-held").returncode != 0
    assert us("hold", "web", "0") == "released"
    us.podman("rm", "-f", "-t", "0", "web")
    us.is_clean()


def test_a_podman_that_is_killed_stops_us_not(deeds: Callable[..., Deeds], machine: Machine) -> None:
    us = deeds()
    us.load_image()
    us("add", "web")
    us.podman("start", "web")
    machine.sh(f"{judge()} stop -t 100 web & sleep 0.7; kill -KILL $!", check=False)
    start = time.monotonic()
    assert us("hold", "web", "0") == "released"
    assert time.monotonic() - start < 60


def test_reading_waits_for_no_lock(deeds: Callable[..., Deeds], machine: Machine) -> None:
    """A task that changes nothing goes through while another holds every lock there is."""
    us = deeds()
    us.load_image()
    us("add", "web")
    holder = machine.spawn(["sh", "-c", f"exec env {program(machine)} hold web 100"])
    wait_for(machine, "/run/libpod/held")
    blocker = machine.spawn(["flock", "-x", "/run/libpod/alive.lck", "sleep", "100"])
    start = time.monotonic()
    assert us("list") == {"web": "created"}
    assert time.monotonic() - start < 60
    holder.kill()
    blocker.kill()


def test_an_old_boltdb_store_is_neither_touched_nor_joined(deeds: Callable[..., Deeds], machine: Machine) -> None:
    us = deeds()
    machine.sh(
        "mkdir -p /var/lib/containers/storage/libpod; echo bolt > /var/lib/containers/storage/libpod/bolt_state.db"
    )
    us("volume", "data")
    assert machine.read("/var/lib/containers/storage/libpod/bolt_state.db") == "bolt\n"
    assert not machine.exists("/var/lib/containers/storage/db.sql")
    own, database, warnings = us("paths")  # type: ignore[misc]
    assert own is True and database == "/var/lib/containers/storage/daemonless/db.sql"
    assert any("bolt_state.db" in warning for warning in warnings)
    assert us("volumes") == ["data"]
    machine.sh("rm /var/lib/containers/storage/libpod/bolt_state.db")
    assert us.podman("volume", "ls", "-q") == ""


def test_a_newer_schema_is_neither_touched_nor_joined(deeds: Callable[..., Deeds], machine: Machine) -> None:
    us = deeds()
    us.podman("volume", "create", "theirs")
    database = "/var/lib/containers/storage/db.sql"
    open_it = f"import sqlite3; tables = sqlite3.connect('{database}')"
    machine.python(f"{open_it}; tables.execute('UPDATE DBConfig SET SchemaVersion = 9'); tables.commit()")
    before = machine.sh(f"sha256sum {database}")
    us("volume", "data")
    assert us("volumes") == ["data"]
    assert machine.sh(f"sha256sum {database}") == before


def test_too_few_locks_configured_is_explained(deeds: Callable[..., Deeds], machine: Machine) -> None:
    us = deeds()
    us("volume", "data")
    machine.write("/etc/containers/containers.conf", "[engine]\nnum_locks = 64\n")
    with pytest.raises(CommandFailed, match="num_locks = 64"):
        us("volume", "more")


def test_writers_killed_at_random_leave_a_working_state(deeds: Callable[..., Deeds], machine: Machine) -> None:
    us = deeds()
    us.load_image()
    us("add", "stays")
    ours, theirs = program(machine), judge()
    machine.sh(
        f"set +e; for n in 1 2 3 4 5 6; do {ours} churn a$n 50 0 >/dev/null 2>&1 & one=$!;"
        f" {ours} churn b$n 50 0 >/dev/null 2>&1 & two=$!;"
        f" (while :; do {theirs} create --name c$n busybox true; {theirs} rm c$n; done) >/dev/null 2>&1 & three=$!;"
        " sleep 0.$((n + 3)); kill -KILL $one; sleep 0.1; kill -KILL $two $three; wait; pkill -KILL podman;"
        " done; true",
        check=False,
    )
    start = time.monotonic()
    listed = us("list")
    assert isinstance(listed, dict) and listed["stays"] == "created"
    shown = names(us)
    assert set(shown) <= set(listed)  # podman shows none of its own that it was removing
    assert [name for name in listed if name not in shown and not name.startswith("c")] == []
    for name in listed:
        us.podman("rm", "-f", name)
    assert time.monotonic() - start < 200
    assert us("list") == {}
    assert "No lock conflicts" in us.podman("system", "locks")
    us("add", "again")
    us.podman("rm", "again")


def test_a_full_dev_shm_is_an_error_and_no_crash(deeds: Callable[..., Deeds], machine: Machine) -> None:
    us = deeds()
    machine.sh("mount -t tmpfs -o size=16k none /dev/shm")
    done = us.run("volume", "data", check=False)
    assert done.returncode == 1 and "No space left on device" in done.stderr
    assert machine.sh("ls /dev/shm") == ""
    machine.sh("mount -o remount,size=1m /dev/shm")
    us("volume", "data")


@BOTH
def test_a_changed_runroot_moves_neither_of_us(deeds: Callable[..., Deeds], machine: Machine, user: str | None) -> None:
    us = deeds(user)
    us("volume", "data")
    stored = us("settings")[0]  # type: ignore[index]
    graph, run = stored[2], stored[3]
    conf = "/etc/containers/storage.conf" if user is None else "/home/tester/.config/containers/storage.conf"
    text = f'[storage]\ndriver = "overlay"\ngraphroot = "{graph}"\nrunroot = "{run}-other"\n'
    machine.write(conf, text, user=user)
    assert us.podman("info", "--format", "{{.Store.RunRoot}}") == run
    found = us("settings")
    assert found[0] == stored and "stay in use" in found[1][0]  # type: ignore[index]
