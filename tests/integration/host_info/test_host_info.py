"""What a host tells about itself, to root, to a plain user, and to one whom it lacks something for."""

from __future__ import annotations

import json

import pytest
from machine import Machine


def report(machine: Machine, user: str | None = None, check: bool = False) -> dict[str, object]:
    result = machine.task("host_info", {}, user=user, check=check)
    assert result["changed"] is False
    found = result["host"]
    assert isinstance(found, dict)
    return found


def test_root_is_told_everything_and_nothing_is_changed(machine: Machine) -> None:
    before = machine.sh(
        "find /etc/containers /var/lib/containers /usr/local/lib /run/libpod -newermt @1 2>/dev/null | sort"
    )
    found = report(machine)
    assert found["identity"] == {"user": "root", "uid": 0, "gid": 0, "home": "/root", "rootless": False}
    assert found["runtimes"]["chosen"]["name"] == "crun"  # type: ignore[index]
    assert found["runtimes"]["refused"] == []  # type: ignore[index]
    assert found["store"]["graph_root"] == "/var/lib/containers/storage"  # type: ignore[index]
    assert found["state"]["shared_with_podman"] is True  # type: ignore[index]
    assert found["programs"]["conmon"]["path"] == "/usr/bin/conmon"  # type: ignore[index]
    for name, program in found["programs"].items():  # type: ignore[attr-defined]
        assert (program["version"] or "0")[0].isdigit(), (name, program)
    assert found["runtime"]["installed"] is False  # type: ignore[index]
    assert "rootless" not in found
    assert "error" not in found
    after = machine.sh(
        "find /etc/containers /var/lib/containers /usr/local/lib /run/libpod -newermt @1 2>/dev/null | sort"
    )
    assert after == before


def test_a_runtime_that_cannot_be_used_is_named_with_its_reason(machine: Machine) -> None:
    machine.sh("rm /usr/bin/crun")
    found = report(machine)
    assert found["runtimes"]["chosen"]["name"] == "runc"  # type: ignore[index]
    (refused,) = found["runtimes"]["refused"]  # type: ignore[index]
    assert refused == {"name": "crun", "path": "", "reason": "not installed"}


def test_without_any_runtime_the_rest_is_still_told(machine: Machine) -> None:
    machine.sh("rm /usr/bin/crun /usr/bin/runc /usr/sbin/runc 2>/dev/null || true")
    found = report(machine)
    assert "Install the package crun or runc" in found["runtimes"]["error"]  # type: ignore[index]
    assert found["state"]["shared_with_podman"] is True  # type: ignore[index]


@pytest.mark.machine(cgroups="hybrid", propagation="private")
def test_a_host_with_hybrid_cgroups(machine: Machine) -> None:
    found = report(machine)
    assert found["cgroups"]["mode"] == "hybrid"  # type: ignore[index]
    assert found["runtimes"]["chosen"]["name"] == "runc"  # type: ignore[index]
    assert all(one["reason"] for one in found["runtimes"]["refused"])  # type: ignore[index]


NAME_SERVER = """
import socket
server = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
server.bind(("127.0.0.1", 53))
print("ready", file=open("/run/lab/asked", "w"), flush=True)
while server.recv(512):
    print("asked", file=open("/run/lab/asked", "a"), flush=True)
"""


def test_no_name_server_is_asked_about_the_firewall(machine: Machine) -> None:
    """CRIU has iptables list it, and iptables wants a name for each address: seconds for each that nobody answers."""
    machine.write("/etc/resolv.conf", "nameserver 127.0.0.1\noptions timeout:1 attempts:1\n")
    machine.write("/run/lab/server.py", NAME_SERVER)
    machine.sh(
        "setsid python3 /run/lab/server.py </dev/null >/dev/null 2>&1 &"
        " while ! [ -s /run/lab/asked ]; do sleep 0.05; done"
    )
    machine.sh("iptables -A INPUT -s 192.0.2.7 -j DROP")
    assert report(machine)["programs"]["criu"]  # type: ignore[index]
    assert machine.read("/run/lab/asked") == "ready\n"
    machine.sh("iptables -L INPUT -w")
    assert machine.read("/run/lab/asked") != "ready\n", "nobody would have noticed"


@pytest.mark.machine(os="debian13")
def test_on_debian_13(machine: Machine) -> None:
    found = report(machine)
    assert found["host"]["distribution_version"] == "13"  # type: ignore[index]
    assert found["runtimes"]["chosen"]["name"] == "crun"  # type: ignore[index]
    assert "error" not in found


def test_a_plain_user_who_has_everything(machine: Machine) -> None:
    found = report(machine, "tester")
    assert found["rootless"]["ready"] is True  # type: ignore[index]
    assert found["rootless"]["subuid"] == [{"first": 200000, "size": 65536}]  # type: ignore[index]
    assert found["identity"]["rootless"] is True  # type: ignore[index]
    assert found["store"]["graph_root"].endswith("/.local/share/containers/storage")  # type: ignore[index]
    assert "error" not in found


def test_each_thing_that_is_missing_is_named_with_its_remedy(machine: Machine) -> None:
    found = report(machine, "guest")
    rootless = found["rootless"]
    assert rootless["ready"] is False  # type: ignore[index]
    missing = {one["what"]: one for one in rootless["missing"] if one["needed"]}  # type: ignore[index]
    assert set(missing) == {"/etc/subuid", "/etc/subgid"}
    assert "guest" in str(found["error"])
    machine.sh(" && ".join(str(one["remedy"]) for one in missing.values()))
    assert report(machine, "guest")["rootless"]["ready"] is True  # type: ignore[index]


def test_the_suggested_range_is_free(machine: Machine) -> None:
    machine.sh("echo 'other:500000:65536' >> /etc/subuid")
    found = report(machine, "guest")
    remedies = [one["remedy"] for one in found["rootless"]["missing"] if one["what"] == "/etc/subuid"]  # type: ignore[index]
    assert remedies == ["usermod --add-subuids 565536-631071 guest"]


def test_programs_that_are_missing(machine: Machine) -> None:
    machine.sh("rm /usr/bin/newuidmap /usr/bin/pasta /usr/bin/slirp4netns; chmod u-s /usr/bin/newgidmap")
    found = report(machine, "tester")
    named = {one["what"] for one in found["rootless"]["missing"]}  # type: ignore[index]
    assert {"newuidmap", "newgidmap", "network for plain users"} <= named
    assert found["programs"]["newuidmap"]["path"] is None  # type: ignore[index]


def test_the_command_says_the_same(machine: Machine) -> None:
    machine.task("network", {"name": "any"})
    found = report(machine)
    assert found["runtime"]["installed"] is True  # type: ignore[index]
    info = json.loads(machine.sh("daemonless info --format json"))
    for part in ("identity", "runtimes", "store", "programs", "cgroups", "configuration"):
        assert {**info[part], "free_bytes": 0} == {**found[part], "free_bytes": 0}  # type: ignore[dict-item]
