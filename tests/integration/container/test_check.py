"""Check mode where the image has yet to be pulled: it says what the run will do, and nothing is written."""

from __future__ import annotations

import pytest

IMAGE = "127.0.0.1:5000/web:latest"
OPTIONS = {
    "command": ["sleep", "1000"],
    "env": {"A": "b"},
    "label": {"a": "b"},
    "publish": ["8080:80"],
    "user": "web",
    "volume": ["data:/data"],
    "workdir": "/www",
    "stop_timeout": 0,
}
#: -xdev: not what is bound into the machine, such as a checkout of these tests below /var/tmp
STORE = (
    "find /var/lib/containers /run/containers /home/tester /var/tmp -xdev -type d -printf '%p\\n'"
    " -o -printf '%p %s %T@\\n' 2>/dev/null | sort"
)
USERS = pytest.mark.parametrize("user", [None, "tester"], ids=["root", "user"])


def both(machine, task, user):
    """The check run, which must have written nothing, then the run, which must do as was said."""
    before = machine.sh(STORE)
    predicted = machine.task("container", task, user=user, check=True)
    assert machine.sh(STORE) == before
    real = machine.task("container", task, user=user)
    for key in ("diff", "changed", "actions", "podman_actions"):
        assert predicted[key] == real[key]
    return real


@USERS
def test_a_container_whose_image_is_not_here(machine, user):
    assert machine.registry.port == 5000
    machine.task("network_info", {}, user=user)  # a plain user's namespaces are there
    real = both(machine, {"name": "web", "image": IMAGE, **OPTIONS}, user)
    assert real["actions"] == [f"pulled {IMAGE}", "created web", "started web"]
    assert set(OPTIONS) <= set(real["diff"]["after"])
    assert machine.task("container", {"name": "web", "image": IMAGE, **OPTIONS}, user=user)["changed"] is False


@USERS
def test_a_container_that_gets_an_image_which_is_not_here(machine, user):
    task = {"name": "web", "command": ["sleep", "1000"], "stop_timeout": 0}
    machine.registry.push("other:1", machine.lab.images["busybox:latest"])
    machine.task("container", {**task, "image": "127.0.0.1:5000/other:1"}, user=user)
    real = both(machine, {**task, "image": IMAGE, "env": {"A": "b"}}, user)
    assert real["actions"] == [f"pulled {IMAGE}", "recreated web", "started web"]
    assert {"image", "env"} <= set(real["diff"]["after"])


def test_a_tag_that_moved(machine, images):
    image = "127.0.0.1:5000/moving:1"
    machine.registry.push("moving:1", images["busybox:latest"])
    task = {"name": "web", "image": image, "command": ["sleep", "1000"], "stop_timeout": 0}
    machine.task("container", task)
    machine.registry.push("moving:1", images["web:latest"])
    real = both(machine, {**task, "pull": "newer"}, None)
    assert real["diff"]["before"]["image"] != real["diff"]["after"]["image"]
    assert real["container"]["Image"] == images["web:latest"].id
    machine.registry.push("moving:1", images["busybox:docker"])
    real = both(machine, {**task, "pull": "always"}, None)
    machine.registry.push("moving:1", images["busybox:docker"])
    assert both(machine, {**task, "pull": "always"}, None)["changed"] is False


def test_another_manifest_of_the_image_that_runs_is_no_reason_to_make_the_container_anew(machine, images):
    """The same config and layers, compressed in another way."""
    image = "127.0.0.1:5000/moving:1"
    machine.registry.push("moving:1", images["busybox:latest"])
    task = {"name": "web", "image": image, "command": ["sleep", "1000"], "stop_timeout": 0}
    made = machine.task("container", task)
    assert images["busybox:plain"].id == images["busybox:latest"].id
    machine.registry.push("moving:1", images["busybox:plain"])
    real = both(machine, {**task, "pull": "always"}, None)
    assert real["actions"] == [f"pulled {image}"]
    assert real["container"]["State"]["Pid"] == made["container"]["State"]["Pid"]
    assert both(machine, {**task, "pull": "always"}, None)["changed"] is False


def test_what_cannot_be_pulled_fails_in_both(machine):
    task = {"name": "web", "image": "127.0.0.1:5000/nosuch:1", "command": ["true"]}
    assert machine.registry.port == 5000
    said = [machine.task("container", task, check=check, fails=True)["msg"] for check in (True, False)]
    assert said[0] == said[1] and "nosuch:1" in said[0]


def test_a_container_can_be_stopped_while_nobody_can_be_asked_for_its_image(machine):
    assert machine.registry.port == 5000
    task = {"name": "web", "image": IMAGE, "command": ["sleep", "1000"], "stop_timeout": 0, "device": ["/dev/null"]}
    machine.task("container", task)
    machine.registry.stop()
    stop = {**task, "state": "stopped", "pull": "always", "device": ["/dev/no-such-device"]}
    assert both(machine, stop, None)["actions"] == ["stopped web"]
