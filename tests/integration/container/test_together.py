"""Containers among each other: names, addresses, shared namespaces, all through the modules and the host command."""

from __future__ import annotations

import time

import pytest

IMAGE = "127.0.0.1:5000/busybox:latest"
COMMAND = {None: "/usr/local/bin/daemonless", "tester": "/home/tester/.local/bin/daemonless"}


@pytest.fixture(params=[None, "tester"], ids=["root", "user"])
def place(request, new_machine):
    machine = new_machine()
    assert machine.registry.port == 5000
    machine.task("image", {"name": IMAGE}, user=request.param)
    machine.mark()
    return machine, request.param


def inside(machine, user, name, *argv, check=True):
    return machine.run([COMMAND[user], "exec", name, *argv], user, check=check).stdout


def page_at(machine, user, name, url):
    """What that container is served there, once somebody serves."""
    end = time.monotonic() + 60
    page = ""
    while not page and time.monotonic() < end:
        page = inside(machine, user, name, "wget", "-qO-", url, check=False)
    return page


def test_names_addresses_and_aliases_on_a_network(place):
    machine, user = place
    machine.task("network", {"name": "shop", "subnet": "10.77.0.0/24"}, user=user)
    task = {"image": IMAGE, "network": ["shop"], "stop_timeout": 0}
    machine.task(
        "container",
        {
            **task,
            "name": "web",
            "command": "httpd -f -p 80 -h /www",
            "ip": "10.77.0.9",
            "network_aliases": ["shopfront"],
            "publish": ["127.0.0.1:8080:80"],
        },
        user=user,
    )
    machine.task("container", {**task, "name": "client", "command": ["sleep", "1000"]}, user=user)
    for name in ("web", "shopfront", "10.77.0.9"):
        page = page_at(machine, user, "client", f"http://{name}/")
        assert page == "hello from a container\n", name
    assert machine.run(["wget", "-qO-", "http://127.0.0.1:8080/"]).stdout == "hello from a container\n"
    refused = machine.task("network", {"name": "shop", "state": "absent"}, user=user, fails=True)
    assert "web" in refused["msg"] and "client" in refused["msg"]
    for name in ("client", "web"):
        machine.task("container", {"name": name, "state": "absent"}, user=user)
    machine.task("network", {"name": "shop", "state": "absent"}, user=user)
    assert machine.leaks(kept=("links",)) == {}


def test_a_container_in_anothers_network(place):
    machine, user = place
    web = {"name": "web", "image": IMAGE, "command": "httpd -f -p 80 -h /www", "stop_timeout": 0}
    machine.task("container", web, user=user)
    side = {"name": "side", "image": IMAGE, "command": ["sleep", "1000"], "network": "container:web", "stop_timeout": 0}
    machine.task("container", side, user=user)
    assert machine.task("container", side, user=user)["changed"] is False
    assert page_at(machine, user, "side", "http://127.0.0.1/") == "hello from a container\n"
    assert inside(machine, user, "side", "cat", "/etc/hosts") == inside(machine, user, "web", "cat", "/etc/hosts")
    refused = machine.task("container", {"name": "web", "state": "absent"}, user=user, fails=True)
    assert "needed by side" in refused["msg"]
    for name in ("side", "web"):
        machine.task("container", {"name": name, "state": "absent"}, user=user)
    assert machine.leaks() == {}


@pytest.mark.parametrize("mode", ["host", "none"])
def test_modes_without_a_network_of_their_own(mode, place):
    machine, user = place
    task = {"name": "one", "image": IMAGE, "command": ["ip", "link"], "network": [mode], "detach": False}
    links = machine.task("container", task, user=user)["stdout"]
    assert ("br0" in links or "uplink" in links or links.count("\n") > 4) is (mode == "host"), links
    machine.task("container", {"name": "one", "state": "absent"}, user=user)


def test_volumes_get_the_images_content_and_owner_once(place):
    machine, user = place
    task = {"name": "one", "image": IMAGE, "volume": ["pages:/www"], "detach": False}
    first = machine.task(
        "container", {**task, "command": ["sh", "-c", "cat /www/index.html; echo mine >/www/own"]}, user=user
    )
    assert first["stdout"] == "hello from a container\n"
    machine.task("container", {"name": "one", "state": "absent", "delete_volumes": True}, user=user)
    second = machine.task("container", {**task, "command": ["cat", "/www/own"], "name": "two"}, user=user)
    assert second["stdout"] == "mine\n"
    listed = machine.podman_json(["volume", "ls", "--format", "json"], user)
    assert [volume["Name"] for volume in listed] == ["pages"]


def test_limits_bite_or_are_refused_by_name(place):
    machine, user = place
    task = {
        "name": "one",
        "image": IMAGE,
        "command": ["sleep", "1000"],
        "memory": "64m",
        "pids_limit": 50,
        "stop_timeout": 0,
    }
    if user is not None:
        failed = machine.task("container", task, user=user, fails=True)
        assert "memory, pids_limit cannot be set on this host" in failed["msg"]
        assert machine.leaks() == {}
        return
    made = machine.task("container", task)["container"]
    path = next(
        line.split(":", 2)[2]
        for line in machine.read(f"/proc/{made['State']['Pid']}/cgroup").splitlines()
        if ":memory:" in line or line.startswith("0::")
    )
    limit = f"$(ls -d /sys/fs/cgroup/memory{path}/memory.limit_in_bytes /sys/fs/cgroup{path}/memory.max 2>/dev/null)"
    assert machine.sh(f"cat {limit}") == str(64 << 20)
    changed = machine.task("container", {**task, "memory": "128m"})
    assert changed["container"]["State"]["Pid"] == made["State"]["Pid"]
    assert machine.sh(f"cat {limit}") == str(128 << 20)


def test_rlimits_above_the_hosts_are_lowered_with_a_warning(place):
    machine, user = place
    task = {"name": "one", "image": IMAGE, "command": ["sh", "-c", "ulimit -n"], "ulimit": ["nofile=9000000"]}
    result = machine.task("container", {**task, "detach": False}, user=user)
    hard = machine.run(["sh", "-c", "ulimit -Hn"], user).stdout.strip()
    assert result["stdout"].strip() == hard
    assert "RLIMIT_NOFILE 9000000 is above the hard limit" in str(result["warnings"])
