"""What a host's cgroups can give, decided from copies of the files that the kernel shows."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import HostLacks
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host import cgroup_trees, systemd_scope
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.cgroups import (
    CGROUPFS,
    SYSTEMD,
    CgroupFacts,
    Lack,
    Place,
    lacking,
    limits_in,
    observe,
    place,
    require,
)

CID = "c" * 64
UID = 1500
LEGACY = ("cpu,cpuacct", "cpuset", "memory", "devices", "freezer", "blkio", "pids")


class Host:
    """A made-up /proc, /run and cgroup mount tree."""

    def __init__(self, base: Path) -> None:
        self.base = base
        self.proc = base / "proc"
        self.run = base / "run"
        self.cg = base / "cg"
        (self.proc / "self").mkdir(parents=True)
        self.run.mkdir()
        self.cg.mkdir()
        self.mounts: list[str] = ["24 1 0:22 / / rw shared:1 - ext4 /dev/sda rw"]
        self.write("proc/self/cgroup", "0::/\n")

    def write(self, path: str, text: str) -> None:
        target = self.base / path
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(text)

    def v1(self, *groups: str, options: str = "rw,nosuid") -> Host:
        for group in groups:
            point = self.cg / group
            point.mkdir(exist_ok=True)
            self.mounts.append(f"30 24 0:30 / {point} {options} shared:5 - cgroup cgroup rw,{group}")
        return self

    def named(self) -> Host:
        (self.cg / "systemd").mkdir()
        self.mounts.append(f"31 24 0:31 / {self.cg}/systemd rw - cgroup cgroup rw,xattr,name=systemd")
        return self

    def v2(self, controllers: str, where: str = "unified", options: str = "rw") -> Host:
        point = self.cg / where
        point.mkdir(exist_ok=True)
        (point / "cgroup.controllers").write_text(controllers)
        (point / "cgroup.procs").write_text("")
        self.mounts.append(f"32 24 0:32 / {point} {options} shared:9 - cgroup2 cgroup2 rw,nsdelegate")
        return self

    def systemd(self) -> Host:
        (self.run / "systemd/system").mkdir(parents=True)
        return self

    def user_manager(self, controllers: str) -> Host:
        self.write(f"run/user/{UID}/bus", "")
        path = f"cg/unified/user.slice/user-{UID}.slice/user@{UID}.service/cgroup.controllers"
        self.write(path, controllers)
        return self

    def look(self, rootless: bool = False, manager: str = "") -> CgroupFacts:
        self.write("proc/self/mountinfo", "\n".join(self.mounts) + "\n")
        return observe(rootless, UID if rootless else 0, manager, str(self.proc), str(self.run))


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def test_version_1(host: Host) -> None:
    facts = host.v1(*LEGACY).named().look()
    assert (facts.mode, facts.manager) == ("v1", CGROUPFS)
    assert facts.controllers == ("cpu", "cpuset", "devices", "freezer", "io", "memory", "pids")
    assert facts.can_create


def test_hybrid(host: Host) -> None:
    facts = host.v1(*LEGACY).named().v2("hugetlb").look()
    assert facts.mode == "hybrid"
    assert "hugetlb" not in facts.controllers, "what the bare tree holds, no runtime hands out"
    assert "memory" in facts.controllers


def test_version_2(host: Host) -> None:
    facts = host.v2("cpuset cpu io memory pids").look()
    assert facts.mode == "v2"
    assert facts.controllers == ("cpu", "cpuset", "devices", "freezer", "io", "memory", "pids")


def test_version_2_beside_a_bare_named_tree_is_version_2(host: Host) -> None:
    assert host.v2("memory").named().look().mode == "v2"


def test_no_cgroups_at_all(host: Host) -> None:
    facts = host.look()
    assert not facts.can_create and facts.reason == "no cgroup file system is mounted"


@pytest.mark.parametrize("version", [1, 2])
def test_mounted_read_only(host: Host, version: int) -> None:
    facts = (host.v1(*LEGACY, options="ro") if version == 1 else host.v2("memory", options="ro")).look()
    assert not facts.can_create and "read-only" in facts.reason


@pytest.mark.parametrize(
    ("rootless", "v2", "bus", "configured", "expected"),
    [
        (False, True, False, "", SYSTEMD),
        (False, False, False, "", SYSTEMD),
        (False, True, False, "cgroupfs", CGROUPFS),
        (True, True, True, "", SYSTEMD),
        (True, True, False, "", CGROUPFS),
        (True, True, False, "systemd", CGROUPFS),
        (True, False, True, "", CGROUPFS),
        (True, False, True, "systemd", CGROUPFS),
    ],
)
def test_the_manager(host: Host, rootless: bool, v2: bool, bus: bool, configured: str, expected: str) -> None:
    host.systemd()
    host.v2("memory pids") if v2 else host.v1(*LEGACY)
    if bus:
        host.user_manager("memory pids")
    assert host.look(rootless, configured).manager == expected


def test_a_user_manager_delegates(host: Host) -> None:
    facts = host.systemd().v2("cpu io memory pids").user_manager("memory pids").look(rootless=True)
    assert facts.controllers == ("freezer", "memory", "pids")
    assert facts.delegated == f"/user.slice/user-{UID}.slice/user@{UID}.service"
    assert lacking(facts, ("memory", "cpus")) == (
        Lack("cpus", "the cgroup controller cpu is not delegated to this user"),
    )


def test_without_a_user_manager_the_way_out_is_named(host: Host) -> None:
    facts = host.systemd().v2("memory").look(rootless=True, manager="systemd")
    assert not facts.can_create and "loginctl enable-linger" in facts.reason


def test_a_subtree_given_away_by_hand(host: Host) -> None:
    host.v2("cpu memory").write("proc/self/cgroup", "0::/lent\n")
    host.write("cg/unified/lent/cgroup.procs", "")
    host.write("cg/unified/lent/cgroup.controllers", "memory")
    facts = host.look(rootless=True)
    assert (facts.manager, facts.controllers, facts.delegated) == (CGROUPFS, ("freezer", "memory"), "/lent")
    assert place(facts, CID) == Place(f"/lent/libpod_parent/libpod-{CID}", "/lent/libpod_parent/conmon")


def test_version_1_cannot_be_delegated(host: Host) -> None:
    facts = host.v1(*LEGACY).look(rootless=True)
    assert not facts.can_create and "cgroup v1 cannot be delegated" in facts.reason


@pytest.mark.parametrize(
    ("parent", "mode", "expected"),
    [
        ("", "enabled", Place(f"/libpod_parent/libpod-{CID}", "/libpod_parent/conmon")),
        ("/own/one", "enabled", Place(f"/own/one/libpod-{CID}", "/own/one/conmon")),
        ("own", "enabled", Place(f"/own/libpod-{CID}", "/own/conmon")),
        ("", "no-conmon", Place(f"/libpod_parent/libpod-{CID}")),
        ("", "disabled", Place("")),
    ],
)
def test_places_without_systemd(host: Host, parent: str, mode: str, expected: Place) -> None:
    assert place(host.v1(*LEGACY).look(), CID, parent, mode) == expected


def test_places_with_systemd(host: Host) -> None:
    facts = host.systemd().v2("memory").look()
    scope = f"libpod-conmon-{CID}.scope"
    assert place(facts, CID) == Place(f"machine.slice:libpod:{CID}", "", "machine.slice", scope)
    assert place(facts, CID, "/a/web.slice") == Place(f"web.slice:libpod:{CID}", "", "web.slice", scope)
    assert place(facts, CID, "", "no-conmon").scope == ""


def test_places_of_a_plain_user(host: Host) -> None:
    facts = host.systemd().v2("memory").user_manager("memory").look(rootless=True)
    assert place(facts, CID).oci_path == f"user.slice:libpod:{CID}"


def test_a_parent_that_cannot_be_used_is_an_error(host: Host) -> None:
    facts = host.v1(*LEGACY).look(rootless=True)
    assert place(facts, CID) == Place("")
    with pytest.raises(HostLacks, match="use cgroup parent /mine: cgroup v1 cannot be delegated"):
        place(facts, CID, "/mine")


def test_limits_are_named_from_resources() -> None:
    resources: dict[str, object] = {
        "memory": {"limit": 1, "swap": 2, "reservation": 0, "swappiness": 60, "disableOOMKiller": False},
        "cpu": {"quota": 1, "period": 2, "shares": 0, "cpus": "0-1", "mems": ""},
        "pids": {"limit": 5},
        "blockIO": {"weight": 10, "throttleReadBpsDevice": [], "throttleWriteBpsDevice": [{}]},
        "hugepageLimits": [{"pageSize": "2MB"}],
        "devices": [{"allow": False}],
    }
    assert limits_in(resources) == (
        "memory",
        "memory_swap",
        "memory_swappiness",
        "cpus",
        "cpuset_cpus",
        "pids_limit",
        "blkio_weight",
        "blkio_throttle",
        "hugetlb",
    )
    assert limits_in({}) == ()


def test_a_limit_that_version_2_does_not_know(host: Host) -> None:
    facts = host.v2("memory cpu").look()
    assert [lack.limit for lack in lacking(facts, ("memory", "memory_swappiness", "oom_kill_disable", "cpu_rt"))] == [
        "memory_swappiness",
        "oom_kill_disable",
        "cpu_rt",
    ]


def test_a_file_that_this_kernel_lacks(host: Host) -> None:
    host.v1(*LEGACY)
    for name in ("memory.limit_in_bytes", "memory.soft_limit_in_bytes", "memory.swappiness"):
        host.write(f"cg/memory/{name}", "0")
    facts = host.look()
    assert lacking(facts, ("memory", "memory_reservation", "memory_swappiness")) == ()
    assert lacking(facts, ("memory_swap",)) == (Lack("memory_swap", "this kernel has no memory.memsw.limit_in_bytes"),)


def test_swap_accounting_under_version_2_is_seen_in_a_child_group(host: Host) -> None:
    host.v2("memory")
    facts = host.look()
    assert lacking(facts, ("memory_swap",)) == (), "with nothing to look at, believe the controller"
    host.write("cg/unified/init.scope/memory.max", "max")
    assert [lack.limit for lack in lacking(facts, ("memory_swap",))] == ["memory_swap"]
    host.write("cg/unified/system.slice/memory.swap.max", "max")
    assert lacking(facts, ("memory_swap",)) == ()


def test_one_error_names_every_limit(host: Host) -> None:
    facts = host.v1("pids").look()
    with pytest.raises(HostLacks) as caught:
        require(facts, ("memory", "memory_swap", "cpus", "pids_limit"), "start container web")
    assert str(caught.value) == (
        "start container web: memory, memory_swap cannot be limited here: the cgroup controller memory is not "
        "available;"
        " cpus cannot be limited here: the cgroup controller cpu is not available"
    )
    require(facts, ("pids_limit",), "start container web")


def test_groups_of_a_process(host: Host) -> None:
    host.v1("cpu,cpuacct", "memory", "blkio").v2("", "unified")
    host.write("proc/7/cgroup", f"5:cpu,cpuacct:/a\n4:memory:/b/libpod-{CID}\n3:blkio:/\n2:name=systemd:/s\n0::/u\n")
    facts = host.look()
    assert cgroup_trees.directories(facts, 7, str(host.proc)) == {
        "cpu": f"{host.cg}/cpu,cpuacct/a",
        "cpuacct": f"{host.cg}/cpu,cpuacct/a",
        "memory": f"{host.cg}/memory/b/libpod-{CID}",
        "io": f"{host.cg}/blkio",
        "": f"{host.cg}/unified/u",
    }


def test_a_monitor_enters_every_writable_tree(host: Host) -> None:
    host.v1("cpuset", "memory").v2("hugetlb")
    host.write("cg/cpuset/cpuset.cpus", "0-3\n")
    host.write("cg/cpuset/cpuset.mems", "0\n")
    facts = host.look()
    for group in ("cpuset", "memory"):  # the kernel makes these; here they stand ready
        for level in ("libpod_parent", "libpod_parent/conmon"):
            (host.cg / group / level).mkdir()
            for name in ("cgroup.procs", "cpuset.cpus", "cpuset.mems"):
                (host.cg / group / level / name).write_text("")
    assert cgroup_trees.enter_monitor(facts, place(facts, CID), 4242, 0) == ""
    assert (host.cg / "memory/libpod_parent/conmon/cgroup.procs").read_text() == "4242"
    assert (host.cg / "cpuset/libpod_parent/conmon/cgroup.procs").read_text() == "4242"
    assert not (host.cg / "unified/libpod_parent").exists()


def test_a_monitor_that_cannot_be_moved_is_a_warning(host: Host) -> None:
    facts = host.v1("memory").look()
    assert "stays in the cgroup of its caller" in cgroup_trees.enter_monitor(facts, place(facts, CID), 4242, 0)


@pytest.mark.parametrize("path", ["", "/", "relative", "/a/../..", "machine.slice:libpod:x"])
def test_removing_stays_inside(host: Host, path: str) -> None:
    facts = host.v1("memory").look()
    (host.cg / "memory/keep").mkdir()
    assert cgroup_trees.remove(facts, path, 0.0) == ()
    assert (host.cg / "memory/keep").is_dir()


def test_removing_takes_the_whole_group(host: Host) -> None:
    facts = host.v1("memory", "pids").look()
    (host.cg / f"memory/libpod_parent/libpod-{CID}/inner").mkdir(parents=True)
    assert cgroup_trees.remove(facts, f"/libpod_parent/libpod-{CID}") == ()
    assert os.listdir(host.cg / "memory/libpod_parent") == []
    assert cgroup_trees.remove(facts, f"/libpod_parent/libpod-{CID}") == ()


@pytest.mark.parametrize(
    ("manager", "rootless", "group", "moved"),
    [
        ("systemd", False, "/user.slice/user-0.slice/session-1.scope", False),
        ("cgroupfs", True, "/user.slice/user-0.slice/session-1.scope", False),
        ("systemd", True, "/user.slice/user-1500.slice/user@1500.service/app.slice/x.scope", False),
        ("systemd", True, "/user.slice/user-0.slice/session-1.scope", True),
        ("systemd", True, "/user.slice/user-15.slice/user@15.service/x.scope", True),
    ],
)
def test_who_comes_by_sudo_joins_the_users_own_systemd(tmp_path, monkeypatch, manager, rootless, group, moved):
    asked = []
    monkeypatch.setattr(systemd_scope, "start_scope", lambda *words: asked.append(words) or "")
    (tmp_path / "self").mkdir()
    (tmp_path / "self" / "cgroup").write_text(f"0::{group}\n")
    facts = CgroupFacts("v2", manager, (), (), rootless)
    assert cgroup_trees.join_users_manager(facts, 1500, str(tmp_path)) == ""
    assert asked == ([(f"daemonless-{os.getpid()}.scope", "user.slice", os.getpid(), 1500)] if moved else [])
