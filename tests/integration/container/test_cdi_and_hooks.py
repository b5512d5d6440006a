"""Devices by CDI, and OCI hooks: the bundle that comes of them is held against podman's from the same files."""

from __future__ import annotations

import json

import pytest
from machine import Spec

IMAGE = "127.0.0.1:5000/busybox:latest"
USERS = pytest.mark.parametrize("user", [None, "tester"], ids=["root", "user"])
VENDOR = {
    "cdiVersion": "0.7.0",
    "kind": "vendor.com/class",
    "containerEdits": {
        "env": ["GLOBAL=1", "DUP=global"],
        "hooks": [{"hookName": "createContainer", "path": "/bin/true", "args": ["true", "x"], "timeout": 5}],
    },
    "devices": [
        {
            "name": "one",
            "containerEdits": {
                "env": ["ONE=1", "DUP=one"],
                "deviceNodes": [
                    {"path": "/dev/myfull", "hostPath": "/dev/full", "permissions": "rw"},
                    {"path": "/dev/mynull", "hostPath": "/dev/null", "type": "c", "major": 1, "minor": 3, "uid": 0},
                ],
                "mounts": [{"hostPath": "/etc/machine", "containerPath": "/data/cdi", "options": ["ro", "bind"]}],
                "additionalGids": [44, 45],
            },
        },
        {
            "name": "two",
            "containerEdits": {"env": ["DUP=two"], "deviceNodes": [{"path": "/dev/full"}], "additionalGids": [44]},
        },
    ],
}


@pytest.fixture(scope="module")
def box(lab):
    machine = lab.machine(Spec(os="debian13"))
    assert machine.registry.port == 5000
    for user in (None, "tester"):
        machine.task("image", {"name": IMAGE}, user=user)
    machine.write("/etc/machine", "from the host\n")
    machine.write("/etc/cdi/vendor.json", json.dumps(VENDOR))
    yield machine
    machine.close()


def bundle(machine, name, user):
    shown = machine.podman_json(["inspect", name], user)[0]
    return json.loads(machine.read(f"{shown['StaticDir']}/config.json"))


def edited(spec):
    """What CDI and hooks may have put into a bundle, in an order that means nothing."""
    linux, process = spec["linux"], spec["process"]
    known = ("/data", "/dev/my", "/dev/full")
    return {
        "env": sorted(word for word in process["env"] if not word.startswith(("HOSTNAME=", "PATH="))),
        "groups": sorted(process["user"].get("additionalGids", [])),
        "devices": linux.get("devices", []),
        "rules": [rule for rule in linux["resources"].get("devices", []) if rule["allow"]],
        "mounts": [mount for mount in spec["mounts"] if mount["destination"].startswith(known)],
        "hooks": spec.get("hooks"),
    }


@USERS
def test_devices_by_their_cdi_names(box, user):
    # podman cannot give a plain user's container a device under another name; ours does, see below
    names = [f"vendor.com/class={name}" for name in (("one", "two") if user is None else ("two",))]
    wish = {"name": "ours", "image": IMAGE, "command": ["sleep", "100"], "device": names, "stop_timeout": 0}
    assert box.task("container", wish, user=user, check=True)["changed"] is True
    box.task("container", wish, user=user)
    assert box.task("container", wish, user=user)["changed"] is False
    box.podman(["run", "-d", "--name", "theirs", *(f"--device={name}" for name in names), IMAGE, "sleep", "100"], user)
    ours, theirs = (edited(bundle(box, name, user)) for name in ("ours", "theirs"))
    if user is not None:  # without cgroups of their own podman leaves the rules to the runtime, which drops them
        theirs["rules"] = ours["rules"]
    assert ours == theirs
    wish["device"] = ["vendor.com/class=one"]
    box.task("container", wish, user=user)
    inside = "cat /data/cdi; echo x > /dev/mynull && echo written; ls /dev/myfull; tr '\\0' '\\n' < /proc/1/environ"
    said = box.podman(["exec", "ours", "sh", "-c", inside], user).stdout.split("\n")
    assert said[:3] == ["from the host", "written", "/dev/myfull"]
    assert {"DUP=one", "ONE=1", "GLOBAL=1"} < set(said)
    if user is None:  # podman finds the devices where it keeps them itself
        box.podman(["stop", "-t", "0", "ours"])
        box.podman(["start", "ours"])
        assert box.podman(["exec", "ours", "cat", "/data/cdi"]).stdout == "from the host\n"

    gpus = {**wish, "gpus": "all"}
    running = box.podman_json(["inspect", "ours"], user)[0]["State"]["Pid"]
    for check in (True, False):  # known before the one that runs is touched
        told = box.task("container", gpus, user=user, check=check, fails=True)["msg"]
        assert "find CDI device nvidia.com/gpu=all" in told and "no file describes it" in told
        fresh = {**gpus, "name": "fresh", "state": "created"}
        assert "nvidia.com/gpu=all" in box.task("container", fresh, user=user, check=check, fails=True)["msg"]
        listed = {"containers": [{key: value for key, value in fresh.items() if key != "state"}]}
        assert "nvidia.com/gpu=all" in json.dumps(box.task("containers", listed, user=user, check=check, fails=True))
    command = "daemonless" if user is None else f"/home/{user}/.local/bin/daemonless"
    made = box.run([command, "create", "--name", "fresh", "--gpus", "all", IMAGE, "true"], user, check=False)
    assert made.returncode == 125 and "find CDI device nvidia.com/gpu=all" in made.stderr
    assert box.podman(["container", "exists", "fresh"], user, check=False).returncode == 1
    assert box.podman_json(["inspect", "ours"], user)[0]["State"]["Pid"] == running
    assert box.task("container", wish, user=user)["changed"] is False
    device = {"name": "all", "containerEdits": {"env": ["GPUS=all"]}}
    box.write("/etc/cdi/gpus.json", json.dumps({"cdiVersion": "0.7.0", "kind": "nvidia.com/gpu", "devices": [device]}))
    shown = box.task("container", gpus, user=user, check=True)
    assert shown["diff"]["after"]["device"] == ["nvidia.com/gpu=all", "vendor.com/class=one"]
    box.task("container", gpus, user=user)
    box.sh("rm /etc/cdi/gpus.json")
    assert box.task("container", gpus, user=user)["changed"] is False, "it runs, and nothing is to be done"
    box.task("container", {**gpus, "state": "stopped"}, user=user)
    assert "nvidia.com/gpu=all" in box.task("container", gpus, user=user, check=True, fails=True)["msg"]
    for name in ("ours", "theirs"):
        box.task("container", {"name": name, "state": "absent"}, user=user)


#: Files of hooks; each program writes what it was told into a file of its own.
HOOKS = {
    "10-start.json": {"when": {"always": True}, "stages": ["prestart", "poststart"]},
    "20-end.json": {"when": {"commands": ["sleep$"]}, "stages": ["poststop"]},
    "30-change.json": {"when": {"annotations": {"^change$": "^y"}}, "stages": ["precreate"]},
    "40-binds.json": {"when": {"hasBindMounts": True}, "stages": ["createContainer"]},
    "50-never.json": {"when": {"or": True, "commands": ["nothing"]}, "stages": ["prestart"]},
    "60-gone.json": {"when": {"always": True}, "stages": ["prestart"]},
}
TELLS = '#!/bin/sh\n{ echo "$1 $A ${HOME-none} $PWD"; cat; echo; } >>"$(dirname "$0")/told"\n'
CHANGES = "#!/bin/sh\nexec sed s/FOO=bar/FOO=changed/\n"


def hooked(machine, user, folder):
    """A directory with all of them."""
    machine.sh(f"mkdir -p {folder}; rm -f {folder}/*", user)
    machine.write(f"{folder}/tells", TELLS, 0o755, user)
    machine.write(f"{folder}/changes", CHANGES, 0o755, user)
    for name, document in HOOKS.items():
        program = {"30-change.json": "changes", "60-gone.json": "gone"}.get(name, "tells")
        hook = {"path": f"{folder}/{program}", "args": [program, name], "env": ["A=1"], "timeout": 10}
        machine.write(f"{folder}/{name}", json.dumps({"version": "1.0.0", "hook": hook, **document}), 0o644, user)


@USERS
def test_hooks_of_a_directory(box, user):
    folder = "/srv/hooks" if user is None else "/home/tester/hooks"
    hooked(box, user, folder)
    wish = {
        "name": "ours",
        "image": IMAGE,
        "command": ["sleep", "100"],
        "env": {"FOO": "bar"},
        "annotation": {"change": "yes"},
        "volume": ["/etc/machine:/m"],
        "hooks_dir": [folder],
        "stop_timeout": 0,
    }
    box.task("container", wish, user=user)
    assert box.task("container", wish, user=user)["changed"] is False
    flags = "-d --name theirs -e FOO=bar --annotation change=yes -v /etc/machine:/m".split()
    box.podman(["--hooks-dir", folder, "run", *flags, IMAGE, "sleep", "100"], user)
    made = {name: bundle(box, name, user) for name in ("ours", "theirs")}
    assert made["ours"]["hooks"] == made["theirs"]["hooks"]
    assert all("FOO=changed" in spec["process"]["env"] for spec in made.values())
    told = box.read(f"{folder}/told").splitlines()
    box.sh(f": >{folder}/told", user)
    assert [line.split()[:3] for line in told if line and line[0] != "{"] == [
        ["10-start.json", "1", "none"],
        ["40-binds.json", "1", "none"],
        ["10-start.json", "1", "none"],
    ] * 2
    # whoever stops it: its last hook has been kept where podman keeps it, and runs once
    ids = {name: box.podman_json(["inspect", name], user)[0]["Id"] for name in made}
    box.podman(["stop", "-t", "0", "ours"], user)
    box.task("container", {"name": "theirs", "state": "killed"}, user=user)
    ended = [json.loads(line) for line in box.read(f"{folder}/told").splitlines() if line.startswith("{")]
    assert [(state["id"], state["status"]) for state in ended] == [(ids[name], "stopped") for name in made]
    assert ended[0]["annotations"]["change"] == "yes"
    # one that fails keeps the container from starting, and so does a file that cannot be read
    box.write(f"{folder}/changes", "#!/bin/sh\necho no >&2; exit 3\n", 0o755, user)
    assert "precreate hook" in box.task("container", wish, user=user, fails=True)["msg"]
    box.write(f"{folder}/70-bad.json", '{"version": "3"}', 0o644, user)
    assert "70-bad.json: version '3'" in box.task("container", wish, user=user, fails=True)["msg"]
    without = {key: value for key, value in wish.items() if key != "hooks_dir"}
    assert box.task("container", without, user=user)["diff"]["before"]["hooks_dir"] == [folder]
    for name in made:
        box.task("container", {"name": name, "state": "absent"}, user=user)


def test_hooks_of_the_host(box):
    folder = "/usr/share/containers/oci/hooks.d"
    hooked(box, None, folder)
    box.task("container", {"name": "ours", "image": IMAGE, "command": ["true"], "detach": False})
    told = [line.split()[0] for line in box.read(f"{folder}/told").splitlines() if line and line[0] != "{"]
    box.sh(f"rm -r {folder}")
    assert told == ["10-start.json", "10-start.json"]
    box.task("container", {"name": "ours", "state": "absent"})
