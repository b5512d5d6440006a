# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The OCI runtime spec of a container as podman stores it when the container is created (runtime-spec config.md).

What is only known at the start (the mounted root, the network namespace, the user's numbers) is added by
`start_spec`. Nothing here reads a file: a SpecValue says everything.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.values import dataclass, field
from . import capabilities, security

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..base.jsonval import Json
    from .namespaces import IdRange, Mode
    from .ulimits import Ulimit


OCI_VERSION = "1.2.0"
INIT_PATH = "/run/podman-init"
#: Namespaces in the order podman writes them; the key is ours, the value the runtime spec's word.
_NAMESPACES = (
    ("pid", "pid"),
    ("network", "network"),
    ("ipc", "ipc"),
    ("uts", "uts"),
    ("mount", "mount"),
    ("userns", "user"),
    ("cgroupns", "cgroup"),
)


@dataclass(frozen=True)
class Walls:
    """What keeps the process in. `explicit_caps` None means root inside: all bounded ones are effective.

    `thermal` are this machine's thermal_throttle directories; `seccomp` a finished `linux.seccomp` object or None.
    """

    privileged: bool = False
    bounding: tuple[str, ...] = capabilities.DEFAULT
    explicit_caps: tuple[str, ...] | None = None
    seccomp: Json | None = None
    security: security.SecurityWish = security.SecurityWish()
    thermal: tuple[str, ...] = ()
    apparmor: str = ""
    process_label: str = ""
    mount_label: str = ""


@dataclass(frozen=True)
class Maps:
    """The user namespace: no ranges is the host's (for rootless: the caller's). `in_userns` also when rootless."""

    uids: tuple[IdRange, ...] = ()
    gids: tuple[IdRange, ...] = ()
    in_userns: bool = False
    rootless: bool = False
    gid5: bool = True
    private: bool = False


@dataclass(frozen=True)
class SpecValue:
    """`mounts` are the user's, complete; `namespaces` name pid, network, ipc, uts, userns, cgroupns (Mode)."""

    args: tuple[str, ...]
    env: tuple[str, ...] = ()
    cwd: str = "/"
    terminal: bool = False
    read_only: bool = False
    read_only_dev: bool = False
    hostname: str = ""
    rlimits: tuple[Ulimit, ...] = ()
    oom_score_adj: int | None = None
    mounts: tuple[Json, ...] = ()
    namespaces: Mapping[str, Mode] = field(default_factory=dict)
    walls: Walls = Walls()
    maps: Maps = Maps()
    sysctl: Mapping[str, str] = field(default_factory=dict)
    resources: Mapping[str, object] = field(default_factory=dict)
    device_rules: tuple[Json, ...] = ()
    devices: tuple[Json, ...] = ()
    annotations: Mapping[str, str] = field(default_factory=dict)
    personality: str = ""
    rdt_class: str = ""


def render(value: SpecValue) -> Json:
    """The `spec` of a container's config."""
    process: Json = {}
    if value.terminal:
        process["terminal"] = True
    process["user"] = {"uid": 0, "gid": 0}
    process["args"] = list(value.args)
    if value.env:
        process["env"] = list(value.env)
    process["cwd"] = value.cwd
    process["capabilities"] = capabilities.process_sets(value.walls.bounding, value.walls.explicit_caps)
    if value.rlimits:
        process["rlimits"] = [
            {"type": limit.rlimit, "hard": limit.hard, "soft": limit.soft} for limit in value.rlimits
        ]
    if value.walls.security.no_new_privileges:
        process["noNewPrivileges"] = True
    if value.walls.apparmor:
        process["apparmorProfile"] = value.walls.apparmor
    if value.oom_score_adj is not None:
        process["oomScoreAdj"] = value.oom_score_adj
    if value.walls.process_label:
        process["selinuxLabel"] = value.walls.process_label
    spec: Json = {"ociVersion": OCI_VERSION, "process": process, "root": {"path": "rootfs"}}
    if value.read_only:
        spec["root"] = {"path": "rootfs", "readonly": True}
    if value.hostname:
        spec["hostname"] = value.hostname
    spec["mounts"] = _mounts(value)
    if value.annotations:
        spec["annotations"] = dict(value.annotations)
    spec["linux"] = _linux(value)
    return spec


def _linux(value: SpecValue) -> Json:
    linux: Json = {}
    for key, ranges in (("uidMappings", value.maps.uids), ("gidMappings", value.maps.gids)):
        if ranges:
            linux[key] = [{"containerID": r.inside, "hostID": r.outside, "size": r.size} for r in ranges]
    if value.sysctl:
        linux["sysctl"] = dict(value.sysctl)
    resources: Json = {}
    rules: list[Json] = []
    if not value.maps.in_userns and not value.walls.privileged:
        rules.append({"allow": False, "access": "rwm"})
    rules += value.device_rules
    if rules:
        resources["devices"] = rules
    linux["resources"] = {**resources, **value.resources}
    linux["namespaces"] = _namespaces(value)
    if value.devices:
        linux["devices"] = list(value.devices)
    if value.walls.seccomp is not None:
        linux["seccomp"] = value.walls.seccomp
    masked = security.masked_paths(value.walls.security, value.walls.thermal, privileged=value.walls.privileged)
    if masked and not value.walls.privileged and value.maps.rootless and _shares_sys(value):
        masked.append("/sys/kernel")
    if masked:
        linux["maskedPaths"] = masked
    read_only = security.read_only_paths(value.walls.security, privileged=value.walls.privileged)
    if read_only:
        linux["readonlyPaths"] = read_only
    if value.walls.mount_label:
        linux["mountLabel"] = value.walls.mount_label
    if value.personality:
        linux["personality"] = {"domain": value.personality}
    if value.rdt_class:
        linux["intelRdt"] = {"closID": value.rdt_class}
    return linux


def _namespaces(value: SpecValue) -> list[Json]:
    """A namespace shared with the host is left out; one of another container stays empty until the start."""
    found: list[Json] = []
    for key, word in _NAMESPACES:
        if word == "mount":
            found.append({"type": word})
            continue
        mode = value.namespaces.get(key)
        if key == "userns":
            if value.maps.private:
                found.append({"type": word})
            elif mode is not None and mode.kind == "ns":
                found.append({"type": word, "path": mode.value})
        elif mode is None or mode.kind == "host":
            continue
        elif mode.kind == "ns":
            found.append({"type": word, "path": mode.value})
        elif not (key == "cgroupns" and mode.kind == "container"):
            found.append({"type": word})
    return found


def _shares_sys(value: SpecValue) -> bool:
    """Whether a new sysfs is out of reach: that needs a network namespace that the user namespace owns."""
    network = value.namespaces.get("network")
    kind = network.kind if network else "host"
    if kind == "host" and value.maps.in_userns:
        return True
    return value.maps.private and kind in ("container", "ns")


def _mounts(value: SpecValue) -> list[Json]:
    targets = {mount["destination"] for mount in value.mounts}
    whole_dev = "/dev" in targets
    kept = []
    for mount in _base_mounts(value):
        target = str(mount["destination"])
        if target not in targets and not (whole_dev and target.startswith("/dev/")):
            kept.append(mount)
    return kept + list(value.mounts)


def _base_mounts(value: SpecValue) -> list[Json]:
    """/proc, /dev and the rest, as containers expect them (runtime-spec config-linux.md "Default Filesystems")."""
    ipc, pid = value.namespaces.get("ipc"), value.namespaces.get("pid")
    shares = _shares_sys(value)
    access = "rw" if value.walls.privileged else "ro"
    mounts = [_mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k")]
    if value.read_only_dev:
        mounts[0] = _mount("/dev", "tmpfs", "tmpfs", "nosuid", "strictatime", "mode=755", "size=65536k", "ro")
    pts = ["nosuid", "noexec", "newinstance", "ptmxmode=0666", "mode=0620"]
    mounts.append(_mount("/dev/pts", "devpts", "devpts", *(pts + ["gid=5"] if value.maps.gid5 else ["rprivate", *pts])))
    if value.maps.in_userns and ipc is not None and ipc.kind == "host":
        mounts.append(_mount("/dev/mqueue", "bind", "/dev/mqueue", "bind", "nosuid", "noexec", "nodev"))
    else:
        mounts.append(_mount("/dev/mqueue", "mqueue", "mqueue", "nosuid", "noexec", "nodev"))
    if value.maps.in_userns and pid is not None and pid.kind == "host":
        mounts.insert(0, _mount("/proc", "bind", "/proc", "rbind", "nosuid", "noexec", "nodev"))
    else:
        options = value.walls.security.proc_options or ("nosuid", "noexec", "nodev")
        mounts.insert(0, _mount("/proc", "proc", "proc", *options))
    if shares:
        mounts.append(_mount("/sys", "bind", "/sys", "rprivate", "nosuid", "noexec", "nodev", access, "rbind"))
        mounts.append(
            _mount("/sys/fs/cgroup", "cgroup", "/sys/fs/cgroup", "rprivate", "nosuid", "noexec", "nodev", access)
        )
        return mounts
    if value.walls.privileged:
        mounts.append(_mount("/sys", "sysfs", "sysfs", "rprivate", "nosuid", "noexec", "nodev", "rw"))
    else:
        mounts.append(_mount("/sys", "sysfs", "sysfs", "nosuid", "noexec", "nodev", "ro"))
    writable = value.walls.privileged or security.cgroup_writable(value.walls.security)
    access = "rw" if writable else "ro"
    mounts.append(
        _mount("/sys/fs/cgroup", "cgroup", "cgroup", "rprivate", "nosuid", "noexec", "nodev", "relatime", access)
    )
    return mounts


def _mount(target: str, kind: str, source: str, *options: str) -> Json:
    return {"destination": target, "type": kind, "source": source, "options": list(options)}
