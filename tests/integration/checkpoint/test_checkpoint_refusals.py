"""What cannot be frozen or thawed is told before it is tried, and a try that fails changes nothing."""

from __future__ import annotations

import json

import pytest
from frozen_state import IMAGE, ask, until
from machine import USER, Machine

ARCHIVE = "/var/tmp/box.tar"
COUNT = "i=0; while :; do i=$((i+1)); echo $i >/new; mv /new /count; sleep 0.1; done"
FREEZE_TCP = ("container", "checkpoint", "--tcp-established", "box")
BOX = {"name": "box", "image": IMAGE, "command": ["sh", "-c", COUNT], "network": ["none"], "stop_timeout": 0}


@pytest.fixture
def box(shared_freezer: Machine) -> Machine:
    """A machine with one container that counts, and nothing else."""
    machine = shared_freezer
    machine.podman(["rm", "-f", "-t", "0", "-a"])
    machine.podman(["volume", "prune", "-f"])
    machine.sh(f"rm -rf {ARCHIVE}* /canary; mkdir /canary; echo alive >/canary/file")
    machine.task("container", BOX)
    until(machine, "box", lambda: int(ask(machine, "cat /count || echo 0", "box")) > 1)
    return machine


def goes_on(machine: Machine) -> None:
    first = int(ask(machine, "cat /count", "box"))
    until(machine, "box", lambda: int(ask(machine, "cat /count", "box")) > first)


def refused(machine: Machine, wish: dict[str, object], *words: str) -> None:
    """In check mode and in earnest, with the same words."""
    for check in (True, False):
        message = machine.task("checkpoint", wish, check=check, fails=True)["msg"]
        assert all(word in message for word in words), message


def test_an_archive_for_which_there_is_no_room(box: Machine) -> None:
    """It goes on with its memory, whether it was to stop or not, and nothing is left of the try."""
    box.sh("mkdir -p /narrow; mount -t tmpfs -o size=64k narrow /narrow")
    first = int(ask(box, "cat /count", "box"))
    export = {"name": "box", "state": "exported", "dest": "/narrow/box", "compression": "none"}
    for more in ({}, {"leave_running": True}):
        message = box.task("checkpoint", {**export, **more}, fails=True)["msg"]
        assert "No space left" in message
        goes_on(box)
        assert box.sh("ls -A /narrow") == ""
        assert box.task("checkpoint_info", {"name": ["box"]})["checkpoints"] == []
    done = box.run(["daemonless", "container", "checkpoint", "-e", "/narrow/box", "-c", "none", "box"], check=False)
    assert done.returncode == 125
    goes_on(box)
    assert int(ask(box, "cat /count", "box")) > first, "its memory began anew"
    box.sh("umount /narrow")


def test_told_before_it_is_tried(box: Machine) -> None:
    freeze = {"name": "box"}
    refused(box, {"name": "none"}, "no container with this name")
    refused(box, {**freeze, "criu_path": "/bin/nothing"}, "cannot be checkpointed", "not a program on this host")
    refused(box, {**freeze, "pre_checkpoint": True}, "does not tell which pages of memory")
    refused(box, {**freeze, "with_previous": True}, "no earlier round was made")
    refused(box, {**freeze, "publish": ["1:2"]}, "has no meaning with state checkpointed")
    refused(box, {**freeze, "state": "restored", "leave_running": True}, "It goes with checkpointed or exported")
    refused(box, {**freeze, "state": "exported", "dest": "/none/x"}, "there is no directory /none")
    box.task("container", {**BOX, "state": "paused"})
    refused(box, freeze, "it is paused")
    box.task("container", BOX)
    goes_on(box)
    box.task("container", {**BOX, "state": "stopped"})
    refused(box, freeze, "it is not running but exited")
    refused(box, {**freeze, "state": "restored"}, "cannot be restored: no checkpoint is kept of it")
    box.task("container", {"name": "peer", "image": IMAGE, "command": "sleep 1000", "network": ["none"]})
    box.task("container", {**BOX, "name": "sharing", "network": ["container:peer"]})
    refused(box, {"name": "sharing"}, "shares the network namespace of container peer")
    refused(box, {"name": "peer"}, "container sharing, which runs, needs it")


def test_a_plain_user_is_told(shared_freezer: Machine) -> None:
    machine = shared_freezer
    machine.task("image", {"name": IMAGE}, user=USER)
    machine.task("container", BOX, user=USER)
    message = machine.task("checkpoint", {"name": "box"}, user=USER, fails=True)["msg"]
    assert "need root" in message
    report = machine.task("host_info", {}, user=USER)["host"]["checkpoints"]
    assert not report["able"]
    machine.task("container", {"name": "box", "state": "absent"}, user=USER)


def test_host_info_tells(shared_freezer: Machine) -> None:
    machine = shared_freezer
    report = machine.task("host_info", {})["host"]["checkpoints"]
    assert report["able"], report
    assert report["criu"]["version"].split(".")[0].isdigit()
    assert report["tracks_memory"] in (True, False)
    machine.sh("mv /usr/local/sbin/criu /usr/local/sbin/criu.away")
    try:
        hidden = machine.task("host_info", {})["host"]["checkpoints"]
    finally:
        machine.sh("mv /usr/local/sbin/criu.away /usr/local/sbin/criu")
    assert hidden["criu"]["path"] != report["criu"]["path"]


def test_connections_are_asked_for(box: Machine) -> None:
    """Both ends of a connection are in the container, so both come back."""
    talk = (
        "ip link set lo up; mkfifo /in; nc -l -p 7000 </in >/heard & exec 5>/in;"
        "until grep -q ':1B58 .* 0A ' /proc/net/tcp /proc/net/tcp6; do sleep 0.1; done;"
        "mkfifo /out; nc 127.0.0.1 7000 </out & exec 6>/out; echo first >&6;"
        "while :; do test ! -e /say || { cat /say >&6; rm /say; }; sleep 0.1; done"
    )
    box.task("container", {**BOX, "command": ["sh", "-c", talk], "cap_add": ["NET_ADMIN"]})
    until(box, "box", lambda: "first" in ask(box, "cat /heard || true", "box"))
    refused(box, {"name": "box"}, "2 open TCP connections (say tcp_established to keep them)")
    payload = {"name": "box", "tcp_established": True}
    if "releases of CRIU after 4.1 know that" in str(box.run(["daemonless", *FREEZE_TCP], check=False).stderr):
        assert "releases of CRIU after 4.1 know that" in box.task("checkpoint", payload, fails=True)["msg"]
        ask(box, "echo second >/say", "box")
        until(box, "box", lambda: "second" in ask(box, "cat /heard", "box"))
        pytest.skip("Linux 6.16 and later with CRIU 4.1: no network socket can be frozen")
    box.task("checkpoint", {"name": "box", "state": "restored"})  # what was kept need not be said again
    ask(box, "echo second >/say", "box")
    until(box, "box", lambda: "second" in ask(box, "cat /heard", "box"))


def test_locks_are_asked_for(box: Machine) -> None:
    held = "exec 7>/lock; /usr/bin/flock -x 7 && echo held >/state; while :; do sleep 0.1; done"
    programs = ["/usr:/usr:ro", "/usr/lib:/lib:ro", "/usr/lib64:/lib64:ro"]  # busybox of Debian has no flock
    box.task("container", {**BOX, "command": ["sh", "-c", held], "volume": programs})
    until(box, "box", lambda: ask(box, "cat /state || true", "box") == "held")
    refused(box, {"name": "box"}, "its processes hold locks on files (say file_locks to keep them)")
    box.task("checkpoint", {"name": "box", "file_locks": True})
    box.task("checkpoint", {"name": "box", "state": "restored"})
    assert ask(box, "/usr/bin/flock -n /lock true || echo taken", "box") == "taken"


def test_a_failed_checkpoint_leaves_it_running(box: Machine) -> None:
    """The disk of the container storage is full; what was kept before is still there."""
    box.task("checkpoint", {"name": "box", "leave_running": True})
    static = box.podman_json(["inspect", "box"])[0]["StaticDir"]
    kept = box.sh(f"md5sum {static}/checkpoint/*")
    used = "$(df -k --output=used /var/lib/containers | tail -n1)"
    box.sh(f"mount -o remount,size=$(({used} + 24))k /var/lib/containers")
    try:
        message = box.task("checkpoint", {"name": "box"}, fails=True)["msg"]
    finally:
        box.sh("mount -o remount,size=50% /var/lib/containers")
    assert "box" in message
    goes_on(box)
    assert box.sh(f"md5sum {static}/checkpoint/*") == kept
    assert box.sh(f"ls {static} | grep -c checkpointing || true") == "0"
    assert box.task("checkpoint", {"name": "box"})["changed"]


def test_a_failed_restore_leaves_the_checkpoint_whole(box: Machine) -> None:
    box.task("checkpoint", {"name": "box"})
    static = box.podman_json(["inspect", "box"])[0]["StaticDir"]
    box.sh(f"cp -a {static}/checkpoint /var/tmp/copy; echo broken >{static}/checkpoint/pstree.img")
    message = box.task("checkpoint", {"name": "box", "state": "restored"}, fails=True)["msg"]
    assert "restore container box" in message
    assert box.podman(["ps", "-q"]).stdout == ""
    box.sh(f"cp -a /var/tmp/copy/. {static}/checkpoint/; rm -r /var/tmp/copy")
    assert box.task("checkpoint", {"name": "box", "state": "restored"})["changed"]
    goes_on(box)
    box.task("checkpoint", {"name": "box"})
    assert box.task("checkpoint", {"name": "box", "state": "absent"}, check=True)["changed"]
    assert box.task("checkpoint", {"name": "box", "state": "absent"})["changed"]
    assert not box.task("checkpoint", {"name": "box", "state": "absent"})["changed"]
    assert box.sh(f"ls {static} | grep -c checkpoint || true") == "0"


#: Rewrites an archive: what each case does to its members before they are written again.
FORGE = r"""
import io, json, sys, tarfile
source, target, case = sys.argv[1:]
members = {}
with tarfile.open(source) as tar:
    for one in tar:
        members[one.name.rstrip("/")] = (one, tar.extractfile(one).read() if one.isreg() else b"")
config = json.loads(members["config.dump"][1])
spec = config["spec"]
def tree(entries):
    out = io.BytesIO()
    with tarfile.open(fileobj=out, mode="w") as tar:
        for name, kind, link, data in entries:
            info = tarfile.TarInfo(name)
            info.type, info.linkname, info.size, info.mode = kind, link, len(data), 0o755
            tar.addfile(info, io.BytesIO(data))
    return out.getvalue()
def put(name, data, kind=tarfile.REGTYPE, link=""):
    info = tarfile.TarInfo(name); info.type = kind; info.linkname = link; info.mode = 0o600
    members[name] = (info, data)
R, L, D, H = tarfile.REGTYPE, tarfile.SYMTYPE, tarfile.DIRTYPE, tarfile.LNKTYPE
if case == "deleted":
    up = "/../../../../../.."
    gone = [up + "/canary/file", "/../canary", "/link/file", "/escape/file", "/www/index.html", "/", "", ".."]
    put("deleted.files", json.dumps(gone).encode())
    put("rootfs-diff.tar", tree([("link", L, "/canary", b""), ("escape", L, "../../../../../../canary", b"")]))
elif case == "rootfs":
    files = [("out/file", R, "", b"owned"), ("../../canary/other", R, "", b"owned")]
    put("rootfs-diff.tar", tree([("canary", D, "", b""), ("out", L, "/canary", b""), *files]))
elif case == "volume":
    config["namedVolumes"] = [{"volumeName": "forged", "dest": "/data", "options": []}]
    put("volumes/forged.tar", tree([("canary", D, "", b""), ("out", L, "/canary", b""), ("out/file", R, "", b"owned")]))
elif case == "unasked-volume":
    put("volumes/precious.tar", tree([("file", R, "", b"owned")]))
elif case == "spec-link":
    put("spec.dump", b"", L, "/canary/file")
elif case == "config-link":
    put("network.status", b"", L, "/canary/file")
elif case == "images-link":
    members = {name: one for name, one in members.items() if not name.startswith("checkpoint")}
    put("checkpoint", b"", L, "/canary")
elif case == "climbing":
    put("checkpoint/../../../../../../canary/file", b"owned")
elif case == "device":
    info = tarfile.TarInfo("stats-dump"); info.type = tarfile.CHRTYPE; members["stats-dump"] = (info, b"")
elif case == "caps":
    spec["process"]["capabilities"]["bounding"].append("CAP_SYS_ADMIN")
elif case == "mount":
    spec["mounts"].append({"destination": "/mnt", "type": "bind", "source": "/canary", "options": ["rbind"]})
elif case == "hook":
    spec["hooks"] = {"prestart": [{"path": "/bin/touch", "args": ["touch", "/canary/hook"]}]}
elif case == "runtime":
    config["runtime"] = "/canary/runtime"
elif case == "log":
    config["logPath"] = "/canary/log"
elif case == "nothing":
    members = {name: one for name, one in members.items() if not name.startswith("checkpoint")}
elif case == "no-config":
    del members["config.dump"]
if case != "no-config":
    put("config.dump", json.dumps(config).encode())
first = sorted(members, key=lambda name: name != "config.dump")
with tarfile.open(target, "w") as tar:
    for name in first:
        info, data = members[name]
        info.name, info.size = name, len(data)
        tar.addfile(info, io.BytesIO(data))
    if case == "twice":
        info, data = members["stats-dump"]
        tar.addfile(info, io.BytesIO(data))
if case == "short":
    data = open(target, "rb").read()
    open(target, "wb").write(data[: len(data) // 2])
"""
REFUSED = {
    "spec-link": "no part of a checkpoint",
    "config-link": "no part of a checkpoint",
    "images-link": "no part of a checkpoint",
    "climbing": "no part of a checkpoint",
    "device": "no part of a checkpoint",
    "twice": "in it twice",
    "short": "ends in",
    "nothing": "holds no checkpoint/inventory.img",
    "no-config": "holds no config.dump",
    "caps": "CAP_SYS_ADMIN",
    "mount": "/canary at /mnt",
    "hook": "hooks, which are never run: prestart",
    "runtime": "the runtime /canary/runtime",
}
TAKEN = ("deleted", "rootfs", "volume", "unasked-volume", "log")


def test_hostile_archives(box: Machine) -> None:
    """Whatever an archive holds, nothing outside of the container is touched, and a refused one leaves nothing."""
    box.task("checkpoint", {"name": "box", "state": "exported", "dest": ARCHIVE, "compression": "none"})
    box.podman(["rm", "box"])
    box.podman(["volume", "create", "precious"])
    box.write("/canary/runtime", "#!/bin/sh\ntouch /canary/ran\n", 0o755)
    box.mark()
    for case in (*REFUSED, *TAKEN):
        forged = f"{ARCHIVE}.{case}"
        box.python(FORGE, ARCHIVE, forged, case)
        wish = {"state": "imported", "src": forged}
        if case in REFUSED:
            message = box.task("checkpoint", wish, fails=True)["msg"]
            assert REFUSED[case] in message, f"{case}: {message}"
        else:
            box.task("checkpoint", wish)
            if case == "deleted":
                assert ask(
                    box, "test -e /www/index.html || echo gone; test -e /bin/sh && echo there", "box"
                ).split() == [
                    "gone",
                    "there",
                ]
            box.task("container", {"name": "box", "state": "absent"})
            box.podman(["volume", "rm", "-f", "forged"])
        assert box.sh("cd /canary && ls && cat file").split() == ["file", "runtime", "alive"], case
        assert box.podman(["ps", "-aq"]).stdout == "", case
        assert box.podman(["volume", "ls", "-q"]).stdout.split() == ["precious"], case
        assert box.sh("ls -A /var/lib/containers/storage/volumes/precious/_data") == "", case
    assert box.leaks() == {}
    box.podman(["volume", "rm", "precious"])


def test_trust_takes_what_is_told(box: Machine) -> None:
    box.task("checkpoint", {"name": "box", "state": "exported", "dest": ARCHIVE, "compression": "none"})
    box.podman(["rm", "box"])
    box.python(FORGE, ARCHIVE, f"{ARCHIVE}.hook", "hook")
    wish = {"state": "imported", "src": f"{ARCHIVE}.hook", "trust": True}
    told = box.task("checkpoint", wish, check=True)
    assert told["diff"]["after"]["privileges"] == {"hooks, which are never run": ["prestart"]}
    [seen] = box.task("checkpoint_info", {"src": [f"{ARCHIVE}.hook"]})["checkpoints"]
    assert seen["privileges"] == told["diff"]["after"]["privileges"]
    box.task("checkpoint", wish)
    goes_on(box)
    assert not box.exists("/canary/hook")
    assert "prestart" not in json.dumps(box.podman_json(["inspect", "box"]))
