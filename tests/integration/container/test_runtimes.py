"""Containers through the runtime that works on a host, and the limits that a host cannot give."""

from __future__ import annotations

import pytest

IMAGE = "127.0.0.1:5000/busybox:latest"
HYBRID = [
    pytest.param({"cgroups": "hybrid", "propagation": "private"}, id="host"),
    pytest.param({"os": "debian13", "cgroups": "hybrid"}, id="debian13"),
]


@pytest.fixture
def pulled(new_machine):
    def make(user=None, **kind):
        machine = new_machine(**kind)
        assert machine.registry.port == 5000
        machine.task("image", {"name": IMAGE}, user=user)
        machine.mark()
        return machine

    return make


@pytest.mark.parametrize("kind", HYBRID)
def test_where_crun_refuses_hybrid_cgroups_containers_run_through_runc(pulled, kind):
    machine = pulled(**kind)
    task = {"name": "web", "image": IMAGE, "command": ["sleep", "1000"], "memory": "32m", "pids_limit": 20}
    made = machine.task("container", {**task, "stop_timeout": 0})
    assert made["container"]["State"]["Running"] is True
    assert made["container"]["OCIRuntime"] == "runc"
    assert made["container"]["HostConfig"]["Memory"] == 32 << 20
    assert machine.sh("daemonless exec web cat /proc/self/comm") == "cat"
    folder = f"/sys/fs/cgroup/memory/libpod_parent/libpod-{made['container']['Id']}"
    assert machine.read(f"{folder}/memory.limit_in_bytes").strip() == str(32 << 20)
    assert machine.task("container", {**task, "stop_timeout": 0})["changed"] is False
    updated = machine.task("container", {**task, "stop_timeout": 0, "memory": "64m"})
    assert updated["container"]["State"]["Pid"] == made["container"]["State"]["Pid"]
    assert machine.read(f"{folder}/memory.limit_in_bytes").strip() == str(64 << 20)

    runtimes = machine.task("host_info", {})["host"]["runtimes"]
    assert runtimes["chosen"]["name"] == "runc"
    (refused,) = runtimes["refused"]
    assert (refused["name"], refused["path"]) == ("crun", "/usr/bin/crun")
    assert refused["reason"] == "it does not work with the hybrid cgroups of this host"

    machine.task("container", {"name": "web", "state": "absent"})
    assert machine.leaks() == {}


@pytest.mark.parametrize("user", [None, "tester"], ids=["root", "user"])
def test_containers_of_a_runtime_that_has_gone_can_be_replaced_and_removed(pulled, user):
    machine = pulled(user)
    task = {"image": IMAGE, "command": ["sleep", "1000"], "stop_timeout": 0}
    for name, state in (("made", "created"), ("runs", "started"), ("goes", "started")):
        done = machine.task("container", {**task, "name": name, "state": state}, user=user)
        assert done["container"]["OCIRuntime"] == "crun"
    machine.sh("mv /usr/bin/crun /usr/bin/crun.away")
    failed = machine.task("container", {**task, "name": "made", "state": "started"}, user=user, fails=True)
    assert "the program crun is not on this host" in failed["msg"]
    for name in ("made", "runs"):
        done = machine.task("container", {**task, "name": name, "recreate": True}, user=user)
        assert (done["container"]["OCIRuntime"], done["container"]["State"]["Running"]) == ("runc", True)
    for name in ("made", "runs", "goes"):
        machine.task("container", {"name": name, "state": "absent"}, user=user)
    assert machine.leaks() == {}


def test_limits_that_a_host_cannot_give_are_all_named(pulled):
    machine = pulled(cgroups="hybrid", propagation="private")
    machine.sh("umount /sys/fs/cgroup/memory /sys/fs/cgroup/pids")
    task = {"name": "web", "image": IMAGE, "command": ["sleep", "1000"], "stop_timeout": 0}
    wanted = {"memory": "32m", "memory_reservation": "16m", "pids_limit": 20}
    for check in (True, False):
        failed = machine.task("container", {**task, **wanted, "cpus": "0.5"}, check=check, fails=True)
        assert all(name in failed["msg"] for name in wanted), failed["msg"]
        assert "cpus" not in failed["msg"]
    assert machine.task("container_info", {"name": ["web"]})["containers"] == []
    made = machine.task("container", {**task, "cpus": "0.5"})  # the default of 2048 processes is no wish
    assert made["container"]["State"]["Running"] is True
    failed = machine.task("container", {**task, "cpus": "0.5", "memory": "32m"}, fails=True)
    assert "memory" in failed["msg"]
    machine.task("container", {"name": "web", "state": "absent"})
    assert machine.leaks() == {}


def test_a_login_sessions_directory_is_no_place_for_roots_containers(pulled):
    """pam_systemd gives root an XDG_RUNTIME_DIR that is gone after the logout; crun would keep its state there."""
    machine = pulled(os="debian13")
    machine.task("container", {"name": "web", "image": IMAGE, "command": ["sleep", "1000"], "state": "created"})
    machine.sh("mkdir -m 0700 -p /run/user/0")
    logged_in = {"XDG_RUNTIME_DIR": "/run/user/0"}
    machine.run(["daemonless", "start", "web"], env=logged_in)
    assert machine.sh("ls /run/user/0") == ""
    for env in ({}, logged_in):
        assert machine.run(["daemonless", "exec", "web", "cat", "/proc/self/comm"], env=env).stdout == "cat\n"
    assert machine.podman(["exec", "web", "cat", "/proc/self/comm"]).stdout == "cat\n"
    machine.run(["daemonless", "rm", "-f", "-t", "0", "web"], env=logged_in)
    assert machine.sh("ls /run/crun") == ""
