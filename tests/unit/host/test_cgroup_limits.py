"""Limits of a group above containers: what is written to which file, and what systemd is told instead."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import HostLacks
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host import cgroup_limits, systemd_limits
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.cgroups import V1, V2, CgroupFacts, Hierarchy

LIMITS = {
    "memory": {"limit": 64, "swap": 128},
    "cpu": {"shares": 1024, "quota": 50000, "period": 100000, "cpus": "0-1"},
    "blockIO": {"weight": 50, "throttleReadBpsDevice": [{"major": 8, "minor": 0, "rate": 9}]},
}
FILES = {
    V1: {
        "memory.limit_in_bytes": ("64", "-1"),
        "memory.memsw.limit_in_bytes": ("128", "-1"),
        "cpu.shares": ("1024", "1024"),
        "cpu.cfs_quota_us": ("50000", "-1"),
        "cpuset.cpus": ("0-1", "0-1"),
        "blkio.weight": ("50", "500"),
        "blkio.throttle.read_bps_device": ("8:0 9", "8:0 0"),
    },
    V2: {
        "memory.max": ("64", "max"),
        "memory.swap.max": ("64", "max"),
        "cpu.weight": ("39", "100"),
        "cpu.max": ("50000 100000", "max"),
        "cpuset.cpus": ("0-1", "\n"),
        "io.weight": ("default 50", "default 100"),
        "io.max": ("8:0 rbps=9", "8:0 rbps=max"),
    },
}


@pytest.mark.parametrize("mode", FILES)
def test_files(tmp_path, mode):
    tree = Hierarchy(str(tmp_path), () if mode == V2 else ("memory",), True, mode == V2)
    facts = CgroupFacts(mode, "cgroupfs", ("memory", "cpu"), (tree,), False)
    folder = tmp_path / "libpod_parent" / "pod"
    folder.mkdir(parents=True)
    for name in FILES[mode]:
        (folder / name).write_text("")
    cgroup_limits.apply(facts, "/libpod_parent/pod", LIMITS, {}, "limit pod shop")
    wanted = {name: one for name, (one, _free) in FILES[mode].items()}
    assert {name: (folder / name).read_text() for name in wanted} == wanted
    for name in FILES[mode]:
        (folder / name).write_text("")
    cgroup_limits.apply(facts, "/libpod_parent/pod", {}, LIMITS, "limit pod shop")
    freed = {name: free for name, (_one, free) in FILES[mode].items() if (mode, name) != (V1, "cpuset.cpus")}
    assert {name: (folder / name).read_text() for name in freed} == freed


def test_a_value_that_the_kernel_does_not_take_is_named(tmp_path):
    tree = Hierarchy(str(tmp_path), (), True, True)
    facts = CgroupFacts(V2, "cgroupfs", ("memory",), (tree,), False)
    (tmp_path / "pod" / "memory.max").mkdir(parents=True)
    with pytest.raises(HostLacks, match="limit pod shop.*memory.max"):
        cgroup_limits.apply(facts, "/pod", LIMITS, {}, "limit pod shop")


def test_properties_of_a_slice():
    found = {name: (kind, value) for name, kind, value in systemd_limits.properties(LIMITS, {})}
    assert found == {
        "MemoryMax": ("t", 64),
        "MemorySwapMax": ("t", 64),
        "CPUWeight": ("t", 39),
        "CPUQuotaPerSecUSec": ("t", 500000),
        "AllowedCPUs": ("ay", b"\x03"),
        "IOWeight": ("t", 50),
        "IOReadBandwidthMax": ("a(st)", [("/dev/block/8:0", 9)]),
    }
    freed = {name: value for name, _kind, value in systemd_limits.properties({}, LIMITS)}
    assert freed["MemoryMax"] == 2**64 - 1 and freed["AllowedCPUs"] == b"" and freed["IOReadBandwidthMax"] == []
