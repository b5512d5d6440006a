"""container_exec, container_logs, container_rename, container_wait and userns_exec, as root and as a plain user."""

from __future__ import annotations

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest
from machine import USER, Machine

IMAGE = "127.0.0.1:5000/busybox:latest"
USERS = pytest.mark.parametrize("user", [None, USER], ids=["root", "user"])


def box(machine: Machine, user: str | None, **more: object) -> dict[str, object]:
    assert machine.registry.port == 5000
    wish = {"name": "c", "image": IMAGE, "command": "sleep 1000", "stop_timeout": 0, "log_driver": "k8s-file", **more}
    return machine.task("container", wish, user=user)


@USERS
def test_exec(machine: Machine, user: str | None) -> None:
    box(machine, user, volume=["data:/data"])

    def run(**wish: object) -> dict[str, object]:
        return machine.task("container_exec", {"name": "c", **wish}, user=user)

    done = run(command="sh -c 'pwd; echo $A; id -u; cat; echo no >&2'", env={"A": "b c"}, chdir="/tmp", stdin="in")
    assert (done["rc"], done["stdout"], done["stderr"], done["changed"]) == (0, "/tmp\nb c\n0\nin", "no", True)
    assert "b c" not in " ".join(done["podman_command"])
    assert run(argv=["id", "-u"], user="65534")["stdout"] == "65534"
    assert run(argv=["tty"], tty=True)["stdout"].startswith("/dev/")
    seen = run(command="grep CapEff /proc/self/status", privileged=True)["stdout"]
    assert int(seen.split()[1], 16) > int(run(command="grep CapEff /proc/self/status")["stdout"].split()[1], 16)

    failed = machine.task("container_exec", {"name": "c", "command": "sh -c 'echo x; exit 3'"}, user=user, fails=True)
    assert (failed["rc"], failed["stdout"]) == (3, "x")
    assert "exit code 3" in failed["msg"]

    wish = {"name": "c", "command": "touch /data/made", "creates": "/data/made"}
    assert machine.task("container_exec", wish, user=user, check=True)["changed"]
    assert not run(command="rm /data/made", removes="/data/made")["changed"], "check mode ran it"
    assert machine.task("container_exec", wish, user=user)["changed"]
    assert not machine.task("container_exec", wish, user=user)["changed"]
    assert run(command="rm /data/made", removes="/data/made")["changed"]

    left = run(command="sh -c 'sleep 1000'", detach=True)
    assert len(left["exec_id"]) == 64
    assert left["exec_id"] in machine.podman_json(["inspect", "c"], user)[0]["ExecIDs"]


def test_exec_refuses(machine: Machine) -> None:
    box(machine, None)
    begun = time.monotonic()
    for wish, words in (
        ({"name": "c", "command": "sleep 1000", "timeout": 0.5}, "did not end within 0.5 s"),
        ({"name": "c", "command": "nonesuch"}, "nonesuch"),
        ({"name": "none", "command": "true"}, "no container"),
        ({"name": "c", "command": "true", "detach": True, "stdin": "x"}, "with detach"),
        ({"name": "c", "command": ""}, "names no program"),
        ({"name": "c", "command": "true", "timeout": -1}, "not more than 0"),
    ):
        assert words in machine.task("container_exec", wish, fails=True)["msg"]
    assert time.monotonic() - begun < 500
    machine.task("container", {"name": "c", "state": "stopped"})
    for wish in ({"name": "c", "command": "true"}, {"name": "c", "command": "true", "creates": "/x"}):
        assert "not running but exited" in machine.task("container_exec", wish, fails=True)["msg"]


@USERS
def test_logs(machine: Machine, user: str | None) -> None:
    script = "echo one; echo two >&2; until test -e /go; do sleep 0.1; done; sleep 1; echo ready 80; sleep 1000"
    box(machine, user, command=["sh", "-c", script])
    wish = {"name": "c", "wait_for": r"ready \d+", "wait_timeout": 60}
    assert machine.task("container_logs", wish, user=user, check=True)["match"] == ""
    machine.task("container_exec", {"name": "c", "command": "touch /go"}, user=user)
    found = machine.task("container_logs", wish, user=user)
    assert (found["match"], found["stdout"], found["stderr"]) == ("ready 80", "one\nready 80", "two")
    assert not found["changed"]
    assert machine.task("container_logs", {"name": "c", "tail": 1}, user=user)["lines"] == ["ready 80"]
    assert machine.task("container_logs", {"name": "c", "since": "1h", "until": "30m"}, user=user)["lines"] == []
    stamped = machine.task("container_logs", {"name": "c", "tail": 1, "timestamps": True}, user=user)["lines"]
    assert stamped == machine.podman(["logs", "-t", "--tail", "1", "c"], user).stdout.splitlines()
    late = machine.task(
        "container_logs", {"name": "c", "wait_for": "never", "wait_timeout": 0.5}, user=user, fails=True
    )
    assert "after 0.5 s" in late["msg"]
    assert late["msg"].endswith("ready 80")


def test_logs_refuse(machine: Machine) -> None:
    box(machine, None, command="echo done")
    ended = machine.task("container_logs", {"name": "c", "wait_for": "never"}, fails=True)
    assert "it printed last: done" in ended["msg"]
    for wish, words in (
        ({"name": "c", "wait_for": "("}, "not a regular expression"),
        ({"name": "c", "since": "yesterday"}, "yesterday"),
        ({"name": "c", "wait_for": "x", "until": "1h"}, "until is set"),
        ({"name": "c", "tail": -2}, "-2"),
    ):
        assert words in machine.task("container_logs", wish, fails=True)["msg"]
    box(machine, None, name="silent", log_driver="none")
    assert "keeps none" in machine.task("container_logs", {"name": "silent"}, fails=True)["msg"]


@USERS
def test_what_the_monitor_writes_late_is_told(machine: Machine, user: str | None) -> None:
    """Its program has printed and is gone; the monitor has not come to write that down. All who follow wait for it."""
    script = "echo one; until test -e /go; do sleep 0.1; done; sleep 1; echo last"
    box(machine, user, command=["sh", "-c", script])
    box(machine, user, name="d", state="created")
    state = machine.podman_json(["inspect", "c"], user)[0]["State"]
    program = "daemonless" if user is None else f"/home/{USER}/.local/bin/daemonless"
    machine.sh(f"kill -STOP {state['ConmonPid']}")
    machine.task("container_exec", {"name": "c", "command": "touch /go"}, user=user)
    machine.sh(f"while grep -q 'State:.[^Z]' /proc/{state['Pid']}/status; do sleep 0.05; done")
    with ThreadPoolExecutor() as pool:
        wish = {"name": "c", "wait_for": "last", "wait_timeout": 60}
        waiting = pool.submit(machine.task, "container_logs", wish, user=user)
        following = [pool.submit(machine.run, [program, "logs", "-f", *names], user) for names in (["c"], ["c", "d"])]
        time.sleep(1)  # so that they come upon an end that is not written down yet
        machine.sh(f"kill -CONT {state['ConmonPid']}")
        assert waiting.result()["stdout"] == "one\nlast"
        assert [one.result().stdout.split()[-1] for one in following] == ["last", "last"]


@USERS
def test_rename(machine: Machine, user: str | None) -> None:
    pid = box(machine, user)["container"]["State"]["Pid"]
    wish = {"name": "c", "new_name": "d"}
    ahead = machine.task("container_rename", wish, user=user, check=True)
    done = machine.task("container_rename", wish, user=user)
    for key in ("changed", "actions", "diff"):
        assert ahead[key] == done[key]
    assert done["container"]["Name"] == "d"
    assert machine.podman_json(["inspect", "d"], user)[0]["State"]["Pid"] == pid
    assert not machine.task("container_rename", wish, user=user)["changed"]
    box(machine, user)
    assert "has this name" in machine.task("container_rename", wish, user=user, fails=True)["msg"]
    assert (
        "no container" in machine.task("container_rename", {"name": "x", "new_name": "y"}, user=user, fails=True)["msg"]
    )
    assert (
        "only letters" in machine.task("container_rename", {"name": "d", "new_name": "/"}, user=user, fails=True)["msg"]
    )


@USERS
def test_wait(machine: Machine, user: str | None) -> None:
    box(machine, user, command="sh -c 'until test -e /go; do sleep 0.1; done; sleep 1; exit 3'")
    box(machine, user, name="d")
    assert machine.task("container_wait", {"name": "c"}, user=user, check=True)["exit_codes"] == {"c": None}
    assert machine.task("container_wait", {"name": "d", "condition": "running"}, user=user)["exit_code"] == -1
    if user is None:  # on cgroups of version 1 a plain user cannot pause
        killer = threading.Timer(1, machine.podman, [["pause", "d"]])
        killer.start()
        wish = {"name": "d", "condition": ["paused", "exited"], "timeout": 60}
        assert machine.task("container_wait", wish)["exit_codes"] == {"d": -1}
        killer.join()
    machine.task("container_exec", {"name": "c", "command": "touch /go"}, user=user)
    found = machine.task("container_wait", {"name": ["c", "none"], "ignore": True, "timeout": 60}, user=user)
    assert (found["exit_codes"], found["exit_code"]) == ({"c": 3, "none": -1}, -1)
    late = machine.task("container_wait", {"name": "d", "timeout": 0.3}, user=user, fails=True)["msg"]
    assert "it still runs" in late
    for wish, words in (
        ({"name": "none"}, "no container"),
        ({"name": "d", "condition": "healthy"}, "has no health check"),
    ):
        assert words in machine.task("container_wait", wish, user=user, fails=True)["msg"]


def test_userns_exec(machine: Machine) -> None:
    def run(user: str | None, **wish: object) -> dict[str, object]:
        return machine.task("userns_exec", wish, user=user)

    ours = run(USER, command="cat /proc/self/uid_map")["stdout"].split()
    assert ours == machine.podman(["unshare", "cat", "/proc/self/uid_map"], USER).stdout.split()
    script = "touch $CONTAINERS_RUNROOT/x; chown 5:6 $CONTAINERS_RUNROOT/x; stat -c %u:%g $CONTAINERS_RUNROOT/x; cat"
    assert run(USER, argv=["sh", "-c", script], stdin="in", chdir="/tmp")["stdout"] == "5:6\nin"
    wish = {"command": "touch /tmp/made", "creates": "/tmp/made"}
    assert machine.task("userns_exec", wish, user=USER, check=True)["changed"]
    assert not machine.exists("/tmp/made")
    assert run(USER, **wish)["changed"]
    assert not run(USER, **wish)["changed"]
    failed = machine.task("userns_exec", {"command": "sh -c 'exit 4'"}, user=USER, fails=True)
    assert failed["rc"] == 4
    assert "of root are in none" in machine.task("userns_exec", {"command": "true"}, fails=True)["msg"]


@USERS
def test_userns_exec_of_a_container(machine: Machine, user: str | None) -> None:
    outside = 100000 if user is None else 1000
    maps = {"uidmap": [f"0:{outside}:500"], "gidmap": [f"0:{outside}:500"]}
    box(machine, user, state="created", **maps)
    wish = {"container": "c", "argv": ["cat", "/proc/self/uid_map"]}
    assert machine.task("userns_exec", wish, user=user)["stdout"].split() == ["0", str(outside), "500"]
    box(machine, user, name="d")
    if user is None:
        wish["container"] = "d"
        assert "none of its own" in machine.task("userns_exec", wish, fails=True)["msg"]
    else:
        assert machine.task("userns_exec", {"container": "d", "command": "id -u"}, user=user)["stdout"] == "0"
