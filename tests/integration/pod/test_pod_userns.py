"""Pods with a user namespace of their own: the containers share it, and podman makes the same one."""

from __future__ import annotations

import pytest
from pods_in_machine import SLEEP, load, names

CASES = {
    None: ({"userns": "auto:size=2048"}, {"uidmap": ["0:300000:4096"], "gidmap": ["0:300000:4096"]}),
    "tester": ({"userns": "keep-id"}, {"userns": "auto:size=2048"}, {"userns": "nomap"}),
}


def flags(options):
    for name, value in options.items():
        for item in value if isinstance(value, list) else [value]:
            yield from (f"--{name}", item)


def maps(machine, name, user):
    """(uid_map, gid_map, name of the user namespace) as the container sees them, and who it is."""
    inside = "cat /proc/self/uid_map /proc/self/gid_map; id -u; stat -c %u:%g / /etc/passwd"
    told = machine.podman(["exec", name, "sh", "-c", inside], user).stdout.split()
    return told, machine.podman(["exec", name, "readlink", "/proc/self/ns/user"], user).stdout


@pytest.mark.machine(os="debian13")
@pytest.mark.parametrize("user", list(CASES), ids=lambda user: user or "root")
def test_user_namespaces(machine, user):
    machine.sh("for file in /etc/subuid /etc/subgid; do echo containers:400000:65536 >>$file; done")
    load(machine, user)
    machine.mark()
    for options in CASES[user]:
        machine.podman(["pod", "create", "--name", "theirs", *flags(options)], user)
        machine.podman(["run", "-d", "--pod", "theirs", "--name", "a", SLEEP["image"], "sleep", "1000"], user)
        wanted, _namespace = maps(machine, "a", user)
        machine.podman(["pod", "rm", "-f", "-t", "0", "theirs"], user)

        pod = {"name": "shop", "state": "started", **options}
        whole = {**pod, "containers": [{"name": name, **SLEEP} for name in ("web", "db")]}
        planned = machine.task("pod", whole, user, check=True)
        made = machine.task("pod", whole, user)
        assert made["diff"] == planned["diff"]
        assert not machine.task("pod", whole, user)["changed"]
        found, namespace = maps(machine, "web", user)
        assert found == wanted, options
        assert maps(machine, "db", user) == (found, namespace)
        machine.podman(
            ["run", "-d", "--stop-timeout", "0", "--pod", "shop", "--name", "side", SLEEP["image"], "sleep", "1000"],
            user,
        )
        assert maps(machine, "side", user) == (found, namespace)
        machine.task("pod", {"name": "shop", "state": "stopped"}, user)
        machine.task("pod", {"name": "shop", "state": "started"}, user)
        assert maps(machine, "web", user)[0] == found
        machine.task("pod", {"name": "shop", "state": "absent"}, user)
        assert names(machine, user) == [] and machine.leaks() == {}
