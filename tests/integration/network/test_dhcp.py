"""Addresses by DHCP: from a real server on the other side of the parent, by netavark's own service."""

from __future__ import annotations

import pytest
from machine import Machine

IMAGE = "localhost/busybox:latest"
SERVE = ["httpd", "-f", "-p", "80", "-h", "/etc"]
SERVER = """
start 10.77.0.100
end 10.77.0.120
interface srv0
lease_file /run/lab/leases
pidfile /run/lab/udhcpd.pid
option subnet 255.255.255.0
option router 10.77.0.1
option lease 600
"""


@pytest.fixture
def lan(machine: Machine) -> Machine:
    """The end of a cable, lan0; at the other end, in a network namespace of its own, a server."""
    machine.podman(["load", "-q", "-i", str(machine.lab.images.docker_archive)])
    machine.write("/run/lab/udhcpd.conf", SERVER)
    machine.sh(
        "ip netns add lan; ip link add lan0 type veth peer name srv0 netns lan; ip link set lan0 up;"
        " touch /run/lab/leases; ip -n lan addr add 10.77.0.1/24 dev srv0; ip -n lan link set srv0 up;"
        " mkdir -p /run/podman"
    )
    machine.spawn(["ip", "netns", "exec", "lan", "busybox", "udhcpd", "-f", "/run/lab/udhcpd.conf"])
    machine.spawn(["/usr/lib/podman/netavark", "dhcp-proxy"])
    machine.sh("for n in $(seq 600); do [ -S /run/podman/nv-proxy.sock ] && exit 0; sleep 0.1; done; exit 1")
    listens = "ip netns exec lan grep -q :0043 /proc/net/udp"
    machine.sh(f"for n in $(seq 600); do {listens} && exit 0; sleep 0.1; done; exit 1")
    return machine


@pytest.mark.machine(os="debian13")
def test_leases(lan: Machine) -> None:
    wish = {"name": "lan", "driver": "macvlan", "macvlan": "lan0", "ipam_driver": "dhcp"}
    assert lan.task("network", wish)["changed"] and not lan.task("network", wish)["changed"]
    web = {"name": "web", "image": IMAGE, "command": SERVE, "network": ["lan"], "stop_timeout": 0}
    lan.task("container", web)
    assert not lan.task("container", web)["changed"]
    lan.podman(["run", "-d", "--name", "theirs", "--network", "lan", IMAGE, *SERVE])
    found = set()
    for name in ("web", "theirs"):
        (shown,) = lan.podman_json(["inspect", name])
        address = shown["NetworkSettings"]["Networks"]["lan"]["IPAddress"]
        assert address.startswith("10.77.0.1"), shown["NetworkSettings"]
        assert f"inet {address}/24" in lan.podman(["exec", name, "ip", "addr"]).stdout
        assert "default via 10.77.0.1" in lan.podman(["exec", name, "ip", "route"]).stdout
        get = f"ip netns exec lan busybox wget -qO- -T 5 http://{address}/hostname"
        page = lan.sh(f"for n in $(seq 30); do {get} && exit 0; sleep 1; done; exit 1")  # its program begins
        assert page == shown["Config"]["Hostname"]
        found.add(address)
    assert len(found) == 2
    (ours,) = lan.task("container_info", {"name": ["web"]})["containers"]
    assert ours["NetworkSettings"]["Networks"]["lan"]["IPAddress"] in found
    lan.task("container", {"name": "web", "state": "absent"})
    lan.podman(["rm", "-f", "-t", "0", "theirs"])
    assert lan.task("network", {"name": "lan", "state": "absent"})["changed"]
    assert lan.sh("ip -o link show type macvlan") == ""


@pytest.mark.machine(os="debian13")
def test_without_the_service(machine: Machine) -> None:
    machine.podman(["load", "-q", "-i", str(machine.lab.images.docker_archive)])
    machine.sh("ip link add lan0 type veth peer name srv0; ip link set lan0 up")
    machine.task("network", {"name": "lan", "driver": "macvlan", "macvlan": "lan0", "ipam_driver": "dhcp"})
    web = {"name": "web", "image": IMAGE, "command": ["sleep", "1000"], "network": ["lan"], "stop_timeout": 0}
    failed = machine.task("container", web, fails=True)
    assert "netavark-dhcp-proxy" in failed["msg"]
