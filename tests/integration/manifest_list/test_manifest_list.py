"""The module manifest_list; podman and skopeo are the judges."""

from __future__ import annotations

import json

import pytest
from machine import USER, Machine

LIST = "127.0.0.1:5000/made:1"
BUSYBOX, MULTI = "127.0.0.1:5000/busybox:latest", "127.0.0.1:5000/multi:latest"


def twice(machine: Machine, wish: dict[str, object], user: str | None = None) -> dict:
    """Check mode, the run, and the run again: the first foretells the second, the third finds nothing to do."""
    wish = {"validate_certs": False, **wish}
    ahead = machine.task("manifest_list", wish, user=user, check=True)
    done = machine.task("manifest_list", wish, user=user)
    for key in ("changed", "actions", "diff", "manifest_list"):
        assert ahead.get(key) == done.get(key), key
    assert not machine.task("manifest_list", wish, user=user)["changed"]
    return done


def shown(machine: Machine, user: str | None = None) -> dict:
    return machine.podman_json(["manifest", "inspect", LIST], user)


@pytest.mark.parametrize("user", [None, USER])
def test_made_changed_and_removed(machine: Machine, user: str | None) -> None:
    assert machine.registry
    machine.task("image", {"name": BUSYBOX, "validate_certs": False}, user=user)
    local = {"image": BUSYBOX, "variant": "v2", "os_version": "7", "annotations": {"a": "b"}}
    foreign = {"image": MULTI, "platform": "linux/riscv64"}
    done = twice(machine, {"name": LIST, "images": [local, foreign], "annotations": {"i": "j"}}, user)
    assert done["changed"]
    theirs = shown(machine, user)
    assert theirs == done["manifest_list"]
    assert theirs["annotations"] == {"i": "j"}
    first, second = theirs["manifests"]
    assert first["platform"] == {"architecture": "amd64", "os": "linux", "os.version": "7", "variant": "v2"}
    assert first["annotations"] == {"a": "b"}
    assert second["platform"]["architecture"] == "riscv64"
    machine.podman(["manifest", "add", "--all", "--tls-verify=false", LIST, f"docker://{MULTI}"], user)
    assert len(shown(machine, user)["manifests"]) == 3
    back = twice(machine, {"name": LIST, "images": [local, foreign], "annotations": {"i": "j"}}, user)
    assert back["changed"]
    assert shown(machine, user) == done["manifest_list"]
    whole = twice(machine, {"name": LIST, "images": [{"image": MULTI, "all": True}]}, user)
    assert len(whole["manifest_list"]["manifests"]) == 3
    assert "annotations" not in whole["manifest_list"]
    noted = twice(machine, {"name": LIST, "annotations": {"k": "l"}}, user)
    assert shown(machine, user) == noted["manifest_list"]
    assert len(noted["manifest_list"]["manifests"]) == 3
    assert machine.podman(["system", "check", "--quick"], user).stdout.strip() == ""
    gone = twice(machine, {"name": LIST, "state": "absent"}, user)
    assert gone["changed"]
    assert machine.podman(["manifest", "exists", LIST], user, check=False).returncode == 1
    assert machine.podman(["image", "exists", BUSYBOX], user).returncode == 0


def test_pushed(machine: Machine) -> None:
    assert machine.registry
    machine.task("image", {"name": BUSYBOX, "validate_certs": False})
    wish = {
        "name": LIST,
        "images": [{"image": BUSYBOX}, {"image": MULTI, "platform": "linux/riscv64"}],
        "annotations": {"i": "j"},
        "push": True,
    }
    done = twice(machine, wish)
    assert done["actions"] == [f"create manifest list {LIST}", f"push manifest list docker://{LIST}"]
    raw = json.loads(machine.skopeo(["inspect", "--raw", "--tls-verify=false", f"docker://{LIST}"]).stdout)
    assert [entry["platform"]["architecture"] for entry in raw["manifests"]] == ["amd64", "riscv64"]
    assert raw["annotations"] == {"i": "j"}
    machine.skopeo(["copy", "-q", "--all", "--src-tls-verify=false", f"docker://{LIST}", "dir:/tmp/whole"])
    machine.podman(["pull", "-q", "--tls-verify=false", LIST.replace("made:1", "made@") + digest(machine, raw, 0)])
    twice(machine, {**wish, "images": wish["images"][1:]})
    raw = json.loads(machine.skopeo(["inspect", "--raw", "--tls-verify=false", f"docker://{LIST}"]).stdout)
    assert [entry["platform"]["architecture"] for entry in raw["manifests"]] == ["riscv64"]
    only = {"name": "only:1", "images": [{"image": MULTI, "all": True}], "push": True, "push_images": False}
    assert twice(machine, {**only, "dest": "127.0.0.1:5000/multi:again"})["changed"]
    elsewhere = {**only, "dest": "127.0.0.1:5000/other:1", "validate_certs": False}
    refused = machine.task("manifest_list", elsewhere, fails=True)
    assert "127.0.0.1:5000" in refused["msg"]


def digest(machine: Machine, raw: dict, number: int) -> str:
    return raw["manifests"][number]["digest"]


def test_damaged_by_a_crash_and_refusals(machine: Machine) -> None:
    assert machine.registry
    wish = {"name": LIST, "images": [{"image": MULTI, "all": True}], "validate_certs": False}
    identity = machine.task("manifest_list", wish)["id"]
    machine.sh(f"echo '{{}}' >/var/lib/containers/storage/overlay-images/{identity}/manifest")
    assert machine.task("manifest_list", wish)["changed"]
    assert len(shown(machine)["manifests"]) == 3
    machine.task("image", {"name": BUSYBOX, "validate_certs": False})
    for parameters, words in (
        ({"name": BUSYBOX, "images": []}, "an image has this name"),
        ({"name": "none:1"}, "Name its images"),
        ({"name": "x", "images": [{"image": "127.0.0.1:5000/none"}]}, "does not have it"),
        ({"name": "x", "images": [{"image": MULTI, "platform": "linux/vax"}]}, "it has: linux/"),
        ({"name": "x", "images": [{"image": MULTI}], "format": "v2s2", "annotations": {"a": "b"}}, "no annotations"),
        ({"name": "x", "images": [{"image": MULTI}], "push": True, "dest": "x"}, "names no registry"),
    ):
        done = machine.task("manifest_list", {"validate_certs": False, "retry": 0, **parameters}, fails=True)
        assert words in done["msg"], parameters
