"""kill -9 at every step between two visible changes: podman copes, repair mends, the deed done again works."""

from __future__ import annotations

import json
import re
from pathlib import Path

import pytest
from machine import Machine
from store_in_machine import NAME, deed, layout

ENGINE = Path(__file__).parents[3] / "plugins/module_utils/engine/store"

PULL = ("layer-staged", "layers-announced", "tar-split-placed", "layer-tree-placed", "layer-placed", "layers-recorded",
        "layers-committed", "image-data-written", "image-recorded")  # fmt: skip
CREATE = ("rw-layer-announced", "layer-tree-placed", "rw-layer-placed", "rw-layer-recorded", "container-dirs-made",
          "container-recorded")  # fmt: skip
MOUNT = ("layer-mounted", "mount-counted")
UNMOUNT = ("layer-unmounted", "unmount-counted")
REMOVE = ("layers-doomed", "layer-trees-gone", "layer-rows-gone", "rw-layer-gone", "container-dirs-gone",
          "container-row-gone")  # fmt: skip
RMI = ("image-row-gone", "image-gone", "layers-doomed", "layer-trees-gone", "layer-rows-gone")
TAG = ("image-renamed",)
RENAME = ("container-renamed",)
SHIFT = ("shifted-layer-announced", "shifted-layer-placed", "shifted-layer-recorded", "mapped-layer-named")


def stop(machine: Machine, step: str, *args: str) -> None:
    killed = deed(machine, *args, check=False, env={"DAEMONLESS_STOP_AT": step})
    assert killed.returncode in (137, -9), (step, killed.returncode, killed.stdout, killed.stderr)


def sound(machine: Machine, step: str) -> None:
    assert json.loads(deed(machine, "check").stdout) == [], step
    checked = machine.podman(["system", "check"], check=False)
    assert checked.returncode == 0, step + checked.stdout + checked.stderr
    assert machine.sh("ls -A /var/lib/containers/storage/overlay/staging", check=False) == "", step


def test_every_step_is_tried() -> None:
    named = set()
    for file in ENGINE.glob("*.py"):
        named.update(
            re.findall(r'"((?:\w+-)+\w+)"', "\n".join(re.findall(r"(?:reached|put|drop|save)\(.*", file.read_text())))
        )
    assert named <= {*PULL, *CREATE, *MOUNT, *UNMOUNT, *REMOVE, *RMI, *TAG, *RENAME, *SHIFT}, named


@pytest.mark.machine(os="debian13")
@pytest.mark.parametrize("judge_first", [False, True], ids=["we-repair", "podman-comes-first"])
def test_pull_and_remove(machine: Machine, judge_first: bool) -> None:
    target = layout(machine)
    for step in PULL:
        stop(machine, step, "pull", target, NAME)
        if judge_first:
            machine.podman(["images"])
            machine.podman(["system", "check"], check=False)
        deed(machine, "repair")
        image = deed(machine, "pull", target, NAME).stdout
        assert json.loads(deed(machine, "images").stdout) == {image: [NAME]}, step
        assert deed(machine, "tar_digests", NAME).stdout == "ok"
        sound(machine, step)
        deed(machine, "rmi", NAME)
        sound(machine, step)
    for step in RMI:
        image = deed(machine, "pull", target, NAME).stdout
        stop(machine, step, "rmi", NAME)
        if judge_first:
            machine.podman(["images"])
        deed(machine, "repair")
        deed(machine, "pull", target, NAME)
        assert machine.podman(["run", "--rm", NAME, "cat", "/www/index.html"]).stdout == "hello from a container\n", (
            step
        )
        sound(machine, step)
        deed(machine, "rmi", NAME)
        sound(machine, step)


@pytest.mark.machine(os="debian13")
@pytest.mark.parametrize("judge_first", [False, True], ids=["we-repair", "podman-comes-first"])
def test_containers(machine: Machine, judge_first: bool) -> None:
    deed(machine, "pull", layout(machine), NAME)

    def after(step: str) -> None:
        if judge_first:
            machine.podman(["ps", "-a", "--external"])
        deed(machine, "repair")

    for step in CREATE:
        stop(machine, step, "create", "web", NAME)
        after(step)
        deed(machine, "remove", "web")
        deed(machine, "create", "web", NAME)
        sound(machine, step)
        deed(machine, "remove", "web")
        sound(machine, step)
    for step in REMOVE:
        deed(machine, "create", "web", NAME)
        deed(machine, "mount", "web")
        stop(machine, step, "remove", "web")
        after(step)
        deed(machine, "remove", "web")
        sound(machine, step)
        assert "merged" not in machine.read("/proc/self/mountinfo"), step
    for step in RENAME:
        deed(machine, "create", "web", NAME)
        stop(machine, step, "rename", "web", "site")
        after(step)
        deed(machine, "rename", "site", "web")
        deed(machine, "remove", "web")
        sound(machine, step)
    for step in TAG:
        stop(machine, step, "tag", NAME, "localhost/other:1")
        after(step)
        deed(machine, "tag", NAME, "localhost/other:1")
        sound(machine, step)


@pytest.mark.machine(os="debian13")
def test_mounts(machine: Machine) -> None:
    deed(machine, "pull", layout(machine), NAME)
    deed(machine, "create", "web", NAME)
    for step in MOUNT:
        stop(machine, step, "mount", "web")
        deed(machine, "repair")
        merged = deed(machine, "mount", "web").stdout
        assert machine.read(f"{merged}/www/index.html") == "hello from a container\n", step
        while deed(machine, "unmount", "web").stdout == "False":
            pass
        assert merged not in machine.read("/proc/self/mountinfo"), step
    for step in UNMOUNT:
        merged = deed(machine, "mount", "web").stdout
        stop(machine, step, "unmount", "web")
        deed(machine, "repair")
        assert merged not in machine.read("/proc/self/mountinfo"), step
        assert deed(machine, "mount", "web").stdout == merged
        assert machine.read(f"{merged}/www/index.html") == "hello from a container\n", step
        assert deed(machine, "unmount", "web").stdout == "True", step
    deed(machine, "remove", "web")
    sound(machine, "")


@pytest.mark.timeout(900)
def test_copies_of_layers_for_other_ids(machine: Machine) -> None:
    """A plain user's layers are copied for a container whose ids are others than those of its image."""
    user, image = "tester", "127.0.0.1:5000/busybox:latest"
    assert machine.registry.port == 5000
    wish = {"name": "c", "image": image, "userns": "keep-id", "command": ["sleep", "1000"], "stop_timeout": 0}
    layers = "/home/tester/.local/share/containers/storage/overlay-layers/layers.json"
    for step in SHIFT:
        machine.task("image", {"name": image}, user=user)
        killed = machine.attempt("container", wish, user, step)
        assert killed.returncode in (137, -9), (step, killed.stdout, killed.stderr)
        machine.task("container", wish, user=user)
        assert not machine.task("container", wish, user=user)["changed"], step
        assert machine.task("container_exec", {"name": "c", "command": "stat -c %u /bin"}, user=user)["stdout"] == "0"
        checked = machine.podman(["system", "check"], user, check=False)
        assert checked.returncode == 0, step + checked.stdout + checked.stderr
        machine.task("container", {"name": "c", "state": "absent"}, user=user)
        machine.task("image", {"name": image, "state": "absent"}, user=user)
        assert json.loads(machine.read(layers) or "[]") == [], step
