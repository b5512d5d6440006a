# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The config of a container out of an archive: what of it is taken over, and what asks for more than a container
usually gets.

An archive holds the whole config and can be changed by whoever has it in hand. Keys that are not known are left behind,
everything that says where something lies on this host is written anew, hooks are dropped. What opens a wall of the
container is listed, and refused unless the user trusts the archive.
"""

from __future__ import annotations

import copy
import posixpath
from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import Corrupt
from ..base.jsonval import flag, number, table, tables, text, texts
from ..base.tuples import NamedTuple
from ..spec import capabilities, seccomp, security, start_spec
from ..spec.names import check_name
from .config_row import NOTE_HOOKS

if TYPE_CHECKING:
    from ..base.jsonval import Json

_ID = patterns.compile(r"[0-9a-f]{64}")
_RUNTIMES = ("crun", "runc")
_TAKEN = frozenset(
    "name spec rootfs RawImageName rootfsImageID rootfsImageName idMappingsOptions CreateCommand NoShm"
    " NOShmShare shmSize shmSizeSystemd namedVolumes overlayVolumes userVolumes createWorkingDir secrets"
    " secret_env storageOpts privileged mountAllDevices readWriteTmpfs device_host_src cdiDevices labelopts"
    " label_nested ProcessLabel MountLabel entrypoint command stdin stopSignal stopTimeout timeout"
    " cgroupsMode noCgroups logTag logSize logDriver restart_policy restart_retries postConfigureNetNS"
    " sdnotifyMode systemd volatile createNetNS networkMode newNetworks network_options newPortMappings"
    " exposedPorts labels user groups umask passwd timezone dnsServer dnsSearch dnsOption hostsAdd"
    " useImageHosts UseImageHosts UseImageResolvConf useImageHostname healthcheck"
    " healthcheck_on_failure_action healthLogDestination healthMaxLogCount healthMaxLogSize"
    " startupHealthCheck init_container_type".split()
)
_NAMESPACES = {"pid": "pid", "ipc": "ipc", "uts": "uts", "mount": "mount", "network": "network"}
_MOUNTS = frozenset(("proc", "tmpfs", "devpts", "mqueue", "sysfs", "cgroup", "cgroup2"))
_ELSEWHERE = ("hostPath", "upperdir=", "workdir=")


class Home(NamedTuple):
    """Where the container is to live here."""

    id: str
    name: str
    lock: int
    static: str
    run: str
    cgroup_manager: str
    cgroup_parent: str
    created: str


def check(config: Json, what: str) -> None:
    """Raises Corrupt for a config without which there is no container."""
    deed = f"read {what}"
    if not _ID.fullmatch(text(config, "id")) or not table(table(config, "spec"), "process"):
        raise Corrupt(deed, "its config.dump is not that of a container")
    check_name(text(config, "name"), "container")
    if config.get("Dependencies"):
        raise Corrupt(deed, "its container needs another one")
    if has_own_ids(config):
        raise Corrupt(deed, "its container has ids of its own (userns), which no archive carries")
    if text(config, "mountNsCtr"):
        raise Corrupt(deed, "its container shares the mounts of another one")


def has_own_ids(config: Json) -> bool:
    """Whether it has a user namespace of its own. For a container of a pod, podman's row never says that the ids are
    the host's, and what counts is whether there are others."""
    maps = table(config, "idMappingsOptions")
    if text(config, "pod"):
        return bool(maps.get("UIDMap") or maps.get("GIDMap") or flag(maps, "AutoUserNs"))
    return not flag(maps, "HostUIDMapping")


def adopted(config: Json, home: Home) -> Json:
    """The row of the same container here."""
    made: Json = {key: copy.deepcopy(value) for key, value in config.items() if key in _TAKEN}
    spec = table(made, "spec")
    spec.pop("hooks", None)
    table(spec, "annotations").pop(NOTE_HOOKS, None)
    linux = table(spec, "linux")
    linux.pop("cgroupsPath", None)
    spec["root"] = {**table(spec, "root"), "path": "rootfs"}
    spec["mounts"] = [one for one in tables(spec, "mounts") if not _is_volume(config, one)]
    made.update(id=home.id, name=home.name, lockID=home.lock, staticDir=home.static, createdTime=home.created)
    made.update(secretsPath=f"{home.static}/secrets", conmonPidFile=f"{home.run}/conmon.pid")
    made.update(pid_file=f"{home.run}/pidfile", pause=False, isService=False, kubeExitCodePropagation=0)
    made["runtime"] = runtime_name(config)
    made["Dependencies"] = None
    keeps_file = text(config, "logDriver", "k8s-file") in ("k8s-file", "json-file", "")
    made["logPath"] = f"{home.static}/ctr.log" if keeps_file else ""
    if not flag(config, "noCgroups"):
        made.update(cgroupManager=home.cgroup_manager, cgroupParent=home.cgroup_parent)
    _shared_memory(made, config, home)
    return made


def _is_volume(config: Json, mount: Json) -> bool:
    """podman writes a container that it has imported with its named volumes among the mounts as well."""
    targets = {text(one, "dest") for one in tables(config, "namedVolumes")}
    return text(mount, "type") == "bind" and text(mount, "destination") in targets


def _shared_memory(made: Json, config: Json, home: Home) -> None:
    there = text(config, "ShmDir")
    if there == "/dev/shm":
        made["ShmDir"] = there
    elif there:
        made["ShmDir"] = f"{home.static}/shm"
        made["mounts"] = [f"{home.static}/shm"]


def runtime_name(config: Json) -> str:
    """By name: the path may be another one here, and nothing out of an archive says which program is run."""
    name = posixpath.basename(text(config, "runtime"))
    return name if name in _RUNTIMES else _RUNTIMES[1]


def privileges(config: Json, arch: str) -> dict[str, list[str]]:
    """What the config asks for beyond the defaults, by kind, for people to judge; {} for an ordinary container."""
    spec = table(config, "spec")
    linux = table(spec, "linux")
    found = {
        "capabilities": _capabilities(spec),
        "directories of the host": _directories(config, spec),
        "mounts": [_mount(one) for one in tables(spec, "mounts") if text(one, "type") not in (*_MOUNTS, "bind")],
        "devices": _devices(config, linux) + _device_rules(linux),
        "namespaces of the host": _namespaces(config, linux),
        "seccomp": _seccomp(spec, linux, arch),
        "paths of the kernel": _unmasked(linux),
        "runtime annotations": [key for key in table(spec, "annotations") if key.startswith("run.oci.")],
        "hooks, which are never run": [*table(spec, "hooks"), *_hooks_dir(spec)],
        "others": _others(config),
    }
    return {kind: sorted(set(values)) for kind, values in found.items() if values}


def _capabilities(spec: Json) -> list[str]:
    held: set[str] = set()
    for names in table(table(spec, "process"), "capabilities").values():
        held.update(name for name in (names if isinstance(names, list) else []) if isinstance(name, str))
    return sorted(held - set(capabilities.DEFAULT))


def _directories(config: Json, spec: Json) -> list[str]:
    binds = [one for one in tables(spec, "mounts") if text(one, "type") == "bind" and not _is_volume(config, one)]
    found = [_mount(one) for one in binds]
    found += [f"{text(one, 'source')} at {text(one, 'dest')} (overlay)" for one in tables(config, "overlayVolumes")]
    for volume in tables(config, "namedVolumes"):
        found += [word for word in texts(volume, "options") if word.startswith(_ELSEWHERE)]
    if text(config, "rootfs"):
        found.append(f"{text(config, 'rootfs')} as root file system")
    if text(config, "ShmDir") == "/dev/shm":
        found.append("/dev/shm")
    return found


def _mount(one: Json) -> str:
    kind = "" if one.get("type") == "bind" else f" ({text(one, 'type')})"
    return f"{text(one, 'source')} at {text(one, 'destination')}{kind}"


def _hooks_dir(spec: Json) -> list[str]:
    named = text(table(spec, "annotations"), NOTE_HOOKS)
    return [f"those in {named}"] if named else []


def _devices(config: Json, linux: Json) -> list[str]:
    return [text(one, "path") for one in tables(linux, "devices")] + texts(config, "cdiDevices")


def _device_rules(linux: Json) -> list[str]:
    rules = tables(table(linux, "resources"), "devices")
    return [f"rule {text(one, 'type') or 'all'} {text(one, 'access')}" for one in rules if flag(one, "allow")]


def _namespaces(config: Json, linux: Json) -> list[str]:
    spaces = {text(one, "type"): text(one, "path") for one in tables(linux, "namespaces")}
    joined = start_spec.container_ids(config)  # the pod's: whether that has them is looked at elsewhere
    found = [kind for kind in _NAMESPACES if kind not in spaces and kind not in joined]
    own = {"network"} if flag(config, "createNetNS") else set()
    found += [f"{kind}: {path}" for kind, path in spaces.items() if path and kind not in own | joined.keys()]
    return found


def _seccomp(spec: Json, linux: Json, arch: str) -> list[str]:
    if "seccomp" not in linux:
        return ["no filter"]
    bounding = texts(table(table(spec, "process"), "capabilities"), "bounding")
    more = _allowed(table(linux, "seccomp")) - _allowed(seccomp.default_profile(arch, bounding))
    return [f"allows {', '.join(sorted(more)[:8])}"] if more else []


def _allowed(profile: Json) -> set[str]:
    found = (
        {"everything that is not named"}
        if text(profile, "defaultAction") in ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG")
        else set()
    )
    for rule in tables(profile, "syscalls"):
        if text(rule, "action") in ("SCMP_ACT_ALLOW", "SCMP_ACT_LOG", "SCMP_ACT_NOTIFY") and not rule.get("args"):
            found.update(texts(rule, "names"))
    return found


def _unmasked(linux: Json) -> list[str]:
    missing = set(security.MASKED) - set(texts(linux, "maskedPaths"))
    writable = set(security.READ_ONLY) - set(texts(linux, "readonlyPaths")) - set(texts(linux, "maskedPaths"))
    return [f"{path} is not masked" for path in missing] + [f"{path} can be written" for path in writable]


def _others(config: Json) -> list[str]:
    found = ["privileged"] if flag(config, "privileged") else []
    found += ["all devices of the host"] if flag(config, "mountAllDevices") else []
    found += [f"options for {kind}" for kind in table(config, "network_options")]
    if text(config, "runtime") and posixpath.basename(text(config, "runtime")) not in _RUNTIMES:
        found.append(f"the runtime {text(config, 'runtime')}")
    if number(table(table(config, "spec"), "process"), "oomScoreAdj") < 0:
        found.append("spared when memory runs out")
    return found
