"""Disks that fill up under deeds with images: the reason is said, nothing half done stays, and with room it goes on."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import pytest
from images import build, root_files, tar
from machine import USER, USER_ID, Machine

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


@pytest.mark.parametrize("kind", ["pull", "load"])
def test_too_little_room_of_a_plain_user(host: Machine, kind: str) -> None:
    """His store on a disk of its own; what came before the disk was full is not fetched again."""
    store = f"/home/{USER}/.local/share/containers/storage"
    own = f"mode=700,uid={USER_ID}"
    host.sh(f"mkdir -p {store}; mountpoint -q {store} || mount -t tmpfs -o size=64m,{own} none {store}")
    host.sh(f"chown -R {USER}: /home/{USER}/.local; chmod 644 /srv/app.tar")
    wishes = {
        "pull": {"name": APP, "validate_certs": False},
        "load": {"name": "localhost/l:1", "path": "docker-archive:/srv/app.tar"},
    }
    wish = wishes[kind]
    host.podman(["rmi", "-a", "-f"], USER)  # the other way brings the same layers
    gone = {"name": wish["name"], "state": "absent", "force": True}
    host.task("image", wish, USER)
    full = used(host, store)
    host.task("image", gone, USER)
    empty = used(host, store)
    refused = 0
    for part in range(3):
        host.task("image", gone, USER)
        limit(host, store, f"{empty + (full - empty) * part // 3 // 4 * 4 + 4}k")
        done = host.attempt("image", wish, USER)
        assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
        result = json.loads(done.stdout[done.stdout.index("{") :])
        if result.get("failed"):
            refused += 1
            assert "No space left" in result["msg"], result["msg"]
        limit(host, store, "64m")
        host.task("image", wish, USER)
        assert not host.task("image", wish, USER)["changed"]
        checked = host.podman(["system", "check"], USER, check=False)
        assert checked.returncode == 0, checked.stdout + checked.stderr
        assert host.sh(f"ls -A {store}/overlay/staging 2>/dev/null || true") == ""
    assert refused > 1


def test_push_when_a_disk_is_full(host: Machine) -> None:
    """The registry's own: its refusal is told, and with room the push goes on. Ours, of the store and of scratch
    files: a push writes nothing there."""
    there, data = "127.0.0.1:5010", "/run/lab/registry-5010/data"
    host.sh(f"mkdir -p {data}; mount -t tmpfs -o size=64m none {data}")
    host.start_registry(5010, empty=True)
    host.task("image", {"name": APP, "validate_certs": False})
    wish = {"name": APP, "pull": False, "push": True, "validate_certs": False, "retry": 0}

    def pushing(name: str) -> Wish:
        return {**wish, "push_args": {"dest": f"docker://{there}/{name}"}}

    before = used(host, data)
    host.task("image", pushing("first:1"))
    full = used(host, data) - before
    refused = 0
    for part in range(4):
        limit(host, data, f"{used(host, data) + full * part // 4 // 4 * 4 + 4}k")
        result = attempt(host, Deed("image", pushing(f"again{part}/x:1"), data, clear))
        if result.get("failed"):
            refused += 1
            assert there in result["msg"] and "500" in result["msg"], result["msg"]
        limit(host, data, "64m")
        host.task("image", pushing(f"again{part}/x:1"))
        assert not host.task("image", pushing(f"again{part}/x:1"))["changed"]
        host.skopeo(["inspect", "--tls-verify=false", f"docker://{there}/again{part}/x:1"])
    assert refused
    for place in (STORE, "/var/tmp"):
        if place != STORE:
            host.sh(f"mount -t tmpfs -o size=1m none {place}")
        host.sh(f"dd if=/dev/zero of={place}/filler bs=1k 2>/dev/null || true")
        name = f"full{place.replace('/', '-')}:1"
        host.task("image", pushing(name))
        host.skopeo(["inspect", "--tls-verify=false", f"docker://{there}/{name}"])
        host.sh(f"rm {place}/filler")
    host.sh("umount /var/tmp")
    sound(host)
