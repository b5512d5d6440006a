"""Commands about a container's life beside podman's: init, attach, update, mount, prune, exists."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from machine import USER, Machine, Spec

IMAGE = "127.0.0.1:5000/busybox:latest"


@pytest.fixture(scope="module")
def host(lab: object) -> Iterator[Machine]:
    """One that runs, one that ends with 4 when started; both made by podman."""
    made: Machine = lab.machine(Spec())  # type: ignore[attr-defined]
    try:
        assert made.registry
        made.task("image", {"name": IMAGE})
        made.podman(["run", "-d", "--name", "runs", "--stop-timeout", "0", IMAGE, "sleep", "1000"])
        made.podman(["create", "--name", "four", IMAGE, "sh", "-c", "cat; echo hi; exit 4"])
        yield made
    finally:
        made.close()


SAME = [
    ["mount", "four"],
    ["mount", "--no-trunc"],
    ["mount", "--format", "json"],
    ["mount", "nope"],
    ["umount", "four"],
    ["unmount", "nope"],
    ["unmount", "-a"],
    ["container", "exists", "runs"],
    ["container", "exists", "nope"],
    ["container", "exists"],
    ["update", "--memory", "64m", "--memory-swap", "128m", "runs"],
    ["update", "-m", "32m", "--memory-swap", "64m", "--pids-limit", "20", "-c", "100", "runs"],
    ["update", "--cpus", "1.5", "runs"],
    ["update", "--cpuset-cpus", "0", "--restart", "on-failure:2", "runs"],
    ["update", "runs"],
    ["update", "nope"],
    ["update"],
    ["start", "-a", "four"],
    ["start", "--attach", "--interactive", "four"],
    ["start", "-a", "four", "runs"],
    ["start", "-a", "nope"],
    ["attach", "four"],
    ["attach", "nope"],
    ["attach"],
    ["container", "prune", "-f", "--filter", "label=none"],
    ["container", "prune", "-f", "--filter", "frob=1"],
    ["init", "runs"],
    ["init", "nope"],
    ["init", "--all", "runs"],
]


@pytest.mark.parametrize("words", SAME, ids=" ".join)
def test_prints_and_ends_as_podman_does(host: Machine, words: list[str]) -> None:
    ours = host.run(["daemonless", *words], check=False)
    theirs = host.podman(words, check=False)
    assert (ours.returncode, ours.stdout) == (theirs.returncode, theirs.stdout), (ours.stderr, theirs.stderr)
    assert "Traceback" not in ours.stderr


def test_updated_limits_bite_and_leave_no_notes(host: Machine) -> None:
    before = host.podman_json(["inspect", "runs"])[0]  # type: ignore[index]
    host.sh("daemonless update -m 48m --memory-swap 96m --pids-limit 30 runs")
    after = host.podman_json(["inspect", "runs"])[0]  # type: ignore[index]
    assert (after["HostConfig"]["Memory"], after["HostConfig"]["PidsLimit"]) == (48 << 20, 30)
    assert after["State"]["Pid"] == before["State"]["Pid"]
    assert after["Config"].get("Annotations") == before["Config"].get("Annotations")
    group = host.sh(f"sed -n 's/.*:memory://p' /proc/{after['State']['Pid']}/cgroup")
    assert host.read(f"/sys/fs/cgroup/memory{group}/memory.limit_in_bytes").strip() == str(48 << 20)
    refused = host.run(["daemonless", "update", "--device-read-bps", "/dev/null:1mb", "runs"], check=False)
    assert refused.returncode == 125


@pytest.mark.machine(os="debian13")  # whose crun takes what podman writes
@pytest.mark.parametrize("user", [None, USER], ids=["root", "user"])
def test_initialized_and_then_started_by_either(machine: Machine, user: str | None) -> None:
    assert machine.registry
    machine.task("image", {"name": IMAGE}, user=user)
    ours = "daemonless" if user is None else f"/home/{USER}/.local/bin/daemonless"

    def run(*words: str) -> str:
        return machine.run([ours, *words], user).stdout.strip()

    def state() -> tuple[str, int]:
        found = machine.podman_json(["inspect", "one"], user)[0]["State"]  # type: ignore[index]
        return found["Status"], found["Pid"]

    machine.mark()
    run("create", "--name", "one", "--stop-timeout", "0", IMAGE, "sleep", "1000")
    for first, then in (("daemonless", "podman"), ("podman", "daemonless"), ("daemonless", "daemonless")):
        (machine.podman(["init", "one"], user) if first == "podman" else run("init", "one"))
        word, pid = state()
        assert (word, pid > 0) == ("initialized", True)
        (machine.podman(["start", "one"], user) if then == "podman" else run("start", "one"))
        assert state() == ("running", pid)
        run("stop", "one")
    run("init", "one")
    # the exit command of an earlier run may come as late as this, and finds one that is about to run
    run("container", "cleanup", "--stopped-only", machine.podman_json(["inspect", "one"], user)[0]["Id"])  # type: ignore[index]
    assert state()[0] == "initialized"
    run("start", "one")
    run("stop", "one")
    run("init", "one")
    run("rm", "one")
    assert machine.leaks() == {}


def test_only_what_does_not_run_is_pruned(machine: Machine) -> None:
    assert machine.registry
    machine.task("container", {"name": "runs", "image": IMAGE, "command": "sleep 1000"})
    ids = {machine.sh(f"daemonless create {IMAGE}") for _number in range(2)}
    asked = machine.run(["daemonless", "container", "prune"], input="n\n")
    assert "Are you sure" in asked.stdout
    assert set(machine.sh("daemonless container prune -f").split()) == ids
    assert machine.sh("daemonless ps -a --format '{{.Names}}'") == "runs"
    assert machine.sh("daemonless create --name needs --net container:runs " + IMAGE)
    assert machine.run(["daemonless", "rm", "-f", "-t", "0", "runs"], check=False).returncode == 125
    machine.sh("daemonless rm --depend -f -t 0 runs")
    assert machine.sh("daemonless ps -aq") == ""


def test_attached_to_what_runs(machine: Machine) -> None:
    assert machine.registry
    machine.task("image", {"name": IMAGE})
    machine.sh(f"daemonless run -di --name echoes {IMAGE} sh -c 'read a; echo got $a; exit 5'")
    done = machine.run(["daemonless", "attach", "echoes"], check=False, input="word\n")
    assert (done.returncode, done.stdout) == (5, "got word\n")
    again = machine.run(["daemonless", "start", "-ai", "echoes"], check=False, input="more\n")
    assert (again.returncode, again.stdout) == (5, "got more\n")
