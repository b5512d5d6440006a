"""`generate_systemd`: the unit is written and foretold, and what it runs starts, holds and ends the container."""

from __future__ import annotations

import shlex
import time

import pytest

IMAGE = "127.0.0.1:5000/busybox:latest"


def line_of(machine, path, key):
    lines = [line for line in machine.read(path).splitlines() if line.startswith(f"{key}=")]
    assert len(lines) == 1, lines
    return shlex.split(lines[0].partition("=")[2])


def state_of(machine, user):
    found = machine.task("container_info", {"name": ["web"]}, user=user)["containers"]
    return found[0]["State"]["Status"] if found else ""


def waits(machine, user):
    """Whether its program is so far that it hears a signal."""
    return machine.podman(["logs", "web"], user, check=False).stdout == "up\n"


def wait_for(deed, seconds=60.0):
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if deed():
            return
        time.sleep(0.2)
    raise AssertionError("it did not come to that in time")


@pytest.mark.parametrize("user", [None, "tester"], ids=["root", "user"])
def test_a_unit(machine, user):
    assert machine.registry.port == 5000
    machine.task("image", {"name": IMAGE}, user=user)
    machine.run(["mkdir", "/tmp/units"], user)
    task = {
        "name": "web",
        "image": IMAGE,
        "command": ["sh", "-c", "trap 'exit 5' TERM; echo up; while :; do sleep 0.1; done"],
        "env": {"GREETING": "it's 100%"},
        "state": "created",
        "stop_timeout": 20,
    }
    unit = {"path": "/tmp/units", "after": ["db.service"]}
    path = "/tmp/units/container-web.service"
    foretold = machine.task("container", {**task, "generate_systemd": unit}, user=user, check=True)
    assert foretold["changed"] and not machine.exists(path)
    made = machine.task("container", {**task, "generate_systemd": unit}, user=user)
    assert made["diff"] == foretold["diff"] and made["actions"] == ["created web", f"written {path}"]
    assert machine.read(path) == made["podman_systemd"]["container-web"]
    assert not machine.task("container", {**task, "generate_systemd": unit}, user=user)["changed"]

    process = machine.spawn(line_of(machine, path, "ExecStart"), user)
    wait_for(lambda: state_of(machine, user) == "running" and waits(machine, user))
    machine.run(line_of(machine, path, "ExecStop"), user)
    assert process.wait() == 5
    assert state_of(machine, user) == "exited"

    unit["new"] = True
    foretold = machine.task("container", {**task, "generate_systemd": unit}, user=user, check=True)
    made = machine.task("container", {**task, "generate_systemd": unit}, user=user)
    assert made["diff"] == foretold["diff"] and made["actions"] == [f"written {path}"]
    words = [word.replace("%%", "%") for word in line_of(machine, path, "ExecStart")]
    process = machine.spawn(words, user)
    wait_for(lambda: state_of(machine, user) == "running" and waits(machine, user))
    found = machine.task("container_exec", {"name": "web", "argv": ["sh", "-c", "echo $GREETING"]}, user=user)
    assert found["stdout"] == "it's 100%"
    assert not machine.task("container", {**task, "generate_systemd": unit}, user=user)["changed"]
    machine.run(line_of(machine, path, "ExecStop"), user)
    assert process.wait() == 5
    machine.run(line_of(machine, path, "ExecStopPost"), user)
    wait_for(lambda: state_of(machine, user) == "")

    gone = {"name": "web", "state": "absent", "generate_systemd": unit}
    foretold = machine.task("container", gone, user=user, check=True)
    assert foretold["changed"] and machine.exists(path)
    assert machine.task("container", gone, user=user)["actions"] == [f"removed {path}"]
    assert not machine.exists(path)
    assert not machine.task("container", gone, user=user)["changed"]
    for bad, words in (({"nme": 1}, "'nme' is not one of"), ({"after": ["x\nExecStart=/bin/evil"]}, "name of a unit")):
        assert words in machine.task("container", {**task, "generate_systemd": bad}, user=user, fails=True)["msg"]
