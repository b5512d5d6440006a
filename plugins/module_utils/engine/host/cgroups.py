# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What control groups this host has, what of them is ours to write, and where containers and their monitors go.

Controllers carry the names of cgroup v2 (`io`, not `blkio`) whatever the host runs, so that the rest of the engine has
one vocabulary. Sources: cgroups(7), Documentation/admin-guide/cgroup-v2.rst, OCI runtime-spec config-linux.md.
"""

from __future__ import annotations

import os

from ..base.errors import HostLacks
from ..base.tuples import NamedTuple

V1, HYBRID, V2 = "v1", "hybrid", "v2"
SYSTEMD, CGROUPFS = "systemd", "cgroupfs"

_PARENT = "/libpod_parent"  # what podman uses without systemd: both tools find each other's groups
CANONICAL = {"blkio": "io", "cpuacct": "cpu"}
_TYPE_V1, _TYPE_V2 = "cgroup", "cgroup2"


class Hierarchy(NamedTuple):
    """One mounted tree: v1 controllers by their v1 names (none for a named tree), or the v2 tree."""

    mountpoint: str
    controllers: tuple[str, ...]
    writable: bool
    unified: bool = False


class CgroupFacts(NamedTuple):
    """`controllers` are those whose limits can be set for a new container; `reason` says why others cannot."""

    mode: str
    manager: str
    controllers: tuple[str, ...]
    hierarchies: tuple[Hierarchy, ...]
    rootless: bool
    reason: str = ""
    delegated: str = ""

    @property
    def can_create(self) -> bool:
        """Whether a container gets a group of its own at all."""
        return bool(self.controllers)


class Place(NamedTuple):
    """Where a container and its monitor go.

    `oci_path` is linux.cgroupsPath of the bundle ("" leaves it out). `parent` and `scope` describe the systemd scope of
    the monitor, `conmon` its path below each hierarchy under cgroupfs; both empty: it stays where it was started.
    """

    oci_path: str
    conmon: str = ""
    parent: str = ""
    scope: str = ""


class Lack(NamedTuple):
    """A limit that cannot be given on this host, and why."""

    limit: str
    reason: str


def observe(rootless: bool, uid: int, manager: str = "", proc: str = "/proc", run: str = "/run") -> CgroupFacts:
    """Read the mounts. `manager` is the configured one, "" lets the host decide. Nothing is changed."""
    hierarchies = _hierarchies(f"{proc}/self/mountinfo")
    unified = [tree for tree in hierarchies if tree.unified]
    legacy = [tree for tree in hierarchies if not tree.unified]
    mode = _mode(bool(unified), any(tree.controllers for tree in legacy))
    chosen = manager or _default_manager(rootless, uid, mode, run)
    if not hierarchies:
        return CgroupFacts(mode, CGROUPFS, (), (), rootless, "no cgroup file system is mounted")
    if rootless:
        return _rootless(mode, chosen, hierarchies, uid, proc, run)
    if mode == V2:
        tree = unified[0]
        found = words(f"{tree.mountpoint}/cgroup.controllers") if tree.writable else ()
        extra = ("devices", "freezer") if tree.writable else ()
        reason = "" if tree.writable else f"{tree.mountpoint} is read-only"
        return CgroupFacts(mode, chosen, tuple(sorted({*found, *extra})), hierarchies, False, reason)
    names = {CANONICAL.get(name, name) for tree in legacy if tree.writable for name in tree.controllers}
    reason = "" if names else "the cgroup file systems are mounted read-only"
    return CgroupFacts(mode, chosen, tuple(sorted(names)), hierarchies, False, reason)


def _mode(unified: bool, legacy: bool) -> str:
    if not unified:
        return V1
    return HYBRID if legacy else V2


def _hierarchies(path: str) -> tuple[Hierarchy, ...]:
    trees: dict[str, Hierarchy] = {}
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            if " - cgroup" not in line:
                continue
            before, _dash, after = line.rstrip("\n").partition(" - ")
            mount, kind = before.split(), after.split()
            point = mount[4].replace("\\040", " ")
            if kind[0] == _TYPE_V2:
                names: tuple[str, ...] = ()
            elif kind[0] == _TYPE_V1:
                names = tuple(word for word in kind[-1].split(",") if word in _V1_NAMES)
            else:
                continue
            writable = "ro" not in mount[5].split(",") and os.access(point, os.W_OK)
            trees[point] = Hierarchy(point, names, writable, kind[0] == _TYPE_V2)  # the last mount hides earlier ones
    return tuple(trees.values())


_V1_NAMES = frozenset(
    "cpu cpuacct cpuset memory devices freezer blkio pids hugetlb net_cls net_prio perf_event rdma misc".split()
)


def _default_manager(rootless: bool, uid: int, mode: str, run: str) -> str:
    if not os.path.isdir(f"{run}/systemd/system"):
        return CGROUPFS
    if not rootless:
        return SYSTEMD
    return SYSTEMD if mode == V2 and _user_bus(uid, run) else CGROUPFS


def _user_bus(uid: int, run: str) -> str:
    for path in (f"{run}/user/{uid}/bus", f"{run}/user/{uid}/systemd/private"):
        if os.path.exists(path):
            return path
    return ""


def _rootless(mode: str, manager: str, trees: tuple[Hierarchy, ...], uid: int, proc: str, run: str) -> CgroupFacts:
    """A plain user gets limits only from a cgroup v2 subtree that somebody delegated: systemd's user manager, or the
    owner of this process' own group."""
    if mode != V2:
        reason = "cgroup v1 cannot be delegated to a plain user; boot with systemd.unified_cgroup_hierarchy=1"
        return CgroupFacts(mode, CGROUPFS, (), trees, True, reason)
    top = trees[-1].mountpoint
    if manager == SYSTEMD:
        service = f"/user.slice/user-{uid}.slice/user@{uid}.service"
        if _user_bus(uid, run) and os.path.isdir(top + service):
            names = words(f"{top}{service}/cgroup.controllers")
            return CgroupFacts(mode, SYSTEMD, tuple(sorted({*names, "freezer"})), trees, True, "", service)
        reason = f"no systemd user manager runs for uid {uid}; enable it with `loginctl enable-linger`"
        return CgroupFacts(mode, CGROUPFS, (), trees, True, reason)
    own = _own_unified(f"{proc}/self/cgroup")
    if own not in ("", "/") and os.access(f"{top}{own}/cgroup.procs", os.W_OK) and os.access(top + own, os.W_OK):
        names = words(f"{top}{own}/cgroup.controllers")
        return CgroupFacts(mode, CGROUPFS, tuple(sorted({*names, "freezer"})), trees, True, "", own)
    return CgroupFacts(mode, CGROUPFS, (), trees, True, "no cgroup is delegated to this user")


def _own_unified(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            if line.startswith("0::"):
                return line[3:].rstrip("\n")
    return ""


def words(path: str) -> tuple[str, ...]:
    """The words of a small kernel file; none when it is not there."""
    try:
        with open(path, encoding="ascii") as file:
            return tuple(file.read().split())
    except OSError:
        return ()


def place(facts: CgroupFacts, cid: str, parent: str = "", cgroups: str = "enabled") -> Place:
    """The groups of container `cid`. `cgroups`: enabled, no-conmon or disabled, as podman's option of that name.

    Raises HostLacks when a parent was asked for that this user may not use.
    """
    if cgroups == "disabled":
        return Place("")
    if not facts.can_create:
        if parent:
            raise HostLacks(f"use cgroup parent {parent}", facts.reason or "no cgroup can be created here")
        return Place("")
    if facts.manager == SYSTEMD:
        slice_name = os.path.basename(parent.rstrip("/")) or ("user.slice" if facts.rootless else "machine.slice")
        conmon_scope = "" if cgroups == "no-conmon" else f"libpod-conmon-{cid}.scope"
        return Place(f"{slice_name}:libpod:{cid}", parent=slice_name, scope=conmon_scope)
    base = base_path(facts, parent)
    return Place(f"{base}/libpod-{cid}", "" if cgroups == "no-conmon" else f"{base}/conmon")


def base_path(facts: CgroupFacts, parent: str = "") -> str:
    """The group that all container groups of cgroupfs stand in."""
    return "/" + (parent.strip("/") or (facts.delegated + _PARENT).strip("/"))


# -- limits ----------------------------------------------------------------------------------------------------------

#: limit -> (controller, file of a v1 group, file of a v2 group); "" when the controller says enough, "-" for never
_LIMITS: dict[str, tuple[str, str, str]] = {
    "memory": ("memory", "memory.limit_in_bytes", ""),
    "memory_reservation": ("memory", "memory.soft_limit_in_bytes", ""),
    "memory_swap": ("memory", "memory.memsw.limit_in_bytes", "memory.swap.max"),
    "memory_swappiness": ("memory", "memory.swappiness", "-"),
    "oom_kill_disable": ("memory", "memory.oom_control", "-"),
    "kernel_memory": ("memory", "-", "-"),
    "cpus": ("cpu", "cpu.cfs_quota_us", ""),
    "cpu_shares": ("cpu", "cpu.shares", ""),
    "cpu_rt": ("cpu", "cpu.rt_runtime_us", "-"),
    "cpuset_cpus": ("cpuset", "", ""),
    "cpuset_mems": ("cpuset", "", ""),
    "pids_limit": ("pids", "", ""),
    "blkio_weight": ("io", "blkio.weight|blkio.bfq.weight", "io.weight|io.bfq.weight"),
    "blkio_weight_device": ("io", "blkio.weight_device|blkio.bfq.weight_device", "io.weight|io.bfq.weight"),
    "blkio_throttle": ("io", "blkio.throttle.read_bps_device", "io.max"),
    "hugetlb": ("hugetlb", "", ""),
}


def limits_in(resources: dict[str, object]) -> tuple[str, ...]:
    """The limits that an OCI `linux.resources` object asks for, by the names used here."""
    found: list[str] = []
    for section, key, name in _RESOURCE_KEYS:
        part = resources.get(section)
        value = part.get(key) if isinstance(part, dict) else None
        if value not in (None, False, 0, "", []) and name not in found:
            found.append(name)
    if resources.get("hugepageLimits"):
        found.append("hugetlb")
    return tuple(found)


_RESOURCE_KEYS = (
    ("memory", "limit", "memory"),
    ("memory", "reservation", "memory_reservation"),
    ("memory", "swap", "memory_swap"),
    ("memory", "swappiness", "memory_swappiness"),
    ("memory", "disableOOMKiller", "oom_kill_disable"),
    ("memory", "kernel", "kernel_memory"),
    ("cpu", "quota", "cpus"),
    ("cpu", "period", "cpus"),
    ("cpu", "shares", "cpu_shares"),
    ("cpu", "realtimeRuntime", "cpu_rt"),
    ("cpu", "realtimePeriod", "cpu_rt"),
    ("cpu", "cpus", "cpuset_cpus"),
    ("cpu", "mems", "cpuset_mems"),
    ("pids", "limit", "pids_limit"),
    ("blockIO", "weight", "blkio_weight"),
    ("blockIO", "leafWeight", "blkio_weight"),
    ("blockIO", "weightDevice", "blkio_weight_device"),
    ("blockIO", "throttleReadBpsDevice", "blkio_throttle"),
    ("blockIO", "throttleWriteBpsDevice", "blkio_throttle"),
    ("blockIO", "throttleReadIOPSDevice", "blkio_throttle"),
    ("blockIO", "throttleWriteIOPSDevice", "blkio_throttle"),
)


def lacking(facts: CgroupFacts, wanted: tuple[str, ...]) -> tuple[Lack, ...]:
    """Those of the wanted limits that this host cannot give, each with the reason."""
    return tuple(lack for name in wanted for lack in [_lack(facts, name)] if lack)


def require(facts: CgroupFacts, wanted: tuple[str, ...], deed: str) -> None:
    """Raise one HostLacks that names every wanted limit which cannot be given."""
    lacks = lacking(facts, wanted)
    if not lacks:
        return
    by_reason: dict[str, list[str]] = {}
    for lack in lacks:
        by_reason.setdefault(lack.reason, []).append(lack.limit)
    cause = "; ".join(f"{', '.join(names)} cannot be limited here: {why}" for why, names in by_reason.items())
    raise HostLacks(deed, cause)


def _lack(facts: CgroupFacts, name: str) -> Lack | None:
    controller, v1_file, v2_file = _LIMITS[name]
    if not facts.can_create:
        return Lack(name, facts.reason or "no cgroup can be created here")
    if controller not in facts.controllers:
        who = "delegated to this user" if facts.rootless else "available"
        return Lack(name, f"the cgroup controller {controller} is not {who}")
    wanted_file = v2_file if facts.mode == V2 else v1_file
    if wanted_file == "-":
        return Lack(name, f"cgroup {'v2' if facts.mode == V2 else 'v1'} on this kernel has no such limit")
    if wanted_file and not _has_file(facts, controller, wanted_file):
        return Lack(name, f"this kernel has no {wanted_file.split('|')[0]}")
    return None


def _has_file(facts: CgroupFacts, controller: str, names: str) -> bool:
    for tree in facts.hierarchies:
        if facts.mode == V2 and tree.unified:
            folders = _sample_groups(tree.mountpoint + facts.delegated)
        elif controller in {CANONICAL.get(name, name) for name in tree.controllers}:
            folders = [tree.mountpoint]
        else:
            continue
        # a v2 root group has no limit files: without a child to look at, believe the controller list
        if not folders or any(os.path.exists(f"{folder}/{name}") for folder in folders for name in names.split("|")):
            return True
    return False


def _sample_groups(top: str) -> list[str]:
    try:
        with os.scandir(top) as entries:
            return [entry.path for entry in entries if entry.is_dir(follow_symlinks=False)][:16]
    except OSError:
        return []
