# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container uses right now, read from its cgroup and its network namespace's counters.

Under v1: memory.txt, cpuacct.txt, blkio-controller.txt; under v2: cgroup-v2.rst, all of Documentation/admin-guide.
"""

from __future__ import annotations

import os
import time
from typing import NamedTuple

from ..base.errors import HostLacks
from ..host.cgroup_trees import directories
from ..host.cgroups import V2, CgroupFacts
from .errors import NotRunning
from .liveness import Init, is_alive

_NO_LIMIT = 1 << 60  # v1 writes "no limit" as the largest multiple of a page


class Usage(NamedTuple):
    """Bytes, nanoseconds and counts at `taken_ns` (since 1970). `memory_limit` is the host's memory when there is none.

    `memory` leaves out the inactive page cache, as docker and podman do.
    """

    taken_ns: int
    cpu_ns: int
    cpu_system_ns: int
    memory: int
    memory_limit: int
    pids: int
    block_read: int
    block_written: int
    network_received: int
    network_sent: int

    def cpu_percent(self, earlier: Usage) -> float:
        """Of one processor, since an earlier look."""
        passed = self.taken_ns - earlier.taken_ns
        return 100 * (self.cpu_ns - earlier.cpu_ns) / passed if passed > 0 else 0.0


def usage(facts: CgroupFacts, init: Init, name: str, proc: str = "/proc") -> Usage:
    """Raises NotRunning when it has ended, HostLacks when it has no cgroup of its own (plain users under v1)."""
    deed = f"read the usage of container {name}"
    if not is_alive(init, proc):
        raise NotRunning(deed, "it is not running")
    try:
        folders = directories(facts, init.pid, proc)
    except OSError:
        raise NotRunning(deed, "it is not running") from None
    owned = {key: path for key, path in folders.items() if init.cid in path}
    if not owned:
        raise HostLacks(deed, "it has no cgroup of its own" + (f": {facts.reason}" if facts.reason else ""))
    received, sent = _network(f"{proc}/{init.pid}/net/dev")
    total = _host_memory(f"{proc}/meminfo")
    if facts.mode == V2:
        return _unified(owned[""], total, received, sent)
    return _legacy(owned, total, received, sent)


def _unified(folder: str, total: int, received: int, sent: int) -> Usage:
    cpu, memory = _table(f"{folder}/cpu.stat"), _table(f"{folder}/memory.stat")
    limit = _number(f"{folder}/memory.max", total)
    read = written = 0
    for line in _lines(f"{folder}/io.stat"):
        values = dict(word.split("=", 1) for word in line.split()[1:] if "=" in word)
        read += int(values.get("rbytes", 0))
        written += int(values.get("wbytes", 0))
    return Usage(
        time.time_ns(),
        cpu.get("usage_usec", 0) * 1000,
        cpu.get("system_usec", 0) * 1000,
        max(0, _number(f"{folder}/memory.current", 0) - memory.get("inactive_file", 0)),
        min(limit, total),
        _number(f"{folder}/pids.current", 0),
        read,
        written,
        received,
        sent,
    )


def _legacy(folders: dict[str, str], total: int, received: int, sent: int) -> Usage:
    memory, io = folders.get("memory", ""), folders.get("io", "")
    accounting = folders.get("cpuacct") or folders.get("cpu", "")
    split = _table(f"{accounting}/cpuacct.stat")
    limit = _number(f"{memory}/memory.limit_in_bytes", total)
    inactive = _table(f"{memory}/memory.stat").get("total_inactive_file", 0)
    read = written = 0
    lines = _lines(f"{io}/blkio.throttle.io_service_bytes_recursive") or _lines(f"{io}/blkio.throttle.io_service_bytes")
    for line in lines:
        words = line.split()
        if len(words) == 3 and words[1] == "Read":
            read += int(words[2])
        elif len(words) == 3 and words[1] == "Write":
            written += int(words[2])
    return Usage(
        time.time_ns(),
        _number(f"{accounting}/cpuacct.usage", 0),
        split.get("system", 0) * 1_000_000_000 // os.sysconf("SC_CLK_TCK"),
        max(0, _number(f"{memory}/memory.usage_in_bytes", 0) - inactive),
        total if limit >= _NO_LIMIT else min(limit, total),
        _number(f"{folders.get('pids', '')}/pids.current", 0),
        read,
        written,
        received,
        sent,
    )


def _lines(path: str) -> list[str]:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read().splitlines()
    except OSError:
        return []


def _table(path: str) -> dict[str, int]:
    found: dict[str, int] = {}
    for line in _lines(path):
        words = line.split()
        if len(words) == 2 and words[1].isdigit():
            found[words[0]] = int(words[1])
    return found


def _number(path: str, otherwise: int) -> int:
    lines = _lines(path)
    return int(lines[0]) if lines and lines[0].isdigit() else otherwise


def _host_memory(path: str) -> int:
    for line in _lines(path):
        if line.startswith("MemTotal:"):
            return int(line.split()[1]) * 1024
    return 0


def _network(path: str) -> tuple[int, int]:
    """Bytes in and out of every interface but the loopback."""
    received = sent = 0
    for line in _lines(path)[2:]:
        name, _colon, rest = line.partition(":")
        words = rest.split()
        if name.strip() != "lo" and len(words) > 8:
            received += int(words[0])
            sent += int(words[8])
    return received, sent
