# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Limits of a group that holds the groups of several containers, written to the kernel's own files.

Limits of single containers are the runtime's business; it knows nothing of the group above them. Names of files:
kernel documentation, admin-guide/cgroup-v1 and cgroup-v2.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import HostLacks
from . import cgroup_trees
from .cgroups import V2

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..base.jsonval import Json
    from .cgroups import CgroupFacts

_CONTROLLERS = ("cpu", "cpuset", "io", "memory", "pids")
_PERIOD = 100_000


def apply(facts: CgroupFacts, path: str, resources: Json, before: Json, deed: str) -> None:
    """Make the group at `path` and hold it to `resources`, a `linux.resources`; what only `before` had is taken back.

    Raises HostLacks where the kernel does not take a value.
    """
    settings = dict(_v2(before, reset=True) if facts.mode == V2 else _v1(before, reset=True))
    settings.update(_v2(resources) if facts.mode == V2 else _v1(resources))
    for tree in facts.hierarchies:
        if facts.mode != V2 and tree.unified:
            continue
        folder = tree.mountpoint + path
        if tree.unified:
            _enable(tree.mountpoint, path)
        cgroup_trees.make(tree, folder)
        for name, value in _ordered(folder, settings):
            if os.path.exists(f"{folder}/{name}"):
                _put(f"{folder}/{name}", value, deed)


def _ordered(folder: str, settings: dict[str, str]) -> list[tuple[str, str]]:
    """Memory before memory and swap together when both shrink, the other way round when they grow (cgroup v1)."""
    found = list(settings.items())
    memory, both = "memory.limit_in_bytes", "memory.memsw.limit_in_bytes"
    if memory in settings and both in settings:
        try:
            with open(f"{folder}/{both}", encoding="ascii") as file:
                grows = int(file.read()) < int(settings[memory])
        except (OSError, ValueError):
            grows = False
        if grows:
            found.sort(key=lambda item: item[0] != both)
    return found


def _put(path: str, value: str, deed: str) -> None:
    try:
        fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
        try:
            os.write(fd, value.encode())
        finally:
            os.close(fd)
    except OSError as error:
        cause = f"{os.path.basename(path)} of its cgroup does not take {value}: {error.strerror}"
        raise HostLacks(deed, cause) from error


def _enable(top: str, path: str) -> None:
    """Hand the controllers down to the group; one that is not to be had is noticed when its file is missing."""
    folder = top
    for part in path.strip("/").split("/"):
        for name in _CONTROLLERS:
            try:
                fd = os.open(f"{folder}/cgroup.subtree_control", os.O_WRONLY | os.O_CLOEXEC)
            except OSError:
                break
            try:
                os.write(fd, f"+{name}".encode())
            except OSError:
                pass
            finally:
                os.close(fd)
        folder = f"{folder}/{part}"
        if not os.path.isdir(folder):
            try:
                os.mkdir(folder, 0o755)
            except OSError:
                return


def _v1(resources: Json, *, reset: bool = False) -> Iterator[tuple[str, str]]:
    memory, cpu, block = (jsonval.table(resources, part) for part in ("memory", "cpu", "blockIO"))
    for part, key, name, free in (
        (memory, "limit", "memory.limit_in_bytes", "-1"),
        (memory, "swap", "memory.memsw.limit_in_bytes", "-1"),
        (cpu, "shares", "cpu.shares", "1024"),
        (cpu, "period", "cpu.cfs_period_us", str(_PERIOD)),
        (cpu, "quota", "cpu.cfs_quota_us", "-1"),
        (block, "weight", "blkio.weight", "500"),
        (block, "weight", "blkio.bfq.weight", "100"),
    ):
        if part.get(key):
            yield name, free if reset else str(part[key])
    for key, name in (("cpus", "cpuset.cpus"), ("mems", "cpuset.mems")):
        if cpu.get(key) and not reset:
            yield name, str(cpu[key])
    for key, name in (("throttleReadBpsDevice", "read"), ("throttleWriteBpsDevice", "write")):
        for device in jsonval.tables(block, key):
            rate = 0 if reset else device["rate"]
            yield f"blkio.throttle.{name}_bps_device", f"{device['major']}:{device['minor']} {rate}"
    for device in jsonval.tables(block, "weightDevice"):
        weight = 0 if reset else device["weight"]
        for name in ("blkio.weight_device", "blkio.bfq.weight_device"):
            yield name, f"{device['major']}:{device['minor']} {weight}"


def _v2(resources: Json, *, reset: bool = False) -> Iterator[tuple[str, str]]:
    memory, cpu, block = (jsonval.table(resources, part) for part in ("memory", "cpu", "blockIO"))
    limit, swap = jsonval.number(memory, "limit"), jsonval.number(memory, "swap")
    if limit:
        yield "memory.max", "max" if reset else str(limit)
    if swap:
        yield "memory.swap.max", "max" if reset else str(max(0, swap - limit))
    if cpu.get("shares"):
        yield "cpu.weight", "100" if reset else str(weight_of(jsonval.number(cpu, "shares")))
    if cpu.get("quota"):
        period = jsonval.number(cpu, "period") or _PERIOD
        yield "cpu.max", "max" if reset else f"{cpu['quota']} {period}"
    for key, name in (("cpus", "cpuset.cpus"), ("mems", "cpuset.mems")):
        if cpu.get(key):
            yield name, "\n" if reset else str(cpu[key])
    if block.get("weight"):
        yield "io.weight", "default 100" if reset else f"default {block['weight']}"
    for key, word in (("throttleReadBpsDevice", "rbps"), ("throttleWriteBpsDevice", "wbps")):
        for device in jsonval.tables(block, key):
            yield "io.max", f"{device['major']}:{device['minor']} {word}={'max' if reset else device['rate']}"
    for device in jsonval.tables(block, "weightDevice"):
        weight = "default" if reset else device["weight"]
        yield "io.weight", f"{device['major']}:{device['minor']} {weight}"


def weight_of(shares: int) -> int:
    """cgroup v1's shares, 2 to 262144, on the scale of v2's weight, 1 to 10000, as the runtimes convert them."""
    return 1 + (max(2, min(shares, 262144)) - 2) * 9999 // 262142
