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
    shown = box.task("container", gpus, user=user, check=True)
    assert shown["diff"]["after"]["device"] == ["nvidia.com/gpu=all", "vendor.com/class=one"]
    told = box.task("container", gpus, user=user, fails=True)["msg"]
    assert "find CDI device nvidia.com/gpu=all" in told and "runs again under the name ours" in told
    assert box.task("container", wish, user=user)["changed"] is False
    for name in ("ours", "theirs"):
        box.task("container", {"name": name, "state": "absent"}, user=user)
