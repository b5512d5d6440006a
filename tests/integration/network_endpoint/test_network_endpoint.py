"""Containers join networks and leave them while they run: by the module, by the command, by podman."""

from __future__ import annotations

import time

import pytest

IMAGE = "127.0.0.1:5000/busybox:latest"
PAGE = ["sh", "-c", "mkdir -p /www; hostname > /www/index.html; exec httpd -f -p 80 -h /www"]


@pytest.fixture(params=[None, "tester"], ids=["root", "plain user"])
def user(request):
    return request.param


def container(machine, name, user, **options):
    assert machine.registry.port == 5000
    wish = {"name": name, "image": IMAGE, "command": PAGE, "hostname": name, "stop_timeout": 0, **options}
    return machine.task("container", wish, user=user)


def fetch(machine, reader, url, user, wanted):
    """wget in a container, until it answers: a page is served when its container has come so far."""
    deadline = time.monotonic() + 60
    while True:
        done = machine.podman(["exec", reader, "wget", "-qO-", url], user=user, check=False)
        if done.stdout == f"{wanted}\n":
            return
        assert time.monotonic() < deadline, (url, done.stdout, done.stderr)
        time.sleep(0.1)


def published(machine):
    code = "import urllib.request as u; print(u.urlopen('http://127.0.0.1:8080/', timeout=3).read().decode())"
    deadline = time.monotonic() + 60
    while True:
        done = machine.run(["/usr/bin/python3", "-c", code], check=False)
        if done.returncode == 0:
            return done.stdout.strip()
        assert time.monotonic() < deadline, done.stderr
        time.sleep(0.1)


def pid(machine, name, user):
    return machine.podman_json(["inspect", name], user=user)[0]["State"]["Pid"]


def networks(machine, name, user):
    return machine.podman_json(["inspect", name], user=user)[0]["NetworkSettings"]["Networks"]


def test_attached_changed_and_detached_while_it_runs(machine, user):
    machine.task("network", {"name": "front", "subnet": "10.77.0.0/24"}, user=user)
    machine.task(
        "network", {"name": "back", "net_config": [{"subnet": "10.78.0.0/24"}, {"subnet": "fd78::/64"}]}, user=user
    )
    container(machine, "web", user, network=["front"], publish=["8080:80"])
    container(machine, "reader", user, network=["back"])
    started = pid(machine, "web", user)
    wish = {"network": "back", "container": "web", "aliases": ["cache"]}

    foretold = machine.task("network_endpoint", wish, user=user, check=True)
    assert list(networks(machine, "web", user)) == ["front"]
    made = machine.task("network_endpoint", wish, user=user)
    assert made["changed"] and made["actions"] == foretold["actions"] == ["attach container web to network back"]
    assert made["diff"] == foretold["diff"]
    assert made["endpoint"]["IPAddress"] == "10.78.0.3" and "cache" in made["endpoint"]["Aliases"]
    assert not machine.task("network_endpoint", wish, user=user)["changed"]
    assert not machine.task("network_endpoint", {"network": "back", "container": "web"}, user=user)["changed"]
    for name in ("cache", "web", "10.78.0.3", f"[{made['endpoint']['GlobalIPv6Address']}]"):
        fetch(machine, "reader", f"http://{name}/", user, "web")
    hosts = machine.podman(["exec", "web", "cat", "/etc/hosts"], user=user).stdout
    assert "10.77.0.2\tweb" in hosts and "10.78.0.3\tweb" in hosts
    resolv = machine.podman(["exec", "web", "cat", "/etc/resolv.conf"], user=user).stdout
    assert "nameserver 10.77.0.1" in resolv and "nameserver 10.78.0.1" in resolv
    assert sorted(networks(machine, "web", user)) == ["back", "front"]

    moved = machine.task(
        "network_endpoint",
        {**wish, "ip": "10.78.0.40", "ip6": "fd78::40", "mac_address": "02:42:AC:11:00:02", "interface_name": "back0"},
        user=user,
    )
    assert moved["diff"]["before"] == {"ip": "", "ip6": "", "mac_address": "", "interface_name": "eth1"}
    assert moved["endpoint"]["IPAddress"] == "10.78.0.40" and moved["endpoint"]["MacAddress"] == "02:42:ac:11:00:02"
    shown = machine.podman(["exec", "web", "ip", "addr", "show", "back0"], user=user).stdout
    assert "10.78.0.40/24" in shown and "fd78::40/64" in shown and "02:42:ac:11:00:02" in shown
    fetch(machine, "reader", "http://cache/", user, "web")
    fetch(machine, "reader", "http://[fd78::40]/", user, "web")

    machine.podman(["exec", "web", "sh", "-c", "echo 192.0.2.9 mine >> /etc/hosts"], user=user)
    assert published(machine) == "web"
    gone = machine.task("network_endpoint", {"network": "front", "container": "web", "state": "absent"}, user=user)
    assert gone["changed"] and gone["endpoint"] == {}
    assert not machine.task(
        "network_endpoint", {"network": "front", "container": "web", "state": "absent"}, user=user
    )["changed"]
    assert published(machine) == "web", "a published port leads to what is left"
    hosts = machine.podman(["exec", "web", "cat", "/etc/hosts"], user=user).stdout
    assert "10.77.0.2" not in hosts and "192.0.2.9 mine" in hosts and "10.78.0.40\tweb" in hosts
    resolv = machine.podman(["exec", "web", "cat", "/etc/resolv.conf"], user=user).stdout
    assert "10.77.0.1" not in resolv
    assert pid(machine, "web", user) == started, "it has gone on running"

    # What podman and the container's next start make of it.
    machine.task("container", {"name": "web", "force_restart": True}, user=user)
    assert networks(machine, "web", user)["back"]["IPAddress"] == "10.78.0.40"
    fetch(machine, "reader", "http://cache/", user, "web")
    machine.podman(["network", "connect", "--alias", "theirs", "front", "web"], user=user)
    assert not machine.task(
        "network_endpoint", {"network": "front", "container": "web", "aliases": ["theirs"]}, user=user
    )["changed"]
    machine.task("network_endpoint", {"network": "front", "container": "web", "state": "absent"}, user=user)
    machine.task("network_endpoint", {"network": "back", "container": "web", "state": "absent"}, user=user)
    machine.podman(["network", "connect", "back", "web"], user=user)
    machine.podman(["network", "disconnect", "back", "web"], user=user)
    machine.podman(["rm", "-f", "-t", "0", "web", "reader"], user=user)
    assert machine.leaks() == {}


def test_refusals_touch_nothing(machine, user):
    machine.task("network", {"name": "front", "subnet": "10.77.0.0/24"}, user=user)
    machine.task("network", {"name": "back", "subnet": "10.78.0.0/24"}, user=user)
    container(machine, "web", user, network=["front:alias=page"])
    container(machine, "other", user, network=["back:ip=10.78.0.9"])
    container(machine, "alone", user, network=["none"])
    container(machine, "guest", user, network=["container:web"], hostname=None)
    before = networks(machine, "web", user)
    on = {"network": "back", "container": "web"}
    for wish, words in (
        ({**on, "network": "nothing"}, "no network of this name"),
        ({**on, "container": "nobody"}, "no container of this name"),
        ({**on, "ip": "10.99.0.9"}, "10.99.0.9 is not in its subnets (10.78.0.0/24)"),
        ({**on, "ip": "10.78.0.1"}, "is the network's gateway"),
        ({**on, "ip": "10.78.0.9"}, "10.78.0.9 is taken by container"),
        ({**on, "ip": "fd78::9"}, "is not an IPv4 address"),
        ({**on, "ip6": "fd78::9"}, "is not in its subnets"),
        ({**on, "mac_address": "nonsense"}, "is not a MAC address"),
        ({**on, "interface_name": "eth0"}, "interface eth0 is given twice"),
        ({**on, "interface_name": "way-too-long-interface"}, "is no interface name"),
        ({**on, "aliases": ["not a name"]}, "is not a host name"),
        ({**on, "container": "alone"}, "knows no further networks"),
        ({**on, "container": "guest"}, "it is in the network of container web"),
        # What only netavark finds out: the interface is there already, or has an address that no interface takes.
        ({**on, "mac_address": "01:00:5e:00:00:01"}, "netavark"),
        ({"network": "front", "container": "web", "mac_address": "01:00:5e:00:00:01"}, "netavark"),
    ):
        failed = machine.task("network_endpoint", wish, user=user, fails=True)
        assert words in failed["msg"], (wish, failed["msg"])
        assert "Traceback" not in failed.get("exception", "")
        assert networks(machine, "web", user) == before, wish
    container(machine, "reader", user, network=["front"])
    fetch(machine, "reader", "http://page/", user, "web")
    links = machine.podman(["exec", "web", "ls", "/sys/class/net"], user=user).stdout.split()
    assert links == ["eth0", "lo"]
    machine.podman(["rm", "-f", "-t", "0", "guest"], user=user)
    machine.podman(["rm", "-f", "-t", "0", "web", "other", "alone", "reader"], user=user)
    assert machine.leaks() == {}


def test_the_container_task_attaches_and_detaches_without_a_restart(machine):
    user = None
    for name, number in (("front", 77), ("back", 78)):
        machine.task("network", {"name": name, "subnet": f"10.{number}.0.0/24"})
    container(machine, "web", user, network=["front"], publish=["8080:80"])
    container(machine, "reader", user, network=["back"])
    started = pid(machine, "web", user)
    wish = {"name": "web", "image": IMAGE, "command": PAGE, "hostname": "web", "publish": ["8080:80"]}
    wish["stop_timeout"] = 0

    both = {**wish, "network": ["front", "back:alias=cache,ip=10.78.0.40"]}
    foretold = machine.task("container", both, check=True)
    done = machine.task("container", both)
    assert done["diff"] == foretold["diff"] and done["actions"] == foretold["actions"]
    assert [word for word in done["actions"] if "recreate" in word or "start" in word] == []
    assert not machine.task("container", both)["changed"]
    fetch(machine, "reader", "http://cache/", user, "web")
    assert networks(machine, "web", user)["back"]["IPAddress"] == "10.78.0.40"

    failed = machine.task("container", {**wish, "network": ["back:ip=10.99.0.1"]}, fails=True)
    assert "10.99.0.1 is not in its subnets" in failed["msg"]
    assert sorted(networks(machine, "web", user)) == ["back", "front"]

    moved = {**wish, "network": ["back"], "memory": "64m"}
    assert sorted(machine.task("container", moved)["diff"]["after"]) == ["ip", "memory", "network", "network_aliases"]
    assert list(networks(machine, "web", user)) == ["back"]
    assert not machine.task("container", moved)["changed"]
    fetch(machine, "reader", "http://web/", user, "web")
    assert published(machine) == "web"
    assert pid(machine, "web", user) == started, "it has gone on running"
    machine.task("container", {**wish, "state": "stopped"})
    stopped = machine.task("container", {**both, "state": "created"})
    assert stopped["changed"] and sorted(networks(machine, "web", user)) == ["back", "front"]
    machine.task("container", both)
    assert networks(machine, "web", user)["back"]["IPAddress"] == "10.78.0.40"
    assert machine.task("container", {**wish, "network": ["none"], "publish": None}, check=True)["actions"] == [
        "recreated web",
        "started web",
    ]
    machine.podman(["rm", "-f", "-t", "0", "web", "reader"])
    assert machine.leaks() == {}
