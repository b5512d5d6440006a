"""kill -9 at every named step of every deed: the next task puts right what was left and gets where it wanted."""

from __future__ import annotations

import time

import pytest

IMAGE = "127.0.0.1:5000/busybox:latest"
WEB = {
    "name": "web",
    "image": IMAGE,
    "command": "httpd -f -p 80 -h /www",
    "publish": ["8080:80"],
    "volume": ["data:/www"],
    "network": ["podman"],
    "stop_timeout": 0,
}
DEEDS = {
    "start": (None, WEB),
    "replace": (WEB, {**WEB, "env": {"A": "b"}}),
    "stop": (WEB, {**WEB, "state": "stopped"}),
    "remove": (WEB, {"name": "web", "state": "absent"}),
}
#: Steps that a deed must pass; more are found by asking it.
AT_LEAST = {
    "start": {"container-stored", "lock-allocated", "container-recorded", "netns-made", "conmon-running"},
    "replace": {"replacement-prepared", "replaced-stopped", "names-swapped", "program-running", "storage-removed"},
    "stop": {"stop-marked", "exit-recorded", "released-network", "released-mounts"},
    "remove": {"removing-recorded", "storage-removed", "rows-removed", "lock-freed"},
}


def passed_steps(machine, before, wanted, user) -> list[str]:
    """The named steps of a deed, in order, each once."""
    log = "/run/lab/steps" if user is None else "/tmp/steps"
    machine.run(["rm", "-f", log])
    if before:
        machine.task("container", before, user=user)
    machine.task("container", wanted, user=user, env={"DAEMONLESS_STEPS_LOG": log})
    machine.task("container", {"name": "web", "state": "absent"}, user=user)
    return list(dict.fromkeys(machine.read(log).split()))


def killed(machine, args, step, user=None) -> bool:
    """Run the task; whether it was killed at the step (which it may not pass)."""
    return machine.attempt("container", args, user, step).returncode in (-9, 137)


def fetch(machine) -> str:
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        done = machine.run(["wget", "-qO-", "-T", "2", "http://127.0.0.1:8080/"], check=False)
        if done.returncode == 0:
            return done.stdout
        time.sleep(0.1)
    return ""


def settled(machine) -> None:
    """Wait until conmon's exit commands are through."""
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        if machine.run(["pgrep", "-f", "container cleanup"], check=False).returncode:
            return
        time.sleep(0.1)


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    ("deed", "user"),
    # A replacement passes the steps of all the others.
    [*((deed, None) for deed in DEEDS), pytest.param("replace", "tester", marks=pytest.mark.slow)],
    ids=lambda value: value or "root",
)
def test_every_step_of(deed, user, new_machine):
    """Each step leaves the machine clean for the next one."""
    machine = new_machine()
    assert machine.registry.port == 5000
    machine.task("image", {"name": IMAGE}, user=user)
    before, wanted = DEEDS[deed]
    steps = passed_steps(machine, before, wanted, user)
    machine.mark()
    killed_at = {step for step in steps if one_step(machine, deed, step, user)}
    assert killed_at >= AT_LEAST[deed]


def one_step(machine, deed: str, step: str, user) -> bool:
    """Whether the deed was killed there: some steps are passed only the first time after a boot."""
    before, wanted = DEEDS[deed]
    if before:
        machine.task("container", before, user=user)
    hit = killed(machine, wanted, step, user)
    machine.task("container", wanted, user=user)
    assert machine.task("container", wanted, user=user)["changed"] is False, f"{deed} killed at {step}: not settled"
    if deed in ("start", "replace"):
        assert fetch(machine) == "hello from a container\n", f"{deed} killed at {step}"
        names = [entry["Names"][0] for entry in machine.podman_json(["ps", "-a", "--format", "json"], user)]
        assert names == ["web"], f"{deed} killed at {step}: {names}"
    machine.task("container", {"name": "web", "state": "absent"}, user=user)
    settled(machine)
    assert machine.leaks() == {}, f"{deed} killed at {step}"
    return hit


SLOW = """#!/bin/sh
case " $* " in *" {verb} "*) sleep {seconds};; esac
exec {program} "$@"
"""
RUNTIME = """[engine.runtimes]
crun = ["/usr/local/bin/crun"]
"""


@pytest.mark.parametrize(
    ("verb", "step"),
    [("create", "bundle-written"), ("create", "network-attached"), ("-A", "conmon-waiting")],
    ids=["before-create", "in-create", "in-netavark"],
)
def test_what_a_killed_task_has_begun_is_ended_or_waited_for(verb, step, machine):
    """The runtime, and netavark with its rules, go on when the task that called them is killed."""
    assert machine.registry.port == 5000
    machine.task("image", {"name": IMAGE})
    # a published port would be waited for, for conmon holds it
    web = {**WEB, "publish": []} if verb == "create" else WEB
    machine.task("container", web)
    machine.task("container", {"name": "web", "state": "absent"})
    rules = machine.sh("iptables-save | grep -v '^[#:]' || true")
    machine.task("container", {**web, "state": "created"})
    machine.mark()
    if verb == "create":
        program, slow, seconds = machine.sh("command -v crun"), "/usr/local/bin/crun", "3"
        machine.write("/etc/containers/containers.conf", RUNTIME)
    else:
        program, slow, seconds = machine.sh("command -v iptables"), "/usr/local/sbin/iptables", "0.3"
    machine.write(slow, SLOW.format(program=program, verb=verb, seconds=seconds), mode=0o755)
    assert killed(machine, web, step)
    machine.task("container", web)
    time.sleep(2)
    assert machine.task("container", web)["changed"] is False
    assert verb == "create" or fetch(machine) == "hello from a container\n"
    assert machine.podman(["exec", "web", "cat", "/www/index.html"]).stdout == "hello from a container\n"
    machine.task("container", {"name": "web", "state": "stopped"})
    settled(machine)
    assert machine.leaks() == {}
    assert machine.sh("iptables-save | grep -v '^[#:]' || true") == rules
