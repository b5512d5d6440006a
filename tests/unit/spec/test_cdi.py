"""CDI files: what they may say, what is refused, and what comes of it in a runtime spec."""

from __future__ import annotations

import copy
import json
import os

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, NotFound
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container import cdi as lookup
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import cdi, devices
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec.devices import DeviceNode

HOOK = {"hookName": "createContainer", "path": "/bin/true", "args": ["true", "x"], "env": ["H=1"], "timeout": 5}
VENDOR = {
    "cdiVersion": "0.7.0",
    "kind": "vendor.com/class",
    "containerEdits": {"env": ["GLOBAL=1", "DUP=global"], "hooks": [HOOK]},
    "devices": [
        {
            "name": "one",
            "annotations": {"a": "b"},
            "containerEdits": {
                "env": ["ONE=1", "DUP=one"],
                "deviceNodes": [
                    {"path": "/dev/myfull", "hostPath": "/dev/full", "permissions": "rw"},
                    {"path": "/dev/random"},
                ],
                "mounts": [{"hostPath": "/etc/hostname", "containerPath": "/data/cdi", "options": ["ro", "bind"]}],
                "additionalGids": [44, 0, 45],
            },
        },
        {
            "name": "two",
            "containerEdits": {
                "env": ["TWO=2"],
                "deviceNodes": [{"path": "/dev/two", "type": "c", "major": 1, "minor": 5, "fileMode": 384, "uid": 7}],
                "mounts": [{"hostPath": "/etc/hosts", "containerPath": "/proc", "type": "bind"}],
                "intelRdt": {"closID": "x"},
            },
        },
    ],
}
SPEC = {
    "process": {"env": ["A=b", "TWO=old"], "user": {"uid": 5, "gid": 6}},
    "mounts": [{"destination": "/proc", "type": "proc"}, {"destination": "/dev/shm", "type": "bind"}],
    "linux": {"resources": {"devices": [{"allow": False, "access": "rwm"}]}},
}
HOST = {"/dev/full": DeviceNode("c", 1, 7, 0o666, 0, 0), "/dev/random": DeviceNode("c", 1, 8, 0o666, 0, 0)}


def injected(*names, spec=None):
    made = copy.deepcopy(SPEC if spec is None else spec)
    kind = cdi.read(copy.deepcopy(VENDOR), "/etc/cdi/v.json")
    cdi.inject(made, [kind.edits, *(kind.devices[name] for name in names)], HOST.__getitem__)
    return made


def test_what_comes_of_it():
    made = injected("one", "two")
    assert made["process"]["env"] == ["A=b", "TWO=2", "GLOBAL=1", "DUP=one", "ONE=1"]
    assert made["process"]["user"] == {"uid": 5, "gid": 6, "additionalGids": [44, 45]}
    assert made["hooks"] == {"createContainer": [{key: HOOK[key] for key in ("path", "args", "env", "timeout")}]}
    assert made["linux"]["devices"] == [
        {"path": "/dev/myfull", "type": "c", "major": 1, "minor": 7, "uid": 5, "gid": 6},
        {"path": "/dev/random", "type": "c", "major": 1, "minor": 8, "uid": 5, "gid": 6},
        {"path": "/dev/two", "type": "c", "major": 1, "minor": 5, "uid": 7, "gid": 6, "fileMode": 384},
    ]
    assert made["linux"]["resources"]["devices"] == [
        {"allow": False, "access": "rwm"},
        {"allow": True, "type": "c", "major": 1, "minor": 7, "access": "rw"},
        {"allow": True, "type": "c", "major": 1, "minor": 8, "access": "rwm"},
        {"allow": True, "type": "c", "major": 1, "minor": 5, "access": "rwm"},
    ]
    assert made["linux"]["intelRdt"] == {"closID": "x"}
    assert made["mounts"] == [
        {"destination": "/proc", "source": "/etc/hosts", "type": "bind"},
        {"destination": "/dev/shm", "type": "bind"},
        {"destination": "/data/cdi", "source": "/etc/hostname", "options": ["ro", "bind"]},
    ]


def test_a_plain_users_container_gets_renamed_nodes_bound():
    made = copy.deepcopy(SPEC)
    cdi.inject(made, [cdi.read(VENDOR, "v").devices["one"]], HOST.__getitem__, binds=True)
    assert [device["path"] for device in made["linux"]["devices"]] == ["/dev/random"]
    options = ["bind", "nosuid", "noexec", "rw"]
    assert {"destination": "/dev/myfull", "type": "bind", "source": "/dev/full", "options": options} in made["mounts"]


def broken(**changes):
    return {**VENDOR, **changes}


def device(**edits):
    return broken(devices=[{"name": "one", "containerEdits": edits}])


@pytest.mark.parametrize(
    ("document", "why"),
    [
        ([], "a mapping is missing"),
        (broken(cdiVersion="2.0"), "cdiVersion"),
        (broken(cdiVersion=None), "cdiVersion"),
        (broken(kind="novendor"), "VENDOR/CLASS"),
        (broken(kind="a/../b"), "VENDOR/CLASS"),
        (broken(devices={"name": "one"}), "no list"),
        (broken(devices=[{"name": "../one"}]), "no name"),
        (broken(devices=[{"name": "a"}, {"name": "a"}]), "twice"),
        (broken(devices=[{"name": "a", "annotationz": {}}]), "annotationz"),
        (broken(more=1), "more"),
        (device(env=["NOVALUE"]), "NAME=VALUE"),
        (device(env=["=x"]), "NAME=VALUE"),
        (device(env="A=b"), "list of texts"),
        (device(env=["A=b\0c"]), "list of texts"),
        (device(deviceNodes=[{"path": "dev/x"}]), "absolute"),
        (device(deviceNodes=[{"path": "/dev/x\nb"}]), "absolute"),
        (device(deviceNodes=[{"path": "/dev/x", "type": "q"}]), "unknown"),
        (device(deviceNodes=[{"path": "/dev/x", "permissions": "rwx"}]), "unknown"),
        (device(deviceNodes=[{"path": "/dev/x", "major": "one"}]), "not a number"),
        (device(deviceNodes=[{"path": "/dev/x", "uid": -1}]), "not a number"),
        (device(deviceNodes=[{"path": "/dev/x", "fileMode": True}]), "not a number"),
        (device(mounts=[{"hostPath": "/a", "containerPath": "b"}]), "absolute"),
        (device(mounts=[{"containerPath": "/b"}]), "hostPath"),
        (device(mounts=[None]), "mapping"),
        (device(hooks=[{"hookName": "later", "path": "/bin/true"}]), "later"),
        (device(hooks=[{"hookName": "prestart", "path": "true"}]), "absolute"),
        (device(hooks=[{"hookName": "prestart", "path": "/bin/true", "timeout": -1}]), "not a number"),
        (device(additionalGids=[-1]), "not a number"),
        (device(additionalGids=5), "no list"),
        (device(intelRdt={"closId": "x"}), "closId"),
        (device(netDevices=[]), "netDevices"),
    ],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_files_that_are_refused(document, why):
    with pytest.raises(BadInput, match=why):
        cdi.read(document, "/etc/cdi/v.json")


def test_names():
    for good in ("vendor.com/class=name", "nvidia.com/gpu=all", "a/b=0", "v/c=GPU-0:1.5"):
        assert devices.is_cdi(good) and devices.parse(good).cdi and str(devices.parse(good)) == good
    for bad in ("/dev/a=b", "vendor/class", "1v/c=x", "v/c=", "v/c=-x", "v/c=x\n", "v/c=a=b", "v-/c=x", "v/c/d=x"):
        assert not devices.is_cdi(bad)
    assert [str(one) for one in devices.parse_gpus("0,1")] == ["nvidia.com/gpu=0", "nvidia.com/gpu=1"]
    for bad in ("", "device=0", "0,"):
        with pytest.raises(BadInput, match="gpus"):
            devices.parse_gpus(bad)


YAML = """---
cdiVersion: 0.5.0
containerEdits:
  hooks:
  - args:
    - hook
    - --link=a::b
    hookName: createContainer
    path: /bin/true
devices:
- containerEdits:
    deviceNodes:
    - path: /dev/zero
      fileMode: 0666
      major: 1
      minor: 0x5
      type: c
    env:
    - NVIDIA_VISIBLE_DEVICES=void
  name: "0"
kind: nvidia.com/gpu
"""


@pytest.fixture
def folders(tmp_path):
    made = (str(tmp_path / "etc"), str(tmp_path / "run"))
    for path in made:
        os.mkdir(path)
    return made


def write(folder, name, document):
    with open(os.path.join(folder, name), "w") as file:
        file.write(document if isinstance(document, str) else json.dumps(document))


def test_files_of_the_host(folders):
    write(folders[0], "nvidia.yaml", YAML)
    write(folders[0], "v.json", VENDOR)
    own, first, vendor, two, one = lookup.edits_of(
        ["nvidia.com/gpu=0", "vendor.com/class=two", "vendor.com/class=one"], "start", folders
    )
    assert own.hooks == (("createContainer", {"path": "/bin/true", "args": ["hook", "--link=a::b"]}),)
    assert (first.env, first.nodes[0]["fileMode"], first.nodes[0]["minor"]) == (
        ("NVIDIA_VISIBLE_DEVICES=void",),
        0o666,
        5,
    )
    assert (vendor.env, two.env, one.gids) == (("GLOBAL=1", "DUP=global"), ("TWO=2",), (44, 0, 45))
    # the later directory wins, and two files of one directory are no answer
    write(folders[1], "w.json", {**VENDOR, "containerEdits": {"env": ["FROM=run"]}})
    assert lookup.edits_of(["vendor.com/class=one"], "start", folders)[0].env == ("FROM=run",)
    write(folders[1], "x.json", VENDOR)
    with pytest.raises(NotFound, match="several files"):
        lookup.edits_of(["vendor.com/class=one"], "start", folders)


def test_broken_files_are_named_when_a_device_is_not_found(folders):
    write(folders[0], "flow.yaml", "kind: [x]\n")
    write(folders[0], "twice.json", '{"kind": "a/b", "kind": "c/d"}')
    write(folders[0], "notes.txt", "kind: v/c")
    os.mkfifo(os.path.join(folders[0], "pipe.json"))
    os.symlink("/dev/zero", os.path.join(folders[0], "zero.yaml"))
    os.symlink("/no/such", os.path.join(folders[0], "dangling.json"))
    write(folders[1], "v.json", VENDOR)
    assert lookup.edits_of(["vendor.com/class=one"], "start", folders)  # they are in nobody's way
    with pytest.raises(NotFound) as raised:
        lookup.edits_of(["vendor.com/class=three"], "start container web", folders)
    told = str(raised.value)
    for word in "web vendor.com/class=three flow.yaml JSON twice.json pipe.json".split():
        assert word in told
    assert "no file describes it" in told
    assert "zero.yaml: it is not a regular file" in told and "notes.txt" not in told
    with pytest.raises(NotFound):
        lookup.edits_of(["vendor.com/class=one"], "start", ("/no/such/folder",))
