"""Every option made, repeated, spelled otherwise, changed, and left out again: what is predicted is what happens."""

from __future__ import annotations

import pytest

IMAGE = "127.0.0.1:5000/busybox:latest"
VOLUMES = "127.0.0.1:5000/web:latest"  # declares a volume
#: option: (a value, the same in another spelling or None, another value that is not the default).
OPTIONS = {
    "annotation": ({"a": "1"}, None, {"a": "2"}),
    "cap_add": (["net_admin"], ["CAP_NET_ADMIN"], ["net_raw"]),
    "cap_drop": (["chown"], ["CAP_CHOWN"], ["all"]),
    "command": ("sleep 100", ["sleep", "100"], ["sleep", "200"]),
    "device": (["/dev/null:/dev/one"], ["/dev/null:/dev/one:rwm"], ["/dev/zero:/dev/one:r"]),
    "dns_option": ("ndots:2", None, "ndots:3"),
    "dns_search": (["one.test"], None, ["two.test"]),
    "env_file": (["/etc/one.env"], ["/etc/same.env"], ["/etc/two.env"]),
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
    "mount": (["type=bind,src=/etc,dst=/d,ro"], ["type=bind,readonly,target=/d,source=/etc/"], ["type=tmpfs,dst=/d"]),
    "network": (["none"], "none", ["host"]),
    "network by name": (["shop"], "shop", ["shop", "other"]),
    "network of another": (["container:peer"], "container:peer", ["shop"]),
    "network_aliases": (["one"], ["one", "one"], ["two"]),
    "ip": ("10.89.40.9", None, "10.89.40.10"),
    "mac_address": ("02:00:00:00:00:0a", "02-00-00-00-00-0A", "02:00:00:00:00:0b"),
    "no_hosts": (False, "no", True),
    "publish": (["8080:80"], ["0.0.0.0:8080:80/tcp"], ["8080-8081:80-81/udp"]),
    "publish at an address": (["127.0.0.1:8080-8081:80-81"], ["127.0.0.1:8081:81", "127.0.0.1:8080:80"], ["8080:80"]),
    "privileged": (False, "no", True),
    "read_only": (False, "no", True),
    "read_only_tmpfs": (True, "yes", False),
    "rm": (False, "no", True),
    "restart_policy": ("on-failure:3", "on-failure:3", "always"),
    "security_opt": (["no-new-privileges"], ["no-new-privileges:true"], ["seccomp=unconfined"]),
    "security_opt unmask": (["unmask=/proc/acpi"], None, ["mask=/proc/version"]),
    "security_opt seccomp": (["seccomp=/etc/filter.json"], None, ["seccomp=unconfined"]),
    "shm_size": ("128m", "131072k", "32m"),
    "stop_signal": (10, None, 12),
    "stop_timeout": (3, None, 4),
    "sysctl": ({"net.ipv4.ip_forward": "1"}, None, {"net.ipv4.ip_forward": "0"}),
    "tmpfs": ({"/cache": "size=64m"}, {"/cache/": "size=65536k"}, {"/cache": "size=32m"}),
    "tty": (False, "no", True),
    "ulimit": (["nofile=100:200"], ["NOFILE=100:200"], ["nofile=100:300"]),
    "user": ("web", None, "1000:1000"),
    "volume": (["data:/data:ro"], ["data:/data/:ro"], ["/etc:/data:ro"]),
    "volume with propagation": (["/etc:/data:rslave"], ["/etc/:/data:rw,rslave"], ["/etc:/data:rshared"]),
    "workdir": ("/www", "/www/", "/tmp"),
}
OPTIONS.update(
    {
        "cgroupns": ("host", None, "private"),
        "cgroups": ("enabled", None, "disabled"),
        "chrootdirs": ("/www", None, "/tmp"),
        "cidfile": ("/tmp/one.cid", None, "/tmp/two.cid"),
        "conmon_pidfile": ("/tmp/one.pid", None, "/tmp/two.pid"),
        "device_cgroup_rule": ("c 1:3 rwm", None, "c 1:5 r"),
        "env_host": (False, "no", True),
        "env_merge": ({"PATH": "${PATH}:/opt"}, None, {"PATH": "/opt:${PATH}"}),
        "rmi": (False, "no", True),
        "expose": (["80"], ["80/tcp"], ["80-81/udp"]),
        "gidmap": (["0:1000:2000"], ["0:1000:2000"], ["0:1000:3000"]),
        "group_entry": ("web:x:1000:", None, "all:x:1000:"),
        "hosts_file": ("none", None, "image"),
        "hostuser": ("root", None, "daemon"),
        "image_volume": ("tmpfs", None, "ignore"),
        "init_path": ("/usr/bin/env", None, "/usr/bin/true"),
        "ipc": ("private", None, "host"),
        "label_file": ("/etc/one.env", "/etc/same.env", "/etc/two.env"),
        "no_hostname": (False, "no", True),
        "oom_score_adj": (100, "100", 200),
        "passwd": (True, "yes", False),
        "passwd_entry": ("web:*:1000:1000:x:/:/bin/sh", None, "all:*:1000:1000:x:/:/bin/sh"),
        "personality": ("linux32", "LINUX32", "linux"),
        "pid": ("private", None, "host"),
        "pid_file": ("/tmp/one.pid", None, "/tmp/two.pid"),
        "publish_all": (False, "no", True),
        "requires": (["peer"], "peer", ["other-peer"]),
        "sdnotify": ("conmon", None, "ignore"),
        "shm_size_systemd": ("64m", "65536k", "32m"),
        "systemd": ("false", False, "always"),
        "timeout": (100, "100", 200),
        "timezone": ("Etc/UTC", None, "local"),
        "uidmap": (["0:1000:2000"], ["0:1000:2000"], ["0:1000:3000"]),
        "umask": ("0027", "27", "0077"),
        "unsetenv": (["container"], None, ["PATH"]),
        "unsetenv_all": (False, "no", True),
        "userns": ("auto:size=1024", None, "auto:size=2048"),
        "uts": ("private", None, "host"),
        "volumes_from": (["peer"], ["peer:rw"], ["peer:ro"]),
    }
)
LIMITS = {
    "blkio_weight": (100, "100", 200),
    "blkio_weight_device": ({"/dev/zero": 100}, {"/dev/zero": "100"}, {"/dev/zero": 200}),
    "cpu_period": (50000, "50000", 60000),
    "cpu_quota": (50000, "50000", 60000),
    "device_read_bps": (["/dev/zero:1m"], ["/dev/zero:1024k"], ["/dev/zero:2m"]),
    "device_read_iops": (["/dev/zero:100"], None, ["/dev/zero:200"]),
    "device_write_bps": (["/dev/zero:1m"], ["/dev/zero:1024k"], ["/dev/zero:2m"]),
    "device_write_iops": (["/dev/zero:100"], None, ["/dev/zero:200"]),
    "memory_swappiness": (10, "10", 20),
    "oom_kill_disable": (True, "yes", None),
    "cpu_shares": (512, None, 256),
    "cpus": ("0.5", "0.50", "1.5"),
    "cpuset_cpus": ("0", "0-0", "0-1"),
    "cpuset_mems": ("0", "0-0", None),
    "memory": ("512m", "0.5g", "256m"),
    "memory_swap": ("512m", "0.5g", "600m"),
    "memory_reservation": ("64m", "65536k", "32m"),
    "pids_limit": ("100", 100, "200"),
}
#: What a plain user cannot have, and the words for it.
REFUSED = dict.fromkeys(LIMITS, "cannot be set on this host") | {
    "device_cgroup_rule": "has no device controller",
    "oom_kill_disable": "cannot be limited here",
}
#: What an option needs beside it.
BESIDE = {
    "image_volume": {"image": VOLUMES},
    "init_path": {"init": True},
    "publish_all": {"expose": ["80"]},
    "network_aliases": {"network": ["shop"]},
    "ip": {"network": ["shop"]},
    "mac_address": {"network": ["shop"]},
    "memory_swap": {"memory": "256m"},
    "read_only_tmpfs": {"read_only": True},
}
FILTER = '{"defaultAction": "SCMP_ACT_ALLOW", "syscalls": [{"names": ["reboot"], "action": "SCMP_ACT_ERRNO"}]}'


@pytest.fixture(scope="module", params=[None, "tester"], ids=["root", "user"])
def place(request, lab):
    from machine import Spec

    made = lab.machine(Spec())
    assert made.registry.port == 5000
    made.task("image", {"name": IMAGE}, user=request.param)
    made.task("network", {"name": "shop", "subnet": "10.89.40.0/24"}, user=request.param)
    made.task("network", {"name": "other"}, user=request.param)
    peer = {"name": "peer", "image": IMAGE, "command": ["true"], "state": "created"}
    for name in ("peer", "other-peer"):
        wanted = {**peer, "name": name, "volume": ["peers:/peers"]}
        made.task("container", wanted, user=request.param)
    made.write("/etc/filter.json", FILTER)
    made.sh("for file in /etc/subuid /etc/subgid; do echo containers:300000:65536 >>$file; done")
    for name, text in (("one", "A=b\n"), ("same", "# the same\nA=b\n"), ("two", "A=c\n")):
        made.write(f"/etc/{name}.env", text)
    yield made, request.param
    made.close()


@pytest.mark.parametrize("option", sorted({**OPTIONS, **LIMITS}))
def test_option(option, place):
    machine, user = place
    value, same, other = {**OPTIONS, **LIMITS}[option]
    base = {"name": "web", "image": IMAGE, "state": "created", **BESIDE.get(option, {})}
    refusal = REFUSED.get(option, "") if user is not None else ""
    option = option.split(" ")[0]  # the rest tells rows of one option apart
    if option != "command":
        base["command"] = ["sleep", "1000"]

    def task(wanted, **more):
        return machine.task("container", base if wanted is None else {**base, option: wanted}, user=user, **more)

    if refusal:  # no cgroup is delegated to a plain user on these machines
        failed = task(value, fails=True)
        assert option in failed["msg"] and refusal in failed["msg"]
        assert machine.task("container_info", {"name": ["web"]}, user=user)["containers"] == []
        return
    try:
        assert task(value)["changed"] is True
        assert task(value)["changed"] is False
        if same is not None:
            assert task(same)["changed"] is False, f"{same} is not taken as {value}"
        for wanted in (None,) if other is None else (other, None):
            predicted, real = task(wanted, check=True), task(wanted)
            assert real["diff"] == predicted["diff"]
            assert real["changed"] is predicted["changed"] is True, f"{option} to {wanted}: {real['diff']}"
            assert real["diff"]["before"] != real["diff"]["after"]
            assert task(wanted)["changed"] is False
    finally:
        machine.task("container", {"name": "web", "state": "absent"}, user=user)


def test_another_image(place):
    machine, user = place
    machine.registry.push("other:1", machine.lab.images["web:latest"])
    base = {"name": "web", "command": ["sleep", "1000"], "state": "created"}
    try:
        assert machine.task("container", {**base, "image": IMAGE}, user=user)["changed"] is True
        wanted = {**base, "image": "127.0.0.1:5000/other:1"}
        predicted = machine.task("container", wanted, user=user, check=True)
        real = machine.task("container", wanted, user=user)
        assert real["diff"] == predicted["diff"] and "image" in real["diff"]["after"]
        assert machine.task("container", wanted, user=user)["changed"] is False
    finally:
        machine.task("container", {"name": "web", "state": "absent"}, user=user)


@pytest.mark.parametrize("flag", ["recreate", "force_restart"])
def test_what_is_done_anew_each_time(flag, place):
    machine, user = place
    task = {"name": "web", "image": IMAGE, "command": ["sleep", "1000"], "stop_timeout": 0}
    try:
        first = machine.task("container", task, user=user)["container"]
        predicted = machine.task("container", {**task, flag: True}, user=user, check=True)
        real = machine.task("container", {**task, flag: True}, user=user)
        assert (predicted["changed"], predicted["actions"], predicted["diff"]) == (True, real["actions"], real["diff"])
        assert (real["container"]["Id"] != first["Id"]) is (flag == "recreate")
        assert real["container"]["State"]["Pid"] != first["State"]["Pid"]
        assert machine.task("container", task, user=user)["changed"] is False
    finally:
        machine.task("container", {"name": "web", "state": "absent"}, user=user)
