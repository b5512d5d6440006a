# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What control groups this host has, what of them is ours to write, and where containers and their monitors go.

Controllers carry the names of cgroup v2 (`io`, not `blkio`) whatever the host runs, so that the rest of the engine has
one vocabulary. Sources: cgroups(7), Documentation/admin-guide/cgroup-v2.rst, OCI runtime-spec config-linux.md.
"""

from __future__ import annotations

import errno
import os
import signal
import time
from dataclasses import dataclass
from typing import Optional

from ..base.errors import HostLacks

V1, HYBRID, V2 = "v1", "hybrid", "v2"
SYSTEMD, CGROUPFS = "systemd", "cgroupfs"

_PARENT = "/libpod_parent"  # what podman uses without systemd: both tools find each other's groups
_CANONICAL = {"blkio": "io", "cpuacct": "cpu"}
_TYPE_V1, _TYPE_V2 = "cgroup", "cgroup2"


@dataclass(frozen=True)
class Hierarchy:
    """One mounted tree: v1 controllers by their v1 names (none for a named tree), or the v2 tree."""

    mountpoint: str
    controllers: tuple[str, ...]
    writable: bool
    unified: bool = False


@dataclass(frozen=True)
class CgroupFacts:
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


@dataclass(frozen=True)
class Place:
    """Where a container and its monitor go.

    `oci_path` is linux.cgroupsPath of the bundle ("" leaves it out). `parent` and `scope` describe the systemd scope of
    the monitor, `conmon` its path below each hierarchy under cgroupfs; both empty: it stays where it was started.
    """

    oci_path: str
    conmon: str = ""
    parent: str = ""
    scope: str = ""


@dataclass(frozen=True)
class Lack:
    """A limit that cannot be given on this host, and why."""

    limit: str
    reason: str


def observe(rootless: bool, uid: int, manager: str = "", proc: str = "/proc", run: str = "/run") -> CgroupFacts:
    """Read the mounts. `manager` is the configured one, "" lets the host decide. Nothing is changed."""
    hierarchies = _hierarchies(f"{proc}/self/mountinfo")
    unified = [tree for tree in hierarchies if tree.unified]
    legacy = [tree for tree in hierarchies if not tree.unified]
    mode = V2 if unified and not legacy else HYBRID if unified and any(t.controllers for t in legacy) else V1
    if unified and not any(t.controllers for t in legacy):
        mode = V2
    chosen = manager or _default_manager(rootless, uid, mode, run)
    if not hierarchies:
        return CgroupFacts(mode, CGROUPFS, (), (), rootless, "no cgroup file system is mounted")
    if rootless:
        return _rootless(mode, chosen, hierarchies, uid, proc, run)
    if mode == V2:
        tree = unified[0]
        found = _words(f"{tree.mountpoint}/cgroup.controllers") if tree.writable else ()
        extra = ("devices", "freezer") if tree.writable else ()
        reason = "" if tree.writable else f"{tree.mountpoint} is read-only"
        return CgroupFacts(mode, chosen, tuple(sorted({*found, *extra})), hierarchies, False, reason)
    names = {_CANONICAL.get(name, name) for tree in legacy if tree.writable for name in tree.controllers}
    reason = "" if names else "the cgroup file systems are mounted read-only"
    return CgroupFacts(mode, chosen, tuple(sorted(names)), hierarchies, False, reason)


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
    """A plain user gets limits only from a cgroup v2 subtree that somebody delegated: systemd's user manager, or an owner
    of this process' own group."""
    if mode != V2:
        reason = "cgroup v1 cannot be delegated to a plain user; boot with systemd.unified_cgroup_hierarchy=1"
        return CgroupFacts(mode, CGROUPFS, (), trees, True, reason)
    top = trees[-1].mountpoint
    if manager == SYSTEMD:
        service = f"/user.slice/user-{uid}.slice/user@{uid}.service"
        if _user_bus(uid, run) and os.path.isdir(top + service):
            names = _words(f"{top}{service}/cgroup.controllers")
            return CgroupFacts(mode, SYSTEMD, tuple(sorted({*names, "freezer"})), trees, True, "", service)
        reason = f"no systemd user manager runs for uid {uid}; enable it with `loginctl enable-linger`"
        return CgroupFacts(mode, CGROUPFS, (), trees, True, reason)
    own = _own_unified(f"{proc}/self/cgroup")
    if own not in ("", "/") and os.access(f"{top}{own}/cgroup.procs", os.W_OK) and os.access(top + own, os.W_OK):
        names = _words(f"{top}{own}/cgroup.controllers")
        return CgroupFacts(mode, CGROUPFS, tuple(sorted({*names, "freezer"})), trees, True, "", own)
    return CgroupFacts(mode, CGROUPFS, (), trees, True, "no cgroup is delegated to this user")


def _own_unified(path: str) -> str:
    with open(path, encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            if line.startswith("0::"):
                return line[3:].rstrip("\n")
    return ""


def _words(path: str) -> tuple[str, ...]:
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
    base = "/" + (parent.strip("/") or (facts.delegated + _PARENT).strip("/"))
    return Place(f"{base}/libpod-{cid}", "" if cgroups == "no-conmon" else f"{base}/conmon")


# -- limits ----------------------------------------------------------------------------------------------------------

#: limit -> (controller, file that must exist in a v1 group or "" , file in a v2 group or "", "-" when v2 has no such thing)
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


def _lack(facts: CgroupFacts, name: str) -> Optional[Lack]:
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
        elif controller in {_CANONICAL.get(name, name) for name in tree.controllers}:
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


# -- making, filling, removing ---------------------------------------------------------------------------------------


def enter(facts: CgroupFacts, path: str, pid: int) -> None:
    """Move `pid` into group `path` (as in Place.conmon) of every writable tree, made where missing.

    A tree that refuses is left out for a plain user, whose limits do not hang on the monitor's group; raises OSError for
    root.
    """
    for tree in facts.hierarchies:
        if not tree.writable and not facts.rootless:
            continue
        if tree.unified and facts.mode == HYBRID and not _words(f"{tree.mountpoint}/cgroup.controllers"):
            continue
        folder = tree.mountpoint + path
        try:
            _make(tree, folder)
            _write(f"{folder}/cgroup.procs", str(pid))
        except OSError:
            if not facts.rootless:
                raise


def _make(tree: Hierarchy, folder: str) -> None:
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    if parent != tree.mountpoint and parent.startswith(tree.mountpoint):
        _make(tree, parent)
    try:
        os.mkdir(folder, 0o755)
    except FileExistsError:
        return
    if "cpuset" in tree.controllers:  # a fresh v1 cpuset is empty and takes no process
        for name in ("cpuset.cpus", "cpuset.mems"):
            with open(f"{parent}/{name}", encoding="ascii") as file:
                _write(f"{folder}/{name}", file.read().strip())


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def paths_of(pid: int, proc: str = "/proc") -> dict[str, str]:
    """The group of a process by canonical controller; "" is the v2 (or hybrid's bare) tree. Raises OSError when it is gone."""
    found: dict[str, str] = {}
    with open(f"{proc}/{pid}/cgroup", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            number, names, path = line.rstrip("\n").split(":", 2)
            if number == "0":
                found[""] = path
            for name in names.split(","):
                if name and "=" not in name:
                    found.setdefault("cpuacct" if name == "cpuacct" else _CANONICAL.get(name, name), path)
    return found


def directories(facts: CgroupFacts, pid: int, proc: str = "/proc") -> dict[str, str]:
    """Absolute directory of the process' group by controller (v1 `cpuacct` under its own name; v2: all under "")."""
    paths = paths_of(pid, proc)
    found: dict[str, str] = {}
    for tree in facts.hierarchies:
        if tree.unified:
            if "" in paths:
                found[""] = tree.mountpoint + paths[""].rstrip("/")
            continue
        for name in tree.controllers:
            key = name if name == "cpuacct" else _CANONICAL.get(name, name)
            if key in paths:
                found[key] = tree.mountpoint + paths[key].rstrip("/")
    return found


def processes(facts: CgroupFacts, path: str) -> tuple[int, ...]:
    """Every process in group `path` (as in Place.oci_path under cgroupfs) and the groups below it."""
    found: set[int] = set()
    for tree in facts.hierarchies:
        for folder, _folders, _files in os.walk(tree.mountpoint + path):
            found.update(int(word) for word in _words(f"{folder}/cgroup.procs") if word.isdigit())
    found.discard(0)
    return tuple(sorted(found))


def remove(facts: CgroupFacts, path: str, deadline: float = 2.0) -> tuple[str, ...]:
    """Kill what is left in group `path` and remove it from every tree; nil work when it is gone.

    Returns the directories that could not be removed within `deadline` seconds.
    """
    if not path.startswith("/") or path.strip("/") == "" or ".." in path.split("/"):
        return ()
    end = time.monotonic() + deadline
    while True:
        for pid in processes(facts, path):
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        left = [folder for tree in facts.hierarchies for folder in _rmdirs(tree.mountpoint + path)]
        if not left or time.monotonic() > end:
            return tuple(left)
        time.sleep(0.01)


def _rmdirs(top: str) -> list[str]:
    left: list[str] = []
    for folder, _folders, _files in os.walk(top, topdown=False):
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno not in (errno.EBUSY, errno.ENOTEMPTY, errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            left.append(folder)
    return left


def empty_groups(facts: CgroupFacts, parent: str = "") -> tuple[str, ...]:
    """Container ids whose groups stand under `parent` without any process: left over when no such container runs."""
    base = "/" + (parent.strip("/") or (facts.delegated + _PARENT).strip("/"))
    names: set[str] = set()
    for tree in facts.hierarchies:
        try:
            names.update(name for name in os.listdir(tree.mountpoint + base) if name.startswith("libpod-"))
        except OSError:
            continue
    idle = [name for name in names if not processes(facts, f"{base}/{name}")]
    return tuple(sorted(name[len("libpod-") :] for name in idle if name != "libpod-conmon"))
