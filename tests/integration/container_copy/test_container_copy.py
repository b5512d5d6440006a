"""Files into containers and out of them: as podman does it, twice without a change, and never beside the place."""

from __future__ import annotations

import json

import pytest
from machine import USER, Machine

IMAGE = "127.0.0.1:5000/busybox:latest"
STARTED_AND_NOT = pytest.mark.parametrize(
    ("user", "state"), [(None, "started"), (USER, "created")], ids=["root-started", "user-created"]
)
NOT_AND_STARTED = pytest.mark.parametrize(
    ("user", "state"), [(None, "created"), (USER, "started")], ids=["root-created", "user-started"]
)
SOURCE = (
    "mkdir -p /src/d/sub/deep; echo hi >/src/f; chmod 0750 /src/f; echo x >/src/d/x; echo y >/src/d/sub/deep/y;"
    "ln -s /etc/passwd /src/d/link; ln /src/d/x /src/d/x2; mkfifo /src/d/fifo; ln -s f /src/l; ln -s d /src/ld;"
    "chmod 0710 /src/d/sub; truncate -s 1M /src/d/hole; chmod -R a+rX /src; chown -hR 5:6 /src/d/sub"
)
LIST = "cd {} && find . -exec stat -c '%n %F %a %u:%g %h' {{}} + | sort"


def box(machine: Machine, user: str | None, state: str = "started", run_as: str = "web", **more: object) -> None:
    assert machine.registry.port == 5000
    machine.sh(SOURCE)
    wish = {"name": "c", "image": IMAGE, "command": ["sleep", "1000"], "stop_timeout": 0, "user": run_as}
    machine.task("container", {**wish, "state": state, "volume": ["data:/data", "/src:/bound:ro"], **more}, user=user)
    machine.mark()


def both(machine: Machine, wish: dict[str, object], user: str | None = None, changed: bool = True) -> dict[str, object]:
    """Check mode and the run give the same answer, and a second run has nothing to do."""
    wish = {"container": "c", **wish}
    ahead = machine.task("container_copy", wish, check=True, user=user)
    done = machine.task("container_copy", wish, user=user)
    assert done["changed"] is changed, wish
    for key in ("changed", "actions", "diff", "copy"):
        assert ahead.get(key) == done.get(key), key
    again = machine.task("container_copy", wish, user=user)
    assert again["changed"] is False, again["actions"]
    assert machine.task("container_copy", wish, user=user, check=True)["changed"] is False
    return done


def inside(machine: Machine, script: str, user: str | None, state: str) -> list[str]:
    """Run in the container, or in one of its image with what it holds as podman sees it."""
    if state == "created":
        machine.task("container", {"name": "c", "state": "started"}, user=user)
    out = machine.podman(["exec", "-u", "0", "c", "sh", "-c", script], user).stdout.splitlines()
    return [line for line in out if line.strip()]


@STARTED_AND_NOT
def test_into_a_container(machine: Machine, user: str | None, state: str) -> None:
    box(machine, user, state)
    done = both(machine, {"src": "/src/f", "dest": "/tmp/file"}, user)
    assert done["diff"] == {"before": "", "after": "hi\n"}
    assert done["copy"]["path"] == "/tmp/file" and done["copy"]["size"] == 3
    assert done["copy"]["checksum"] == machine.sh("sha256sum /src/f").split()[0]
    both(machine, {"src": "/src/f", "dest": "/tmp"}, user)
    both(machine, {"src": "/src/f", "dest": "/data/f", "mode": "0600", "owner": "7", "group": "8"}, user)
    both(machine, {"src": "/src/f", "dest": "/data/f", "mode": "u=rw,g=r,o=", "owner": "daemon"}, user)
    both(machine, {"content": "words\n", "dest": "/data/words"}, user)
    changed = both(machine, {"content": "others\n", "dest": "/data/words", "mode": "0644"}, user)
    assert changed["diff"] == {"before": "words\n", "after": "others\n"}
    both(machine, {"src": "/src/d", "dest": "/data/d"}, user)
    both(machine, {"src": "/src/d/.", "dest": "/data"}, user)
    both(machine, {"src": "/src/ld", "dest": "/data"}, user)
    once = {"container": "c", "src": "/src/d", "dest": "/tmp/other"}
    assert "the next run" in str(machine.task("container_copy", once, user=user, check=True)["warnings"])
    listed = inside(machine, LIST.format("/data"), user, state)
    assert "./f regular file 640 1:1 1" in listed or "./f regular file 640 1:8 1" in listed
    assert "./words regular file 644 1000:1000 1" in listed
    for top in (".", "./d", "./ld"):
        assert {
            f"{top}/x regular file 644 1000:1000 2",
            f"{top}/x2 regular file 644 1000:1000 2",
            f"{top}/link symbolic link 777 1000:1000 1",
            f"{top}/fifo fifo 644 1000:1000 1",
            f"{top}/hole regular file 644 1000:1000 1",
            f"{top}/sub/deep/y regular file 644 1000:1000 1",
        } <= set(listed)
        assert any(line.startswith(f"{top}/sub directory 755 1000:1000") for line in listed)
    assert inside(machine, "cat /tmp/file /data/d/sub/deep/y; stat -c %a /tmp /tmp/f", user, state) == [
        "hi", "y", "755", "755",
    ]  # fmt: skip
    machine.podman(["rm", "-f", "-t", "0", "c"], user)
    assert machine.leaks() == {}


@NOT_AND_STARTED
def test_out_of_a_container(machine: Machine, user: str | None, state: str) -> None:
    box(machine, user, state, run_as="0")
    both(machine, {"src": "/src/d", "dest": "/data/d", "archive": False}, user)
    both(machine, {"content": "hidden\n", "dest": "/data/d/set", "mode": "6755"}, user)
    machine.sh("mkdir /out", None)
    machine.sh(f"chown {user or 'root'}: /out")
    both(machine, {"src": "/data/d", "dest": "/out", "from_container": True}, user)
    both(machine, {"src": "/data/d/.", "dest": "/out/new", "from_container": True}, user)
    both(machine, {"src": "/data/d/set", "dest": "/out/set", "from_container": True, "mode": "0400"}, user)
    both(machine, {"src": "/bound/f", "dest": "/out", "from_container": True}, user)
    both(machine, {"src": "/etc/passwd", "dest": "/out/passwd", "from_container": True}, user)
    owner = "1500:1500" if user else "0:0"
    listed = machine.sh(LIST.format("/out")).splitlines()
    for top in ("./d", "./new"):
        assert f"{top}/x regular file 644 {owner} 2" in listed
        assert f"{top}/set regular file 755 {owner} 1" in listed, "a container's set-id bits stay in it"
        assert f"{top}/link symbolic link 777 {owner} 1" in listed
    assert f"./set regular file 400 {owner} 1" in listed
    assert machine.sh("cat /out/f /out/d/set").split() == ["hi", "hidden"]
    machine.podman(["rm", "-f", "-t", "0", "c"], user)
    assert machine.leaks() == {}


def test_words_for_what_cannot_be(machine: Machine) -> None:
    box(machine, None, tmpfs={"/mem": ""}, read_only=True)
    for wish, words in (
        ({"src": "/src/f", "dest": "/no/such"}, "could not be found on container c"),
        ({"src": "/src/f", "dest": "/new/"}, "could not be found on container c"),
        ({"src": "/src/no", "dest": "/data"}, "could not be found on the host"),
        ({"src": "/no", "dest": "/tmp", "from_container": True}, "could not be found on container c"),
        ({"src": "/src/d", "dest": "/etc/passwd"}, "destination must be a directory"),
        ({"src": "/src/f", "dest": "/f"}, "Read-only file system"),
        ({"src": "/src/f", "dest": "/bound/new"}, "Read-only file system"),
        ({"content": "x", "dest": "/data"}, "Name the file in it"),
        ({"content": "x", "dest": "/data/x", "mode": "rw"}, "read the mode"),
        ({"content": "x", "dest": "/data/x", "owner": "nobody-here"}, "nobody-here"),
        ({"content": "x", "src": "/src/f", "dest": "/data/x"}, "mutually exclusive"),
        ({"dest": "/data/x"}, "one of the following is required"),
        ({"container": "none", "src": "/src/f", "dest": "/data/x"}, "no container"),
    ):
        assert words in machine.task("container_copy", {"container": "c", **wish}, fails=True)["msg"], wish
    both(machine, {"src": "/src/f", "dest": "/mem/f"})
    assert inside(machine, "cat /mem/f; find /data", None, "started") == ["hi", "/data"]
    machine.task("container", {"name": "c", "state": "stopped"})
    failed = machine.task("container_copy", {"container": "c", "src": "/src/f", "dest": "/mem/f"}, fails=True)
    assert "/mem is a tmpfs" in failed["msg"]


def test_overwrite(machine: Machine) -> None:
    box(machine, None, run_as="0")
    inside(machine, "mkdir -p /data/f/full /tmp/f; echo 1 >/data/d", None, "started")
    for src in ("/src/f", "/src/d"):
        for check in (True, False):
            wish = {"container": "c", "src": src, "dest": "/data"}
            assert "overwrite" in machine.task("container_copy", wish, check=check, fails=True)["msg"]
    both(machine, {"src": "/src/f", "dest": "/data", "overwrite": True})
    both(machine, {"src": "/src/d", "dest": "/data", "overwrite": True})
    assert inside(machine, "cat /data/f /data/d/x", None, "started") == ["hi", "x"]


def test_files_that_are_mounted_are_written_in_place(machine: Machine) -> None:
    box(machine, None, run_as="0")
    before = inside(machine, "stat -c %i /etc/hosts", None, "started")
    both(machine, {"content": "10.0.0.1 db\n", "dest": "/etc/hosts"})
    assert inside(machine, "stat -c %i /etc/hosts; cat /etc/hosts", None, "started") == [*before, "10.0.0.1 db"]


@pytest.mark.parametrize(
    ("user", "userns", "state"),
    [(None, "auto:size=1024", "created"), (None, "auto:size=1024", "started"), (USER, "keep-id", "started")],
    ids=["auto-created", "auto-started", "keep-id"],
)
def test_ids_of_a_namespace(machine: Machine, user: str | None, userns: str, state: str) -> None:
    if user is None:
        machine.sh("for file in /etc/subuid /etc/subgid; do echo containers:300000:655360 >>$file; done")
    box(machine, user, state, run_as="7:8", userns=userns)
    both(machine, {"src": "/src/d", "dest": "/tmp"}, user)
    both(machine, {"content": "x", "dest": "/tmp/kept", "owner": "9", "group": "10"}, user)
    failed = {"container": "c", "content": "x", "dest": "/tmp/no", "owner": "999999"}
    assert "no such id" in machine.task("container_copy", failed, user=user, fails=True)["msg"]
    machine.sh("mkdir -m 777 /out")
    both(machine, {"src": "/tmp/d", "dest": "/out", "from_container": True, "archive": False}, user)
    listed = inside(machine, "stat -c '%n %u:%g' /tmp/d/x /tmp/d/sub/deep/y /tmp/kept", user, state)
    assert listed == ["/tmp/d/x 7:8", "/tmp/d/sub/deep/y 7:8", "/tmp/kept 9:10"]
    if user is None:
        assert machine.sh("stat -c %u:%g /out/d/x") == "7:8"


def test_as_podman_copies(machine: Machine) -> None:
    """The same copies by podman and by us into two containers give the same trees."""
    box(machine, None, "created")
    machine.sh("rm /src/d/x2")  # podman 5.4 fails for hard links in a directory that it renames
    machine.podman(["create", "--name", "p", "--user", "web", IMAGE, "sleep", "9"])
    both(machine, {"src": "/src/f", "dest": "/tmp/f"})
    copies = (
        ("/src/d", "/f1"), ("/src/d/.", "/f2"), ("/src/d/", "/f3"), ("/src/d", "/tmp"), ("/src/d/.", "/tmp"),
        ("/src/ld", "/f4"), ("/src/l", "/f5"), ("/src/l", "/tmp"), ("/src/ld", "/tmp"), ("/src/f", "/tmp/f"),
    )  # fmt: skip
    for src, dest in copies:
        machine.run(["daemonless", "cp", src, f"c:{dest}"])
        machine.podman(["cp", src, f"p:{dest}"])
    trees = {}
    for name in ("c", "p"):
        top = machine.podman(["mount", name]).stdout.strip()
        trees[name] = machine.sh(
            f"cd {top}; find f? tmp -printf '%p %y %m %U:%G %s %l\\n' | grep -v '^[^ ]* d\\|^tmp ' | sort"
        )
    assert trees["c"] == trees["p"]
    assert json.loads(machine.podman(["inspect", "c"]).stdout)[0]["State"]["Status"] == "created"
