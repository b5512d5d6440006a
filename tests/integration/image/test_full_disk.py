"""Disks that fill up under deeds with images: the reason is said, nothing half done stays, and with room it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from images import build, root_files, tar
from machine import Machine

STORE = "/var/lib/containers/storage"
SMALL = "/srv/small"
HOST = "127.0.0.1:5000"
APP = f"{HOST}/layered:1"
COPY = {"src": f"docker://{APP}", "src_validate_certs": False, "dest_validate_certs": False}
Wish = dict[str, Any]


@dataclass(frozen=True)
class Deed:
    module: str
    wish: Wish
    place: str
    undo: Callable[[Machine], object]


def remove(name: str) -> Callable[[Machine], object]:
    return lambda machine: machine.task("image", {"name": name, "state": "absent", "force": True})


def clear(machine: Machine) -> None:
    machine.sh(f"rm -rf {SMALL}/*")


DEEDS = {
    "load": Deed(
        "image", {"name": "localhost/l:1", "path": "docker-archive:/srv/app.tar"}, STORE, remove("localhost/l:1")
    ),
    "import": Deed("image_import", {"src": "/srv/root.tar", "name": "localhost/i:1"}, STORE, remove("localhost/i:1")),
    "copy": Deed("image_copy", {**COPY, "dest": "containers-storage:localhost/c:1"}, STORE, remove("localhost/c:1")),
    "copy to a layout": Deed("image_copy", {**COPY, "dest": f"oci:{SMALL}/x:1"}, SMALL, clear),
    "copy to a directory": Deed("image_copy", {**COPY, "dest": f"dir:{SMALL}/d"}, SMALL, clear),
    "save": Deed("image_save", {"image": [APP], "dest": f"{SMALL}/a.tar"}, SMALL, clear),
    "save to an oci-archive": Deed(
        "image_save", {"image": [APP], "dest": f"{SMALL}/o.tar", "format": "oci-archive"}, SMALL, clear
    ),
    "export": Deed("image_export", {"image": APP, "dest": f"{SMALL}/e.tar"}, SMALL, clear),
}


@pytest.fixture(scope="module")
def host(shared_machine: Machine) -> Iterator[Machine]:
    machine = shared_machine
    second = {"srv": None, "srv/second": "2" * 400_000}
    machine.registry.push("layered:1", build("layered", [tar(root_files()), tar(second)]))
    machine.write("/srv/root.tar", tar(root_files("imported\n")))
    machine.sh(f"mkdir -p {STORE} {SMALL}; mount -t tmpfs -o size=64m,mode=700 none {STORE}")
    machine.sh(f"mount -t tmpfs -o size=64m,mode=755 none {SMALL}")
    machine.task("image", {"name": APP, "validate_certs": False})
    machine.podman(["save", "-q", "-o", "/srv/app.tar", APP])
    machine.podman(["rmi", APP])
    yield machine


def used(machine: Machine, place: str) -> int:
    return int(machine.sh(f"df --output=used -k {place} | tail -1"))


def limit(machine: Machine, place: str, size: str) -> None:
    machine.sh(f"mount -o remount,size={size} {place}")


def attempt(machine: Machine, deed: Deed) -> dict[str, Any]:
    done = machine.attempt(deed.module, deed.wish)
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    return json.loads(done.stdout[done.stdout.index("{") :])


def sound(machine: Machine) -> None:
    checked = machine.podman(["system", "check"], check=False)
    assert checked.returncode == 0, checked.stdout + checked.stderr
    assert machine.sh(f"ls -A {STORE}/overlay/staging 2>/dev/null || true") == ""


@pytest.mark.parametrize("name", DEEDS)
def test_too_little_room(host: Machine, name: str) -> None:
    deed = DEEDS[name]
    if deed.place == SMALL and deed.module != "image_copy":
        host.task("image", {"name": APP, "validate_certs": False})
    empty = used(host, deed.place)
    host.task(deed.module, deed.wish)
    full = used(host, deed.place)
    deed.undo(host)
    refused = 0
    for part in range(4):
        limit(host, deed.place, f"{empty + (full - empty) * part // 4 // 4 * 4 + 4}k")
        result = attempt(host, deed)
        if result.get("failed"):
            refused += 1
            assert "No space left" in result["msg"], result["msg"]
        left = used(host, deed.place)
        limit(host, deed.place, "64m")
        if deed.place == SMALL and name != "copy to a layout" and name != "copy to a directory":
            assert left <= empty + 4, "nothing half done stays"
        host.task(deed.module, deed.wish)
        assert not host.task(deed.module, deed.wish)["changed"]
        sound(host)
        deed.undo(host)
    assert refused > 2


def test_removing_makes_room(host: Machine) -> None:
    """Or says why not; either way the store stays whole, and with some room it works."""
    host.task("image", {"name": APP, "validate_certs": False})
    host.sh(f"dd if=/dev/zero of={STORE}/filler bs=1k 2>/dev/null || true")
    wish = {"name": APP, "state": "absent"}
    result = attempt(host, Deed("image", wish, STORE, clear))
    assert not result.get("failed") or "No space left" in result["msg"]
    host.podman(["images"])
    host.sh(f"rm {STORE}/filler")
    sound(host)
    host.task("image", wish)
    assert host.podman_json(["images", "--format", "json"]) == []
    sound(host)
