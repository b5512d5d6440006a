"""User namespaces: who is who in each mode, as podman has it; the files of the image belong to whom they should."""

from __future__ import annotations

import json

import pytest

IMAGE = "127.0.0.1:5000/busybox:latest"
LOOK = """
cat /proc/self/uid_map; echo -; cat /proc/self/gid_map; echo -; id -u; id -g; echo -;
for path in /bin /etc/passwd /etc/hosts /dev/shm /vol; do stat -c '%n %u %g %a' $path; done
"""
EXTRA = "uidmapping=0:100:10,gidmapping=5:200:10"
#: The options, and whose containers have them.
MODES = [
    ({"userns": "keep-id"}, "tester"),
    ({"userns": "keep-id:uid=5,gid=6", "user": "0"}, "tester"),
    ({"userns": "nomap"}, "tester"),
    ({"uidmap": ["0:0:1", "1:1:1000"], "gidmap": ["0:5:600"]}, "tester"),
    ({"userns": "auto:size=600"}, "tester"),
    ({"uidmap": ["0:200000:5000"], "gidmap": ["0:300000:6000"]}, None),
    ({"subuidname": "containers"}, None),
    ({"userns": "auto", "user": "3000"}, None),
    ({"userns": f"auto:size=3000,{EXTRA}"}, None),
    ({"userns": "container:first"}, None),
]


@pytest.fixture(scope="module", params=[None, "tester"], ids=["root", "user"])
def place(request, lab):
    from machine import Spec

    machine = lab.machine(Spec())
    assert machine.registry.port == 5000
    machine.task("image", {"name": IMAGE}, user=request.param)
    for name, first in (("containers", 300000), ("others", 400000)):
        machine.sh(f"for file in /etc/subuid /etc/subgid; do echo {name}:{first}:65536 >>$file; done")
    mapping = {"uidmap": ["0:1:700"]} if request.param else {"uidmap": ["0:700000:700"]}
    first = {"name": "first", "image": IMAGE, "command": ["sleep", "1000"], "stop_timeout": 0}
    machine.task("container", {**first, **mapping}, user=request.param)
    machine.mark()
    yield machine, request.param
    machine.close()


def flags(options):
    return [
        f"--{name}={item}"
        for name, given in options.items()
        for item in (given if isinstance(given, list) else [given])
    ]


def test_each_mode(place):
    machine, user = place
    more = {"volume": ["ours:/vol"], "workdir": "/", "network": ["none"], "rm": True, "detach": False}
    for options, whose in MODES:
        if whose != user:
            continue
        words = ["--rm", "--network=none", "-v", "theirs:/vol", *flags(options), IMAGE, "sh", "-c", LOOK]
        task = {"name": "web", "image": IMAGE, "command": ["sh", "-c", LOOK], **more, **options}
        ours = machine.task("container", task, user=user)["stdout"]
        theirs = machine.podman(["run", *words], user).stdout
        assert sorted(ours.splitlines()) == sorted(theirs.splitlines()), options  # the order of a map means nothing
        machine.podman(["volume", "rm", "ours", "theirs"], user)
    assert machine.leaks(only=("mounts",)) == {}


def ranges(machine, user, name):
    options = machine.task("container_info", {"name": [name]}, user=user)["containers"][0]
    lines = options["HostConfig"]["IDMappings"]["UidMap"]
    return [range(int(first), int(first) + int(count)) for _inside, first, count in (line.split(":") for line in lines)]


def test_no_two_have_the_same_ids(place):
    """Ours, made at once, and podman's, which looks where we look."""
    machine, user = place
    names = [f"auto{number}" for number in range(4)]
    wanted = [
        {"name": name, "image": IMAGE, "command": ["sleep", "1000"], "state": "created", "userns": "auto:size=300"}
        for name in names
    ]
    try:
        machine.task("containers", {"containers": wanted, "parallel": 4}, user=user)
        machine.podman(["create", "--name", "auto4", "--userns=auto:size=300", IMAGE, "true"], user)
        machine.task("container", {**wanted[0], "name": "auto5"}, user=user)
        names += ["auto4", "auto5"]
        taken = sorted(number for name in names for span in ranges(machine, user, name) for number in span)
        assert len(taken) == len(set(taken)) == 300 * len(names)
        for number in (0, 4):  # each of the two starts what the other made
            machine.task("container", {"name": f"auto{number}", "state": "started", "stop_timeout": 0}, user=user)
        failed = machine.task(
            "container", {**wanted[0], "name": "big", "userns": "auto:size=600000"}, user=user, fails=True
        )
        assert "of 600000 user ids are not to be had" in failed["msg"] and failed["error"] == "HostLacks"
    finally:
        for name in names:
            machine.task("container", {"name": name, "state": "absent", "delete_time": 0}, user=user)


@pytest.mark.machine(cgroups="hybrid")
@pytest.mark.parametrize("user", [None, "tester"], ids=["root", "user"])
def test_with_runc(machine, user):
    """runc wants the place of the root later too; podman stops, removes and cleans up what was started so."""
    assert machine.registry.port == 5000
    machine.task("image", {"name": IMAGE}, user=user)
    mapping = ["0:1:700"] if user else ["0:700000:700"]
    task = {"name": "web", "image": IMAGE, "command": ["sleep", "1000"], "stop_timeout": 0, "uidmap": mapping}
    machine.task("container", {**task, "volume": ["/root:/srv:ro"]}, user=user)
    found = machine.task(
        "container_exec", {"name": "web", "command": "stat -c %u /etc/hosts /dev/shm /proc/1"}, user=user
    )
    assert found["stdout"].split() == ["0", "0", "0"]
    assert machine.podman(["exec", "web", "id", "-u"], user).stdout.strip() == "0"
    machine.podman(["restart", "-t", "0", "web"], user)
    machine.podman(["rm", "-f", "-t", "0", "web"], user)
    assert machine.task("container_info", {}, user=user)["containers"] == []


def test_a_copy_for_other_ids_goes_with_its_image(machine):
    """A plain user's kernel translates no owners, so there is a copy of the image's files for each map."""
    user = "tester"
    assert machine.registry.port == 5000
    name = IMAGE
    machine.task("image", {"name": name}, user=user)
    layers = "/home/tester/.local/share/containers/storage/overlay-layers/layers.json"
    before = len(json.loads(machine.read(layers)))
    task = {"image": name, "command": ["sleep", "1000"], "state": "created", "userns": "keep-id"}
    for one in ("one", "two"):
        machine.task("container", {**task, "name": one}, user=user)
    assert len(json.loads(machine.read(layers))) == before + 3  # the copy, and a layer of each container's own
    machine.podman(["create", "--name", "three", "--userns=keep-id", name], user)
    assert len(json.loads(machine.read(layers))) == before + 4, "podman takes our copy as its own"
    assert machine.podman(["system", "check"], user).stdout == ""
    for one in ("one", "two", "three"):
        machine.task("container", {"name": one, "state": "absent"}, user=user)
    machine.task("image", {"name": name, "state": "absent"}, user=user)
    assert json.loads(machine.read(layers)) == []
