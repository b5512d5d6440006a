"""store_check finds in a damaged store what `podman system check` finds, and after its repair podman finds nothing."""

from __future__ import annotations

import json

import pytest
from machine import USER, Machine

NAME = "localhost/made:1"
DAMAGES = {
    "content": "echo changed >$LAYER/diff/etc/passwd",
    "mode": "chmod 640 $LAYER/diff/etc/passwd",
    "stranger": "echo >$LAYER/diff/etc/stranger",
    "missing file": "rm $LAYER/diff/etc/passwd",
    "no tar-split": "rm $ROOT/overlay-layers/$TOP.tar-split.gz",
    "no config": "rm $ROOT/overlay-images/*/=*",
    "unaccounted": "mkdir -p $ROOT/overlay/$(printf 'a%.0s' $(seq 64))/diff",
}


@pytest.fixture(params=[None, USER], ids=["root", "rootless"])
def user(request: pytest.FixtureRequest) -> str | None:
    return request.param


def made(machine: Machine, user: str | None) -> str:
    """An image in the store; the shell's words for its layer."""
    path = f"docker-archive:{machine.lab.images.docker_archive}"
    machine.task("image", {"name": NAME, "path": path}, user)
    root = machine.podman(["info", "-f", "{{.Store.GraphRoot}}"], user).stdout.strip()
    top = json.loads(machine.read(f"{root}/overlay-images/images.json"))[0]["layer"]
    return f"ROOT={root}; TOP={top}; LAYER=$ROOT/overlay/$TOP; "


CASES = [(None, damage) for damage in DAMAGES] + [(USER, damage) for damage in ("content", "no config", "unaccounted")]


@pytest.mark.parametrize(("user", "damage"), CASES)
def test_damage_is_found_and_repaired(machine: Machine, user: str | None, damage: str) -> None:
    words = made(machine, user)
    whole = machine.task("store_check", {}, user)
    assert whole["clean"] and whole["findings"] == [] and not whole["changed"]
    assert machine.podman(["system", "check"], user, check=False).returncode == 0
    machine.sh(words + DAMAGES[damage], user)
    said = machine.podman(["system", "check"], user, check=False)
    found = machine.task("store_check", {}, user)
    assert (said.returncode != 0) is (not found["clean"]) is True, (said.stdout, said.stderr, found)
    assert not found["changed"]
    told = machine.task("store_check", {"repair": True}, user, check=True)
    done = machine.task("store_check", {"repair": True}, user)
    assert told["changed"] and done["changed"] and done["clean"]
    assert told["actions"] == done["actions"] and told["diff"] == done["diff"]
    assert not machine.task("store_check", {"repair": True}, user)["changed"]
    said = machine.podman(["system", "check"], user, check=False)
    assert said.returncode == 0, said.stdout + said.stderr
    made(machine, user)
    assert machine.task("store_check", {}, user)["clean"]


def test_what_a_container_stands_on_stays_without_force(machine: Machine, user: str | None) -> None:
    words = made(machine, user)
    machine.podman(["create", "--name", "user", "--network", "none", NAME, "true"], user)
    machine.sh(words + DAMAGES["content"])
    kept = machine.task("store_check", {"repair": True}, user)
    assert not kept["changed"] and not kept["clean"]
    assert machine.podman(["ps", "-aq"], user).stdout
    assert machine.task("store_check", {"quick": True}, user)["clean"]
    gone = machine.task("store_check", {"force": True}, user)
    assert gone["clean"] and len(gone["removed"]["containers"]) == len(gone["removed"]["images"]) == 1
    assert machine.podman(["ps", "-aq", "--external"], user).stdout == ""
    assert machine.podman(["images", "-q"], user).stdout == ""
    assert machine.podman(["system", "check"], user, check=False).returncode == 0


def test_podman_repairs_for_us(machine: Machine) -> None:
    """The other way round."""
    machine.sh(made(machine, None) + DAMAGES["content"])
    machine.podman(["system", "check", "--repair"], check=False)
    assert machine.task("store_check", {})["clean"]
