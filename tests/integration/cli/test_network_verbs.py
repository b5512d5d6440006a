"""daemonless network create, connect, disconnect, exists, inspect, ls, prune, rm and update, beside podman's."""

from __future__ import annotations

import json

import pytest

IMAGE = "127.0.0.1:5000/busybox:latest"


@pytest.mark.parametrize("user", [None, "tester"], ids=["root", "plain user"])
def test_networks_by_hand(machine, user):
    assert machine.registry.port == 5000
    machine.task("image", {"name": IMAGE}, user=user)
    command = "daemonless" if user is None else "/home/tester/.local/bin/daemonless"

    def network(*words, code=0, input=""):
        done = machine.run([command, "network", *words], user, check=False, input=input)
        assert done.returncode == code, (words, done.returncode, done.stdout, done.stderr)
        return done.stdout if not code else done.stderr

    def inspected(name):
        ours = json.loads(network("inspect", name))[0]
        theirs = machine.podman_json(["network", "inspect", name], user=user)[0]
        assert ours == theirs
        return ours

    made = ["--subnet", "10.77.0.0/24", "--gateway", "10.77.0.9", "--ip-range", "10.77.0.128/25", "--label", "a=b"]
    assert network("create", *made, "-o", "mtu=1400,isolate=true", "--dns", "192.0.2.53", "web") == "web\n"
    shown = inspected("web")
    assert shown["subnets"][0]["gateway"] == "10.77.0.9" and shown["labels"] == {"a": "b"}
    assert shown["options"] == {"mtu": "1400", "isolate": "true"}
    assert shown["network_dns_servers"] == ["192.0.2.53"]
    assert not machine.task("network", {"name": "web", "opt": {"mtu": 1400}}, user=user)["changed"]
    assert "already used" in network("create", "web", code=125)
    assert network("create", "--ignore", "web") == "web\n"
    assert network("create", "--ipv6", "--internal", "--disable-dns") == "podman2\n"
    unnamed = inspected("podman2")
    assert unnamed["network_interface"] == "podman2" and unnamed["internal"] and not unnamed["dns_enabled"]
    assert [":" in subnet["subnet"] for subnet in unnamed["subnets"]] == [False, True]
    for words, told in (
        (["--subnet", "10.77.0.0/24"], "overlaps 10.77.0.0/24 of network web"),
        (["--gateway", "10.1.0.1"], "cannot set gateway or range without subnet"),
        (["--subnet", "10.1.0.0/24", "--gateway", "10.1.0.1", "--gateway", "10.1.0.2"], "more gateways than subnets"),
        (["-d", "nonsense"], "driver 'nonsense'"),
        (["-o", "nonsense=1"], "have no option 'nonsense'"),
        (["--subnet", "10.1.0.0/24", "--route", "10.0.0.0/8"], "expected DESTINATION,GATEWAY"),
    ):
        assert told in network("create", *words, "bad", code=125)
    network("exists", "web")
    network("exists", "bad", code=1)
    assert network("update", "--dns-add", "192.0.2.54,192.0.2.55", "--dns-drop", "192.0.2.53", "web") == "web\n"
    assert inspected("web")["network_dns_servers"] == ["192.0.2.54", "192.0.2.55"]
    assert "it has no dns" in network("update", "--dns-add", "192.0.2.54", "podman2", code=125)
    listed = network("ls", "--format", "{{.Name}}").split()
    assert listed == machine.podman(["network", "ls", "--format", "{{.Name}}"], user=user).stdout.split()

    machine.run([command, "run", "-d", "--name", "c", "--network", "web", IMAGE, "sleep", "1000"], user)
    network("connect", "--alias", "other", "--mac-address", "02:42:ac:11:00:09", "podman2", "c")
    assert "already connected" in network("connect", "podman2", "c", code=125)
    joined = machine.podman_json(["inspect", "c"], user=user)[0]["NetworkSettings"]["Networks"]
    assert sorted(joined) == ["podman2", "web"] and "other" in joined["podman2"]["Aliases"]
    assert joined["podman2"]["MacAddress"] == "02:42:ac:11:00:09" and joined["podman2"]["GlobalIPv6Address"]
    assert "containers use it: c" in network("rm", "podman2", code=2)
    network("disconnect", "podman2", "c")
    assert "is not connected" in network("disconnect", "podman2", "c", code=125)
    network("disconnect", "-f", "podman2", "nobody")
    assert "no container" in network("disconnect", "podman2", "nobody", code=125)
    assert "no network" in network("rm", "nothing", code=1)
    assert "Are you sure" in network("prune", input="n\n")
    network("exists", "podman2")
    assert network("prune", "-f") == "podman2\n"
    assert network("rm", "-f", "-t", "0", "web") == "web\n"
    assert machine.podman(["ps", "-aq"], user=user).stdout == ""
    assert machine.leaks() == {}
