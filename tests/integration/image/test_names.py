"""Names of images by the module image: further ones, exact ones, every tag; podman is the judge."""

from __future__ import annotations

import pytest
from images import Images
from machine import USER, Machine

WEB, BUSYBOX = "127.0.0.1:5000/web", "127.0.0.1:5000/busybox"


def names(machine: Machine, user: str | None = None) -> dict[str, list[str]]:
    listed = machine.podman_json(["images", "--no-trunc", "--format", "json"], user)
    return {entry["Id"].removeprefix("sha256:"): sorted(entry.get("Names") or []) for entry in listed}


def twice(machine: Machine, wish: dict[str, object], user: str | None = None) -> dict:
    """Check mode, the run, and the run again: the first foretells the second, the third finds nothing to do."""
    wish = {"validate_certs": False, **wish}
    ahead = machine.task("image", wish, user=user, check=True)
    done = machine.task("image", wish, user=user)
    for key in ("changed", "actions", "podman_actions", "diff"):
        assert ahead.get(key) == done.get(key), key
    for foretold, shown in zip(ahead["image"], done["image"], strict=True):
        for key in ("Id", "RepoTags", "RepoDigests", "Labels"):
            assert sorted(foretold[key] or []) == sorted(shown[key] or []), key
    again = machine.task("image", wish, user=user)
    assert not again["changed"]
    assert again["image"] == done["image"]
    return done


@pytest.mark.parametrize("user", [None, USER])
def test_tags(machine: Machine, images: Images, user: str | None) -> None:
    assert machine.registry
    web, box = images["web:latest"].id, images["busybox:latest"].id
    done = twice(machine, {"name": f"{WEB}:latest", "tags": ["stable", "mine:2"]}, user)
    assert done["changed"]
    assert done["actions"][0] == f"Pulled image {WEB}:latest"
    assert names(machine, user) == {web: sorted([f"{WEB}:latest", f"{WEB}:stable", "localhost/mine:2"])}
    moved = twice(machine, {"name": f"{BUSYBOX}:latest", "tags": ["mine:2"]}, user)
    assert moved["changed"]
    assert names(machine, user) == {
        web: [f"{WEB}:latest", f"{WEB}:stable"],
        box: [f"{BUSYBOX}:latest", "localhost/mine:2"],
    }
    fewer = twice(machine, {"name": f"{WEB}:latest", "tags": ["new"], "append_tags": False}, user)
    assert sorted(fewer["actions"]) == [f"Tagged image {WEB}:new", f"Untagged image {WEB}:stable"]
    assert names(machine, user)[web] == [f"{WEB}:latest", f"{WEB}:new"]
    assert machine.podman(["system", "check", "--quick"], user).stdout.strip() == ""


def test_all_tags(machine: Machine, images: Images) -> None:
    assert machine.registry
    done = twice(machine, {"name": BUSYBOX, "all_tags": True})
    assert done["changed"]
    tags = {name.rpartition(":")[2] for held in names(machine).values() for name in held}
    assert tags == {name.rpartition(":")[2] for name in images.images if name.startswith("busybox:")}
    machine.registry.push("busybox:later", images["web:latest"])
    more = twice(machine, {"name": BUSYBOX, "all_tags": True})
    assert more["actions"] == [f"Pulled image {BUSYBOX}:later"]
    for wish, words in (
        ({"name": f"{BUSYBOX}:1", "all_tags": True}, "neither a tag nor a digest"),
        ({"name": BUSYBOX, "all_tags": True, "pull": False}, "pulling is turned off"),
        ({"name": "127.0.0.1:5000/nowhere", "all_tags": True}, "does not have it"),
    ):
        assert words in machine.task("image", {**wish, "validate_certs": False}, fails=True)["msg"]


def test_policies_cost_one_head(machine: Machine) -> None:
    """That an image is current is asked for by one HEAD; nothing of it is fetched."""
    registry = machine.registry
    machine.task("image", {"name": f"{WEB}:latest", "validate_certs": False})
    for policy, check in (("always", False), ("always", True), ("newer", False), ("missing", False)):
        before = machine.read(registry.log).count("\n")
        wish = {"name": f"{WEB}:latest", "pull_policy": policy, "validate_certs": False}
        assert not machine.task("image", wish, check=check)["changed"]
        asked = [line for line in machine.read(registry.log).splitlines()[before:] if " /v2/web/" in line]
        assert len(asked) == (0 if policy == "missing" else 1), asked
        assert all('"HEAD /v2/web/manifests/latest' in line for line in asked)


def test_absent_by_manifest_digest(machine: Machine, images: Images) -> None:
    assert machine.registry
    image = images["web:latest"]
    machine.task("image", {"name": f"{WEB}:latest", "validate_certs": False})
    wish = {"name": f"{WEB}@{image.manifest.digest}", "state": "absent"}
    ahead, done = machine.task("image", wish, check=True), machine.task("image", wish)
    assert done["changed"] and done["actions"] == ahead["actions"]
    assert names(machine) == {}
    assert not machine.task("image", wish)["changed"]


def test_parents_go_along(machine: Machine) -> None:
    """As `podman rmi`: images without a name, of which only the removed one was made, are removed with it."""
    machine.sh("mkdir -p /tmp/build && cp -r /bin/busybox /tmp/build/")
    machine.write("/tmp/build/Containerfile", "FROM scratch\nCOPY busybox /bin/busybox\nLABEL a=b\nENV C=d\n")
    for tool in ("ours", "podmans"):
        machine.podman(["build", "-q", "--layers", "--isolation=chroot", "-t", "localhost/made:1", "/tmp/build"])
        assert len(machine.podman_json(["images", "-a", "--format", "json"])) > 1
        if tool == "podmans":
            machine.podman(["rmi", "localhost/made:1"])
        else:
            ahead = machine.task("image", {"name": "made:1", "state": "absent"}, check=True)
            done = machine.task("image", {"name": "made:1", "state": "absent"})
            assert done["actions"] == ahead["actions"]
            assert len(done["actions"]) > 1
        assert machine.podman_json(["images", "-a", "--format", "json"]) == []
        assert machine.podman(["system", "check", "--quick"]).stdout.strip() == ""
