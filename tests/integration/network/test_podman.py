"""podman on the same networks: each gets the address after the other's last one, sees the other's containers, and
takes down what the other has set up.
"""

from __future__ import annotations

import pytest


@pytest.fixture
def image(machine):
    """An image for podman's own containers: a root with the machine's static busybox."""
    machine.sh("mkdir -p /tmp/root/bin && cp $(command -v busybox) /tmp/root/bin/ && cd /tmp/root && "
               "for name in sh sleep ip cat; do ln -sf busybox bin/$name; done && "
               "tar -C /tmp/root -c . >/tmp/root.tar")
    machine.podman(["import", "/tmp/root.tar", "localhost/probe:latest"])
    return "localhost/probe:latest"


def test_addresses_go_on_from_each_other(machine, inside, image):
    machine.podman(["network", "create", "--subnet", "10.77.0.0/24", "shared"])
    run = ["run", "-d", "--network", "shared"]
    machine.podman([*run, "--name", "p1", image, "sleep", "1000"])
    result = inside("""
a = Container("a", ["shared"], ports=["8080:80"], aliases=("ours",)).serve()
show({"ips": a.ips, "podman": a.resolve("p1"), "id": a.id, "netns": a.netns})
""")
    assert result["ips"] == ["10.77.0.3"]
    assert result["podman"] == ["10.77.0.2"]
    machine.podman([*run, "--name", "p2", image, "sleep", "1000"])
    addresses = {
        name: machine.podman_json(["inspect", name])[0]["NetworkSettings"]["Networks"]["shared"]["IPAddress"]
        for name in ("p1", "p2")
    }
    assert addresses == {"p1": "10.77.0.2", "p2": "10.77.0.4"}
    assert sorted(
        item["name"] for item in machine.task("network_info", {"name": "shared"})["networks"][0]["containers"].values()
    ) == ["p1", "p2"]
    in_use = machine.task("network", {"name": "shared", "state": "absent"}, fails=True)
    assert "containers use it: p1, p2" in in_use["msg"]
    changed = machine.task("network", {"name": "shared", "internal": True}, fails=True)
    assert "containers are attached: p1, p2" in changed["msg"]
    machine.podman(["rm", "-f", "-t", "0", "p1", "p2"])
    left = inside(f"""
ports = port_values.parse_all(["8080:80"])
net = ContainerNet({result["id"]!r}, "a", "a", (Attachment("shared", aliases=("ours",)),), ports)
before = ipam.holders_by_network(CTX.settings.ipam_db)["shared"]
connect.disconnect(CTX, {result["netns"]!r}, net, connect.Way())
netns.remove({result["netns"]!r})
show([before, left_over()])
""")
    assert left[0] == {result["id"]: ["10.77.0.3"]}, "podman freed its own and nothing else"
    assert left[1] == {"leases": {}, "links": [], "namespaces": [], "resolver": [], "rules": []}
    machine.podman([*run, "--name", "p3", image, "sleep", "1000"])
    status = machine.podman_json(["inspect", "p3"])[0]["NetworkSettings"]["Networks"]["shared"]
    assert status["IPAddress"] == "10.77.0.5", "podman goes on after the last lease"
    machine.podman(["rm", "-f", "-t", "0", "p3"])
    assert machine.task("network", {"name": "shared", "state": "absent"})["changed"]
    assert machine.leaks() == {}


def test_a_plain_users_bridge_is_shared_too(machine, inside, image):
    machine.sh("chmod 644 /tmp/root.tar")
    user = "tester"
    machine.podman(["import", "/tmp/root.tar", image], user=user)
    machine.podman(["network", "create", "--subnet", "10.77.0.0/24", "shared"], user=user)
    machine.podman(["run", "-d", "--name", "p1", "--network", "shared", image, "sleep", "1000"], user=user)
    result = inside(
        """
a = Container("a", ["shared"], ports=["8080:80"]).serve()
result = {"ips": a.ips, "podman": a.resolve("p1"), "published": get("127.0.0.1", 8080),
          "count": rootless_bridge.read_count(CTX.settings)}
a.down()
result["after"] = rootless_bridge.read_count(CTX.settings)
show(result)
""",
        user=user,
    )
    assert result == {
        "ips": ["10.77.0.3"],
        "podman": ["10.77.0.2"],
        "published": "a to 10.77.0.3",
        "count": 2,
        "after": 1,
    }
    machine.podman(["rm", "-f", "-t", "0", "p1"], user=user)
    assert not machine.exists("/run/user/1500/containers/networks/rootless-netns")


@pytest.mark.parametrize("user", [None, "tester"])
def test_a_replaced_network_takes_its_containers_along(machine, inside, image, user):
    """They keep address, name and alias; on a failure half-way everything is as before."""
    machine.sh("chmod 644 /tmp/root.tar")
    if user:
        machine.podman(["import", "/tmp/root.tar", image], user=user)
    machine.task("network", {"name": "net", "subnet": "10.77.0.0/24"}, user=user)
    for name in ("p1", "p2"):
        run = ["run", "-d", "--network", "net", "--network-alias", f"alias-{name}", "--name", name]
        machine.podman([*run, image, "sleep", "1000"], user=user)
    machine.podman(["exec", "p1", "ip", "addr", "show", "eth0"], user=user)
    refused = machine.task("network", {"name": "net", "opt": {"mtu": 1400}}, user=user, fails=True)
    assert "containers are attached: p1, p2" in refused["msg"]
    wish = {"name": "net", "subnet": "10.77.0.0/24", "opt": {"mtu": 1400}, "force": True}
    foretold = machine.task("network", wish, user=user, check=True)
    done = machine.task("network", wish, user=user)
    assert done["actions"] == foretold["actions"] == [
        "detach container p1",
        "detach container p2",
        "recreate network net",
        "attach container p1",
        "attach container p2",
    ]
    assert done["diff"] == foretold["diff"] == {"before": {"opt": {}}, "after": {"opt": {"mtu": "1400"}}}
    assert "warnings" not in done
    shown = machine.podman(["exec", "p1", "ip", "addr", "show", "eth0"], user=user).stdout
    assert "mtu 1400" in shown and "10.77.0.2/24" in shown
    networks = machine.podman_json(["inspect", "p2"], user=user)[0]["NetworkSettings"]["Networks"]
    assert networks["net"]["IPAddress"] == "10.77.0.3"
    resolved = inside(
        """
probe = Container("probe", ["net"])
result = [probe.resolve("p1"), probe.resolve("alias-p2")]
probe.down()
show(result)
""",
        user=user,
    )
    assert resolved == [["10.77.0.2"], ["10.77.0.3"]]
    assert not machine.task("network", {**wish, "force": False}, user=user)["changed"]

    bad = {**wish, "subnet": "10.88.0.0/24"}
    assert "overlaps" in machine.task("network", bad, user=user, fails=True)["msg"]
    assert "10.77.0.2/24" in machine.podman(["exec", "p1", "ip", "addr", "show", "eth0"], user=user).stdout

    moved = machine.task("network", {**wish, "subnet": "10.78.0.0/24"}, user=user)
    assert "has another address on network net now: 10.78.0.2" in str(moved["warnings"])
    hosts = machine.podman(["exec", "p1", "cat", "/etc/hosts"], user=user).stdout
    assert "10.78.0.2" in hosts and "10.77.0.2" not in hosts
    resolv = machine.podman(["exec", "p1", "cat", "/etc/resolv.conf"], user=user).stdout
    assert "nameserver 10.78.0.1" in resolv and "10.77.0.1" not in resolv
    assert "10.78.0.2/24" in machine.podman(["exec", "p1", "ip", "addr", "show", "eth0"], user=user).stdout
    machine.podman(["rm", "-f", "-t", "0", "p1", "p2"], user=user)
    assert machine.task("network", {"name": "net", "state": "absent"}, user=user)["changed"]
    assert machine.leaks() == {}
