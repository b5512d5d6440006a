"""The disk of the container storage is full at some point of an import or a restore, from the first byte to the last
that is needed: it is told, checkpoint and archive stay whole, the host is clean, and with room it succeeds."""

from __future__ import annotations

import json
from collections.abc import Iterator

import pytest
from frozen_state import IMAGE, ask, until
from machine import Machine

STORE = "/var/lib/containers"
ARCHIVE = "/var/tmp/box.tar"
BEFORE = 256  # KiB without which nothing is begun
FILL = "head -c 300000 $R >/big; head -c 200000 $R >/data/big; head -c 50000 $R >/dev/shm/big"
COUNT = f"R=/dev/urandom; {FILL}; i=100000; while :; do i=$((i+1)); echo $i >/new; mv /new /count; sleep 0.1; done"
BOX = {"name": "box", "image": IMAGE, "command": ["sh", "-c", COUNT], "volume": ["data:/data"], "stop_timeout": 0}
THAW = {"name": "box", "state": "restored"}
IMPORT = {"state": "imported", "src": ARCHIVE}


@pytest.fixture(params=["alone", "in a pod"])
def box(request: pytest.FixtureRequest, shared_freezer: Machine) -> Machine:
    """A container that counts, by itself or in a pod."""
    machine = shared_freezer
    machine.podman(["pod", "rm", "-f", "-t", "0", "-a"])
    machine.podman(["rm", "-f", "-t", "0", "-a"])
    machine.podman(["volume", "prune", "-f"])
    more: dict[str, object] = {"network": ["none"]}
    if request.param == "in a pod":
        machine.task("pod", {"name": "web"})
        more = {"pod": "web"}
    machine.task("container", {**BOX, **more})
    until(machine, "box", lambda: int(ask(machine, "cat /count || echo 0", "box")) > 100001)
    return machine


def in_pod(machine: Machine) -> bool:
    return bool(machine.podman(["pod", "ps", "-q"]).stdout)


def rooms(most: int) -> Iterator[int]:
    """KiB that are left: too little to begin, and then closer to each other where a step writes little."""
    yield from (0, 128)
    room = 0
    while room < most:
        yield BEFORE + room
        room += 4 if room < 24 else 16 if room < 88 else 160


def tried(machine: Machine, wish: dict[str, object], room: int) -> str:
    """With so much room, after which there is enough again; the message, "" for one that succeeded."""
    used = f"$(df -k --output=used {STORE} | tail -n1)"
    machine.sh(f"mount -o remount,size=$(({used} + {room}))k {STORE}")
    try:
        done = machine.attempt("checkpoint", wish)
    finally:
        machine.sh(f"mount -o remount,size=50% {STORE}")
    assert "Traceback" not in done.stdout + done.stderr, done.stdout + done.stderr
    result = json.loads(done.stdout[done.stdout.index("{") :])
    if not result.get("failed"):
        return ""
    words = str(result["msg"])
    assert any(one in words for one in ("No space left", "no space", "is full")), f"{room}: {words}"
    assert "This is a bug" not in words and "[Errno" not in words, f"{room}: {words}"
    return words


def goes_on(machine: Machine) -> None:
    first = int(ask(machine, "cat /count", "box") or 0)
    assert first > 100000, "its memory began anew"
    until(machine, "box", lambda: int(ask(machine, "cat /count", "box") or 0) > first)
    assert ask(machine, "stat -c %s /big /data/big /dev/shm/big", "box").split() == ["300000", "200000", "50000"]


def quiet(machine: Machine) -> None:
    """Nothing runs, not even what was started for it."""
    assert machine.podman(["ps", "-q"]).stdout == ""
    assert machine.sh("ls /var/lib/containers/storage/libpod/daemonless 2>/dev/null || true") == ""


@pytest.mark.timeout(600)
def test_restore(box: Machine) -> None:
    box.task("checkpoint", {"name": "box"})
    if in_pod(box):
        box.task("pod", {"name": "web", "state": "stopped"})
    static = box.podman_json(["inspect", "box"])[0]["StaticDir"]
    sums = f"cd {static} && md5sum checkpoint/* devshm-checkpoint.tar daemonless.json"
    kept = box.sh(sums)
    box.mark()
    refused = 0
    for room in rooms(400):
        if not tried(box, THAW, room):
            break
        refused += 1
        assert box.sh(sums) == kept, room
        quiet(box)
        assert box.leaks() == {}, room
        if refused % 4 == 1:
            box.task("checkpoint", THAW)
            goes_on(box)
            box.task("checkpoint", {"name": "box"})
            if in_pod(box):
                box.task("pod", {"name": "web", "state": "stopped"})
            kept = box.sh(sums)
    assert refused > 1
    goes_on(box)


@pytest.mark.timeout(600)
def test_import(box: Machine) -> None:
    pod = {"pod": "web"} if in_pod(box) else {}
    box.task("checkpoint", {"name": "box", "state": "exported", "dest": ARCHIVE, "compression": "none"})
    box.podman(["rm", "box"])
    box.podman(["volume", "rm", "data"])
    if pod:
        box.task("pod", {"name": "web", "state": "stopped"})
    places = "overlay overlay-containers overlay-layers volumes"
    left = f"cd {STORE}/storage && find {places} -mindepth 1 -maxdepth 1 | sort; find -L overlay/l | sort"
    before, whole = box.sh(left), box.sh(f"md5sum {ARCHIVE}")
    box.mark()
    refused = 0
    for room in rooms(4000):
        if not tried(box, {**IMPORT, **pod}, room):
            break
        refused += 1
        assert box.sh(f"md5sum {ARCHIVE}") == whole
        assert box.podman(["volume", "ls", "-q"]).stdout == "", room
        assert "box" not in box.podman(["ps", "-a", "--format", "{{.Names}}"]).stdout.split(), room
        assert box.sh(left) == before, room
        quiet(box)
        assert box.leaks() == {}, room
    assert refused > 5
    goes_on(box)
    assert not box.task("checkpoint", {**IMPORT, **pod})["changed"]
