"""The module `containers`: a list in one task."""

from __future__ import annotations

import json

import pytest
from machine import Machine

IMAGE = "127.0.0.1:5000/busybox:latest"
USERS = pytest.mark.parametrize("user", [None, "tester"])


def entry(name: str, **options: object) -> dict[str, object]:
    return {"name": name, "image": IMAGE, "command": ["sleep", "1000"], "stop_timeout": 0, **options}


def names(machine: Machine, user: str | None = None) -> dict[str, str]:
    found = machine.podman_json(["ps", "-a", "--format", "json"], user=user)
    return {one["Names"][0]: one["State"] for one in found}


@pytest.fixture
def ready(machine: Machine) -> Machine:
    assert machine.registry
    return machine


@USERS
def test_a_list_and_its_life(ready: Machine, user: str | None) -> None:
    machine = ready
    wish = {
        "purge": "app=shop",
        "containers": [
            entry("watch", network=["container:web"]),
            entry("web", env={"A": "1"}),
            entry("db", memory=None, volumes=["data:/data"]),
        ],
    }
    machine.task("container", entry("bystander"), user=user)
    foreseen = machine.task("containers", wish, user=user, check=True)
    assert set(names(machine, user)) == {"bystander"}
    made = machine.task("containers", wish, user=user)
    assert made["changed"]
    assert made["actions"] == foreseen["actions"]
    assert made["diff"] == foreseen["diff"]
    assert [one["Name"] for one in made["containers"]] == ["watch", "web", "db"]
    assert set(names(machine, user).items()) >= {("web", "running"), ("db", "running"), ("watch", "running")}
    assert all(one["Config"]["Labels"]["app"] == "shop" for one in made["containers"])
    again = machine.task("containers", wish, user=user)
    assert (again["changed"], again["actions"]) == (False, [])
    assert again["containers"] == machine.task("containers", wish, user=user, check=True)["containers"]

    wish["containers"] = [entry("db", volumes=["data:/data"], env={"B": "2"}), entry("new")]
    foreseen = machine.task("containers", wish, user=user, check=True)
    moved = machine.task("containers", wish, user=user)
    assert foreseen["actions"] == moved["actions"] and foreseen["diff"] == moved["diff"]
    assert set(names(machine, user)) == {"bystander", "db", "new"}
    assert [(one["name"], one["actions"]) for one in moved["results"]] == [
        ("db", ["recreated db", "started db"]),
        ("new", ["created new", "started new"]),
        ("web", ["deleted web"]),
        ("watch", ["deleted watch"]),
    ] or {one["name"] for one in moved["results"][2:]} == {"web", "watch"}
    assert machine.podman(["volume", "inspect", "data"], user=user)
    assert not machine.task("containers", wish, user=user)["changed"]


def test_a_mistake_anywhere_stops_before_the_first_is_touched(ready: Machine) -> None:
    for wrong, cause in (
        (entry("b", nonsense=1), "nonsense"),
        (entry("b", memory="much"), "memory"),
        (entry("a"), "twice"),
        ({"image": IMAGE}, "name"),
        (entry("b", network=["container:nobody"]), "nobody"),
        (entry("b", state="sleeping"), "state"),
        (entry("b", image="127.0.0.1:5000/nothing:1"), "nothing"),
        (entry("b", label={"app": "other"}), "app=other"),
    ):
        wish = {"containers": [entry("a"), wrong], "purge": "app=x"}
        for check in (True, False):
            failed = ready.task("containers", wish, fails=True, check=check)
            assert cause in failed["msg"], failed["msg"]
    circle = [entry("a", network=["container:b"]), entry("b", ipc="container:a")]
    circle[1] = entry("b", network=["container:a"])
    assert "circle: a -> b -> a" in ready.task("containers", {"containers": circle}, fails=True)["msg"]
    assert names(ready) == {}


def test_one_that_fails_leaves_the_others_alone(ready: Machine) -> None:
    wish = [
        entry("good"),
        entry("bad", command=["/no/such/program"]),
        entry("leans", network=["container:bad"]),
        entry("also-good"),
    ]
    failed = ready.task("containers", {"containers": wish}, fails=True)
    assert "2 of 4 containers failed" in failed["msg"] and "/no/such/program" in failed["msg"]
    assert [one["failed"] for one in failed["results"]] == [False, True, True, False]
    assert failed["results"][2]["error"] == "NotTried" and "bad" in failed["results"][2]["msg"]
    assert names(ready) == {"good": "running", "also-good": "running"}
    assert failed["changed"]


def test_purging_obeys_what_depends_on_what(ready: Machine) -> None:
    wish = {"purge": "tier", "containers": [entry("a"), entry("b", network=["container:a"])]}
    ready.task("containers", wish)
    assert set(names(ready)) == {"a", "b"}
    gone = ready.task("containers", {"purge": "tier", "containers": []})
    assert gone["changed"] and names(ready) == {}
    assert not ready.task("containers", {"purge": "tier", "containers": []})["changed"]


def test_programs_run_to_their_end_side_by_side(ready: Machine) -> None:
    wish = [
        entry(f"job{number}", command=["sh", "-c", f"sleep 1; echo {number}; exit {number}"], detach=False, rm=True)
        for number in range(3)
    ]
    failed = ready.task("containers", {"containers": wish}, fails=True)
    assert [(one["rc"], one["stdout"]) for one in failed["results"]] == [(0, "0\n"), (1, "1\n"), (2, "2\n")]
    assert "job1: ended with exit code 1" in failed["msg"]
    assert names(ready) == {}


def test_secrets_in_the_list_are_not_shown(ready: Machine) -> None:
    wish = {"containers": [entry("a", creds="me:s3cr3t-canary")]}
    shown = json.dumps(ready.task("containers", wish))
    assert "s3cr3t-canary" not in shown
    ready.task("containers", {"containers": [{"name": "a", "state": "absent"}]})


def test_many_at_once_leave_nothing_behind(ready: Machine) -> None:
    ready.task("network", {"name": "many"})
    ready.task("image", {"name": IMAGE})
    ready.mark()
    wish = [entry(f"m{number}", network=["many"]) for number in range(12)]
    ready.task("containers", {"containers": wish, "parallel": 6})
    addresses = {
        one["NetworkSettings"]["Networks"]["many"]["IPAddress"]
        for one in ready.podman_json(["inspect", *[str(one["name"]) for one in wish]])
    }
    assert len(addresses) == 12
    assert not ready.task("containers", {"containers": wish})["changed"]
    ready.task("containers", {"containers": [{"name": one["name"], "state": "absent"} for one in wish]})
    assert ready.leaks() == {}


@pytest.mark.machine(os="debian13")
def test_the_last_of_many_takes_the_bridge_along(machine: Machine) -> None:
    """However slowly the kernel clears away the links of those that went before it."""
    assert machine.registry.port == 5000
    machine.task("network", {"name": "many"})
    machine.task("image", {"name": IMAGE})
    machine.mark()
    wish = [entry(f"m{number}", network=["many"]) for number in range(12)]
    for _round in range(3):
        machine.task("containers", {"containers": wish, "parallel": 6})
        machine.task("containers", {"containers": [{"name": one["name"], "state": "absent"} for one in wish]})
        assert machine.leaks() == {}
