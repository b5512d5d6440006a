# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Is this pid still the container that it was? Answered from /proc, without starting a program."""

from __future__ import annotations

import os

from ..base.tuples import NamedTuple


class Init(NamedTuple):
    """The first process of a container as it was recorded: its pid, its monitor's pid, its id."""

    pid: int
    conmon_pid: int
    cid: str


class ProcStat(NamedTuple):
    """Of /proc/PID/stat (proc(5)): times in clock ticks, `started` since boot."""

    command: str
    state: str
    ppid: int
    session: int
    tty: int
    user_ticks: int
    system_ticks: int
    started: int


def proc_stat(pid: int, proc: str = "/proc") -> ProcStat | None:
    """None when there is no such process. The command may hold spaces and brackets: the last bracket ends it."""
    try:
        with open(f"{proc}/{pid}/stat", "rb") as file:
            text = file.read().decode("utf-8", "replace")
    except (FileNotFoundError, ProcessLookupError):
        return None
    head, _bracket, tail = text.rpartition(")")
    rest = tail.split()
    return ProcStat(
        head.partition("(")[2],
        rest[0],
        int(rest[1]),
        int(rest[3]),
        int(rest[4]),
        int(rest[11]),
        int(rest[12]),
        int(rest[19]),
    )


def is_alive(init: Init, proc: str = "/proc") -> bool:
    """Whether `init.pid` runs and is that container: pids are reused, and a recorded one may be from before a reboot.

    Its parent is its monitor; when the monitor was killed, its cgroup carries the id; where containers get no cgroup
    (plain users under v1), a mount namespace other than ours must do.
    """
    if init.pid <= 0:
        return False
    stat = proc_stat(init.pid, proc)
    if stat is None or stat.state in "ZX":
        return False
    if stat.ppid == init.conmon_pid:
        return True
    try:
        with open(f"{proc}/{init.pid}/cgroup", encoding="utf-8", errors="replace") as file:
            if init.cid in file.read():
                return True
    except OSError:
        return False
    if monitor_alive(init, proc):
        return False
    try:
        return os.readlink(f"{proc}/{init.pid}/ns/mnt") != os.readlink(f"{proc}/self/ns/mnt")
    except OSError:
        return False


def monitor_alive(init: Init, proc: str = "/proc") -> bool:
    """Whether the monitor still watches: a conmon whose command line names the container."""
    if init.conmon_pid <= 0:
        return False
    try:
        with open(f"{proc}/{init.conmon_pid}/cmdline", "rb") as file:
            words = file.read().split(b"\0")
    except OSError:
        return False
    return init.cid.encode() in words
