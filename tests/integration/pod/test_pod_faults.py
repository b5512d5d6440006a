"""What goes wrong on the way: kill -9 at every named step of the pod's own, and failures that are taken back."""

from __future__ import annotations

import pytest
from pods_in_machine import SLEEP, load, names

POD = {"name": "shop", "publish": ["18080:80"], "state": "started", "containers": [{"name": "web", **SLEEP}]}
MOVED = {**POD, "publish": ["18081:80"]}
GONE = {"name": "shop", "state": "absent"}
DEEDS = {
    "create": (None, POD, ("lock-allocated", "pod-recorded", "container-recorded", "infra-known", "pod-complete")),
    "replace": (
        POD,
        MOVED,
        ("container-stored", "new-infra-made", "pod-stopped", "infra-swapped", "pod-started-again", "storage-removed"),
    ),
    "remove": (POD, GONE, ("member-removed", "rows-removed", "infra-removed", "pod-removed")),
}


def killed(machine, args, step, user):
    """Run the task and have it killed at the step."""
    return machine.attempt("pod", args, user, step).returncode in (-9, 137)


@pytest.mark.timeout(900)
@pytest.mark.parametrize(
    ("deed", "user"),
    [*((deed, None) for deed in DEEDS), pytest.param("replace", "tester", marks=pytest.mark.slow)],
)
def test_every_step_of(machine, deed, user):
    load(machine, user)
    machine.task("pod", POD, user)
    machine.task("pod", GONE, user)
    machine.mark()
    before, wanted, steps = DEEDS[deed]
    for step in steps:
        if before:
            machine.task("pod", before, user)
        assert killed(machine, wanted, step, user), f"{deed} does not pass {step}"
        machine.task("pod", wanted, user)
        again = machine.task("pod", wanted, user)
        assert not again["changed"], f"{deed} killed at {step}: {again['actions']}"
        if wanted is not GONE:
            (found,) = machine.podman_json(["pod", "inspect", "shop"], user)
            assert found["State"] == "Running" and found["NumContainers"] == 2, f"{deed} killed at {step}"
            assert len(names(machine, user)) == 2, f"{deed} killed at {step}"
        machine.task("pod", GONE, user)
        assert names(machine, user) == []
    assert machine.leaks() == {}


def test_a_change_that_fails_leaves_the_pod_running(machine):
    load(machine)
    machine.task("pod", POD)
    machine.podman(["exec", "web", "sh", "-c", "echo kept > /kept"])
    hold = "import socket, time; held = socket.create_server(('', 18081)); time.sleep(900)"
    taken = machine.spawn(["python3", "-c", hold])
    for _attempt in range(600):
        if machine.run(["grep", "-qi", ":46a1", "/proc/net/tcp"], check=False).returncode == 0:
            break
    failed = machine.task("pod", MOVED, fails=True)
    assert "18081" in failed["msg"] and "Pod shop is as it was before" in failed["msg"]
    (found,) = machine.podman_json(["pod", "inspect", "shop"])
    assert found["State"] == "Running" and len(names(machine)) == 2
    assert machine.podman(["exec", "web", "cat", "/kept"]).stdout == "kept\n"
    assert not machine.task("pod", POD)["changed"]
    taken.kill()
    assert machine.task("pod", MOVED)["changed"]


def test_what_a_pod_cannot_be_is_said_before_anything_is_touched(machine):
    load(machine)
    machine.task("pod", POD)
    machine.mark()
    for module, args, said in (
        ("pod", {"name": "web", "state": "created"}, "the name web is taken by container"),
        ("container", {"name": "shop", **SLEEP}, "the name shop is taken by pod"),
        ("container", {"name": "x", "pod": "nope", **SLEEP}, "there is no pod nope"),
        ("container", {"name": "x", "pod": "shop", "publish": ["1:1"], **SLEEP}, "the network is the pod's"),
        ("container", {"name": "x", "pod": "shop", "hostname": "h", **SLEEP}, "the hostname is the pod's"),
        ("container", {"name": "x", "pod": "shop", "userns": "auto", **SLEEP}, "user namespace belongs"),
        ("container", {"name": "x", "init_ctr": "once", **SLEEP}, "there is no pod"),
        ("pod", {"name": "shop", "infra": False}, "would lose what they share"),
        ("pod", {"name": "y", "share": "none", "publish": ["1:1"]}, "nothing for publish"),
        ("pod", {"name": "y", "network": ["nowhere"]}, "nowhere"),
    ):
        failed = machine.task(module, args, fails=True)
        assert said in failed["msg"], failed["msg"]
    assert machine.leaks() == {} and len(names(machine)) == 2
    (infra,) = [name for name in names(machine) if name.endswith("-infra")]
    refused = machine.task("container", {"name": infra, "state": "absent"}, fails=True)
    assert "it is the infra container of pod shop" in refused["msg"]
