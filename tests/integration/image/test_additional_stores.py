"""Further stores of images, read and never written: seen, used and named as podman does."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from images import build, root_files, tar
from machine import Machine

EXTRA = "/srv/extra"
HOST = "127.0.0.1:5000"
BASE, MORE = f"{HOST}/base:1", f"{HOST}/more:1"
CONF = f"""[storage]
driver = "overlay"
graphroot = "/var/lib/containers/storage"
runroot = "/run/containers/storage"
[storage.options]
additionalimagestores = ["{EXTRA}"]
"""
LOOSE = {"validate_certs": False}


@pytest.fixture(params=[False, True], ids=["writable", "read-only"])
def host(request: pytest.FixtureRequest, machine: Machine) -> Iterator[Machine]:
    """The image base lies in the further store, which may be on a file system that is read-only."""
    root, page = tar(root_files()), tar({"srv": None, "srv/page": "more\n"})
    machine.registry.push("base:1", build("base", [root]))
    machine.registry.push("more:1", build("more", [root, page]))
    target = f"containers-storage:[overlay@{EXTRA}+/run/extra]{BASE}"
    machine.skopeo(["copy", "-q", "--src-tls-verify=false", f"docker://{BASE}", target])
    machine.sh(f"umount {EXTRA}/overlay 2>/dev/null || true")
    machine.write("/etc/containers/storage.conf", CONF)
    if request.param:
        machine.sh(f"mount --bind {EXTRA} {EXTRA}; mount -o remount,bind,ro {EXTRA}")
    yield machine


def look(machine: Machine) -> str:
    return machine.sh(f"cd {EXTRA}; find . -type f ! -name '*.lock' | sort | xargs sha256sum")


def test_seen_used_and_never_written(host: Machine) -> None:
    before = look(host)
    (ours,) = host.task("image_info", {"name": [BASE]})["images"]
    (theirs,) = host.podman_json(["image", "inspect", BASE])
    assert {key: ours[key] for key in ("Id", "Digest", "RepoTags", "RootFS")} == {
        key: theirs[key] for key in ("Id", "Digest", "RepoTags", "RootFS")
    }
    assert not host.task("image", {"name": BASE, **LOOSE})["changed"], "it is here"
    ran = host.task(
        "container",
        {"name": "c", "image": BASE, "command": ["cat", "/www/index.html"], "network": ["none"], "detach": False},
    )
    assert ran["stdout"] == "hello from a container\n"
    host.task("container", {"name": "c", "state": "absent"})
    assert host.task("store_check", {})["clean"]
    # Only the layer that nobody has is fetched, and the image stands on both stores.
    assert host.task("image", {"name": MORE, **LOOSE})["changed"]
    own = host.sh("ls /var/lib/containers/storage/overlay | grep -c '^[0-9a-f]\\{64\\}$'")
    assert own == "1"
    assert host.podman(["run", "--rm", "--network=none", MORE, "cat", "/srv/page", "/www/index.html"]).stdout == (
        "more\nhello from a container\n"
    )
    # podman's check misses a parent that lies in another store, of its own pulls as well.
    mine = host.podman(["system", "check"], check=False)
    host.podman(["rmi", MORE])
    host.podman(["pull", "-q", "--tls-verify=false", MORE])
    theirs = host.podman(["system", "check"], check=False)
    assert mine.stdout == theirs.stdout, (mine, theirs)
    assert host.task("image_prune", {"all": True})["changed"]
    assert look(host) == before
    assert host.podman_json(["images", "--format", "json"])[0]["ReadOnly"]


def test_names_and_removal(host: Machine) -> None:
    before = look(host)
    refused = host.task("image", {"name": BASE, "state": "absent"}, fails=True)
    assert "read-only" in refused["msg"]
    assert host.podman(["rmi", BASE], check=False).returncode != 0
    assert host.task("image_tag", {"image": BASE, "target_names": ["localhost/mine:1"]})["changed"]
    assert not host.task("image_tag", {"image": BASE, "target_names": ["localhost/mine:1"]})["changed"]
    (image,) = host.podman_json(["image", "inspect", "localhost/mine:1"])
    assert image["Id"] == host.podman_json(["image", "inspect", BASE])[0]["Id"]
    host.task("image", {"name": "localhost/mine:1", "state": "absent"})
    assert host.podman(["image", "exists", "localhost/mine:1"], check=False).returncode == 1
    assert look(host) == before
    assert host.podman(["run", "--rm", "--network=none", BASE, "true"]).returncode == 0
