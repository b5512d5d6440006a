# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits: from what a task says to `linux.resources` of the runtime spec, and what a host must be able to do for it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, HostLacks, NotFound
from .readers import CPU_PERIOD

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..base.jsonval import Json
    from ..spec.devices import DeviceNode
    from .desired import ContainerDesired
    from .surroundings import HostFacts


#: Which cgroup controller each limit needs.
_CONTROLLER = {
    "memory": "memory",
    "memory_reservation": "memory",
    "memory_swap": "memory",
    "memory_swappiness": "memory",
    "cpus": "cpu",
    "cpu_period": "cpu",
    "cpu_quota": "cpu",
    "cpu_shares": "cpu",
    "cpuset_cpus": "cpuset",
    "cpuset_mems": "cpuset",
    "pids_limit": "pids",
    "blkio_weight": "io",
    "blkio_weight_device": "io",
    "device_read_bps": "io",
    "device_write_bps": "io",
    "device_read_iops": "io",
    "device_write_iops": "io",
}
_UNSET = (None, 0, -1, "", ())


def check_host(wish: ContainerDesired, host: HostFacts) -> None:
    """Raises HostLacks, naming every limit that this host cannot hold the container to."""
    asked = [name for name in _CONTROLLER if getattr(wish, name) not in _UNSET]
    if wish.cgroups == "disabled" and asked:
        raise BadInput("read cgroups", f"{', '.join(asked)} cannot be kept without a cgroup")
    missing = [name for name in asked if _CONTROLLER[name] not in host.controllers]
    if missing:
        controllers = sorted({_CONTROLLER[name] for name in missing})
        hint = f"The cgroup controllers {', '.join(controllers)} are not available"
        if host.rootless:
            hint += "; delegate them to the user (systemd: Delegate=yes for user@.service)"
        raise HostLacks(f"limit container {wish.name}", f"{', '.join(missing)} cannot be set on this host", hint)


def resources(wish: ContainerDesired, host: HostFacts, default_pids: int) -> tuple[Json, list[str]]:
    """`linux.resources` without the device rules, and warnings for what this kernel has no knob for."""
    made: Json = {}
    warnings: list[str] = []
    for key, part in (("memory", _memory(wish, host, warnings)), ("cpu", _cpu(wish, host, warnings))):
        if part:
            made[key] = part
    pids = wish.pids_limit
    if pids is None and default_pids > 0 and "pids" in host.controllers and wish.cgroups != "disabled":
        pids = default_pids
    if pids is not None:
        made["pids"] = {"limit": pids}
    block = _block(wish, host.nodes)
    if block:
        made["blockIO"] = block
    if wish.cgroup_conf:
        made["unified"] = dict(wish.cgroup_conf)
    return made, warnings


def _memory(wish: ContainerDesired, host: HostFacts, warnings: list[str]) -> Json:
    made: Json = {}
    if wish.memory and wish.memory > 0:
        made["limit"] = wish.memory
    if wish.memory_reservation and wish.memory_reservation > 0:
        made["reservation"] = wish.memory_reservation
    if wish.memory_swap and wish.memory_swap > 0:
        made["swap"] = wish.memory_swap
    elif wish.memory_swap is None and wish.memory and wish.memory > 0:
        made["swap"] = 2 * wish.memory
    if wish.memory_swappiness is not None and wish.memory_swappiness >= 0:
        if host.cgroups_v2:
            warnings.append("memory_swappiness has no effect with cgroup v2")
        else:
            made["swappiness"] = wish.memory_swappiness
    if wish.oom_kill_disable:
        if host.cgroups_v2:
            warnings.append("oom_kill_disable has no effect with cgroup v2")
        else:
            made["disableOOMKiller"] = True
    return made


def _cpu(wish: ContainerDesired, host: HostFacts, warnings: list[str]) -> Json:
    made: Json = {}
    if wish.cpu_shares:
        made["shares"] = wish.cpu_shares
    if wish.cpus:
        made["quota"], made["period"] = wish.cpus, CPU_PERIOD
    if wish.cpu_quota and wish.cpu_quota > 0:
        made["quota"] = wish.cpu_quota
    if wish.cpu_period:
        made["period"] = wish.cpu_period
    if wish.cpu_rt_runtime or wish.cpu_rt_period:
        if host.cgroups_v2:
            warnings.append("cpu_rt_period and cpu_rt_runtime have no effect with cgroup v2")
        else:
            if wish.cpu_rt_runtime:
                made["realtimeRuntime"] = wish.cpu_rt_runtime
            if wish.cpu_rt_period:
                made["realtimePeriod"] = wish.cpu_rt_period
    if wish.cpuset_cpus:
        made["cpus"] = wish.cpuset_cpus
    if wish.cpuset_mems:
        made["mems"] = wish.cpuset_mems
    return made


def _block(wish: ContainerDesired, nodes: Mapping[str, DeviceNode]) -> Json:
    made: Json = {}
    if wish.blkio_weight:
        made["weight"] = wish.blkio_weight
    if wish.blkio_weight_device:
        made["weightDevice"] = [{**numbers(path, nodes), "weight": weight} for path, weight in wish.blkio_weight_device]
    for key, pairs in (
        ("throttleReadBpsDevice", wish.device_read_bps),
        ("throttleWriteBpsDevice", wish.device_write_bps),
        ("throttleReadIOPSDevice", wish.device_read_iops),
        ("throttleWriteIOPSDevice", wish.device_write_iops),
    ):
        if pairs:
            made[key] = [{**numbers(path, nodes), "rate": rate} for path, rate in pairs]
    return made


def numbers(path: str, nodes: Mapping[str, DeviceNode]) -> Json:
    """Raises NotFound where there is no device at the path."""
    node = nodes.get(path)
    if node is None:
        raise NotFound(f"find device {path}", "there is no device node at this path")
    return {"major": node.major, "minor": node.minor}
