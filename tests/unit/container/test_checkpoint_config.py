"""A config out of an archive: what is taken over, and what asks for more than a container usually gets."""

from __future__ import annotations

import copy
import json

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, Corrupt
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container import adopted, frozen_members
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container.model import Container
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.rows import ContainerRow
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import start_spec, users
from ansible_collections.daemonless.oci.tests.unit.container import recorded

HOME = adopted.Home(
    id="c0de" * 16,
    name="other",
    lock=7,
    static="/graph/overlay-containers/c0de/userdata",
    run="/run/overlay-containers/c0de/userdata",
    cgroup_manager="cgroupfs",
    cgroup_parent="/libpod_parent",
    created="2026-01-01T00:00:00Z",
)


def first():
    return recorded.row(recorded.names()[0])


def changed(*path_and_value):
    config = first_copy()
    *path, key, value = path_and_value
    place = config
    for step in path:
        place = place[step]
    place[key] = value
    return config


def first_copy():
    return copy.deepcopy(first())


def test_an_ordinary_container_asks_for_nothing():
    assert adopted.privileges(first_copy(), "amd64") == {}


def mount(**more):
    return [*first()["spec"]["mounts"], {"type": "bind", "destination": "/mnt", "source": "/etc", **more}]


@pytest.mark.parametrize(
    ("kind", "words", "change"),
    [
        ("capabilities", "CAP_SYS_ADMIN", ("spec", "process", "capabilities", "bounding", ["CAP_SYS_ADMIN"])),
        ("capabilities", "CAP_SYS_PTRACE", ("spec", "process", "capabilities", "ambient", ["CAP_SYS_PTRACE"])),
        ("directories of the host", "/etc at /mnt", ("spec", "mounts", mount())),
        ("directories of the host", "/ as root file system", ("rootfs", "/")),
        ("directories of the host", "/dev/shm", ("ShmDir", "/dev/shm")),
        ("directories of the host", "/etc at /x (overlay)", ("overlayVolumes", [{"source": "/etc", "dest": "/x"}])),
        ("mounts", "/etc at /mnt (overlay)", ("spec", "mounts", mount(type="overlay"))),
        ("devices", "/dev/sda", ("spec", "linux", "devices", [{"path": "/dev/sda", "type": "b"}])),
        ("devices", "rule all rwm", ("spec", "linux", "resources", {"devices": [{"allow": True, "access": "rwm"}]})),
        ("namespaces of the host", "pid", ("spec", "linux", "namespaces", [{"type": "mount"}])),
        (
            "namespaces of the host",
            "pid: /proc/1/ns/pid",
            ("spec", "linux", "namespaces", [{"type": "pid", "path": "/proc/1/ns/pid"}]),
        ),
        ("seccomp", "everything", ("spec", "linux", "seccomp", {"defaultAction": "SCMP_ACT_ALLOW"})),
        ("seccomp", "open_by_handle_at", ("spec", "linux", "seccomp", {"syscalls": [
            {"names": ["open_by_handle_at", "read"], "action": "SCMP_ACT_ALLOW"}]})),
        ("paths of the kernel", "/proc/kcore is not masked", ("spec", "linux", "maskedPaths", [])),
        ("paths of the kernel", "/proc/sys can be written", ("spec", "linux", "readonlyPaths", [])),
        ("runtime annotations", "run.oci.handler", ("spec", "annotations", {"run.oci.handler": "krun"})),
        ("hooks, which are never run", "prestart", ("spec", "hooks", {"prestart": [{"path": "/bin/sh"}]})),
        ("others", "the runtime /tmp/evil", ("runtime", "/tmp/evil")),
        ("others", "privileged", ("privileged", True)),
    ],
)  # fmt: skip
def test_what_opens_a_wall_is_told(kind, words, change):
    found = adopted.privileges(changed(*change), "amd64")
    assert any(words in text for text in found[kind]), found


def test_no_filter_at_all():
    config = first_copy()
    del config["spec"]["linux"]["seccomp"]
    assert adopted.privileges(config, "amd64")["seccomp"] == ["no filter"]


def test_places_of_the_other_host_and_hooks_stay_behind():
    config = first_copy()
    evil = {
        "staticDir": "/etc",
        "logPath": "/etc/passwd",
        "pid_file": "/etc/shadow",
        "conmonPidFile": "/etc/group",
        "secretsPath": "/root",
        "runtime": "/tmp/evil",
        "cgroupParent": "/",
        "ShmDir": "/root/shm",
        "mounts": ["/root/shm", "/etc"],
        "baseHostsFile": "/etc/shadow",
        "unheardOf": True,
    }
    config.update(evil)
    config["spec"]["hooks"] = {"prestart": [{"path": "/bin/sh"}]}
    config["spec"]["root"] = {"path": "/", "readonly": True}
    made = adopted.adopted(config, HOME)
    assert not {"baseHostsFile", "unheardOf"} & made.keys()
    assert "hooks" not in made["spec"]
    assert made["spec"]["root"] == {"path": "rootfs", "readonly": True}
    assert made["runtime"] == "runc"
    assert made["mounts"] == [made["ShmDir"]] == [f"{HOME.static}/shm"]
    ours = (HOME.static, HOME.run, "/libpod_parent")
    for key in evil.keys() & made.keys() - {"runtime", "mounts"}:
        assert str(made[key]).startswith(ours), key
    assert config["spec"]["hooks"], "the archive's own config was changed"


@pytest.mark.parametrize(
    ("change", "words"),
    [
        (("id", "../../etc"), "not that of a container"),
        (("spec", {}), "not that of a container"),
        (("Dependencies", ["b0b0" * 16]), "needs another one"),
        (("mountNsCtr", "b0b0" * 16), "shares the mounts"),
        (("idMappingsOptions", {"HostUIDMapping": False}), "ids of its own"),
    ],
)
def test_what_is_no_container_of_its_own(change, words):
    with pytest.raises(Corrupt, match=words):
        adopted.check(changed(*change), "the archive x")


def test_ids_of_its_own_in_a_pod():
    """Podman's row of a member never says that its ids are the host's; it says which others it has."""
    config = {**first_copy(), "pod": "b0b0" * 16, "idMappingsOptions": {"HostUIDMapping": False}}
    adopted.check(config, "the archive x")
    config["idMappingsOptions"] = {"HostUIDMapping": False, "UIDMap": [{"container_id": 0, "host_id": 1, "size": 9}]}
    with pytest.raises(Corrupt, match="ids of its own"):
        adopted.check(config, "the archive x")


def infra(*kinds, **more):
    spec = {"linux": {"namespaces": [{"type": kind} for kind in kinds]}}
    config = {"spec": spec, "ShmDir": "/pod/shm", "ProcessLabel": "l", "idMappingsOptions": {}, **more}
    return Container(ContainerRow(("1f1f" * 16, "infra", "b0b0" * 16), json.dumps(config), "{}"))


def pod(*kinds, shares=("net", "ipc", "uts"), **more):
    return frozen_members.Place("b0b0" * 16, "web", infra(*kinds, **more), frozenset(shares), "/pods/web")


OF_POD = {"pod": "0d0d" * 16, "netNsCtr": "a0a0" * 16, "ipcNsCtr": "a0a0" * 16}
ALL = ("network", "ipc", "uts")


@pytest.mark.parametrize(
    ("change", "place", "words"),
    [
        ({}, None, ""),
        ({}, pod(*ALL), "comes out of no pod"),
        ({"netNsCtr": "a0a0" * 16}, None, "no archive carries"),
        (OF_POD, None, "goes only into one"),
        (OF_POD, pod(*ALL), ""),
        (OF_POD, pod(*ALL, "pid", shares=("net", "ipc", "pid")), ""),
        (OF_POD, pod(*ALL, shares=("ipc",)), "shares no network"),
        (OF_POD, pod("ipc"), "shares no network"),  # the infra container has the host's: nobody was asked for that
        (OF_POD, pod(*ALL)._replace(infra=None), "shares no ipc"),
        ({**OF_POD, "ipcNsCtr": "c0c0" * 16}, pod(*ALL), "beside the infra container"),
        ({**OF_POD, "pidNsCtr": "a0a0" * 16}, pod(*ALL, "pid"), "numbers of its processes"),
        ({**OF_POD, "cgroupNsCtr": "a0a0" * 16}, pod(*ALL), "cgroup namespace of its pod"),
        ({**OF_POD, "userNsCtr": "a0a0" * 16}, pod(*ALL), "user namespace of its pod"),
        (OF_POD, pod(*ALL, idMappingsOptions={"UIDMap": [{}]}), "ids of its own"),
    ],
)
def test_into_which_pod_it_goes(change, place, words):
    found = list(frozen_members.unfit({**first_copy(), **change}, place, publishes=False))
    assert (not found) if not words else any(words in text for text in found), found


def test_what_it_takes_from_the_pod():
    config = {**first_copy(), **OF_POD, "ShmDir": "/old/shm"}
    config["spec"]["annotations"] = {"io.kubernetes.cri-o.SandboxID": "a0a0" * 16}
    config["spec"]["linux"]["namespaces"] = [{"type": kind} for kind in ("mount", "pid", "uts", "cgroup")]
    assert adopted.privileges(config, "amd64") == {}, "the pod's namespaces are not the host's"
    row = adopted.adopted(config, HOME)
    assert not {"pod", "netNsCtr", "ipcNsCtr"} & row.keys()
    place = pod(*ALL)
    assert frozen_members.join(row, config, place) == (place.infra.id,)
    assert (row["netNsCtr"], row["ipcNsCtr"], row["pod"]) == (place.infra.id, place.infra.id, place.id)
    assert (row["ShmDir"], row["cgroupParent"], row["ProcessLabel"]) == ("/pod/shm", "/pods/web", "l")
    assert "mounts" not in row and "utsNsCtr" not in row
    assert row["spec"]["annotations"]["io.kubernetes.cri-o.SandboxID"] == place.infra.id
    assert frozen_members.of_pod(config) == ["ipc", "net"]
    assert frozen_members.of_pod(first_copy()) == []


def test_a_name_is_a_name():
    with pytest.raises(BadInput):
        adopted.check(changed("name", "../x"), "the archive x")


def test_volumes_that_podman_wrote_twice_are_mounted_once():
    """So it does for containers that it restored from an archive."""
    config = first_copy()
    config["namedVolumes"] = [{"volumeName": "data", "dest": "/data", "options": ["rw"]}]
    config["spec"]["mounts"].append({"destination": "/data", "type": "bind", "source": "/old", "options": ["rbind"]})
    assert adopted.privileges(config, "amd64") == {}
    account = users.lookup("", b"root:x:0:0::/root:/bin/sh\n", b"root:x:0:\n", ())
    for row in (config, adopted.adopted(config, HOME)):
        facts = start_spec.StartFacts(root="/m", account=account, hostname="h", volumes={"data": "/new"})
        made = start_spec.render(row, facts)[0]
        assert [one["source"] for one in made["mounts"] if one["destination"] == "/data"] == ["/new"]
