"""Pods that podman made, and ours in podman's hands; init containers, the end of the last one, limits, `new:`."""

from __future__ import annotations

import time

import pytest
from pods_in_machine import IMAGE, SLEEP, load, names

USERS = pytest.mark.parametrize("user", [None, "tester"], ids=["root", "user"])


@pytest.fixture
def machine(machine):
    load(machine, None, "tester")
    return machine


def inspected(machine, name, user=None):
    """podman's document, which is ours but for the order of words that podman itself does not keep."""
    (found,) = machine.podman_json(["pod", "inspect", name], user)
    (mine,) = machine.task("pod_info", {"name": name}, user)["pods"]
    for one in (found, mine):
        one["SharedNamespaces"] = sorted(one.get("SharedNamespaces", []))
    assert mine == found
    return found


@USERS
def test_podmans_pod_is_gone_on_with(machine, user):
    """One that podman made: containers join it, its labels change where it is, it goes."""
    machine.mark()
    machine.podman(["pod", "create", "--name", "shop", "-p", "18080:80", "--infra-name", "theirs"], user)
    beside = ["run", "-d", "--pod", "shop", "--name", "side", "--stop-timeout", "0"]
    machine.podman([*beside, IMAGE, "sleep", "1000"], user)
    assert not machine.task("pod", {"name": "shop", "publish": ["18080:80"], "state": "started"}, user)["changed"]
    machine.task("container", {"name": "web", "pod": "shop", **SLEEP}, user)
    before = inspected(machine, "shop", user)
    assert before["State"] == "Running" and before["NumContainers"] == 3
    wish = {"name": "shop", "label": {"a": "b"}, "publish": ["18080:80"]}
    assert machine.task("pod", wish, user)["actions"] == ["updated label"]
    assert inspected(machine, "shop", user)["InfraContainerID"] == before["InfraContainerID"]
    moved = machine.task("pod", {**wish, "dns": ["1.1.1.1"]}, user)
    assert moved["actions"] == ["replaced infra container of shop"]
    after = inspected(machine, "shop", user)
    assert after["InfraConfig"]["DNSServer"] == ["1.1.1.1"] and after["InfraConfig"]["PortBindings"]
    assert after["State"] == "Running" and names(machine, user) == ["side", "theirs", "web"]
    machine.task("pod", {"name": "shop", "state": "absent"}, user)
    assert names(machine, user) == [] and machine.leaks() == {}


@pytest.mark.machine(os="debian13")  # whose crun takes what podman writes
@USERS
def test_podman_goes_on_with_ours(machine, user):
    machine.task("pod", {"name": "shop", "publish": ["18080:80"]}, user)
    machine.task("container", {"name": "web", "pod": "shop", "state": "created", **SLEEP}, user)
    machine.mark()
    rest = [] if user else [["restart"], ["pause"], ["unpause"]]  # no cgroups are delegated to the user, so no freezer
    for command in (["start"], *rest, ["stop", "-t", "0"], ["start"]):
        machine.podman(["pod", *command, "shop"], user)
    assert inspected(machine, "shop", user)["State"] == "Running"
    assert not machine.task("container", {"name": "web", "pod": "shop", **SLEEP}, user)["changed"]
    machine.podman(["pod", "rm", "-f", "-t", "0", "shop"], user)
    assert names(machine, user) == []
    assert not machine.task("pod", {"name": "shop", "state": "absent"}, user)["changed"]


def logged(machine, path, words):
    """What was written there, once it is so much: who runs may not have come to it yet."""
    deadline = time.monotonic() + 60
    while len(machine.read(path).split()) < words and time.monotonic() < deadline:
        time.sleep(0.1)
    return machine.read(path).split()


def test_init_containers_and_the_end(machine):
    """They run first, and once; a pod whose last container has ended stops, if that is its policy."""
    listed = [
        {"name": "first", "image": IMAGE, "command": "sh -c 'echo first >> /data/log'", "init_ctr": "once"},
        {"name": "each", "image": IMAGE, "command": "sh -c 'echo each >> /data/log'", "init_ctr": "always"},
        {"name": "web", "image": IMAGE, "command": "sh -c 'echo web >> /data/log; sleep 1000'", "stop_timeout": 0},
    ]
    pod = {
        "name": "shop",
        "state": "started",
        "exit_policy": "stop",
        "containers": [{**one, "volume": ["data:/data"]} for one in listed],
    }
    planned = machine.task("pod", pod, check=True)
    assert planned["changed"] and names(machine) == []
    made = machine.task("pod", pod)
    assert made["pod"]["State"] == "Degraded"  # the init container that stays has ended
    volume = machine.podman_json(["volume", "inspect", "data"])[0]["Mountpoint"]
    assert logged(machine, f"{volume}/log", 3) == ["first", "each", "web"]
    assert "first" not in names(machine)
    assert not machine.task("pod", {"name": "shop", "state": "started"})["changed"]
    machine.task("pod", {"name": "shop", "state": "restarted"})
    assert logged(machine, f"{volume}/log", 5) == ["first", "each", "web", "each", "web"]
    machine.podman(["kill", "web"])
    for _attempt in range(600):
        if machine.podman_json(["pod", "inspect", "shop"])[0]["State"] == "Exited":
            break
        time.sleep(0.1)
    assert machine.podman_json(["pod", "inspect", "shop"])[0]["State"] == "Exited"
    failing = {"name": "bad", "image": IMAGE, "command": "false", "init_ctr": "always", "pod": "shop"}
    machine.task("container", failing)
    failed = machine.task("pod", {"name": "shop", "state": "started"}, fails=True)
    assert "init container bad ended with exit code 1" in failed["msg"]


def test_limits_are_the_whole_pods(machine):
    pod = {"name": "shop", "memory": "64m", "cpu_shares": "100", "state": "started"}
    machine.mark()
    machine.task("pod", {**pod, "containers": [{"name": "web", **SLEEP}]})
    group = inspected(machine, "shop")["CgroupPath"]
    limit = f"/sys/fs/cgroup/memory{group}/memory.limit_in_bytes"
    assert machine.read(limit).strip() == str(64 << 20)
    assert machine.read(f"/sys/fs/cgroup/cpu{group}/cpu.shares").strip() == "100"
    pid = machine.podman_json(["inspect", "web"])[0]["State"]["Pid"]
    assert f"memory:{group}/" in machine.read(f"/proc/{pid}/cgroup")
    changed = machine.task("pod", {**pod, "memory": "128m"})
    assert changed["actions"] == ["updated memory, memory_swap"] or changed["actions"] == ["updated memory"]
    assert machine.read(limit).strip() == str(128 << 20)
    assert machine.podman_json(["inspect", "web"])[0]["State"]["Pid"] == pid
    machine.task("pod", {"name": "shop", "state": "absent"})
    assert machine.leaks() == {}
    load(machine, "tester")
    lacking = machine.task("pod", {"name": "shop", "memory": "64m"}, "tester", fails=True)
    assert "memory" in lacking["msg"] and lacking["error"] == "HostLacks"


def test_a_pod_along_with_its_container(machine):
    wish = {"name": "web", "pod": "new:shop", "publish": ["18080:80"], "hostname": "there", **SLEEP}
    planned = machine.task("container", wish, check=True)
    assert planned["actions"] == ["created pod shop", "created web", "started web"] and names(machine) == []
    made = machine.task("container", wish)
    assert made["actions"] == planned["actions"]
    assert not machine.task("container", wish)["changed"]
    shown = inspected(machine, "shop")
    assert shown["Hostname"] == "there" and shown["InfraConfig"]["PortBindings"]
