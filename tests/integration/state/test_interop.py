"""podman and we keep one state: each sees, uses and removes what the other made, whoever came first."""

from __future__ import annotations

import json
import sqlite3
from collections.abc import Callable
from pathlib import Path

import pytest
from machine import USER, Machine
from state_in_machine import Deeds

BOTH = pytest.mark.parametrize("user", [None, USER], ids=["root", "user"])


def podman_names(us: Deeds) -> dict[str, str]:
    shown = json.loads(us.podman("ps", "-a", "--format", "json"))
    return {entry["Names"][0]: entry["State"] for entry in shown}


@BOTH
def test_we_come_first(deeds: Callable[..., Deeds], user: str | None) -> None:
    """On a machine where podman never ran, we make volumes and the state; podman takes it for its own."""
    us = deeds(user)
    us("volume", "data")
    assert us.podman("volume", "ls", "-q") == "data"
    us.load_image()
    us("add", "web", "data")
    assert podman_names(us) == {"web": "created"}
    inspected = json.loads(us.podman("inspect", "web"))[0]
    assert inspected["Config"]["Labels"] == {"made-by": "us"}
    assert [entry["Name"] for entry in inspected["Mounts"]] == ["data"]
    us.is_clean()
    us.podman("rm", "web")
    us.podman("volume", "rm", "data")
    assert us("list") == {}
    assert us("locks") == []
    us.is_clean()


@BOTH
def test_podman_comes_first(deeds: Callable[..., Deeds], user: str | None) -> None:
    us = deeds(user)
    us.load_image()
    us.podman("create", "--name", "theirs", "-v", "data:/data", "busybox", "true")
    assert us("list") == {"theirs": "created"}
    assert us("volumes") == ["data"]
    us("add", "ours", "data")
    assert podman_names(us) == {"theirs": "created", "ours": "created"}
    us.is_clean()
    assert us("remove", "theirs") is True
    assert us("remove", "ours") is True
    assert us("unvolume", "data") is True
    assert podman_names(us) == {}
    assert us("locks") == []
    us.is_clean()


@BOTH
def test_podman_starts_what_we_made(deeds: Callable[..., Deeds], user: str | None) -> None:
    us = deeds(user)
    us.load_image()
    us("add", "web")
    us.podman("start", "web")
    assert us("list") == {"web": "running"}
    assert us.podman("exec", "web", "echo", "hello") == "hello"
    us.podman("rename", "web", "www")
    assert us("list") == {"www": "running"}
    us.podman("stop", "-t", "0", "www")
    assert us("list") == {"www": "exited"}
    us.podman("rm", "www")
    assert us("list") == {}


@BOTH
def test_settings_row_is_podmans(new_machine: Callable[..., Machine], user: str | None) -> None:
    """Whoever creates the database writes the same row."""
    found = []
    for first in ("us", "podman"):
        machine = new_machine()
        us = Deeds(machine, user)
        if first == "us":
            us("volume", "data")
        else:
            us.podman("volume", "create", "data")
        found.append(us("settings"))
    assert found[0] == found[1]


def test_tables_are_podmans(new_machine: Callable[..., Machine]) -> None:
    described = []
    for first in ("us", "podman"):
        machine = new_machine()
        us = Deeds(machine)
        if first == "us":
            us("volume", "data")
        else:
            us.podman("volume", "create", "data")
        machine.sh("cp /var/lib/containers/storage/db.sql '{}'".format(machine.share / "db.sql"))
        described.append(describe(machine.share / "db.sql"))
    assert described[0] == described[1]


def describe(path: Path) -> dict[str, object]:
    """Columns, keys and references of each table, whatever its text looks like."""
    tables = sqlite3.connect(path)
    names = [row[0] for row in tables.execute("SELECT name FROM sqlite_master WHERE type = 'table' ORDER BY name")]
    return {
        name: (
            tables.execute(f"PRAGMA table_info({name})").fetchall(),
            sorted(row[2:] for row in tables.execute(f"PRAGMA foreign_key_list({name})")),
            "CHECK" in tables.execute("SELECT sql FROM sqlite_master WHERE name = ?", (name,)).fetchone()[0],
        )
        for name in names
    }


@BOTH
def test_events_are_in_podmans_log(deeds: Callable[..., Deeds], user: str | None) -> None:
    us = deeds(user)
    us.load_image()
    us("volume", "data")
    us("add", "web", "data")
    us("remove", "web")
    shown = us.podman("events", "--stream=false", "--since", "1h", "--format", "json").splitlines()
    events = [json.loads(line) for line in shown]
    seen = [(event["Type"], event["Status"], event.get("Name")) for event in events]
    assert ("volume", "create", "data") in seen
    assert ("container", "create", "web") in seen and ("container", "remove", "web") in seen
    created = next(event for event in events if (event["Type"], event["Status"]) == ("container", "create"))
    assert created["Attributes"] == {"made-by": "us"}


def test_names_are_exchanged_under_podmans_eyes(deeds: Callable[..., Deeds]) -> None:
    us = deeds()
    us.load_image()
    ids = {name: us("add", name) for name in ("web", "web-new")}
    us("swap", "web", "web-new")
    for name, other in (("web", "web-new"), ("web-new", "web")):
        inspected = json.loads(us.podman("inspect", name))[0]
        assert (inspected["Id"], inspected["Name"]) == (ids[other], name)


@pytest.mark.parametrize("kind", ["tmpfs", "bind"])
def test_volumes_with_a_mount_are_counted_together(deeds: Callable[..., Deeds], machine: Machine, kind: str) -> None:
    us = deeds()
    machine.sh("mkdir /srv/data")
    options = (
        ["type=tmpfs", "device=tmpfs", "o=size=1m"] if kind == "tmpfs" else ["type=bind", "device=/srv/data", "o=ro"]
    )
    us("volume", "data", *options)
    path = us.podman("volume", "inspect", "--format", "{{.Mountpoint}}", "data")
    assert us("attach", "data") == path
    assert us.podman("volume", "mount", "data", check=False) is not None
    counted = int(us.podman("volume", "inspect", "--format", "{{.MountCount}}", "data"))
    assert machine.sh(f"findmnt -n -o FSTYPE {path} | wc -l") == "1"
    for _turn in range(counted):
        us("detach", "data")
    assert us.podman("volume", "inspect", "--format", "{{.MountCount}}", "data") == "0"
    assert machine.sh(f"findmnt -n {path} || echo none") == "none"
    us.podman("volume", "rm", "data")


def test_transient_store(deeds: Callable[..., Deeds], machine: Machine) -> None:
    roots = 'graphroot = "/var/lib/containers/storage"\nrunroot = "/run/containers/storage"\n'
    machine.write("/etc/containers/storage.conf", f'[storage]\ndriver = "overlay"\n{roots}transient_store = true\n')
    us = deeds()
    us("volume", "data")
    assert machine.exists("/run/containers/storage/db.sql")
    assert us.podman("volume", "ls", "-q") == "data"


def test_configured_places(deeds: Callable[..., Deeds], machine: Machine) -> None:
    """Roots from storage.conf, reached over a symbolic link: podman accepts the row that we write."""
    machine.sh("mkdir -p /srv/real /run/other; ln -s /srv/real /srv/link")
    machine.write(
        "/etc/containers/storage.conf",
        '[storage]\ndriver = "overlay"\ngraphroot = "/srv/link/store"\nrunroot = "/run/other"\n',
    )
    us = deeds()
    us("volume", "data")
    assert us.podman("volume", "ls", "-q") == "data"
    us.is_clean()


def test_file_locks(deeds: Callable[..., Deeds], machine: Machine) -> None:
    machine.sh("sed -i '/^\\[engine\\]/a lock_type = \"file\"' /run/lab/judge.conf")
    machine.write("/etc/containers/containers.conf", '[engine]\nlock_type = "file"\n')
    us = deeds()
    us.load_image()
    us.podman("create", "--name", "theirs", "busybox", "true")
    us("add", "ours")
    assert us("locks") == [0, 1]
    us.podman("rm", "ours")
    us("remove", "theirs")
    assert us("locks") == []


@BOTH
def test_events_are_in_the_journal(deeds: Callable[..., Deeds], machine: Machine, user: str | None) -> None:
    machine.sh(
        "sed -i 's/events_logger = .*/events_logger = \"journald\"/' /run/lab/judge.conf;"
        "mkdir -p /run/systemd/journal /run/log/journal"
    )
    machine.write("/etc/containers/containers.conf", '[engine]\nevents_logger = "journald"\n')
    journal = machine.spawn(["/lib/systemd/systemd-journald"])
    machine.sh("for n in $(seq 600); do [ -S /run/systemd/journal/socket ] && exit; sleep 0.1; done; exit 1")
    us = deeds(user)
    us.load_image()
    us("volume", "data")
    us("add", "web", "data")
    machine.sh("usermod -a -G systemd-journal tester; chmod -R o+rX /run/log/journal; journalctl --sync || sleep 1")
    shown = us.podman("events", "--stream=false", "--since", "1h", "--format", "json").splitlines()
    seen = [
        (event["Type"], event["Status"], event.get("Name"), event["Attributes"]) for event in map(json.loads, shown)
    ]
    assert ("volume", "create", "data", None) in seen
    assert ("container", "create", "web", {"made-by": "us"}) in seen
    assert us("settings")[1] == []  # type: ignore[index]
    journal.kill()


def test_on_every_kind_of_machine(every_machine: Machine) -> None:
    """Python 3.11 and 3.13, runc and crun, a shared root mount and a private one."""
    for user in (None, USER):
        us = Deeds(every_machine, user)
        us("volume", "data")
        us.load_image()
        us("add", "web", "data")
        us.podman("start", "web")
        assert us("list") == {"web": "running"}
        us.podman("rm", "-f", "-t", "0", "web")
        us.podman("volume", "rm", "data")
        us.is_clean()
        assert us("locks") == []
