"""Health checks that run where there is no systemd; podman reads what they write, and runs them as well."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from machine import USER, Machine

IMAGE = "127.0.0.1:5000/busybox:latest"
USERS = pytest.mark.parametrize("user", [None, USER], ids=["root", "user"])


def box(machine: Machine, user: str | None, **more: object) -> dict[str, object]:
    assert machine.registry.port == 5000
    wish = {"name": "c", "image": IMAGE, "command": "sleep 1000", "stop_timeout": 0, "healthcheck": "test -e /tmp/ok"}
    return machine.task("container", {**wish, **more}, user=user)


def state(machine: Machine, user: str | None) -> dict[str, object]:
    return machine.podman_json(["inspect", "c"], user)[0]["State"]


def until(deed: Callable[[], object], seconds: float = 120) -> None:
    end = time.monotonic() + seconds
    while not deed():
        assert time.monotonic() < end, "it did not come to that in time"
        time.sleep(0.2)


def health(machine: Machine, user: str | None) -> str:
    return state(machine, user)["Health"]["Status"]


def watchers(machine: Machine) -> list[int]:
    """Without their children, which bear the same name until they have become another program."""
    found = machine.sh("grep -l -a daemonless-healt[h] /proc/[0-9]*/cmdline 2>/dev/null || true").split()
    numbers = [path.split("/")[2] for path in found]
    files = " ".join(f"/proc/{number}/status" for number in numbers)
    said = machine.sh(f"awk '/^Pid:/ {{pid = $2}} /^PPid:/ {{print pid, $2}}' {files} 2>/dev/null || true").splitlines()
    parents = dict(line.split() for line in said) if numbers else {}
    return [int(number) for number in parents if parents[number] not in numbers]


def run_in(machine: Machine, user: str | None, script: str) -> None:
    machine.task("container_exec", {"name": "c", "argv": ["sh", "-c", script]}, user=user)


@USERS
def test_checks_run_by_themselves(machine: Machine, user: str | None) -> None:
    pid = box(machine, user, healthcheck_interval="1s", healthcheck_retries=2)["container"]["State"]["Pid"]
    until(lambda: health(machine, user) == "unhealthy")
    assert state(machine, user)["Health"]["FailingStreak"] >= 2
    assert "(unhealthy)" in machine.podman(["ps"], user).stdout
    run_in(machine, user, "touch /tmp/ok")
    until(lambda: health(machine, user) == "healthy")
    assert state(machine, user)["Health"]["FailingStreak"] == 0
    ours = machine.task("container_info", {"name": ["c"]}, user=user)["containers"][0]["State"]["Health"]
    assert ours["Log"][0].keys() == state(machine, user)["Health"]["Log"][0].keys()
    assert len(ours["Log"]) <= 5

    def told() -> str:
        return machine.podman(["events", "--stream=false", "--filter", "event=health_status"], user).stdout

    until(lambda: "health_status=healthy" in told())
    assert "health_status=unhealthy" in told()
    [watcher] = watchers(machine)
    assert int(machine.sh(f"awk '/^VmRSS/ {{print $2}}' /proc/{watcher}/status")) < 2500, "kilobytes"

    machine.sh(f"kill -9 {watcher}")
    until(lambda: watchers(machine) == [])
    mended = box(machine, user, healthcheck_interval="1s", healthcheck_retries=2)
    assert not mended["changed"]
    assert "it is checked again" in str(mended["warnings"])
    [again] = watchers(machine)
    assert again != watcher

    changed = box(machine, user, healthcheck_interval="1h", healthcheck_retries=2)
    assert changed["changed"]
    assert changed["container"]["State"]["Pid"] == pid, "a changed check takes no restart"
    until(lambda: len(watchers(machine)) == 1)
    assert watchers(machine) != [again]
    gone = box(machine, user, healthcheck="none")
    assert gone["container"]["State"]["Pid"] == pid
    until(lambda: watchers(machine) == [])
    machine.task("container", {"name": "c", "state": "absent"}, user=user)


@USERS
def test_nobody_checks_what_does_not_run(machine: Machine, user: str | None) -> None:
    for away in ({"state": "stopped"}, {"state": "absent"}):
        box(machine, user, healthcheck_interval="1h")
        assert len(watchers(machine)) == 1
        machine.task("container", {"name": "c", **away}, user=user)
        until(lambda: watchers(machine) == [])
    box(machine, user, healthcheck_interval="1h", command="sleep 1")
    until(lambda: watchers(machine) == [])
    box(machine, user, healthcheck_interval="disable", name="d")
    assert watchers(machine) == []


@USERS
def test_now(machine: Machine, user: str | None) -> None:
    box(machine, user, healthcheck_interval="disable", healthcheck_retries=1)
    assert health(machine, user) == "starting"
    assert machine.task("container_healthcheck", {"name": "c"}, user=user, check=True)["status"] == "starting"
    bad = machine.task("container_healthcheck", {"name": "c"}, user=user, fails=True)
    assert (bad["result"], bad["status"]) == ("unhealthy", "unhealthy")
    assert "ended with 1" in bad["msg"]
    assert machine.podman(["healthcheck", "run", "c"], user, check=False).returncode == 1
    run_in(machine, user, "touch /tmp/ok")
    assert machine.podman(["healthcheck", "run", "c"], user).returncode == 0
    assert machine.task("container_healthcheck", {"name": "c"}, user=user)["status"] == "healthy"
    box(machine, user, healthcheck='["sleep", "100"]', healthcheck_timeout="1s")
    late = machine.task("container_healthcheck", {"name": "c", "ignore_result": True}, user=user)
    assert late["health"]["Log"][-1]["ExitCode"] == -1
    box(machine, user, healthcheck='["nonesuch"]')
    assert machine.task("container_healthcheck", {"name": "c"}, user=user, fails=True)["result"] == "unhealthy"
    box(machine, user, healthcheck="none")
    assert "no health check" in machine.task("container_healthcheck", {"name": "c"}, user=user, fails=True)["msg"]


def test_the_command_ends_as_podman_does(machine: Machine) -> None:
    box(machine, None, healthcheck_interval="disable", healthcheck_retries=1)
    for name, file, codes in (("c", False, 1), ("c", True, 0), ("none", True, 125)):
        run_in(machine, None, "touch /tmp/ok" if file else "rm -f /tmp/ok")
        ours = machine.run(["daemonless", "healthcheck", "run", name], check=False)
        theirs = machine.podman(["healthcheck", "run", name], check=False)
        assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout)
        assert ours.returncode == codes
    made = ["run", "-d", "--name", "p", "--health-cmd", "exit 3", "--health-retries=1", IMAGE, "sleep", "1000"]
    machine.podman(made)
    ours = machine.run(["daemonless", "healthcheck", "run", "p"], check=False)
    assert (ours.returncode, ours.stdout) == (1, "unhealthy\n")
    assert machine.podman_json(["inspect", "p"])[0]["State"]["Health"]["Status"] == "unhealthy"
    machine.podman(["rm", "-f", "-t0", "p"])


@USERS
@pytest.mark.parametrize("action", ["kill", "stop", "restart"])
def test_what_follows_from_failure(machine: Machine, user: str | None, action: str) -> None:
    more = {"healthcheck_interval": "1s", "healthcheck_retries": 1, "healthcheck_failure_action": action}
    pid = box(machine, user, command="sh -c 'sleep 1000'", **more)["container"]["State"]["Pid"]
    if action == "restart":
        until(lambda: state(machine, user)["Running"] and state(machine, user)["Pid"] not in (0, pid))
        until(lambda: len(watchers(machine)) == 1)
    else:
        until(lambda: not state(machine, user)["Running"])
        assert state(machine, user)["ExitCode"] == 137
        until(lambda: watchers(machine) == [])
    machine.task("container", {"name": "c", "state": "absent"}, user=user)
    until(lambda: watchers(machine) == [])


def test_startup_checks_come_first(machine: Machine) -> None:
    more = {
        "health_startup_cmd": "test -e /tmp/started",
        "health_startup_interval": "1s",
        "health_startup_success": 2,
        "healthcheck_interval": "1s",
        "healthcheck_retries": 1,
    }
    box(machine, None, **more)
    time.sleep(2.5)
    assert health(machine, None) == "starting"
    run_in(machine, None, "touch /tmp/started")
    until(lambda: health(machine, None) == "unhealthy")
    run_in(machine, None, "touch /tmp/ok")
    until(lambda: health(machine, None) == "healthy")
    assert len(watchers(machine)) == 1
    pid = box(machine, None, **{**more, "health_startup_cmd": "false", "health_startup_retries": 2, "recreate": True})
    first = pid["container"]["State"]["Pid"]
    until(lambda: state(machine, None)["Pid"] not in (0, first))
