"""Image deeds killed at every step they pass, and on disks that fill up at every point: the store stays whole."""

from __future__ import annotations

import pytest
from images import Image, build, root_files, tar
from machine import Machine

STORE = "/var/lib/containers/storage"
LOG = "/tmp/steps"


@pytest.fixture(scope="module")
def layered() -> Image:
    second, third = {"srv": None, "srv/second": "2" * 400_000}, {"srv": None, "srv/third": "3\n"}
    return build("layered", [tar(root_files()), tar(second), tar(third)])


def sound(machine: Machine, step: str) -> None:
    checked = machine.podman(["system", "check"], check=False)
    assert checked.returncode == 0, f"{step}: {checked.stdout}{checked.stderr}"
    assert machine.sh(f"ls -A {STORE}/overlay/staging 2>/dev/null || true") == "", step


def steps_of(machine: Machine, wish: dict[str, object]) -> list[str]:
    """The steps that the deed itself passes, each with the how-manieth time."""
    machine.sh(f"rm -f {LOG}")
    machine.task("image", wish, env={"DAEMONLESS_STEPS_LOG": LOG})
    passed: list[str] = []
    for step in machine.read(LOG).split():
        if ":" not in step:
            passed.append(f"{step}:{1 + sum(1 for old in passed if old.partition(':')[0] == step)}")
    return passed


def killed_everywhere(machine: Machine, wish: dict[str, object], undo: dict[str, object]) -> int:
    """Kill the deed at each of its steps, do it again, judge, undo it."""
    steps = [step for step in steps_of(machine, wish) if not step.startswith("runtime-")]
    machine.task("image", undo)
    for step in steps:
        killed = machine.attempt("image", wish, step=step)
        # Each forked worker counts for itself, so a later pass of its step may not come there.
        assert killed.returncode != 0 or step.startswith("layer-staged"), step
        machine.task("image", wish)
        sound(machine, step)
        machine.task("image", undo)
        sound(machine, step)
    return len(steps)


@pytest.mark.machine(os="debian13")
def test_pull_and_remove_killed_at_every_step(machine: Machine, layered: Image) -> None:
    machine.registry.push("layered:1", layered)
    here = {"name": machine.registry.reference("layered:1")}
    assert killed_everywhere(machine, here, {**here, "state": "absent"}) > 8
    machine.task("image", here)
    assert killed_everywhere(machine, {**here, "state": "absent"}, here) > 3


@pytest.mark.machine(os="debian13")
def test_load_killed_at_every_step(machine: Machine) -> None:
    wish = {"name": "localhost/busybox:latest", "path": str(machine.lab.images.docker_archive)}
    assert killed_everywhere(machine, wish, {"name": wish["name"], "state": "absent"}) > 5


@pytest.mark.machine(os="debian13")
def test_a_full_disk(machine: Machine, layered: Image) -> None:
    """The store on a file system of so many KiB: refused with a reason, nothing kept, and whole with more room."""
    machine.registry.push("layered:1", layered)
    here = {"name": machine.registry.reference("layered:1")}
    machine.sh(f"mkdir -p {STORE}; mount -t tmpfs -o size=64m,mode=700 none {STORE}")
    machine.task("image", here)
    used = int(machine.sh(f"df --output=used -k {STORE} | tail -1"))
    machine.task("image", {**here, "state": "absent"})
    empty = int(machine.sh(f"df --output=used -k {STORE} | tail -1"))
    refused = 0
    for part in range(8):
        room = empty + (used - empty) * part // 8 // 4 * 4 + 4
        machine.sh(f"mount -o remount,size={room}k {STORE}")
        result = machine.attempt("image", here)
        if result.returncode:
            refused += 1
            assert "No space left" in result.stdout, (room, result.stdout[-2000:], result.stderr[-2000:])
            assert "Traceback" not in result.stdout + result.stderr
        machine.sh(f"mount -o remount,size=64m {STORE}")
        machine.task("image", here)
        sound(machine, f"{room} KiB")
        machine.task("image", {**here, "state": "absent"})
        sound(machine, f"{room} KiB")
    assert refused > 4
