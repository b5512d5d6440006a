"""The module volume: every option made, repeated, changed and left out; podman agrees; nothing is ever lost."""

from __future__ import annotations

import pytest
from machine import USER, Machine

IMAGE = "127.0.0.1:5000/busybox:latest"
USERS = pytest.mark.parametrize("user", [None, USER], ids=["root", "user"])


def both(machine: Machine, wish: dict[str, object], user: str | None, changed: bool = True) -> dict[str, object]:
    """Check mode and the run give the same answer, and a second run has nothing to do."""
    ahead = machine.task("volume", wish, check=True, user=user)
    done = machine.task("volume", wish, user=user)
    assert done["changed"] is changed, wish
    for key in ("changed", "actions", "diff"):
        assert ahead.get(key) == done.get(key), key
    assert machine.task("volume", wish, user=user)["changed"] is False
    return done


def podmans(machine: Machine, name: str, user: str | None) -> dict[str, object]:
    return machine.podman_json(["volume", "inspect", name], user)[0]


@USERS
def test_every_option(machine: Machine, user: str | None) -> None:
    base: dict[str, object] = {"name": "v"}
    made = both(machine, {**base, "label": {"a": "b c"}}, user)["volume"]
    assert made == podmans(machine, "v", user) == machine.task("volume_info", base, user=user)["volumes"][0]
    machine.sh(f"echo kept >{made['Mountpoint']}/file", user=user)
    for wish, key, value in (
        ({"label": {"a": "B"}}, "Labels", {"a": "B"}),
        ({"label": {}}, "Labels", {}),
        ({"uid": 7}, "UID", 7),
        ({"gid": 8}, "GID", 8),
        ({"uid": 0, "gid": 0}, "UID", None),
        ({"options": ["type=tmpfs", "device=tmpfs", "o=size=1m"]}, "Options", None),
        ({"options": ["device=tmpfs", "type=tmpfs", "o=size=2m"]}, "Options", None),
        ({"options": []}, "Options", {}),
    ):
        after = both(machine, {**base, **wish}, user)["volume"]
        assert after == podmans(machine, "v", user)
        if value is not None:
            assert after[key] == value
        assert {name: after[name] for name in ("CreatedAt", "LockNumber", "Mountpoint")} == {
            name: made[name] for name in ("CreatedAt", "LockNumber", "Mountpoint")
        }
    both(machine, base, user, changed=False)
    assert machine.sh(f"cat {made['Mountpoint']}/file", user=user) == "kept"
    anew = machine.task("volume", {**base, "recreate": True}, user=user)
    assert anew["actions"] == ["remove volume v", "create volume v"]
    assert machine.sh(f"ls {made['Mountpoint']}", user=user) == ""
    assert both(machine, {**base, "state": "absent"}, user)["volume"] == {}
    assert machine.podman(["volume", "ls", "-q"], user).stdout == ""


@USERS
def test_as_podman_makes_it(machine: Machine, user: str | None) -> None:
    for number, options in enumerate(
        (
            ["o=uid=5,gid=6"],
            ["type=tmpfs", "device=tmpfs", "o=size=64m,uid=1000,mode=700"],
            ["type=none", "o=bind", "device=/tmp"],
        )
    ):
        machine.task("volume", {"name": f"ours{number}", "options": options}, user=user)
        words = [word for option in options for word in ("-o", option)]
        machine.podman(["volume", "create", *words, f"theirs{number}"], user)
        ours, theirs = (podmans(machine, f"{who}{number}", user) for who in ("ours", "theirs"))
        for one in (ours, theirs):
            for key in ("Name", "Mountpoint", "CreatedAt", "LockNumber"):
                one.pop(key)
        assert ours == theirs
        adopted = {"name": f"theirs{number}", "options": options, "label": {}}
        assert machine.task("volume", adopted, user=user)["changed"] is False


@USERS
def test_data_and_running_containers_survive_a_change(machine: Machine, user: str | None) -> None:
    """The peer removes volume, data and container to add a label."""
    assert machine.registry
    machine.task("volume", {"name": "data"}, user=user)
    web = {"name": "web", "image": IMAGE, "command": ["sleep", "1000"], "volume": ["data:/data"], "stop_timeout": 0}
    before = machine.task("container", web, user=user)["container"]
    machine.podman(["exec", "web", "sh", "-c", "echo precious >/data/file"], user)
    both(machine, {"name": "data", "label": {"new": "one"}, "uid": 1}, user)
    after = machine.task("container", web, user=user)
    assert after["changed"] is False
    assert after["container"]["State"]["Pid"] == before["State"]["Pid"]
    assert machine.podman(["exec", "web", "cat", "/data/file"], user).stdout == "precious\n"
    for wish, words in (
        ({"state": "absent"}, "containers use it: web"),
        ({"recreate": True}, "containers use it: web"),
        ({"options": ["type=tmpfs", "device=tmpfs"]}, "containers run with it: web"),
        ({"driver": "other"}, "driver"),
    ):
        for check in (True, False):
            failed = machine.task("volume", {"name": "data", **wish}, user=user, check=check, fails=True)
            assert words in failed["msg"]
    assert machine.podman(["exec", "web", "cat", "/data/file"], user).stdout == "precious\n"


def test_mounted_and_unmounted(machine: Machine) -> None:
    assert machine.registry
    options = ["type=tmpfs", "device=tmpfs", "o=size=1m"]
    wish: dict[str, object] = {"name": "memory", "options": options}
    made = both(machine, {**wish, "state": "mounted"}, None)
    assert machine.sh(f"findmnt -no FSTYPE {made['mount_point']}") == "tmpfs"
    assert podmans(machine, "memory", None)["MountCount"] == 1
    web = {"name": "web", "image": IMAGE, "command": ["sleep", "1000"], "volume": ["memory:/m"], "stop_timeout": 0}
    machine.task("container", web)
    both(machine, {**wish, "state": "unmounted"}, None)
    assert machine.sh(f"findmnt -no FSTYPE {made['mount_point']}") == "tmpfs", "the container runs on with it"
    both(machine, {**wish, "state": "mounted"}, None)
    machine.task("container", {"name": "web", "state": "absent"})
    assert machine.sh(f"findmnt -no FSTYPE {made['mount_point']}") == "tmpfs", "it stays mounted for the task"
    both(machine, {**wish, "state": "unmounted"}, None)
    assert machine.sh(f"findmnt -no FSTYPE {made['mount_point']} || echo none") == "none"
    plain = both(machine, {"name": "plain", "state": "mounted"}, None)
    assert plain["mount_point"].endswith("/plain/_data")
    both(machine, {"name": "plain", "state": "unmounted"}, None, changed=False)


def test_refusals(machine: Machine) -> None:
    for wish, words in (
        ({"name": "a/b"}, "starts with a letter or digit"),
        ({"name": "a", "driver": "nfs"}, "driver nfs"),
        ({"name": "a", "options": ["type"]}, "KEY=VALUE"),
        ({"name": "a", "options": ["colour=red"]}, "not an option of the local driver"),
        ({"name": "a", "options": ["device=/srv"]}, "needs a type"),
        ({"name": "a", "options": ["o=uid=web"]}, "not a number"),
        ({"name": "a", "options": ["o=size=1g"]}, "project quota"),
    ):
        assert words in machine.task("volume", wish, fails=True)["msg"]
    assert machine.podman(["volume", "ls", "-q"]).stdout == ""


@USERS
def test_looking(machine: Machine, user: str | None) -> None:
    assert machine.registry
    machine.task("volume", {"name": "one", "label": {"app": "shop"}}, user=user)
    two = machine.task("volume", {"name": "two", "label": {"app": "office"}}, user=user)["volume"]
    machine.sh(f"head -c 1000 /dev/zero >{two['Mountpoint']}/file", user=user)
    box = {"name": "web", "image": IMAGE, "command": ["true"], "volume": ["one:/one"], "state": "created"}
    machine.task("container", box, user=user)

    def names(**wish: object) -> list[str]:
        return [found["Name"] for found in machine.task("volume_info", wish, user=user)["volumes"]]

    assert names() == ["one", "two"]
    assert names(name="two") == ["two"] and names(name="nothing") == []
    assert names(label={"app": "shop"}) == ["one"] and names(label={"app": None}) == ["one", "two"]
    assert names(dangling=True) == ["two"] and names(dangling=False) == ["one"]
    assert machine.task("volume_info", {"name": "two", "size": True}, user=user)["volumes"][0]["Size"] == 1000
