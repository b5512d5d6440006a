"""What survives a reboot, and what a lost boot mark must not break."""

from __future__ import annotations

import json
from collections.abc import Callable

import pytest
from machine import USER, Machine
from state_in_machine import DEEDS, Deeds

BOTH = pytest.mark.parametrize("user", [None, USER], ids=["root", "user"])


def reboot(machine: Machine, us: Deeds) -> None:
    """What a power cut takes: processes, mounts of the store, /run and /dev/shm. Nothing on disk."""
    machine.sh("pkill -KILL conmon; pkill -KILL -f '[s]leep 1000'; pkill -KILL catatonit", check=False)
    machine.sh("while pgrep 'conmon|catatonit' || pgrep -f '[s]leep 1000'; do sleep 0.05; done")
    machine.sh(
        "for target in $(awk '/containers.storage/ {print $5}' /proc/self/mountinfo | sort -r);"
        " do umount -l $target; done;"
        "rm -rf /run/libpod /run/crun /run/runc /run/containers /run/user/*/libpod /run/user/*/containers"
        " /run/user/*/crun /run/user/*/runc /dev/shm/libpod*",
        check=False,
    )


def states(us: Deeds) -> dict[str, str]:
    return {entry["Names"][0]: entry["State"] for entry in json.loads(us.podman("ps", "-a", "--format", "json"))}


@BOTH
def test_we_act_first_after_a_boot(deeds: Callable[..., Deeds], machine: Machine, user: str | None) -> None:
    us = deeds(user)
    us.load_image()
    us.podman("run", "-d", "--name", "theirs", "-v", "data:/data", "busybox", "sleep", "1000")
    us("add", "ours")
    numbers = us("locks")
    reboot(machine, us)
    assert us("list") == {"theirs": "exited", "ours": "created"}
    us("boot")
    assert us("locks") == numbers
    assert states(us) == {"theirs": "exited", "ours": "created"}
    us.is_clean()
    us.podman("start", "theirs", "ours")
    assert us("list") == {"theirs": "running", "ours": "running"}


@BOTH
def test_podman_acts_first_after_a_boot(deeds: Callable[..., Deeds], machine: Machine, user: str | None) -> None:
    us = deeds(user)
    us.load_image()
    us("add", "ours")
    us("volume", "data")
    us.podman("start", "ours")
    numbers = us("locks")
    reboot(machine, us)
    assert states(us) == {"ours": "exited"}
    assert us("boot") is None
    assert us("locks") == numbers
    us.is_clean()


@BOTH
def test_looking_after_a_boot_records_nothing(deeds: Callable[..., Deeds], machine: Machine, user: str | None) -> None:
    us = deeds(user)
    us.load_image()
    us.podman("run", "-d", "--name", "web", "busybox", "sleep", "1000")
    reboot(machine, us)
    assert us("list") == {"web": "exited"}
    mark = "/run/libpod/alive" if user is None else "/run/user/1500/libpod/tmp/alive"
    assert not machine.exists(mark)
    assert us.podman("inspect", "--format", "{{.State.Status}}", "web") == "exited"
    assert machine.exists(mark)


def test_a_lost_mark_does_not_orphan_what_runs(deeds: Callable[..., Deeds], machine: Machine) -> None:
    """podman alone would list the container as exited and lose it."""
    us = deeds()
    us.load_image()
    us("add", "web")
    us.podman("start", "web")
    machine.sh("rm /run/libpod/alive")
    assert us("list") == {"web": "running"}
    us("boot")
    assert us("list") == {"web": "running"}
    assert us.podman("exec", "web", "echo", "still here") == "still here"
    us.is_clean()
    us.podman("rm", "-f", "-t", "0", "web")
    assert us("locks") == []


def test_killed_while_recording_the_boot(deeds: Callable[..., Deeds], machine: Machine) -> None:
    us = deeds()
    us.load_image()
    us("add", "web")
    numbers = us("locks")
    reboot(machine, us)
    for step in ("lock-table-made", "states-reset"):
        assert us.run("boot", check=False, DAEMONLESS_STOP_AT=step).returncode != 0
        assert not machine.exists("/run/libpod/alive")
    us("boot")
    assert us("locks") == numbers
    us.is_clean()


def test_two_first_users_at_once(deeds: Callable[..., Deeds], machine: Machine) -> None:
    us = deeds()
    us.load_image()
    for name in ("one", "two", "three"):
        us("add", name)
    numbers = us("locks")
    reboot(machine, us)
    script = machine.share / "deeds.py"
    script.write_text(DEEDS.read_text())
    ours = f"PYTHONPATH={machine.lab.collections} /usr/bin/python3 {script} boot"
    theirs = "CONTAINERS_CONF_OVERRIDE=/run/lab/judge.conf /opt/judge/bin/podman ps -q"
    machine.sh(f"for n in 1 2 3; do {ours} & {theirs} & done; wait")
    assert us("locks") == numbers
    us.is_clean()
