"""What a replacement or removal that fails or is killed must not lose."""

from __future__ import annotations

import time

import pytest

IMAGE = "127.0.0.1:5000/busybox:latest"
USERS = pytest.mark.parametrize("user", [None, "tester"], ids=["root", "user"])
WEB = {"name": "web", "image": IMAGE, "command": ["sleep", "1000"], "stop_timeout": 0}


@pytest.fixture
def box(new_machine, request):
    user = request.node.callspec.params.get("user") if hasattr(request.node, "callspec") else None
    machine = new_machine()
    assert machine.registry.port == 5000
    machine.task("image", {"name": IMAGE}, user=user)
    machine.mark()
    return machine


def found(machine, user=None):
    (document,) = machine.task("container_info", {"name": ["web"]}, user=user)["containers"]
    return document


def killed(machine, args, step):
    done = machine.attempt("container", args, step=step)
    assert done.returncode in (-9, 137), f"{step} was not passed: {done.stdout}"


@USERS
def test_one_that_is_waited_for_and_cannot_start_leaves_the_old_one_running(box, user):
    old = box.task("container", WEB, user=user)["container"]
    change = {**WEB, "command": ["/no/such"], "detach": False}
    failed = box.task("container", change, user=user, fails=True)
    assert "/no/such" in failed["msg"] and "runs again under the name web" in failed["msg"]
    assert (found(box, user)["Id"], found(box, user)["State"]["Running"]) == (old["Id"], True)
    change["command"] = ["sh", "-c", "echo out; exit 3"]
    waited = box.task("container", change, user=user, fails=True)
    assert (waited["rc"], waited["stdout"]) == (3, "out\n")
    assert found(box, user)["Id"] != old["Id"]
    assert [entry["Names"] for entry in box.podman_json(["ps", "-a", "--format", "json"], user)] == [["web"]]


def test_a_task_that_is_killed_while_it_waits_has_replaced_the_container(box):
    box.task("container", WEB)
    change = {**WEB, "command": ["sh", "-c", "exec sleep 1000"], "detach": False}
    killed(box, change, "replacement-started")
    again = box.task("container", {"name": "web", "state": "started"})
    assert found(box)["Config"]["Cmd"] == change["command"]
    assert again["container"]["State"]["Running"] is True
    assert len(box.podman_json(["ps", "-a", "--format", "json"])) == 1


def test_a_paused_container_is_paused_again(box):
    box.task("container", WEB)
    box.podman(["pause", "web"])
    box.task("container", {**WEB, "command": ["/no/such"]}, fails=True)
    assert found(box)["State"]["Status"] == "paused"


def test_a_restart_policy_that_was_waiting_for_its_next_try_goes_on(box):
    crashing = {**WEB, "command": ["sh", "-c", "exit 1"], "restart_policy": "always"}
    box.task("container", crashing)
    end = time.monotonic() + 60
    while found(box)["RestartCount"] < 4 and time.monotonic() < end:  # the next delay is 1.6 s
        time.sleep(0.05)
    failed = box.task("container", {**crashing, "command": ["/no/such"]}, fails=True)
    assert "under the name web" in failed["msg"]
    before = found(box)["RestartCount"]
    end = time.monotonic() + 60
    while found(box)["RestartCount"] <= before and time.monotonic() < end:
        time.sleep(0.05)
    assert found(box)["RestartCount"] > before


@pytest.mark.parametrize("step", ["replacement-prepared", "container-recorded"])
def test_what_was_stopped_after_a_kill_stays_stopped(box, step):
    """The killed task had not touched the old container yet: what somebody did with it since is theirs."""
    old = box.task("container", WEB)["container"]
    killed(box, {**WEB, "env": {"A": "b"}}, step)
    box.podman(["stop", "-t", "0", "web"])
    assert box.task("container", {"name": "web", "state": "stopped"})["changed"] is False
    box.task("container", {"name": "other", "state": "absent"})
    assert (found(box)["Id"], found(box)["State"]["Status"]) == (old["Id"], "exited")


@pytest.mark.parametrize("step", ["removing-recorded", "storage-removed", "rows-removed", "lock-freed"])
def test_a_removal_that_was_killed_takes_the_anonymous_volumes_along(box, step):
    box.task("container", {**WEB, "volume": ["/data"]})
    assert len(box.podman_json(["volume", "ls", "--format", "json"])) == 1
    gone = {"name": "web", "state": "absent", "delete_volumes": True}
    killed(box, gone, step)
    box.task("container", gone)
    assert box.podman_json(["volume", "ls", "--format", "json"]) == []
    assert box.leaks() == {}


def test_a_replacement_drops_anonymous_volumes_where_the_task_says_so(box):
    task = {**WEB, "volume": ["/data", "kept:/kept"]}
    box.task("container", task)
    (first,) = [mount["Name"] for mount in found(box)["Mounts"] if mount["Destination"] == "/data"]
    box.task("container", {**task, "env": {"A": "b"}, "delete_volumes": True})
    names = {volume["Name"] for volume in box.podman_json(["volume", "ls", "--format", "json"])}
    assert first not in names and "kept" in names and len(names) == 2
