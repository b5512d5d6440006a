"""diff and export of containers against podman, as root, as a plain user, and with ids of their own."""

from __future__ import annotations

import json

import pytest
from machine import USER, Machine

IMAGE = "127.0.0.1:5000/busybox:latest"
KINDS = pytest.mark.parametrize(
    ("user", "userns"),
    [(None, None), (USER, None), (USER, "keep-id")],
    ids=["root", "user", "user-keep-id"],
)
SCRIPT = (
    "mkdir -p /srv/d/e && echo hello >/srv/d/f && ln /srv/d/f /srv/d/g && ln -s ../f /srv/d/e/l && mkfifo /srv/p;"
    "chmod 4750 /srv/d/f; chown 8:9 /srv/d/e; rm /etc/group; echo x >>/etc/passwd; rm -rf /var/spool; sleep 1000"
)
# What a tar has of each entry, but for the order of the entries and which of two links comes first.
READ = """
import json, sys, tarfile
found = {}
with tarfile.open(sys.argv[1]) as tar:
    for one in tar:
        kind = "file" if one.isreg() or one.islnk() else one.type.decode()
        content = tar.extractfile(one).read().hex()[:64] if one.isreg() or one.islnk() else one.linkname
        found[one.name.rstrip("/")] = [kind, oct(one.mode), one.uid, one.gid, content]
print(json.dumps(found))
"""


def box(machine: Machine, user: str | None, userns: str | None, **more: object) -> None:
    assert machine.registry.port == 5000
    if userns and user is None:
        machine.sh("for file in /etc/subuid /etc/subgid; do echo containers:300000:655360 >>$file; done")
    wish = {"name": "c", "image": IMAGE, "user": "0", "command": ["sh", "-c", SCRIPT], "stop_timeout": 0, **more}
    machine.task("container", {**wish, **({"userns": userns} if userns else {})}, user=user)
    if "state" not in more:
        wait = "sh -c 'while test -e /var/spool; do :; done'"
        machine.task("container_exec", {"name": "c", "timeout": 60, "command": wait}, user=user)


def entries(machine: Machine, path: str, user: str | None) -> dict[str, list[object]]:
    return json.loads(machine.python(READ, path, user=user).stdout)


def by_podman(machine: Machine, user: str | None) -> dict[str, list[object]]:
    """What podman exports. It writes the ids that a namespace of the container has outside: brought inside here."""
    machine.podman(["export", "-o", "/tmp/theirs.tar", "c"], user)
    wanted = entries(machine, "/tmp/theirs.tar", user)
    wanted.pop("", None)
    maps = machine.podman_json(["inspect", "c"], user)[0]["HostConfig"].get("IDMappings") or {}

    def inside(number: object, lines: list[str]) -> object:
        for start, outside, size in (map(int, line.split(":")) for line in lines):
            if isinstance(number, int) and 0 <= number - outside < size:
                return start + number - outside
        return number

    for entry in wanted.values():
        entry[2:4] = inside(entry[2], maps.get("UidMap", [])), inside(entry[3], maps.get("GidMap", []))
    return wanted


def test_ids_of_a_namespace(machine: Machine) -> None:
    """Root's container with ids of its own: the disk has the host's numbers, the tar the container's."""
    box(machine, None, "auto:size=1024", state="created")
    machine.podman(["cp", "/etc/hostname", "c:/made"])
    machine.task("container_export", {"container": "c", "dest": "/tmp/ours.tar"})
    found = entries(machine, "/tmp/ours.tar", None)
    assert found == by_podman(machine, None)
    assert found["bin/busybox"][2:4] == [0, 0]
    assert machine.sh("daemonless diff c").splitlines() == machine.podman(["diff", "c"]).stdout.splitlines()


@KINDS
def test_diff_and_export_as_podman(machine: Machine, user: str | None, userns: str | None) -> None:
    box(machine, user, userns, volume=["data:/data"])
    command = "daemonless" if user is None else f"/home/{USER}/.local/bin/daemonless"
    theirs = machine.podman(["diff", "c"], user).stdout
    ours = machine.run([command, "diff", "c"], user).stdout
    assert sorted(ours.splitlines()) == sorted(theirs.splitlines())
    assert {"D /etc/group", "A /srv/d/e/l", "C /etc/passwd"} <= set(ours.splitlines())
    assert json.loads(machine.run([command, "diff", "--format", "json", "c"], user).stdout)["deleted"]

    dest = {"container": "c", "dest": "/tmp/ours.tar"}
    assert machine.task("container_export", dest, user=user, check=True)["changed"]
    assert not machine.exists("/tmp/ours.tar")
    assert machine.task("container_export", dest, user=user)["changed"]
    assert not machine.task("container_export", dest, user=user)["changed"]
    assert not machine.task("container_export", dest, user=user, check=True)["changed"]
    machine.run([command, "export", "-o", "/tmp/cli.tar", "c"], user)
    machine.sh("cmp /tmp/ours.tar /tmp/cli.tar")
    found = entries(machine, "/tmp/ours.tar", user)
    assert found == by_podman(machine, user)
    assert found["srv/d/f"][:2] == ["file", "0o4750"]

    machine.task("container_exec", {"name": "c", "command": "touch /more"}, user=user)
    assert not machine.task("container_export", {**dest, "force": False}, user=user)["changed"]
    assert machine.task("container_export", dest, user=user, check=True)["changed"]
    assert machine.task("container_export", dest, user=user)["changed"]
    assert "more" in entries(machine, "/tmp/ours.tar", user)


def test_export_refuses(machine: Machine) -> None:
    for wish, words in (
        ({"container": "none", "dest": "/tmp/x"}, "no container"),
        ({"volume": "none", "dest": "/tmp/x"}, "none of this name"),
        ({"dest": "/tmp/x"}, "one of the following is required"),
    ):
        assert words in machine.task("container_export", wish, fails=True)["msg"]


@pytest.mark.parametrize("user", [None, USER], ids=["root", "user"])
def test_info_has_more(machine: Machine, user: str | None) -> None:
    machine.task("secret", {"name": "s", "data": "hidden-value"}, user=user)
    box(machine, user, None, secrets=["s,type=env,target=TOLD"])
    inside = machine.task("container_exec", {"name": "c", "command": "sh -c 'echo $TOLD'"}, user=user)
    assert inside["stdout"] == "hidden-value"
    plain = machine.task("container_info", {"name": ["c"]}, user=user)["containers"][0]
    assert plain.keys() == machine.podman_json(["inspect", "c"], user)[0].keys()
    wish = {"name": ["c"], "processes": True, "changes": True, "spec": True}
    found = machine.task("container_info", wish, user=user)["containers"][0]
    assert found.keys() - plain.keys() == {"Processes", "Changes", "Spec"}
    told = json.loads(machine.podman(["diff", "--format", "json", "c"], user).stdout)
    assert {key: sorted(paths) for key, paths in told.items()} == found["Changes"]
    assert [one["pid"] for one in found["Processes"]] == [1]
    assert found["Processes"][0]["host_pid"] == plain["State"]["Pid"]
    assert found["Spec"]["process"]["args"][0] == "sh"
    assert "TOLD=*******" in found["Spec"]["process"]["env"]
    assert "hidden-value" not in json.dumps(found)
    if user is None:
        used = machine.task("container_info", {"name": ["c"], "stats": True}, user=user)["containers"][0]["Stats"]
        assert used["memory"] > 0
    machine.task("container", {"name": "c", "state": "stopped"}, user=user)
    assert machine.task("container_info", wish, user=user)["containers"][0]["Processes"] == []
