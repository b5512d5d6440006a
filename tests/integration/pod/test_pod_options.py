"""Every option of a pod made, repeated, spelled otherwise, changed, left out again: what is predicted is what happens.

By the module's own reconcile, in one process for the whole table, which is fifty times quicker than a task for each.
"""

from __future__ import annotations

import json

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.task import pod_options, quadlet
from pods_in_machine import IMAGE, load

pytestmark = pytest.mark.timeout(900)

DISK = "the disk"
#: option: (a value, the same in another spelling or None, another value that is not the default).
TABLE = {
    "add_host": (["db:10.0.0.1"], None, ["db:10.0.0.2"]),
    "blkio_weight": ("100", None, "200"),
    "blkio_weight_device": ([f"{DISK}:100"], None, [f"{DISK}:200"]),
    "cgroup_parent": ("/foo", None, "/bar"),
    "cpu_shares": ("512", None, "256"),
    "cpus": ("0.5", "0.50", "1.5"),
    "cpuset_cpus": ("0", "0-0", "0-1"),
    "cpuset_mems": ("0", "0-0", None),
    "device": (["/dev/null:/dev/one"], ["/dev/null:/dev/one:rwm"], ["/dev/zero:/dev/one:r"]),
    "device_read_bps": ([f"{DISK}:1m"], [f"{DISK}:1024k"], [f"{DISK}:2m"]),
    "device_write_bps": ([f"{DISK}:1m"], [f"{DISK}:1024k"], [f"{DISK}:2m"]),
    "dns": (["10.0.0.1"], None, ["10.0.0.2"]),
    "dns_opt": (["ndots:2"], None, ["ndots:3"]),
    "dns_search": (["one.test"], None, ["two.test"]),
    "exit_policy": ("stop", None, None),
    "gidmap": (["0:1000:2000"], ["0:1000:2000"], ["0:1000:3000"]),
    "gpus": ("all", None, None),
    "hostname": ("one", None, "two"),
    "hosts_file": ("none", None, "image"),
    "infra": (False, "no", None),
    "infra_command": ("/bin/sleep", None, "/bin/sh"),
    "infra_conmon_pidfile": ("/tmp/one.pid", None, "/tmp/two.pid"),
    "infra_image": (IMAGE, None, None),
    "infra_name": ("holder", None, "keeper"),
    "ip": ("10.89.40.9", None, "10.89.40.10"),
    "ip6": ("fd40::9", None, "fd40::a"),
    "label": ({"a": "1"}, {"a": 1}, {"A": "1"}),
    "label_file": ("/etc/one.env", "/etc/same.env", "/etc/two.env"),
    "mac_address": ("02:00:00:00:00:0a", "02-00-00-00-00-0A", "02:00:00:00:00:0b"),
    "memory": ("512m", "0.5g", "256m"),
    "memory_swap": ("512m", "0.5g", "600m"),
    "network": (["shop"], None, ["other"]),
    "network_alias": (["one"], ["one", "one"], ["two"]),
    "no_hostname": (True, "yes", None),
    "no_hosts": (True, "yes", None),
    "pid": ("host", None, None),
    "pod_id_file": ("/tmp/one.id", None, "/tmp/two.id"),
    "publish": (["8080:80"], ["0.0.0.0:8080:80/tcp"], ["8081:80"]),
    "restart_policy": ("on-failure:3", "on_failure:3", "always"),
    "security_opt": (["no-new-privileges"], ["no-new-privileges:true"], ["seccomp=unconfined"]),
    "share": ("net,ipc", "ipc, net", "net"),
    "share_parent": (False, "no", None),
    "shm_size": ("128m", "131072k", "32m"),
    "shm_size_systemd": ("64m", "65536k", "32m"),
    "subgidname": ("containers", None, "others"),
    "subuidname": ("containers", None, "others"),
    "sysctl": ({"net.ipv4.ip_forward": "1"}, None, {"net.ipv4.ip_forward": "0"}),
    "uidmap": (["0:1000:2000"], ["0:1000:2000"], ["0:1000:3000"]),
    "userns": ("auto:size=1024", None, "auto:size=2048"),
    "uts": ("host", None, None),
    "volume": (["data:/data:ro"], ["data:/data/:ro"], ["/etc:/data:ro"]),
    "volumes_from": (["peer"], ["peer:rw"], ["peer:ro"]),
}
#: What is no option of the pod as such.
OTHER = {"name", "state", "recreate", "containers", "parallel", "debug", *quadlet.OPTIONS}
#: What is left as it is when a task does not mention it any more.
KEPT = {"pod_id_file"}  # it is written when the pod is made
LIMITS = "blkio_weight blkio_weight_device cpu_shares cpus cpuset_cpus cpuset_mems memory memory_swap".split()
LIMITS += ["device_read_bps", "device_write_bps"]
#: Where a task mentions no option at all, nothing is compared.
COMMON = {"hostname": "there"}
#: What an option needs beside it, or instead of that.
BESIDE = {
    "hostname": {"exit_policy": "stop"},
    "no_hostname": {"exit_policy": "stop"},
    "uts": {"exit_policy": "stop"},
    "infra": {"exit_policy": "stop"},
    "ip": {"network": ["shop"]},
    "ip6": {"network": ["shop"]},
    "mac_address": {"network": ["shop"]},
    "memory_swap": {"memory": "256m"},
    "network_alias": {"network": ["shop"]},
}
RUN = """
import json, sys
sys.path.append(sys.argv[2])
from ansible.module_utils.common import arg_spec  # what Ansible brings, without the collection that lies beside it
sys.path.pop()
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import EngineError
from ansible_collections.daemonless.oci.plugins.module_utils.engine.session.session import Session
from ansible_collections.daemonless.oci.plugins.module_utils.engine.task import frame, pod

class Delivery:
    home = None

NOUN = frame.Noun("pod", pod.OPTIONS, pod.reconcile)

def task(options, check=False):
    params = {name: spec.get("default") for name, spec in pod.OPTIONS.items()}
    request = frame.Request({**params, "name": "shop", **options}, check=check, diff=True, delivery=Delivery())
    request._session = Session.open()
    try:
        return pod.reconcile(request).report(NOUN)
    except EngineError as error:
        return {"msg": str(error), "kind": type(error).__name__}

found = {}
for option, (value, same, other, beside) in json.loads(sys.argv[1]).items():
    def given(chosen):
        return dict(beside) if chosen is None else {**beside, option: chosen}
    steps = {"foretold": task(given(value), check=True), "made": task(given(value))}
    if "msg" not in steps["made"]:
        steps["again"], steps["again_check"] = task(given(value)), task(given(value), check=True)
        if same is not None:
            steps["same"] = task(given(same))
        steps["changes"] = []
        for chosen in (None,) if other is None else (other, None):
            steps["changes"].append([task(given(chosen), check=True), task(given(chosen)), task(given(chosen))])
    steps["gone"] = task({"state": "absent"})
    found[option] = steps
print(json.dumps(found))
"""


NO_DISK = "/dev/full"
_BLOCK_DEVICE = f"""
for one in /sys/block/[!lrz]*; do [ -b /dev/${{one##*/}} ] && echo /dev/${{one##*/}} && exit; done; echo {NO_DISK}
"""


def test_the_table_is_whole():
    assert set(TABLE) == set(pod_options.OPTIONS) - OTHER


@pytest.fixture(scope="module", params=[None, "tester"], ids=["root", "user"])
def outcome(request, lab):
    from machine import Spec

    machine, user = lab.machine(Spec()), request.param
    load(machine, user)
    both = [{"subnet": "10.89.40.0/24"}, {"subnet": "fd40::/64"}]
    machine.task("network", {"name": "shop", "net_config": both}, user)
    machine.task("network", {"name": "other"}, user)
    peer = {"name": "peer", "image": IMAGE, "command": ["true"], "state": "created", "volume": ["peers:/peers"]}
    machine.task("container", peer, user)
    for file in ("/etc/subuid", "/etc/subgid"):
        machine.sh(f"echo containers:300000:65536 >>{file}; echo others:400000:65536 >>{file}")
    for name, text in (("one", "A=b\n"), ("same", "# the same\nA=b\n"), ("two", "A=c\n")):
        machine.write(f"/etc/{name}.env", text)
    table = {option: [*row, BESIDE.get(option, {})] for option, row in TABLE.items()}
    for option in set(table) - {"hostname", "no_hostname", "uts", "infra"}:
        table[option][3] = {**COMMON, **table[option][3]}
    disk = machine.sh(_BLOCK_DEVICE)
    text = json.dumps(table).replace(DISK, disk)
    done = machine.python(RUN, text, str(lab.payloads.directory), user=user, timeout=840)
    yield json.loads(done.stdout.strip().splitlines()[-1]), user, disk
    machine.close()


@pytest.mark.parametrize("option", TABLE)
def test_option(option, outcome):
    steps, user, disk = outcome[0][option], outcome[1], outcome[2]
    made = steps["made"]
    words = refusal(option, user)
    no_weights = option == "blkio_weight_device" and "Operation not supported" in made.get("msg", "")
    if not words and (no_weights or (disk == NO_DISK and DISK in str(TABLE[option]))):
        words = "of its cgroup does not take"  # a disk whose scheduler has none, or a host without any disk
        steps["foretold"]["msg"] = made["msg"]  # only the kernel knows
    if words:
        assert words in made.get("msg", ""), made
        assert steps["foretold"]["msg"] == made["msg"]
        assert not steps["gone"]["changed"]
        return
    assert made.get("changed") is True, made
    assert steps["foretold"]["diff"] == made["diff"]
    assert not steps["again"]["changed"] and not steps["again_check"]["changed"], steps["again"]
    assert not steps.get("same", {}).get("changed"), steps.get("same")
    for foretold, done, again in () if option in KEPT else steps["changes"]:
        assert done.get("changed") is True, done
        assert foretold["diff"] == done["diff"] and done["diff"]["before"] != done["diff"]["after"]
        assert not again["changed"], again
    assert steps["gone"]["changed"]


def refusal(option, user):
    """Words of the error where a pod cannot have it."""
    if user and option in LIMITS:
        return "cannot be set on this host"
    if user and option in ("subuidname", "subgidname"):
        return "a plain user's containers have ids of that user"
    return ""
