"""The image and image_info modules on a machine with a real registry; podman judges what stands there afterwards."""

from __future__ import annotations

import json

import pytest
from images import Images
from machine import Machine

BUSYBOX = "127.0.0.1:5000/busybox:latest"
WEB = "127.0.0.1:5000/web"


def pull(machine: Machine, name: str, **more: object) -> dict:
    return machine.task("image", {"name": name, "validate_certs": False, **more})


def listed(machine: Machine) -> list:
    return machine.podman_json(["images", "-a", "--no-trunc", "--format", "json"])


def check_store(machine: Machine) -> None:
    assert machine.podman(["system", "check"]).stdout.strip() == ""


@pytest.fixture
def served(machine: Machine) -> Machine:
    assert machine.registry
    return machine


def test_present_again_changed_and_absent(served: Machine, images: Images) -> None:
    machine = served
    predicted = machine.task("image", {"name": BUSYBOX, "validate_certs": False}, check=True)
    assert predicted["changed"]
    told = predicted["image"][0]
    assert listed(machine) == []
    first = pull(machine, BUSYBOX)
    assert first["changed"]
    assert first["actions"] == predicted["actions"] == [f"Pulled image {BUSYBOX}"]
    assert first["diff"] == predicted["diff"]
    assert first["podman_actions"] == [f"podman pull {BUSYBOX}"]
    assert [entry["Id"] for entry in first["image"]] == [images["busybox:latest"].id]
    assert told == {key: first["image"][0][key] for key in told}
    assert {"Id", "Digest", "RepoTags", "RepoDigests", "Config", "RootFS", "History"} <= set(told)
    again = pull(machine, BUSYBOX)
    assert not again["changed"]
    assert again["image"] == first["image"]
    assert not pull(machine, BUSYBOX, pull_policy="always")["changed"]
    check_store(machine)
    for check in (True, False):
        gone = machine.task("image", {"name": BUSYBOX, "state": "absent"}, check=check)
        assert gone["changed"]
        assert gone["image"] == {"state": "Deleted"}
        assert gone["actions"] == [f"Removed image {BUSYBOX}"]
    assert not machine.task("image", {"name": BUSYBOX, "state": "absent"})["changed"]
    assert listed(machine) == []
    check_store(machine)


def test_inspect_is_podmans(served: Machine) -> None:
    machine = served
    names = [BUSYBOX, f"{WEB}:latest", "127.0.0.1:5000/busybox:docker", "127.0.0.1:5000/multi:latest"]
    for name in names:
        pull(machine, name)
    for name in names:
        ours = machine.task("image_info", {"name": [name]})["images"]
        theirs = machine.podman_json(["image", "inspect", name])
        assert ours == theirs, name
        assert list(ours[0]) == list(theirs[0]) or sorted(ours[0]) == sorted(theirs[0])
    everything = {entry["Id"] for entry in machine.task("image_info", {})["images"]}
    assert everything == {entry["Id"] for entry in listed(machine)}


def test_podmans_own_pull_gives_the_same_record(served: Machine) -> None:
    """Pulled by us and pulled by podman: the same inspect, but for the times of the store."""
    machine = served
    for name in (f"{WEB}:latest", "127.0.0.1:5000/busybox:docker", "127.0.0.1:5000/multi:latest"):
        pull(machine, name)
        ours = machine.podman_json(["image", "inspect", name])
        machine.podman(["rmi", name])
        machine.podman(["pull", "-q", "--tls-verify=false", name])
        theirs = machine.podman_json(["image", "inspect", name])
        assert ours == theirs
        assert not pull(machine, name, pull_policy="always")["changed"], "what podman pulled is known to be current"
        machine.podman(["rmi", name])


@pytest.mark.parametrize("tag", ["latest", "docker", "plain", "zstd"])
def test_podman_uses_what_we_pulled(served: Machine, tag: str) -> None:
    machine = served
    name = f"127.0.0.1:5000/busybox:{tag}"
    pull(machine, name)
    done = machine.podman(["run", "--rm", "--network=none", name, "cat", "/www/index.html"])
    assert "hello" in done.stdout
    machine.podman(["save", "-q", "-o", "/tmp/saved.tar", name])
    machine.skopeo(["copy", "-q", f"containers-storage:{name}", "oci:/tmp/layout:x"])
    check_store(machine)
    machine.podman(["rmi", name])
    assert listed(machine) == []


def test_moved_tag(served: Machine, images: Images) -> None:
    machine = served
    pull(machine, f"{WEB}:1")
    machine.registry.push("web:1", images["web:2"])
    assert not pull(machine, f"{WEB}:1")["changed"], "missing does not ask"
    for policy in ("always", "newer"):
        ahead = machine.task("image", {"name": f"{WEB}:1", "pull_policy": policy, "validate_certs": False}, check=True)
        assert ahead["changed"]
        assert ahead["image"][0]["Id"] == images["web:2"].id
    done = pull(machine, f"{WEB}:1", force=True)
    assert done["changed"]
    assert done["image"][0]["Id"] == images["web:2"].id
    assert done["diff"]["before"]["digest"] == images["web:1"].manifest.digest
    assert done["diff"]["after"]["digest"] == images["web:2"].manifest.digest
    assert not pull(machine, f"{WEB}:1", pull_policy="always")["changed"]


def test_by_digest_and_by_id(served: Machine, images: Images) -> None:
    machine = served
    image = images["web:latest"]
    name = f"{WEB}@{image.manifest.digest}"
    assert pull(machine, name)["changed"]
    assert not pull(machine, name, pull_policy="always")["changed"]
    assert not machine.task("image", {"name": image.id})["changed"]
    assert not machine.task("image", {"name": image.id[:12], "pull_policy": "never"})["changed"]
    assert pull(machine, f"{WEB}:latest")["changed"], "the tag is a name of its own"
    refused = machine.task("image", {"name": image.id, "state": "absent"}, fails=True)
    assert "has several names" in refused["msg"]
    assert machine.task("image", {"name": image.id, "state": "absent", "force": True})["changed"]
    assert listed(machine) == []


def test_untagging_keeps_the_image(served: Machine) -> None:
    machine = served
    pull(machine, BUSYBOX)
    machine.podman(["tag", BUSYBOX, "localhost/mine:1"])
    gone = machine.task("image", {"name": BUSYBOX, "state": "absent"})
    assert gone["actions"] == [f"Untagged image {BUSYBOX}"]
    assert [entry["Names"] for entry in listed(machine)] == [["localhost/mine:1"]]
    assert not machine.task("image", {"name": "mine", "tag": "1", "pull": False})["changed"]


def test_used_by_a_container(served: Machine) -> None:
    machine = served
    pull(machine, BUSYBOX)
    machine.podman(["create", "--name", "user", BUSYBOX])
    refused = machine.task("image", {"name": BUSYBOX, "state": "absent"}, fails=True)
    assert "used by container user" in refused["msg"]
    assert len(listed(machine)) == 1
    parameters = {"name": BUSYBOX, "state": "absent", "force": True}
    ahead = machine.task("image", parameters, check=True)
    done = machine.task("image", parameters)
    assert done["actions"] == ahead["actions"] == ["Removed container user", f"Removed image {BUSYBOX}"]
    assert listed(machine) == []
    assert machine.podman(["ps", "-aq", "--external"]).stdout == ""
    check_store(machine)


def test_extra_arguments(served: Machine) -> None:
    machine = served
    name = "127.0.0.1:5000/multi:latest"
    done = machine.task("image", {"name": name, "pull_extra_args": "--tls-verify=false -q --arch riscv64"})
    assert done["image"][0]["Architecture"] == "riscv64"
    refused = machine.task("image", {"name": name, "pull_extra_args": "--all-tags"}, fails=True)
    assert "'--all-tags' is not one of" in refused["msg"]


def test_manifest_list_of_podmans(served: Machine) -> None:
    machine = served
    pull(machine, BUSYBOX)
    machine.podman(["manifest", "create", "localhost/list:1", f"containers-storage:{BUSYBOX}"])
    found = machine.task("image", {"name": "localhost/list:1", "pull": False})
    assert not found["changed"]
    assert found["image"][0]["RepoTags"] == [BUSYBOX]
    assert machine.task("image", {"name": "localhost/list:1", "state": "absent"})["changed"]
    assert [entry["Names"] for entry in listed(machine)] == [[BUSYBOX]]


def test_all_images_beside_a_manifest_list(served: Machine) -> None:
    machine = served
    pull(machine, BUSYBOX)
    machine.podman(["manifest", "create", "localhost/list:1", f"containers-storage:{BUSYBOX}"])
    assert [entry["RepoTags"] for entry in machine.task("image_info", {})["images"]] == [[BUSYBOX]]


def test_damaged_image_is_pulled_anew(served: Machine, images: Images) -> None:
    machine = served
    pull(machine, BUSYBOX)
    machine.sh(f"rm /var/lib/containers/storage/overlay-images/{images['busybox:latest'].id}/=*")
    done = pull(machine, BUSYBOX)
    assert done["changed"]
    assert "is damaged" in json.dumps(done["warnings"])
    assert not pull(machine, BUSYBOX)["changed"]
    assert machine.podman(["run", "--rm", "--network=none", BUSYBOX, "echo", "fine"]).stdout == "fine\n"
    check_store(machine)


def test_events_are_podmans(served: Machine) -> None:
    machine = served
    pull(machine, BUSYBOX)
    machine.task("image", {"name": BUSYBOX, "state": "absent"})
    shown = machine.podman(["events", "--stream=false", "--filter", "type=image", "--format", "{{.Status}}"]).stdout
    assert shown.split() == ["pull", "remove"]


def test_pull_false(served: Machine) -> None:
    refused = served.task("image", {"name": BUSYBOX, "pull": False}, fails=True)
    assert "pulling is turned off" in refused["msg"]


def test_platform(served: Machine) -> None:
    machine = served
    name = "127.0.0.1:5000/multi:latest"
    first = pull(machine, name)
    foreign = pull(machine, name, arch="riscv64")
    assert foreign["changed"]
    assert foreign["image"][0]["Architecture"] == "riscv64"
    assert not pull(machine, name, platform="linux/riscv64")["changed"]
    back = pull(machine, name, pull_policy="always")
    assert back["changed"]
    assert back["image"][0]["Id"] == first["image"][0]["Id"]
    missing = machine.task("image", {"name": name, "arch": "vax", "validate_certs": False}, fails=True)
    assert "no image for linux/vax" in missing["msg"]


def test_clear_refusals(served: Machine) -> None:
    machine = served
    for parameters, words in (
        ({"name": "q.io/UPPER"}, "lower case"),
        ({"name": "127.0.0.1:5000/none", "validate_certs": False}, "does not have it"),
        ({"name": BUSYBOX, "validate_certs": True}, "does not speak TLS"),
        ({"name": "127.0.0.1:9/x", "retry": 1, "retry_delay": "10ms"}, "refused the connection"),
        ({"name": "x", "path": "/nonexistent.tar"}, "no such file"),
        ({"name": "x", "path": "/etc/passwd"}, "not a tar archive"),
        ({"name": "x", "changes": ["CMD true"]}, "root file system"),
        ({"name": BUSYBOX, "auth_file": "/nonexistent.json", "validate_certs": False}, ""),
    ):
        done = machine.task("image", parameters, fails=bool(words))
        assert words in str(done.get("msg", "")), parameters
    assert [entry["Names"] for entry in listed(machine)] == [[BUSYBOX]]


def test_secrets_are_not_shown(machine: Machine) -> None:
    registry = machine.start_registry(5001, users={"me": "s3cret-word"}, tls=True)
    parameters = {
        "name": registry.reference("busybox:latest"),
        "username": "me",
        "password": "s3cret-word",
        "ca_cert_dir": registry.ca.rpartition("/")[0],
    }
    done = machine.task("image", parameters)
    assert done["changed"]
    assert "s3cret-word" not in json.dumps({**done, "invocation": None})
    wrong = machine.task("image", {**parameters, "password": "wr0ng", "pull_policy": "always"}, fails=True)
    assert "wr0ng" not in wrong["msg"]
    assert "401" in wrong["msg"]
    nobody = {"name": parameters["name"], "ca_cert_dir": parameters["ca_cert_dir"], "pull_policy": "always"}
    assert "401" in machine.task("image", nobody, fails=True)["msg"]
    machine.podman(["login", "--cert-dir", parameters["ca_cert_dir"], "-u", "me", "-p", "s3cret-word", registry.host])
    assert not machine.task("image", nobody)["changed"], "podman's login serves us"


def test_plain_user(served: Machine) -> None:
    machine = served
    done = machine.task("image", {"name": BUSYBOX, "validate_certs": False}, user="tester")
    assert done["changed"]
    assert not machine.task(
        "image", {"name": BUSYBOX, "pull_policy": "always", "validate_certs": False}, user="tester"
    )["changed"]
    out = machine.podman(["run", "--rm", "--network=none", BUSYBOX, "echo", "rootless"], user="tester").stdout
    assert "rootless" in out
    assert machine.podman(["system", "check"], user="tester").stdout.strip() == ""
    assert listed(machine) == []
