# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What holds a container in, and its limits, in canonical form."""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.jsonval import flag, number, table, tables, text, texts
from ..spec import namespaces, security
from . import inspect_host, readers
from .config_row import NOTE_SECCOMP, PREFIX, linux_of, notes_of, process_of, spec_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..base.jsonval import Json

    Reader = Callable[[Json], object]

_DEFAULT_PERIOD = 100_000


def _resource(part: str, key: str, default: int = 0) -> Reader:
    return lambda config: number(table(table(linux_of(config), "resources"), part), key, default)


def _security(config: Json) -> object:
    linux, notes = linux_of(config), notes_of(config)
    extra, opened = security.mask_difference(texts(linux, "maskedPaths"), texts(linux, "readonlyPaths"))
    profile = "default"
    named = text(notes, f"{PREFIX}seccomp")
    if "seccomp" not in linux:
        profile = security.UNCONFINED
    elif named or text(notes, NOTE_SECCOMP):
        document = json.dumps(linux["seccomp"], sort_keys=True, separators=(",", ":"))
        profile = f"sha256:{hashlib.sha256(document.encode()).hexdigest()}"
    proc = next((texts(m, "options") for m in tables(spec_of(config), "mounts") if m.get("destination") == "/proc"), [])
    cgroup = next((m for m in tables(spec_of(config), "mounts") if m.get("destination") == "/sys/fs/cgroup"), {})
    return {
        "no-new-privileges": flag(process_of(config), "noNewPrivileges"),
        "seccomp": profile,
        "apparmor": text(process_of(config), "apparmorProfile") or text(notes, f"{PREFIX}apparmor"),
        "label": sorted(word for word in text(notes, f"{PREFIX}label").split(",") if word),
        "mask": extra,
        "unmask": opened,
        "proc-opts": sorted(proc),
        "cgroup": "rw" if "rw" in texts(cgroup, "options") else "ro",
    }


def _capabilities(config: Json) -> object:
    return sorted(name[4:] for name in texts(table(process_of(config), "capabilities"), "bounding"))


def _namespace(kind: str) -> Reader:
    return lambda config: inspect_host.namespace_mode(config, spec_of(config), kind)


def _userns(config: Json) -> object:
    """The mode as it was asked for; maps only where they were given by hand."""
    if text(config, "userNsCtr"):
        return {"mode": f"container:{config['userNsCtr']}"}
    word = text(notes_of(config), f"{PREFIX}userns")
    try:
        mode = namespaces.parse(word, "userns") if word else namespaces.Mode(namespaces.HOST)
    except BadInput:
        mode = namespaces.Mode(word)
    if mode.kind == namespaces.PRIVATE:
        maps = table(config, "idMappingsOptions")
        return {"mode": "private", "uidmap": maps.get("UIDMap"), "gidmap": maps.get("GIDMap")}
    return {"mode": str(mode)}


def rlimits(config: Json) -> dict[str, str]:
    found = {}
    for limit in tables(process_of(config), "rlimits"):
        found[text(limit, "type")[7:].lower()] = f"{number(limit, 'soft')}:{number(limit, 'hard')}"
    return found


def _memory_swap(config: Json) -> object:
    """-1: as much swap as there is; 0: no limit at all was set."""
    memory = table(table(linux_of(config), "resources"), "memory")
    return number(memory, "swap") or (-1 if number(memory, "limit") else 0)


def _cpuset(key: str) -> Reader:
    def reader(config: Json) -> object:
        value = text(table(table(linux_of(config), "resources"), "cpu"), key)
        try:
            return readers.cpu_set(value, key) if value else ""
        except BadInput:
            return value

    return reader


def _pids(config: Json) -> object:
    limit = number(table(table(linux_of(config), "resources"), "pids"), "limit")
    return limit if limit > 0 else -1


def _quota(config: Json) -> object:
    return max(0, number(table(table(linux_of(config), "resources"), "cpu"), "quota"))


def _block(key: str, value: str) -> Reader:
    def reader(config: Json) -> object:
        block = table(table(linux_of(config), "resources"), "blockIO")
        return {f"{number(d, 'major')}:{number(d, 'minor')}": number(d, value) for d in tables(block, key)}

    return reader


READERS: dict[str, Reader] = {
    "privileged": lambda config: flag(config, "privileged") or text(notes_of(config), f"{PREFIX}privileged") == "TRUE",
    "capabilities": _capabilities,
    "security_opt": _security,
    "pid": _namespace("pid"),
    "ipc": lambda config: inspect_host.ipc_mode(config, spec_of(config)),
    "uts": _namespace("uts"),
    "cgroupns": _namespace("cgroup"),
    "userns": _userns,
    "sysctl": lambda config: table(linux_of(config), "sysctl"),
    "personality": lambda config: text(table(linux_of(config), "personality"), "domain"),
    "cgroups": lambda config: text(config, "cgroupsMode") or "enabled",
    "cgroup_parent": lambda config: text(config, "cgroupParent"),
    "cgroup_conf": lambda config: table(table(linux_of(config), "resources"), "unified"),
    "memory": _resource("memory", "limit"),
    "memory_reservation": _resource("memory", "reservation"),
    "memory_swap": _memory_swap,
    "memory_swappiness": _resource("memory", "swappiness", -1),
    "oom_kill_disable": lambda config: flag(table(table(linux_of(config), "resources"), "memory"), "disableOOMKiller"),
    "oom_score_adj": lambda config: number(process_of(config), "oomScoreAdj"),
    "cpu_period": lambda config: _resource("cpu", "period")(config) or _DEFAULT_PERIOD,
    "cpu_quota": _quota,
    "cpu_rt_period": _resource("cpu", "realtimePeriod"),
    "cpu_rt_runtime": _resource("cpu", "realtimeRuntime"),
    "cpu_shares": _resource("cpu", "shares"),
    "cpuset_cpus": _cpuset("cpus"),
    "cpuset_mems": _cpuset("mems"),
    "pids_limit": _pids,
    "blkio_weight": _resource("blockIO", "weight"),
    "blkio_weight_device": _block("weightDevice", "weight"),
    "device_read_bps": _block("throttleReadBpsDevice", "rate"),
    "device_write_bps": _block("throttleWriteBpsDevice", "rate"),
    "device_read_iops": _block("throttleReadIOPSDevice", "rate"),
    "device_write_iops": _block("throttleWriteIOPSDevice", "rate"),
    "rdt_class": lambda config: text(table(linux_of(config), "intelRdt"), "closID"),
}
