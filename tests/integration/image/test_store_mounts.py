"""Mounted trees: whiteouts and opaque directories as the kernel sees them, chains beyond a page, users without root."""

from __future__ import annotations

import json
import tarfile
from pathlib import Path

import pytest
from machine import USER, Machine
from store_in_machine import deed

MAKE = Path(__file__).parent / "store_deeds.py"


def make(machine: Machine, name: str, user: str | None, layers: list[dict[str, str | None]]) -> None:
    """An image of layers given as path -> content (None for a directory)."""
    deed(machine, "build", name, json.dumps(layers), user=user)


@pytest.mark.parametrize("user", [None, USER], ids=["root", "rootless"])
def test_what_a_layer_takes_away_is_gone(machine: Machine, user: str | None) -> None:
    make(
        machine,
        "localhost/w:1",
        user,
        [
            {"keep": "1", "gone": "1", "dir/old": "1", "dir/stays": "1", "full/a": "1", "full/b": "1", "swap/a": "1"},
            {
                ".wh.gone": "",
                "dir/.wh.old": "",
                "full/.wh..wh..opq": "",
                "full/new": "2",
                ".wh.swap": "",
                "swap/b": "2",
            },
        ],
    )
    deed(machine, "create", "c", "localhost/w:1", user=user)
    seen = json.loads(deed(machine, "mounted_tree", "c", user=user).stdout)
    assert seen == ["dir", "dir/stays", "full", "full/new", "keep", "swap", "swap/b"]
    theirs = machine.podman(["image", "mount", "localhost/w:1"], check=False) if user is None else None
    if theirs is not None and theirs.returncode == 0:
        assert machine.sh(f"cd {theirs.stdout.strip()} && find . -mindepth 1 | sort | cut -c3-").split() == seen
        machine.podman(["image", "unmount", "localhost/w:1"])
    deed(machine, "remove", "c", user=user)
    deed(machine, "rmi", "localhost/w:1", user=user)
    assert json.loads(deed(machine, "check", user=user).stdout) == []


@pytest.mark.machine(os="debian13")
def test_more_layers_than_a_page_of_options_holds(machine: Machine) -> None:
    count = 125
    make(machine, "localhost/many:1", None, [{f"f{number}": str(number)} for number in range(count)])
    deed(machine, "create", "c", "localhost/many:1")
    seen = json.loads(deed(machine, "mounted_tree", "c").stdout)
    assert len(seen) == count
    machine.podman(["rm", "-f", "c"])
    assert machine.podman(["system", "check"], check=False).returncode == 0


@pytest.mark.machine(os="debian13")
def test_a_user_namespace_sees_its_own_ids(machine: Machine) -> None:
    """podman's container mounted by us, ours by podman; the layers on the disk stay as they are."""
    machine.podman(["load", "-q", "-i", str(machine.lab.images.docker_archive)])
    machine.podman(["create", "--name", "theirs", "--uidmap", "0:100000:65536", "busybox", "true"])
    deed(machine, "create", "ours", "localhost/busybox:latest", "", "100000")
    for name in ("theirs", "ours"):
        merged = deed(machine, "mount", name).stdout
        owners = machine.sh(f"stat -c %u:%g {merged} {merged}/bin/busybox {merged}/etc/passwd").split()
        assert owners == ["100000:100000"] * 3, name
        machine.sh(f"echo more >>{merged}/etc/passwd")
        assert machine.sh(f"stat -c %u {merged}/etc/passwd") == "100000"
        assert "/mapped/" not in machine.sh("findmnt -rno TARGET")
        assert deed(machine, "unmount", name).stdout == "True"
    ran = machine.podman(["run", "--rm", "--uidmap", "0:100000:65536", "busybox", "stat", "-c", "%u", "/bin/busybox"])
    assert ran.stdout == "0\n"
    machine.podman(["rm", "-f", "theirs", "ours"])
    assert json.loads(deed(machine, "check").stdout) == []


def test_what_a_container_changed_is_packed(machine: Machine, tmp_path: Path) -> None:
    make(machine, "localhost/p:1", None, [{"keep": "1", "gone": "1", "full/a": "1"}])
    deed(machine, "create", "c", "localhost/p:1")
    merged = deed(machine, "mount", "c").stdout
    machine.sh(f"cd {merged}; rm gone; echo 2 >new; rm -r full; mkdir full; echo 3 >full/b; mkfifo pipe; ln new hard")
    deed(machine, "changes", "c", str(machine.share / "changes.tar"))
    with tarfile.open(machine.share / "changes.tar") as archive:
        assert sorted(archive.getnames()) == [
            ".wh.gone", "full", "full/.wh..wh..opq", "full/b", "hard", "new", "pipe",
        ]  # fmt: skip
        assert archive.getmember("new").linkname == "hard"
    deed(machine, "unmount", "c")


def test_a_crash_under_a_volatile_mount_does_not_block_the_next(machine: Machine) -> None:
    make(machine, "localhost/v:1", None, [{"keep": "1"}])
    deed(machine, "create", "c", "localhost/v:1", "volatile")
    merged = deed(machine, "mount", "c").stdout
    assert "volatile" in next(line for line in machine.read("/proc/self/mountinfo").splitlines() if merged in line)
    work = f"{merged[: -len('merged')]}work/work/incompat/volatile"
    assert machine.exists(work)
    machine.sh(f"umount {merged}; mkdir -p {work}")
    assert deed(machine, "mount", "c").stdout == merged
    assert machine.read(f"{merged}/keep") == "1"
    assert deed(machine, "unmount", "c").stdout == "True"
