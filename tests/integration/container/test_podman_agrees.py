"""podman and the module agree: on what a container is, and that one which podman made already fits the task."""

from __future__ import annotations

import json

import pytest

IMAGE = "localhost/busybox:latest"
BASE = {"name": "web", "image": IMAGE, "command": ["sleep", "1000"], "stop_timeout": 0}
USERS = pytest.mark.parametrize("user", [None, "tester"], ids=["root", "user"])

# name -> (options, the same in other words, changed, the options seen to change)
GROUPS = {
    "process": (
        {"env": {"A": "1", "B": "x y"}, "workdir": "/tmp", "user": "1000:1000", "hostname": "one"},
        {"env": {"B": "x y", "A": 1}, "workdir": "/tmp/", "user": "1000:1000", "hostname": "one"},
        {"env": {"A": "2"}, "workdir": "/", "user": "1001", "hostname": "two"},
        {"env", "workdir", "user", "hostname"},
    ),
    "labels": (
        {"label": {"a": "b"}, "annotation": {"c": "d"}, "stop_signal": 9, "restart_policy": "on-failure:3"},
        {"labels": {"a": "b"}, "annotation": {"c": "d"}, "stop_signal": "9", "restart_policy": "on_failure:3"},
        {"label": {"A": "b"}, "annotation": {"c": "e"}, "stop_signal": 15, "restart_policy": "always"},
        {"label", "annotation", "stop_signal", "restart_policy"},
    ),
    "files": (
        {"volume": ["data:/data", "/srv/a:/a:ro"], "tmpfs": {"/t": "size=1m"}, "shm_size": "1m"},
        {
            "mount": ["type=bind,src=/srv/a,dst=/a,ro", "type=volume,src=data,dst=/data"],
            "tmpfs": {"/t": "size=1024k"},
            "shm_size": "1024k",
        },
        {"volume": ["data:/data:ro", "/srv/b:/a"], "tmpfs": {"/t": "size=2m"}, "shm_size": "2m"},
        {"volume", "tmpfs", "shm_size"},
    ),
    "read only": (
        {"read_only": True},
        {"read_only": "yes"},
        {"read_only": True, "read_only_tmpfs": False},
        {"read_only_tmpfs"},
    ),
    "network": (
        {
            "publish": ["18080:80", "127.0.0.1:18081:81/udp"],
            "dns": ["1.1.1.1"],
            "etc_hosts": {"a": "1.2.3.4"},
            "network": ["podman"],
            "network_aliases": ["x"],
        },
        {
            "ports": ["127.0.0.1:18081:81/udp", "0.0.0.0:18080:80/tcp"],
            "dns_servers": ["1.1.1.1"],
            "etc_hosts": {"a": "1.2.3.4"},
            "network": ["bridge:alias=x"],
        },
        {
            "publish": ["18082:80"],
            "dns": ["8.8.8.8"],
            "etc_hosts": {"a": "1.2.3.5"},
            "network": ["podman"],
            "network_aliases": ["y"],
        },
        {"publish", "dns", "etc_hosts", "network_aliases"},
    ),
    "no network": ({"network": ["none"]}, {"network_mode": "none"}, {"network": ["host"]}, {"network"}),
    "walls": (
        {"cap_add": ["SYS_TIME"], "cap_drop": ["KILL"], "security_opt": ["no-new-privileges", "mask=/proc/cpuinfo"]},
        {
            "cap_add": ["cap_sys_time"],
            "cap_drop": ["kill"],
            "security_opt": ["no-new-privileges:true", "mask=/proc/cpuinfo"],
        },
        {"cap_add": ["NET_RAW"], "security_opt": ["seccomp=unconfined"]},
        {"capabilities", "security_opt"},
    ),
    "terminal": (
        {"tty": True, "interactive": True, "init": True, "log_driver": "k8s-file", "log_opt": {"max_size": "10m"}},
        {"tty": "yes", "interactive": True, "init": True, "log_driver": "json-file", "log_opt": {"max_size": "10000k"}},
        {"tty": False, "interactive": True, "init": False, "log_driver": "none", "log_opt": {}},
        {"tty", "init", "log_driver", "log_opt"},
    ),
    "limits of processes": (
        {"ulimit": ["nofile=100:200"]},
        {"ulimits": ["RLIMIT_NOFILE=100:200"]},
        {"ulimit": ["nofile=100:300"]},
        {"ulimit.nofile"},
    ),
    "limits": (
        {"memory": "64m", "cpus": "0.5", "pids_limit": 50},
        {"memory": "0.0625g", "cpus": "0.50", "pids_limit": "50"},
        {"memory": "128m", "cpus": "0.75", "pids_limit": -1},
        {"memory", "cpu_quota", "pids_limit"},
    ),
}
NEEDS_ROOT = {"limits"}  # no cgroups are delegated to the user of this machine


@pytest.fixture
def machine(machine):
    for user in (None, "tester"):
        machine.podman(["load", "-q", "-i", str(machine.lab.images.docker_archive)], user)
    machine.sh("mkdir -p /srv/a /srv/b && chmod 755 /srv /srv/a /srv/b")
    return machine


def task(machine, options, user, **more):
    return machine.task("container", {**BASE, **options}, user, **more)


def unordered(document):
    made = json.loads(json.dumps(document))
    made["Mounts"].sort(key=str)
    made["HostConfig"]["Binds"].sort()
    made["State"].pop("Health", None)
    if made["State"].get("CgroupPath") == "/":  # podman's word for a container that has no cgroup of its own
        del made["State"]["CgroupPath"]
    return made


@USERS
@pytest.mark.parametrize("name", GROUPS)
def test_podman_shows_what_the_module_returns(machine, name, user):
    """Options of one group share a container; each difference is named by its option."""
    if user and name in NEEDS_ROOT:
        pytest.skip("no cgroups are delegated to the user of this machine")
    options, spelled, changed, seen = GROUPS[name]
    made = task(machine, options, user)
    assert unordered(made["container"]) == unordered(machine.podman_json(["inspect", "web"], user)[0])
    kept = task(machine, spelled, user)
    assert not kept["changed"], kept["diff"]
    replaced = task(machine, changed, user)
    assert set(replaced["diff"]["after"]) == seen
    assert unordered(replaced["container"]) == unordered(machine.podman_json(["inspect", "web"], user)[0])


# What podman's own command line makes, and the wish that it already fits.
BY_HAND = {
    "plain": ([], {}),
    "env": (["-eA=1", "-e", "B=x y"], {"env": {"A": "1", "B": "x y"}}),
    "files": (
        ["-v", "data:/data", "-v", "/srv/a:/a:ro", "--tmpfs", "/t:size=1m", "--read-only"],
        {"volume": ["/srv/a:/a:ro", "data:/data"], "tmpfs": {"/t": "size=1024k"}, "read_only": True},
    ),
    "ports": (
        ["-p", "18090:80", "-p", "18091-18093:91-93/udp", "--dns", "1.1.1.1", "--add-host", "a:1.2.3.4"],
        {"publish": ["18090:80/tcp", "18091-18093:91-93/udp"], "dns": ["1.1.1.1"], "etc_hosts": {"a": "1.2.3.4"}},
    ),
    "walls": (
        ["--cap-add", "SYS_TIME", "--cap-drop", "KILL", "--security-opt", "no-new-privileges", "--user", "1000"],
        {"cap_add": ["sys_time"], "cap_drop": ["KILL"], "security_opt": ["no-new-privileges"], "user": "1000"},
    ),
    "rest": (
        [
            "--init",
            "-ti",
            "--hostname",
            "h",
            "--label",
            "a=b",
            "--stop-signal",
            "9",
            "--restart",
            "on-failure:2",
            "--workdir",
            "/tmp",
            "--network",
            "none",
            "--shm-size",
            "1m",
            "--ulimit",
            "core=0",
            "--log-opt",
            "max-size=10m",
        ],
        {
            "init": True,
            "tty": True,
            "interactive": True,
            "hostname": "h",
            "label": {"a": "b"},
            "stop_signal": 9,
            "restart_policy": "on-failure:2",
            "workdir": "/tmp",
            "network": ["none"],
            "shm_size": "1024k",
            "ulimit": ["core=0"],
            "log_opt": {"max_size": "10m"},
        },
    ),
}


@USERS
@pytest.mark.parametrize("name", BY_HAND)
def test_what_podman_made_is_left_running(machine, name, user):
    argv, options = BY_HAND[name]
    machine.podman(["run", "-d", "--name", "web", "--stop-timeout", "0", *argv, IMAGE, "sleep", "1000"], user)
    before = machine.podman_json(["inspect", "web"], user)[0]
    kept = task(machine, options, user)
    assert not kept["changed"], kept["diff"]
    assert kept["container"]["State"]["Pid"] == before["State"]["Pid"]
    assert unordered(kept["container"]) == unordered(before)


def test_a_port_of_podmans_choice_is_kept(machine):
    machine.podman(["run", "-d", "--name", "web", "--stop-timeout", "0", "-p", "80", IMAGE, "sleep", "1000"])
    assert not task(machine, {"publish": ["80"]}, None)["changed"]
    assert task(machine, {"publish": ["81"]}, None)["changed"]
