# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The runtime spec that goes into the bundle: the stored one plus what only the start knows.

libpod keeps a container's spec without its mounted root, its network namespace, the numbers of its user and the files
it writes for it; all that is filled in here, the way podman does at each start.
"""

from __future__ import annotations

import copy
import posixpath
from typing import TYPE_CHECKING

from ..base import ids
from ..base.jsonval import table, tables, texts
from ..base.values import dataclass, field
from . import environ, ulimits

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..base.jsonval import Json
    from .users import Account


#: Words in mount options that are for the engine, not for the runtime.
_OWN_WORDS = frozenset(("U", "z", "Z", "copy", "nocopy", "O"))
SHARED_KEYS = (
    ("ipcNsCtr", "ipc"),
    ("netNsCtr", "network"),
    ("pidNsCtr", "pid"),
    ("userNsCtr", "user"),
    ("utsNsCtr", "uts"),
    ("cgroupNsCtr", "cgroup"),
)


@dataclass(frozen=True)
class StartFacts:
    """`root` is the mounted file system; `netns` the namespace made for the container ("" when none was);
    `shared` the paths of namespaces of other containers, by the runtime spec's type (`container_ids` names them);
    `bind_mounts` target -> source, as in the state row; `volumes` name -> directory; `parts` target -> directory,
    where only a part of a volume is mounted; `extra_mounts` finished mounts (overlays); `rlimits` the soft and hard
    limits that this process has, by RLIMIT_ name, used unless `may_raise`; `oom_score` its oom_score_adj, below
    which a rootless container cannot go (None: it can); `all_devices` the `linux.devices` of a privileged container;
    `secret_env` variables that are in no record: secret values, and what is for this start only; `cgroups_v2` whether
    the host has the unified hierarchy alone.
    """

    root: str
    account: Account
    hostname: str
    netns: str = ""
    shared: Mapping[str, str] = field(default_factory=dict)
    bind_mounts: Mapping[str, str] = field(default_factory=dict)
    volumes: Mapping[str, str] = field(default_factory=dict)
    parts: Mapping[str, str] = field(default_factory=dict)
    extra_mounts: tuple[Json, ...] = ()
    rlimits: Mapping[str, tuple[int, int]] = field(default_factory=dict)
    may_raise: bool = True
    oom_score: int | None = None
    all_devices: tuple[Json, ...] = ()
    secret_env: Mapping[str, str] = field(default_factory=dict)
    cgroups_v2: bool = True


def container_ids(config: Json) -> dict[str, str]:
    """Which other containers' namespaces a config joins: type -> id."""
    return {kind: str(config[key]) for key, kind in SHARED_KEYS if config.get(key)}


def cgroups_path(config: Json) -> str:
    """`linux.cgroupsPath`, "" when the container has no cgroup of its own."""
    if config.get("noCgroups"):
        return ""
    parent, name = str(config.get("cgroupParent", "")), str(config["id"])
    if config.get("cgroupManager") == "systemd":
        return f"{posixpath.basename(parent)}:libpod:{name}"
    return posixpath.join(parent or "/", f"libpod-{name}")


def render(config: Json, facts: StartFacts) -> tuple[Json, tuple[str, ...]]:
    """The finished spec, and warnings about what had to be weakened for this host."""
    made = _copied(table(config, "spec"))
    warnings: list[str] = []
    _process(made, config, facts, warnings)
    root = table(made, "root")
    root["path"] = facts.root
    made["root"] = root
    uts = _namespace(made, "uts")
    if uts is None or "utsNsCtr" in config or uts.get("path"):
        made.pop("hostname", None)
    else:
        made.setdefault("hostname", facts.hostname)
    made["mounts"] = _mounts(made, config, facts)
    notes = table(made, "annotations")
    _annotate(notes, config)
    made["annotations"] = notes
    _linux(made, config, facts)
    return made, tuple(warnings)


def _copied(spec: Json) -> Json:
    """All but the seccomp profile, most of a spec, which is taken over as it is recorded."""
    linux = table(spec, "linux")
    if not linux.get("seccomp"):
        return copy.deepcopy(spec)
    made = copy.deepcopy({**spec, "linux": {**linux, "seccomp": None}})
    table(made, "linux")["seccomp"] = linux["seccomp"]
    return made


def _process(made: Json, config: Json, facts: StartFacts, warnings: list[str]) -> None:
    process = table(made, "process")
    account = facts.account
    user: Json = {"uid": 0, "gid": 0}
    if config.get("user"):
        user = {"uid": account.uid, "gid": account.gid}
    if config.get("umask"):
        user["umask"] = int(str(config["umask"]), 8)
    if account.additional:
        user["additionalGids"] = list(account.additional)
    process["user"] = user
    recorded = process.get("env")
    variables = environ.from_list([str(entry) for entry in recorded] if isinstance(recorded, list) else [])
    variables.setdefault("HOME", account.home or str(process.get("cwd", "/")))
    variables.setdefault("HOSTNAME", facts.hostname)
    if config.get("systemd"):
        variables.setdefault("container_uuid", str(config["id"])[:32])
    variables.update(facts.secret_env)
    process["env"] = environ.to_list(variables)
    process["rlimits"] = _rlimits(tables(process, "rlimits"), facts, warnings)
    score = process.get("oomScoreAdj")
    if isinstance(score, int) and facts.oom_score is not None and score < facts.oom_score:
        warnings.append(f"oom_score_adj {score} is below what this user may set; {facts.oom_score} is used")
        process["oomScoreAdj"] = facts.oom_score


def _rlimits(recorded: list[Json], facts: StartFacts, warnings: list[str]) -> list[Json]:
    """Limits above the hard limit of this process are lowered to it unless it may raise them."""
    limits = {str(item["type"]): dict(item) for item in recorded}
    asked = set(limits)
    for name in ("RLIMIT_NOFILE", "RLIMIT_NPROC"):
        limits.setdefault(name, {"type": name, "hard": ulimits.DEFAULT, "soft": ulimits.DEFAULT})
    for name, limit in limits.items():
        if facts.may_raise or name not in facts.rlimits:
            continue
        _soft, highest = facts.rlimits[name]
        before = int(str(limit["hard"]))
        for side in ("hard", "soft"):
            limit[side] = min(int(str(limit[side])), highest)
        if name in asked and before > highest:
            word = "unlimited" if before == ulimits.UNLIMITED else str(before)
            warnings.append(f"{name} {word} is above the hard limit of this host; {highest} is used")
    return list(limits.values())


def _mounts(made: Json, config: Json, facts: StartFacts) -> list[Json]:
    """All mounts, parents before children: a runtime makes them in this order."""
    # podman writes a container that it restored from an archive with its volumes among the mounts as well
    targets = {str(volume["dest"]) for volume in tables(config, "namedVolumes")}
    found = [
        dict(mount)
        for mount in tables(made, "mounts")
        if mount.get("type") != "bind" or mount["destination"] not in targets
    ]
    for volume in tables(config, "namedVolumes"):
        name = str(volume["volumeName"])
        if "O" not in texts(volume, "options"):
            source = facts.volumes[name]
            if volume.get("SubPath"):
                source = facts.parts[str(volume["dest"])]
            entry: Json = {"destination": volume["dest"], "type": "bind", "source": source}
            entry["options"] = texts(volume, "options")
            found.append(entry)
    for mount in found:
        options = _runtime_options(mount, facts.account)
        if options or "options" in mount:
            mount["options"] = options
    taken = {posixpath.normpath(str(mount["destination"])) for mount in found}
    read_only = bool(table(made, "root").get("readonly"))
    for target, source in facts.bind_mounts.items():
        if target in taken:
            continue
        options = ["bind", "rprivate"]
        if read_only and (target != "/dev/shm" or not config.get("readWriteTmpfs")):
            options += ["ro", "nosuid", "noexec", "nodev"]
        elif target == "/dev/shm" and source == config.get("ShmDir"):
            options += ["nosuid", "noexec", "nodev"]
        found.append({"destination": target, "type": "bind", "source": source, "options": options})
    found += [dict(mount) for mount in facts.extra_mounts]
    if config.get("systemd"):
        found = _with_systemd(found, config, facts)
    return sorted(found, key=lambda mount: posixpath.normpath(str(mount["destination"])).count("/"))


def _with_systemd(found: list[Json], config: Json, facts: StartFacts) -> list[Json]:
    """The mounts systemd looks for in a container (systemd.io/CONTAINER_INTERFACE)."""
    options = ["rw", "rprivate", "nosuid", "nodev", "tmpcopyup"]
    if config.get("shmSizeSystemd"):
        options.append(f"size={config['shmSizeSystemd']}")
    taken = {str(mount["destination"]) for mount in found}
    for target in ("/run", "/run/lock", "/tmp", "/var/log/journal"):
        if target not in taken:
            found.append({"destination": target, "type": "tmpfs", "source": "tmpfs", "options": list(options)})
    cgroup: Json = {"destination": "/sys/fs/cgroup", "type": "bind", "source": "/sys/fs/cgroup"}
    if not facts.cgroups_v2:
        path = "/sys/fs/cgroup/systemd"
        found.append({"destination": path, "type": "bind", "source": path, "options": ["bind", "rprivate"]})
        return found
    if _namespace(table(config, "spec"), "cgroup") is not None:
        cgroup.update(type="cgroup", source="cgroup", options=["private", "rw"])
    else:
        cgroup["options"] = ["bind", "private", "rw"]
    return [mount for mount in found if mount["destination"] != "/sys/fs/cgroup"] + [cgroup]


def _runtime_options(mount: Json, account: Account) -> list[str]:
    options = []
    for word in texts(mount, "options"):
        if word == "U" and mount.get("type") == "tmpfs":
            options += [f"uid={account.uid}", f"gid={account.gid}"]
        elif word == "no-dereference":
            options.append("copy-symlink")  # crun's word for it
        elif word not in _OWN_WORDS and not word.startswith(("upperdir=", "workdir=")):
            options.append(word)
    return options


def _annotate(notes: Json, config: Json) -> None:
    number = config.get("stopSignal") or 15
    notes.setdefault("io.container.manager", "libpod")
    notes["org.opencontainers.image.stopSignal"] = str(number)
    notes["org.systemd.property.KillSignal"] = str(number)
    timeout = config.get("stopTimeout")
    if isinstance(timeout, int) and timeout:
        notes["org.systemd.property.TimeoutStopUSec"] = f"uint64 {timeout * 1_000_000}"


def _linux(made: Json, config: Json, facts: StartFacts) -> None:
    linux = table(made, "linux")
    pids = table(table(linux, "resources"), "pids").get("limit")
    if isinstance(pids, int) and pids <= 0:  # none: older releases of crun would write the number itself
        linux["resources"] = {key: value for key, value in table(linux, "resources").items() if key != "pids"}
    path = cgroups_path(config)
    if path:
        linux["cgroupsPath"] = path
    namespaces = [dict(entry) for entry in tables(linux, "namespaces")]
    for entry in namespaces:
        kind = str(entry["type"])
        if kind in facts.shared:
            entry["path"] = facts.shared[kind]
        elif kind == "network" and facts.netns and not config.get("postConfigureNetNS"):
            entry["path"] = facts.netns
    present = {str(entry["type"]) for entry in namespaces}
    namespaces += [{"type": kind, "path": path} for kind, path in facts.shared.items() if kind not in present]
    linux["namespaces"] = namespaces
    devices = [*tables(linux, "devices"), *facts.all_devices]
    if devices:
        linux["devices"] = [{**device, "fileMode": _permissions(device)} for device in devices]
    if facts.all_devices:
        resources = table(linux, "resources")
        resources["devices"] = [*tables(resources, "devices"), {"allow": True, "access": "rwm"}]
        linux["resources"] = resources
    if config.get("systemd") and not facts.cgroups_v2:
        masked = texts(linux, "maskedPaths")
        linux["maskedPaths"] = [*masked, "/sys/fs/cgroup/systemd/release_agent"]
    propagation = _root_propagation(made)
    if propagation:
        linux["rootfsPropagation"] = propagation
    made["linux"] = linux


def _permissions(device: Json) -> int:
    """podman keeps the whole st_mode; the runtime spec wants nothing but the permission bits."""
    mode = device.get("fileMode")
    return mode & 0o777 if isinstance(mode, int) else 0o666


def _root_propagation(made: Json) -> str:
    """A shared or slave mount inside needs a root that lets it be one."""
    words = {word for mount in tables(made, "mounts") for word in texts(mount, "options")}
    if words & {"shared", "rshared"}:
        return "shared"
    return "rslave" if words & {"slave", "rslave"} else ""


def _namespace(made: Json, kind: str) -> Json | None:
    for entry in tables(table(made, "linux"), "namespaces"):
        if entry.get("type") == kind:
            return entry
    return None


def hostname_of(config: Json, host: str, peer: str = "") -> str:
    """The name a container knows itself by: `host` is the machine's, `peer` that of the one whose UTS it joins."""
    spec = table(config, "spec")
    if spec.get("hostname"):
        return str(spec["hostname"])
    if config.get("utsNsCtr"):
        return peer
    return ids.short(str(config["id"])) if _namespace(spec, "uts") is not None else host
