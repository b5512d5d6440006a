"""The module image_tag; podman is the judge of the names."""

from __future__ import annotations

import pytest
from machine import USER, Machine


def names(machine: Machine, image: str, user: str | None = None) -> list[str]:
    return machine.podman_json(["image", "inspect", image], user)[0]["RepoTags"]


@pytest.mark.parametrize("user", [None, USER])
def test_tag_and_untag(machine: Machine, user: str | None) -> None:
    source, other = machine.registry.reference("busybox:latest"), machine.registry.reference("multi:latest")
    for name, arch in ((source, None), (other, "riscv64")):
        machine.task("image", {"name": name, "arch": arch, "validate_certs": False}, user=user)
    machine.podman(["tag", other, "localhost/taken:1"], user)
    wish = {"image": source, "target_names": ["mine", "taken:1", "mine:latest"]}
    ahead = machine.task("image_tag", wish, check=True, user=user)
    assert names(machine, source, user) == [source]
    done = machine.task("image_tag", wish, user=user)
    assert done["changed"]
    for key in ("actions", "podman_actions", "diff", "names", "id"):
        assert done[key] == ahead[key], key
    assert done["names"] == names(machine, source, user)
    assert sorted(done["names"]) == sorted([source, "localhost/mine:latest", "localhost/taken:1"])
    assert names(machine, other, user) == [other], "a name is one image's only"
    again = machine.task("image_tag", wish, user=user)
    assert not again["changed"]
    assert sorted(again["names"]) == sorted(done["names"])

    away = {**wish, "target_names": ["mine", source], "state": "absent"}
    ahead = machine.task("image_tag", away, check=True, user=user)
    gone = machine.task("image_tag", away, user=user)
    assert gone["changed"]
    assert (gone["actions"], gone["diff"]) == (ahead["actions"], ahead["diff"])
    assert names(machine, done["id"], user) == gone["names"] == ["localhost/taken:1"]
    assert not machine.task("image_tag", {**away, "image": done["id"]}, user=user)["changed"]
    last = {"image": done["id"], "target_names": ["taken:1"], "state": "absent"}
    assert machine.task("image_tag", last, user=user)["names"] == []
    assert names(machine, done["id"], user) == [], "the image stays without a name"
    assert machine.podman(["system", "check"], user).stdout.strip() == ""


def test_manifest_list_and_refusals(machine: Machine) -> None:
    machine.podman(["manifest", "create", "localhost/list:1"])
    assert machine.task("image_tag", {"image": "list:1", "target_names": "list:2"})["changed"]
    assert machine.podman_json(["manifest", "inspect", "localhost/list:2"])["manifests"] in ([], None)
    for wish, words in (
        ({"image": "nowhere", "target_names": "x"}, "not on this host"),
        ({"image": "list:1", "target_names": "x@sha256:" + "a" * 64}, "its digest it has already"),
        ({"image": "list:1", "target_names": "UPPER"}, "lower case"),
    ):
        assert words in machine.task("image_tag", wish, fails=True)["msg"]
    assert not machine.task("image_tag", {"image": "nowhere", "target_names": "x", "state": "absent"})["changed"]
