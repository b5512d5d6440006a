"""Pulling from Debian's own registry: TLS, accounts, mirrors; and being killed, or not alone, meanwhile."""

from __future__ import annotations

import json

import pytest
from images import Image, Images, build, root_files, tar
from machine import Machine

STEPS = [
    "image-layers-staged",
    "layers-announced",
    "tar-split-placed",
    "layer-tree-placed",
    "layer-placed",
    "layer-placed:2",
    "layers-recorded",
    "layers-committed",
    "image-saved",
]


def listed(machine: Machine) -> list:
    return machine.podman_json(["images", "-a", "--no-trunc", "--format", "json"])


def check_store(machine: Machine) -> None:
    assert machine.podman(["system", "check"]).stdout.strip() == ""


@pytest.fixture(scope="module")
def layered() -> Image:
    """Three layers in which every directory has a member of its own, as podman's check of the store wants it."""
    second, third = {"srv": None, "srv/second": "2\n"}, {"srv": None, "srv/third": "3\n"}
    return build("layered", [tar(root_files()), tar(second), tar(third)])


def test_tls_and_accounts(machine: Machine, images: Images) -> None:
    registry = machine.start_registry(5001, tls=True, users={"me": "pw"})
    name = registry.reference("busybox:latest")
    certs = registry.ca.rpartition("/")[0]
    untrusted = machine.task("image", {"name": name, "username": "me", "password": "pw"}, fails=True)
    assert "certificate of 127.0.0.1:5001 is not valid" in untrusted["msg"]
    assert "certs.d/127.0.0.1:5001" in untrusted["msg"]
    machine.sh(
        f"mkdir -p /etc/containers/certs.d/127.0.0.1:5001; cp {certs}/*.crt /etc/containers/certs.d/127.0.0.1:5001/"
    )
    nobody = machine.task("image", {"name": name}, fails=True)
    assert "401" in nobody["msg"]
    assert machine.task("image", {"name": name, "username": "me", "password": "pw"})["changed"]
    auth = {"auths": {"127.0.0.1:5001": {"auth": "bWU6cHc="}}}
    machine.write("/srv/auth.json", json.dumps(auth))
    found = machine.task("image", {"name": name, "auth_file": "/srv/auth.json", "pull_policy": "always"})
    assert not found["changed"]
    machine.write("/root/.config/containers/auth.json", json.dumps(auth))
    assert not machine.task("image", {"name": name, "pull_policy": "always"})["changed"]


def test_credential_helper(machine: Machine) -> None:
    registry = machine.start_registry(5001, users={"me": "pw"})
    name = registry.reference("busybox:latest")
    machine.write("/root/.docker/config.json", json.dumps({"credHelpers": {registry.host: "lab"}}))
    script = '#!/bin/sh\nread host; echo "$host" >/tmp/asked; echo \'{"Username":"me","Secret":"pw"}\'\n'
    machine.write("/usr/local/bin/docker-credential-lab", script, 0o755)
    assert machine.task("image", {"name": name, "validate_certs": False})["changed"]
    assert machine.read("/tmp/asked").strip() == registry.host


def test_mirror_of_a_well_known_name(machine: Machine, images: Images) -> None:
    registry = machine.registry
    machine.write(
        "/etc/containers/registries.conf.d/50-test.conf",
        f"""
unqualified-search-registries = ["docker.io"]
[[registry]]
prefix = "docker.io/library"
location = "nowhere.invalid/library"
[[registry.mirror]]
location = "{registry.host}"
insecure = true
""",
    )
    done = machine.task("image", {"name": "busybox"})
    assert done["image"][0]["RepoTags"] == ["docker.io/library/busybox:latest"]
    assert not machine.task("image", {"name": "docker.io/busybox", "pull_policy": "always"})["changed"]
    assert machine.podman_json(["image", "inspect", "busybox"]) == done["image"]
    by_us = machine.task("image_info", {"name": ["busybox", "docker.io/library/busybox", done["image"][0]["Id"][:8]]})
    assert len(by_us["images"]) == 1


@pytest.mark.parametrize("step", STEPS)
def test_killed_and_done_again(machine: Machine, layered: Image, step: str) -> None:
    machine.registry.push("layered:1", layered)
    name = machine.registry.reference("layered:1")
    killed = machine.attempt("image", {"name": name, "validate_certs": False}, step=step)
    assert killed.returncode != 0, f"the step {step} is never passed"
    published = [entry for entry in listed(machine) if entry["Names"]]
    assert published == [] or step == "image-saved"
    done = machine.task("image", {"name": name, "validate_certs": False})
    assert done["changed"] is (step != "image-saved")
    assert done["image"][0]["Id"] == layered.id
    assert (
        machine.podman(["run", "--rm", "--network=none", name, "cat", "/srv/second", "/srv/third"]).stdout == "2\n3\n"
    )
    check_store(machine)
    machine.task("image", {"name": name, "state": "absent"})
    assert listed(machine) == []
    left = machine.sh("ls /var/lib/containers/storage/overlay/staging 2>/dev/null || true").split()
    assert left == []


@pytest.mark.parametrize("step", ["image-gone", "layers-doomed", "layer-trees-gone", "layer-rows-gone"])
def test_killed_while_removing(machine: Machine, images: Images, step: str) -> None:
    name = machine.registry.reference("web:latest")
    machine.task("image", {"name": name, "validate_certs": False})
    killed = machine.attempt("image", {"name": name, "state": "absent"}, step=step)
    assert killed.returncode != 0, f"the step {step} is never passed"
    machine.task("image", {"name": name, "state": "absent"})
    done = machine.task("image", {"name": name, "validate_certs": False})
    assert done["changed"]
    assert machine.podman(["run", "--rm", "--network=none", name, "cat", "/www/index.html"]).stdout == "first page\n"


def test_beside_podman_and_skopeo(machine: Machine, layered: Image) -> None:
    """Pulls of ours and skopeo's at the same time on one store: every name is there, nothing is damaged."""
    registry = machine.registry
    names = ["busybox:latest", "busybox:docker", "busybox:plain", "layered:1", "layered:2"]
    for tag, turned in (("layered:1", layered), ("layered:2", build("layered", layered.diffs[::-1]))):
        registry.push(tag, turned)
    started = []
    for name in [*names, "layered:1", "layered:1"]:
        ref = registry.reference(name)
        path = machine.share / f"task-{name.replace(':', '-')}.py"
        path.write_bytes(machine.payload("image", {"name": ref, "validate_certs": False}))
        started.append(machine.spawn(["sh", "-c", f"/usr/bin/python3 <{path} >/tmp/{name}.ours 2>&1"]))
        if len(started) > 2 * len(names) - 1:
            continue
        other = ref.replace("127.0.0.1:5000/", "localhost/theirs/")
        copy = f"/opt/judge/bin/skopeo copy -q --src-tls-verify=false docker://{ref} containers-storage:{other}"
        started.append(machine.spawn(["sh", "-c", f"{copy} >/tmp/{name}.theirs 2>&1"]))
    for process in started:
        assert process.wait() == 0
    found = {name for entry in listed(machine) for name in entry["Names"] or ()}
    expected = {registry.reference(name) for name in names} | {f"localhost/theirs/{name}" for name in names}
    assert found == expected
    check_store(machine)


def test_the_host_says_what_a_layer_may_cost(machine: Machine, layered: Image) -> None:
    machine.registry.push("layered:1", layered)
    name = machine.registry.reference("layered:1")
    for line, cause in (
        ("max_layer_size = 100_000", "more than 100000 bytes"),
        ("max_layer_entries = 5", "more than 5 members"),
        ('max_layer_ratio = 1\nmax_layer_ratio_from = "1k"', "more than 1 times its compressed size"),
    ):
        machine.write("/etc/containers/containers.conf.d/50-limits.conf", f"[daemonless]\n{line}\n")
        refused = machine.task("image", {"name": name}, fails=True)
        assert cause in refused["msg"] and line.partition(" ")[0] in refused["msg"]
        assert listed(machine) == []  # podman reads the same file and minds its own tables
        assert machine.sh("ls -A /var/lib/containers/storage/overlay/staging", check=False) == ""
    machine.write("/etc/containers/containers.conf.d/50-limits.conf", '[daemonless]\nmax_layer_size = "1g"\n')
    assert machine.task("image", {"name": name})["changed"]
