"""Every option made, repeated, spelled otherwise, changed, and left out again: what is predicted is what happens."""

from __future__ import annotations

import pytest

IMAGE = "127.0.0.1:5000/busybox:latest"
#: option: (a value, the same in another spelling or None, another value that is not the default).
OPTIONS = {
    "annotation": ({"a": "1"}, None, {"a": "2"}),
    "cap_add": (["net_admin"], ["CAP_NET_ADMIN"], ["net_raw"]),
    "cap_drop": (["chown"], ["CAP_CHOWN"], ["all"]),
    "command": ("sleep 100", ["sleep", "100"], ["sleep", "200"]),
    "dns": (["10.0.0.1"], None, ["10.0.0.2"]),
    "entrypoint": ("/bin/sh", '["/bin/sh"]', "/bin/env"),
    "env": ({"A": "b"}, None, {"A": "B"}),
    "etc_hosts": ({"db": "10.0.0.1"}, None, {"db": "10.0.0.2"}),
    "group_add": (["extra"], None, ["daemon"]),
    "hostname": ("one", None, "two"),
    "init": (False, "no", True),
    "interactive": (False, "no", True),
    "label": ({"a": "with blanks in it"}, None, {"A": "b"}),
    "log_opt": ({"max_size": "1m"}, {"max_size": "1000k"}, {"max_size": "2m"}),
    "log_driver": ("k8s-file", None, "none"),
    "network": (["none"], "none", ["host"]),
    "publish": (["8080:80"], ["0.0.0.0:8080:80/tcp"], ["8080-8081:80-81/udp"]),
    "privileged": (False, "no", True),
    "read_only": (False, "no", True),
    "restart_policy": ("on-failure:3", "on-failure:3", "always"),
    "security_opt": (["no-new-privileges"], ["no-new-privileges:true"], ["seccomp=unconfined"]),
    "shm_size": ("128m", "131072k", "32m"),
    "stop_signal": (10, None, 12),
    "stop_timeout": (3, None, 4),
    "sysctl": ({"net.ipv4.ip_forward": "1"}, None, {"net.ipv4.ip_forward": "0"}),
    "tmpfs": ({"/cache": "size=64m"}, {"/cache/": "size=65536k"}, {"/cache": "size=32m"}),
    "tty": (False, "no", True),
    "ulimit": (["nofile=100:200"], ["NOFILE=100:200"], ["nofile=100:300"]),
    "user": ("web", None, "1000:1000"),
    "volume": (["data:/data:ro"], ["data:/data/:ro"], ["/etc:/data:ro"]),
    "workdir": ("/www", "/www/", "/tmp"),
}
LIMITS = {
    "cpu_shares": (512, None, 256),
    "cpus": ("0.5", "0.50", "1.5"),
    "memory": ("512m", "0.5g", "256m"),
    "memory_reservation": ("64m", "65536k", "32m"),
    "pids_limit": ("100", 100, "200"),
}


@pytest.fixture(scope="module", params=[None, "tester"], ids=["root", "user"])
def place(request, lab):
    from machine import Spec

    made = lab.machine(Spec())
    assert made.registry.port == 5000
    made.task("image", {"name": IMAGE}, user=request.param)
    yield made, request.param
    made.close()


@pytest.mark.parametrize("option", sorted({**OPTIONS, **LIMITS}))
def test_option(option, place):
    machine, user = place
    value, same, other = {**OPTIONS, **LIMITS}[option]
    base = {"name": "web", "image": IMAGE, "state": "created"}
    if option != "command":
        base["command"] = ["sleep", "1000"]

    def task(wanted, **more):
        return machine.task("container", base if wanted is None else {**base, option: wanted}, user=user, **more)

    if option in LIMITS and user is not None:  # no cgroup is delegated to a plain user on these machines
        failed = task(value, fails=True)
        assert f"{option} cannot be set on this host" in failed["msg"]
        assert machine.task("container_info", {"name": ["web"]}, user=user)["containers"] == []
        return
    try:
        assert task(value)["changed"] is True
        assert task(value)["changed"] is False
        if same is not None:
            assert task(same)["changed"] is False, f"{same} is not taken as {value}"
        for wanted in (other, None):
            predicted, real = task(wanted, check=True), task(wanted)
            assert real["diff"] == predicted["diff"]
            assert real["changed"] is predicted["changed"] is True, f"{option} to {wanted}: {real['diff']}"
            assert real["diff"]["before"] != real["diff"]["after"]
            assert task(wanted)["changed"] is False
    finally:
        machine.task("container", {"name": "web", "state": "absent"}, user=user)
