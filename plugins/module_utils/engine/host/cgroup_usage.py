# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process and all that is in its control group use: processors, memory, block I/O, number of processes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple
from . import cgroup_trees
from .cgroups import V2, words

if TYPE_CHECKING:
    from .cgroups import CgroupFacts

_UNLIMITED = 1 << 60  # cgroup v1 writes the largest number of pages for no limit


class Usage(NamedTuple):
    """Nanoseconds and bytes; `memory` is what is in no file, `memory_limit` the host's memory where the group has no
    lower one.
    """

    cpu_ns: int = 0
    system_ns: int = 0
    memory: int = 0
    memory_limit: int = 0
    read_bytes: int = 0
    written_bytes: int = 0
    processes: int = 0


def usage(facts: CgroupFacts, pid: int, proc: str = "/proc") -> Usage:
    """Raises OSError when the process is gone."""
    found = cgroup_trees.directories(facts, pid, proc)
    if facts.mode == V2:
        return _unified(found.get("", ""), proc)
    return _legacy(found, proc)


def host_memory(proc: str = "/proc") -> int:
    for line in _lines(f"{proc}/meminfo"):
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return 0


def _unified(folder: str, proc: str) -> Usage:
    cpu = _pairs(f"{folder}/cpu.stat")
    memory = _pairs(f"{folder}/memory.stat")
    read = written = 0
    for line in _lines(f"{folder}/io.stat"):
        values = dict(word.partition("=")[::2] for word in line.split()[1:])
        read += int(values.get("rbytes", "0"))
        written += int(values.get("wbytes", "0"))
    return Usage(
        cpu.get("usage_usec", 0) * 1000,
        cpu.get("system_usec", 0) * 1000,
        memory.get("anon", 0),
        _limit(_number(f"{folder}/memory.max"), proc),
        read,
        written,
        _number(f"{folder}/pids.current"),
    )


def _legacy(folders: dict[str, str], proc: str) -> Usage:
    accounts = folders.get("cpuacct", folders.get("cpu", ""))
    memory = folders.get("memory", "")
    kept = _pairs(f"{memory}/memory.stat")
    ticks = 1_000_000_000 // os.sysconf("SC_CLK_TCK")
    moved = {"Read": 0, "Write": 0}
    for line in _lines(f"{folders.get('io', '')}/blkio.throttle.io_service_bytes"):
        parts = line.split()
        if len(parts) == 3 and parts[1] in moved:
            moved[parts[1]] += int(parts[2])
    return Usage(
        _number(f"{accounts}/cpuacct.usage"),
        _pairs(f"{accounts}/cpuacct.stat").get("system", 0) * ticks,
        sum(kept.get(f"total_{kind}_anon", 0) for kind in ("active", "inactive")),
        _limit(_number(f"{memory}/memory.limit_in_bytes"), proc),
        moved["Read"],
        moved["Write"],
        _number(f"{folders.get('pids', '')}/pids.current"),
    )


def _limit(number: int, proc: str) -> int:
    whole = host_memory(proc)
    return number if 0 < number < min(whole or _UNLIMITED, _UNLIMITED) else whole


def _number(path: str) -> int:
    """0 where there is none: `max`, a controller that is not there."""
    found = words(path)
    return int(found[0]) if found and found[0].isdigit() else 0


def _pairs(path: str) -> dict[str, int]:
    pairs = (line.split() for line in _lines(path))
    return {pair[0]: int(pair[1]) for pair in pairs if len(pair) == 2 and pair[1].isdigit()}


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []
