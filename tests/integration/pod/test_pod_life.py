"""A pod through its life: made, changed with its containers, stopped, removed; podman looks on."""

from __future__ import annotations

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
def test_life(machine, user):
    wish = {"name": "shop", "publish": ["18080:80"], "label": {"a": "b"}}
    machine.mark()
    planned = machine.task("pod", wish, user, check=True)
    assert planned["changed"] and not machine.podman_json(["pod", "ps", "--format", "json"], user)
    made = machine.task("pod", wish, user)
    assert made["diff"] == planned["diff"] and made["actions"] == ["created shop"]
    assert not machine.task("pod", wish, user)["changed"]
    assert inspected(machine, "shop", user)["State"] == "Created"

    machine.task("container", {"name": "web", "pod": "shop", **SLEEP}, user)
    assert not machine.task("container", {"name": "web", "pod": "shop", **SLEEP}, user)["changed"]
    beside = ["run", "-d", "--pod", "shop", "--name", "side", "--stop-timeout", "0"]
    machine.podman([*beside, IMAGE, "sleep", "1000"], user)
    assert inspected(machine, "shop", user)["State"] == "Running"
    shared = [machine.podman(["exec", one, "readlink", "/proc/self/ns/net"], user).stdout for one in ("web", "side")]
    assert shared[0] == shared[1]
    assert machine.podman(["exec", "web", "hostname"], user).stdout.strip() == "shop"

    # In place, with everything running on.
    pids = [machine.podman_json(["inspect", one], user)[0]["State"]["Pid"] for one in ("web", "side")]
    labelled = {**wish, "label": {"a": "c"}, "exit_policy": "stop", "state": "started"}
    assert machine.task("pod", labelled, user)["actions"] == ["updated exit_policy, label"]
    assert inspected(machine, "shop", user)["Labels"] == {"a": "c"}
    assert [machine.podman_json(["inspect", one], user)[0]["State"]["Pid"] for one in ("web", "side")] == pids

    # Another port: a new infra container, the same containers with their files.
    machine.podman(["exec", "web", "sh", "-c", "echo kept > /kept"], user)
    ids = sorted(one["Id"] for one in inspected(machine, "shop", user)["Containers"])
    moved = {**labelled, "publish": ["18081:80"]}
    planned = machine.task("pod", moved, user, check=True)
    changed = machine.task("pod", moved, user)
    assert changed["diff"] == planned["diff"]
    assert changed["diff"]["after"] == {"publish": [["", 18081, 80, "tcp"]]}
    assert not machine.task("pod", moved, user)["changed"]
    after = inspected(machine, "shop", user)
    assert after["State"] == "Running"
    assert after["InfraConfig"]["PortBindings"]["80/tcp"][0]["HostPort"] == "18081"
    assert len(set(ids) & {one["Id"] for one in after["Containers"]}) == 2
    assert machine.podman(["exec", "web", "cat", "/kept"], user).stdout == "kept\n"
    assert not machine.task("container", {"name": "web", "pod": "shop", **SLEEP}, user)["changed"]

    assert machine.task("pod", {"name": "shop", "state": "stopped"}, user)["pod"]["State"] == "Exited"
    assert not machine.task("pod", {"name": "shop", "state": "stopped"}, user)["changed"]
    assert machine.task("pod", {"name": "shop", "state": "started"}, user)["actions"] == ["started shop"]
    assert not machine.task("pod", {"name": "shop", "state": "started"}, user)["changed"]
    assert inspected(machine, "shop", user)["State"] == "Running"
    assert machine.task("pod", {"name": "shop", "state": "restarted"}, user)["changed"]
    assert machine.task("pod", {"name": "shop", "state": "killed"}, user)["pod"]["State"] == "Exited"

    assert machine.task("pod", {"name": "shop", "state": "absent"}, user)["actions"] == ["deleted shop"]
    assert not machine.task("pod", {"name": "shop", "state": "absent"}, user)["changed"]
    assert names(machine, user) == [] and machine.leaks() == {}
