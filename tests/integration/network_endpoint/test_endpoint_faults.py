"""kill -9 at every named step of attaching, detaching, reloading and replacing: the next task puts it right."""

from __future__ import annotations

import pytest

IMAGE = "127.0.0.1:5000/busybox:latest"
ATTACHING = ["endpoint-recorded", "bolt-committed", "network-addresses-given", "network-attached", "endpoint-attached"]
DETACHING = ["bolt-committed", "network-torn-down", "endpoint-detached", "endpoint-forgotten"]
#: A plain user passes them all as well; those of the shared namespace are theirs alone.
ROOTLESS = {
    "attach": ["rootless-netns-ready", "rootless-netns-joined"],
    "detach": ["rootless-netns-counted"],
    "replace": ["network-replaced"],
    "reload": ["networks-taken-off"],
}
REPLACING = ["network-endpoint-detached", "network-replaced", "network-endpoint-attached"]
RELOADING = ["networks-taken-off", "networks-put-on"]


def killed(machine, module, args, step, user):
    done = machine.attempt(module, args, user, step)
    assert done.returncode in (-9, 137), (step, done.stdout[-600:], done.stderr[-600:])


def addresses(machine, user):
    shown = machine.podman_json(["inspect", "web"], user=user)[0]["NetworkSettings"]["Networks"]
    inside = machine.podman(["exec", "web", "ip", "-o", "-4", "addr"], user=user).stdout
    found = {name: network["IPAddress"] for name, network in shown.items()}
    assert all(f" {address}/24" in inside for address in found.values()), (found, inside)
    assert len(inside.splitlines()) == len(found) + 1, (found, inside)
    return found


@pytest.mark.timeout(1200)
@pytest.mark.parametrize(
    "user",
    [
        pytest.param(None, id="root"),
        pytest.param(None, id="Debian 13", marks=pytest.mark.machine(os="debian13")),
        pytest.param("tester", id="plain user", marks=pytest.mark.slow),
    ],
)
def test_every_step(machine, user):
    assert machine.registry.port == 5000
    for name, number in (("front", 77), ("back", 78)):
        machine.task("network", {"name": name, "subnet": f"10.{number}.0.0/24"}, user=user)
    web = {"name": "web", "image": IMAGE, "command": "sleep 1000", "network": ["front"], "stop_timeout": 0}
    machine.task("container", {**web, "publish": ["8080:80"]}, user=user)
    machine.task("container", {**web, "name": "other", "network": ["back"]}, user=user)
    on = {"network": "back", "container": "web", "aliases": ["cache"], "ip": "10.78.0.40"}
    off = {"network": "back", "container": "web", "state": "absent"}
    both = {"front": "10.77.0.2", "back": "10.78.0.40"}
    for step in ROOTLESS["attach"] if user else ATTACHING:
        killed(machine, "network_endpoint", on, step, user)
        machine.task("network_endpoint", on, user=user)
        assert addresses(machine, user) == both, step
        assert not machine.task("network_endpoint", on, user=user)["changed"], step
        machine.task("network_endpoint", off, user=user)
        assert addresses(machine, user) == {"front": "10.77.0.2"}, step
    for step in ROOTLESS["detach"] if user else DETACHING:
        machine.task("network_endpoint", on, user=user)
        killed(machine, "network_endpoint", off, step, user)
        machine.task("network_endpoint", off, user=user)
        assert addresses(machine, user) == {"front": "10.77.0.2"}, step
    machine.task("network_endpoint", on, user=user)
    for step in ROOTLESS["reload"] if user else RELOADING:
        killed(machine, "network_reload", {"container": ["web"]}, step, user)
        machine.task("network_reload", {}, user=user)
        assert addresses(machine, user) == both, step
    for mtu, step in enumerate(ROOTLESS["replace"] if user else REPLACING, 1301):
        replaced = {"name": "back", "subnet": "10.78.0.0/24", "opt": {"mtu": mtu}, "force": True}
        killed(machine, "network", replaced, step, user)
        again = machine.task("network", replaced, user=user)
        assert "was attached to network back again" in str(again["warnings"]), step
        assert addresses(machine, user) == both, step
        assert not machine.task("network", replaced, user=user)["changed"], step
        found = machine.podman(["exec", "web", "cat", "/sys/class/net/eth1/mtu"], user=user).stdout
        assert found.strip() == str(mtu), step
    # One that is killed, and nobody repairs it: what stops and removes the container finds all of it.
    machine.task("network_endpoint", off, user=user)
    killed(machine, "network_endpoint", on, "network-attached", user)
    machine.podman(["rm", "-f", "-t", "0", "web", "other"], user=user)
    assert machine.leaks() == {}


FAILS_ONCE = """
mv /usr/lib/podman/netavark /usr/lib/podman/netavark.real
cat >/usr/lib/podman/netavark <<'END'
#!/bin/sh
case "$*" in *teardown*) [ -e /run/lab/failed ] || { touch /run/lab/failed; echo '{"error":"made up"}'; exit 1; };; esac
exec /usr/lib/podman/netavark.real "$@"
END
chmod +x /usr/lib/podman/netavark
"""


@pytest.mark.parametrize("os", ["host", "debian13"])
def test_netavark_fails_once(os, new_machine):
    """Asked again without the namespace, it still takes the rules, the names and the bridge away."""
    machine = new_machine(os=os)
    assert machine.registry.port == 5000
    machine.task("network", {"name": "front"})
    machine.task("image", {"name": IMAGE})
    machine.mark()
    web = {"name": "web", "image": IMAGE, "command": "sleep 1000", "network": ["front"], "stop_timeout": 0}
    machine.task("container", {**web, "publish": ["8080:80"]})
    machine.sh(FAILS_ONCE)
    machine.task("container", {"name": "web", "state": "absent"})
    assert machine.exists("/run/lab/failed")
    assert machine.leaks() == {}
    rules = "nft list ruleset; iptables-save 2>/dev/null || true"
    assert "8080" not in machine.sh(rules)
