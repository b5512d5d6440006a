# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""HostConfig of `container inspect`: what podman reads back from the spec and its annotations."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.jsonval import number, table, tables, texts
from ..spec import capabilities
from . import inspect_network

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from .inspect_view import InspectFacts

_PREFIX = "io.podman.annotations."
_DEFAULT_PARENTS = {"cgroupfs": ("/libpod_parent",), "systemd": ("machine.slice", "user.slice")}


def host_config(config: Json, spec: Json, facts: InspectFacts, user_mounts: tuple[list[Json], list[Json]]) -> Json:
    notes, linux = table(spec, "annotations"), table(spec, "linux")
    binds, tmpfs = _binds(*user_mounts)
    shown = {
        "Binds": binds,
        **_wiring(config, spec),
        **_walls(config, spec, facts),
        "Tmpfs": tmpfs,
        "UTSMode": namespace_mode(config, spec, "uts"),
        "UsernsMode": _userns_mode(config, spec),
    }
    maps = _id_maps(config)
    if maps:
        shown["IDMappings"] = maps
    shown.update({"ShmSize": config.get("shmSize", 0), "Runtime": "oci", "ConsoleSize": [0, 0], "Isolation": ""})
    shown.update(_resources(table(linux, "resources"), facts))
    shown["Devices"] = [] if _noted(notes, "privileged") else _devices(config, linux, facts)
    shown["Ulimits"] = [
        {"Name": limit.get("type"), "Soft": _signed(limit.get("soft")), "Hard": _signed(limit.get("hard"))}
        for limit in tables(table(spec, "process"), "rlimits")
    ]
    parent = str(config.get("cgroupParent", ""))
    usual = _DEFAULT_PARENTS.get(str(config.get("cgroupManager", "")), ("",))
    shown["CgroupParent"] = "" if parent in usual else parent
    if _noted(notes, "init"):
        shown["Init"] = True
    rdt = table(linux, "intelRdt").get("closID")
    if rdt:
        shown["IntelRdtClosID"] = rdt
    return shown


def _wiring(config: Json, spec: Json) -> Json:
    """Log, ports, restart policy: what ties it to the host."""
    notes = table(spec, "annotations")
    volumes_from = f"{_PREFIX}volumes-from"
    return {
        "CgroupManager": str(config.get("cgroupManager", "")) or "cgroupfs",
        "CgroupMode": namespace_mode(config, spec, "cgroup"),
        "ContainerIDFile": notes.get(f"{_PREFIX}cid-file", ""),
        "LogConfig": {
            "Type": config.get("logDriver", ""),
            "Config": None,
            "Path": config.get("logPath", ""),
            "Tag": config.get("logTag", ""),
            "Size": _human(number(config, "logSize")),
        },
        "NetworkMode": inspect_network.network_mode(config),
        "PortBindings": inspect_network.bindings(config) if config.get("createNetNS") else {},
        "RestartPolicy": {
            "Name": config.get("restart_policy") or "no",
            "MaximumRetryCount": config.get("restart_retries", 0),
        },
        "AutoRemove": _noted(notes, "autoremove"),
        "AutoRemoveImage": _noted(notes, "autoremove-image"),
        "Annotations": notes or None,
        "VolumeDriver": "",
        "VolumesFrom": str(notes[volumes_from]).split(";") if volumes_from in notes else None,
    }


def _walls(config: Json, spec: Json, facts: InspectFacts) -> Json:
    """Capabilities, names, namespaces: what sets it apart from the host."""
    notes = table(spec, "annotations")
    added, dropped = _capability_changes(spec, facts, privileged=_noted(notes, "privileged"))
    return {
        "CapAdd": added,
        "CapDrop": dropped,
        "Dns": texts(config, "dnsServer"),
        "DnsOptions": texts(config, "dnsOption"),
        "DnsSearch": texts(config, "dnsSearch"),
        "ExtraHosts": texts(config, "hostsAdd"),
        "HostsFile": config.get("baseHostsFile", ""),
        "GroupAdd": texts(config, "groups"),
        "IpcMode": ipc_mode(config, spec),
        "Cgroup": "",
        "Cgroups": "disabled" if config.get("noCgroups") else "default",
        "Links": None,
        "OomScoreAdj": number(table(spec, "process"), "oomScoreAdj"),
        "PidMode": namespace_mode(config, spec, "pid"),
        "Privileged": _noted(notes, "privileged"),
        "PublishAllPorts": _noted(notes, "publish-all"),
        "ReadonlyRootfs": bool(table(spec, "root").get("readonly", False)),
        "SecurityOpt": _security(spec, notes),
    }


def namespace_mode(config: Json, spec: Json, kind: str) -> str:
    """`host`, `private`, `container:ID` or `ns:PATH` of the pid, uts or cgroup namespace."""
    key = {"pid": "pidNsCtr", "uts": "utsNsCtr", "cgroup": "cgroupNsCtr", "ipc": "ipcNsCtr"}[kind]
    if config.get(key):
        return f"container:{config[key]}"
    for entry in tables(table(spec, "linux"), "namespaces"):
        if entry.get("type") == kind:
            return f"ns:{entry['path']}" if entry.get("path") else "private"
    return "host"


def ipc_mode(config: Json, spec: Json) -> str:
    mode = namespace_mode(config, spec, "ipc")
    if mode != "private":
        return mode
    if config.get("NoShm"):
        return "none"
    return "private" if config.get("NOShmShare") else "shareable"


def _userns_mode(config: Json, spec: Json) -> str:
    if config.get("userNsCtr"):
        return f"container:{config['userNsCtr']}"
    for entry in tables(table(spec, "linux"), "namespaces"):
        if entry.get("type") == "user":
            return f"ns:{entry['path']}" if entry.get("path") else "private"
    return ""


def _noted(notes: Json, name: str) -> bool:
    return notes.get(_PREFIX + name) == "TRUE"


def _security(spec: Json, notes: Json) -> list[str]:
    shown = ["no-new-privileges"] if table(spec, "process").get("noNewPrivileges") else []
    shown += [f"{key}={notes[_PREFIX + key]}" for key in ("label", "seccomp", "apparmor") if _PREFIX + key in notes]
    if "maskedPaths" not in table(spec, "linux"):
        shown.append("unmask=all")
    return shown


def _capability_changes(spec: Json, facts: InspectFacts, *, privileged: bool) -> tuple[list[str], list[str]]:
    held = texts(table(table(spec, "process"), "capabilities"), "bounding")
    usual = capabilities.NAMES if privileged else facts.default_capabilities or capabilities.DEFAULT
    return [name for name in held if name not in usual], sorted(set(usual) - set(held))


def _binds(named: list[Json], mounts: list[Json]) -> tuple[list[str], Json]:
    binds: list[str] = []
    tmpfs: Json = {}
    for entry in named:
        binds.append(":".join(_parts(entry.get("volumeName"), entry.get("dest"), texts(entry, "options"))))
    for mount in mounts:
        options = texts(mount, "options")
        if mount.get("type") == "tmpfs":
            tmpfs[str(mount["destination"])] = ",".join(options)
        else:
            binds.append(":".join(_parts(mount.get("source"), mount.get("destination"), options)))
    return binds, tmpfs


def _parts(source: object, target: object, options: list[str]) -> list[str]:
    return [str(source), str(target), *([",".join(options)] if options else [])]


def _id_maps(config: Json) -> Json:
    options = table(config, "idMappingsOptions")
    uids, gids = tables(options, "UIDMap"), tables(options, "GIDMap")
    if not uids or not gids:
        return {}
    shape = "{container_id}:{host_id}:{size}"
    return {"UidMap": [shape.format(**r) for r in uids], "GidMap": [shape.format(**r) for r in gids]}


def _resources(resources: Json, facts: InspectFacts) -> Json:
    cpu, memory, block = (table(resources, key) for key in ("cpu", "memory", "blockIO"))
    period, quota = number(cpu, "period"), number(cpu, "quota")
    devices: Json = {}
    for key, source, value in (
        ("BlkioWeightDevice", "weightDevice", "weight"),
        ("BlkioDeviceReadBps", "throttleReadBpsDevice", "rate"),
        ("BlkioDeviceWriteBps", "throttleWriteBpsDevice", "rate"),
        ("BlkioDeviceReadIOps", "throttleReadIOPSDevice", "rate"),
        ("BlkioDeviceWriteIOps", "throttleWriteIOPSDevice", "rate"),
    ):
        devices[key] = _block_devices(tables(block, source), value, facts) if "blockIO" in resources else None
    return {
        "CpuShares": number(cpu, "shares"),
        "Memory": number(memory, "limit"),
        "NanoCpus": 10000 * quota if period == 100000 else 0,
        "CgroupParent": "",
        "BlkioWeight": number(block, "weight"),
        **devices,
        "CpuPeriod": period,
        "CpuQuota": quota,
        "CpuRealtimePeriod": number(cpu, "realtimePeriod"),
        "CpuRealtimeRuntime": number(cpu, "realtimeRuntime"),
        "CpusetCpus": cpu.get("cpus", ""),
        "CpusetMems": cpu.get("mems", ""),
        "Devices": [],
        "DiskQuota": 0,
        "KernelMemory": 0,
        "MemoryReservation": number(memory, "reservation"),
        "MemorySwap": number(memory, "swap"),
        "MemorySwappiness": number(memory, "swappiness", -1 if memory else 0),
        "OomKillDisable": bool(memory.get("disableOOMKiller", False)),
        "PidsLimit": number(table(resources, "pids"), "limit"),
        "Ulimits": [],
        "CpuCount": 0,
        "CpuPercent": 0,
        "IOMaximumIOps": 0,
        "IOMaximumBandwidth": 0,
        "CgroupConf": resources.get("unified"),
    }


def _block_devices(entries: list[Json], key: str, facts: InspectFacts) -> list[Json]:
    shown = []
    for entry in entries:
        path = facts.device_paths.get(f"{entry.get('major')}:{entry.get('minor')}")
        if path:
            shown.append({"Path": path, key.capitalize(): entry.get(key)})
    return shown


def _devices(config: Json, linux: Json, facts: InspectFacts) -> list[Json]:
    asked = {}
    for entry in tables(config, "device_host_src"):
        source, _colon, rest = str(entry.get("path", "")).partition(":")
        asked[rest.split(":")[0] or source] = source
    shown: list[Json] = []
    for device in tables(linux, "devices"):
        inside = str(device.get("path"))
        path = facts.device_paths.get(f"{device.get('major')}:{device.get('minor')}") or asked.get(inside)
        if path:
            shown.append({"PathOnHost": path, "PathInContainer": inside, "CgroupPermissions": ""})
    return shown


def _signed(value: object) -> int:
    """Go prints the largest unsigned number, "unlimited", as -1."""
    found = value if isinstance(value, int) else 0
    return found - 2**64 if found >= 2**63 else found


def _human(size: int) -> str:
    """`10MB`, in powers of 1000 with four digits (go-units HumanSize)."""
    amount = float(max(size, 0))
    for unit in ("B", "kB", "MB", "GB"):
        if amount < 1000:
            return f"{amount:.4g}{unit}"
        amount /= 1000
    return f"{amount:.4g}TB"
