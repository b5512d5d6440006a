# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The processes of a container, seen from the host.

Never by entering its namespaces: what runs there could take over whoever does (CVE-2022-1227). Membership is that of
the cgroup when the container has one, else of its pid namespace; ids are translated by its own uid map.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.tuples import NamedTuple
from .errors import NotRunning
from .liveness import Init, ProcStat, is_alive, proc_stat

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

_COMMAND_LIMIT = 65536
_OVERFLOW = "65534"

#: descriptor -> heading, as podman top prints them
HEADINGS = {
    "user": "USER",
    "uid": "UID",
    "huser": "HUSER",
    "group": "GROUP",
    "gid": "GID",
    "hgroup": "HGROUP",
    "pid": "PID",
    "ppid": "PPID",
    "hpid": "HPID",
    "pcpu": "%CPU",
    "etime": "ELAPSED",
    "tty": "TTY",
    "time": "TIME",
    "args": "COMMAND",
    "comm": "COMMAND",
    "state": "STATE",
    "nice": "NI",
    "vsz": "VSZ",
    "rss": "RSS",
}
_ALIASES = {
    "%C": "pcpu",
    "%U": "user",
    "%u": "uid",
    "%G": "group",
    "%g": "gid",
    "%p": "pid",
    "%P": "ppid",
    "%t": "etime",
}
_ALIASES.update({"%y": "tty", "%x": "time", "%a": "args", "%c": "comm", "%n": "nice", "%z": "vsz"})
_ALIASES.update({"%cpu": "pcpu", "c": "pcpu", "command": "args", "cmd": "args", "rgroup": "group", "ruser": "user"})
DEFAULT = ("user", "pid", "ppid", "pcpu", "etime", "tty", "time", "args")


class ContainerProcess(NamedTuple):
    """`pid`, `ppid`, `uid`, `gid` as inside the container, `host_*` as here; times in seconds, sizes in KiB.

    `ppid` is 0 for a parent outside.
    """

    pid: int
    ppid: int
    uid: int
    gid: int
    host_pid: int
    host_uid: int
    host_gid: int
    cpu_percent: float
    elapsed: float
    cpu_time: float
    tty: str
    state: str
    nice: int
    vsz: int
    rss: int
    comm: str
    args: str


def processes(init: Init, name: str, proc: str = "/proc") -> tuple[ContainerProcess, ...]:
    """All of them, the first process first. Raises NotRunning when the container has ended."""
    if not is_alive(init, proc):
        raise NotRunning(f"list the processes of container {name}", "it is not running")
    view = _View(init, proc)
    found = [one for pid in _members(init, proc) for one in [view.look(pid)] if one is not None]
    return tuple(sorted(found, key=lambda one: one.pid))


def rows(
    found: Sequence[ContainerProcess],
    descriptors: Sequence[str] = DEFAULT,
    names: tuple[Callable[[int], str], Callable[[int], str]] = (str, str),
) -> tuple[tuple[str, ...], list[tuple[str, ...]]]:
    """(headings, table). `names` turn a uid and a gid of the container into what its passwd and group files say.

    Raises BadInput for an unknown descriptor.
    """
    keys = [_ALIASES.get(word, word) for word in descriptors]
    for word, key in zip(descriptors, keys):
        if key not in HEADINGS:
            raise BadInput("list processes", f"{word!r} is no descriptor", f"Known are {', '.join(HEADINGS)}")
    headings = tuple(HEADINGS[key] for key in keys)
    return headings, [tuple(_cell(one, key, names) for key in keys) for one in found]


def _cell(one: ContainerProcess, key: str, names: tuple[Callable[[int], str], Callable[[int], str]]) -> str:
    if key == "user":
        return names[0](one.uid)
    if key == "group":
        return names[1](one.gid)
    if key == "pcpu":
        return f"{one.cpu_percent:.3f}"
    if key == "etime":
        return _duration(one.elapsed)
    if key == "time":
        return _duration(float(int(one.cpu_time)))
    plain = {
        "uid": one.uid,
        "gid": one.gid,
        "huser": one.host_uid,
        "hgroup": one.host_gid,
        "pid": one.pid,
        "ppid": one.ppid,
        "hpid": one.host_pid,
        "tty": one.tty,
        "args": one.args,
        "comm": one.comm,
        "state": one.state,
        "nice": one.nice,
        "vsz": one.vsz,
        "rss": one.rss,
    }
    return str(plain[key])


def _duration(seconds: float) -> str:
    """`1h2m3.5s`, as Go prints a duration."""
    whole, rest = divmod(seconds, 60)
    hours, minutes = divmod(int(whole), 60)
    text = f"{rest:.9f}".rstrip("0").rstrip(".") + "s"
    if hours:
        return f"{hours}h{minutes}m{text}"
    return f"{minutes}m{text}" if minutes else text


def _members(init: Init, proc: str) -> list[int]:
    """Host pids. A cgroup that carries the container's id is exact; a pid namespace shared with the host is not ours
    to list, so there it is the descendants of the first process."""
    own = _group_line(init.pid, init.cid, proc)
    try:
        space = os.readlink(f"{proc}/{init.pid}/ns/pid")
        private = space != os.readlink(f"{proc}/self/ns/pid")
    except OSError:
        space, private = "", False
    found: list[int] = []
    parents: dict[int, int] = {}
    for entry in os.listdir(proc):
        if not entry.isdigit():
            continue
        pid = int(entry)
        if own:
            if _group_line(pid, init.cid, proc):
                found.append(pid)
        elif private:
            if _inside(pid, space, proc):
                found.append(pid)
        else:
            stat = proc_stat(pid, proc)
            if stat is not None:
                parents[pid] = stat.ppid
    return found if own or private else _descendants(init.pid, parents)


def _group_line(pid: int, cid: str, proc: str) -> bool:
    try:
        with open(f"{proc}/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
            # conmon's own scope carries the id as well
            return any(cid in line and "libpod-conmon-" not in line for line in file)
    except OSError:
        return False


def _inside(pid: int, space: str, proc: str) -> bool:
    """Whether the pid namespace of `pid` is `space`. One the container made below it shows no link to compare with
    ours, and is left out: its first process is a member itself."""
    try:
        return os.readlink(f"{proc}/{pid}/ns/pid") == space
    except OSError:
        return False


def _descendants(top: int, parents: dict[int, int]) -> list[int]:
    children: dict[int, list[int]] = {}
    for pid, parent in parents.items():
        children.setdefault(parent, []).append(pid)
    found = [top]
    for pid in found:
        found.extend(children.get(pid, ()))
    return found


class _View:
    """How one container sees pids, users and time."""

    def __init__(self, init: Init, proc: str) -> None:
        self._proc = proc
        self._uids = _id_map(init.pid, "uid_map", proc)
        self._gids = _id_map(init.pid, "gid_map", proc)
        self._level = len(self._status(init.pid).get("NSpid", "").split()) - 1
        self._ticks = os.sysconf("SC_CLK_TCK")
        with open(f"{proc}/uptime", encoding="ascii") as file:
            self._uptime = float(file.read().split()[0])

    def look(self, pid: int) -> ContainerProcess | None:
        """None when it is gone by now."""
        stat = proc_stat(pid, self._proc)
        status = self._status(pid)
        if stat is None or "Uid" not in status:
            return None
        uid, gid = int(status["Uid"].split()[1]), int(status["Gid"].split()[1])
        elapsed = max(0.0, self._uptime - stat.started / self._ticks)
        spent = (stat.user_ticks + stat.system_ticks) / self._ticks
        return ContainerProcess(
            pid=self._inner(status),
            ppid=self._inner(self._status(stat.ppid)) if stat.ppid > 0 else 0,
            uid=_translate(uid, self._uids),
            gid=_translate(gid, self._gids),
            host_pid=pid,
            host_uid=uid,
            host_gid=gid,
            cpu_percent=100 * spent / elapsed if elapsed > 0 else 0.0,
            elapsed=elapsed,
            cpu_time=spent,
            tty=_tty(stat),
            state=stat.state,
            nice=self._nice(pid),
            vsz=_kib(status.get("VmSize", "")),
            rss=_kib(status.get("VmRSS", "")),
            comm=stat.command,
            args=self._args(pid, stat.command),
        )

    def _inner(self, status: dict[str, str]) -> int:
        pids = status.get("NSpid", "").split()
        return int(pids[self._level]) if 0 <= self._level < len(pids) else 0

    def _status(self, pid: int) -> dict[str, str]:
        try:
            with open(f"{self._proc}/{pid}/status", encoding="utf-8", errors="replace") as file:
                return {key: value.strip() for key, colon, value in (line.partition(":") for line in file) if colon}
        except OSError:
            return {}

    def _nice(self, pid: int) -> int:
        try:
            return os.getpriority(os.PRIO_PROCESS, pid)
        except OSError:
            return 0

    def _args(self, pid: int, command: str) -> str:
        try:
            with open(f"{self._proc}/{pid}/cmdline", "rb") as file:
                raw = file.read(_COMMAND_LIMIT)
        except OSError:
            raw = b""
        text = raw.rstrip(b"\0").replace(b"\0", b" ").decode("utf-8", "replace")
        # a container chooses these bytes: control characters would reach the terminal of whoever looks
        return "".join(c if c.isprintable() else "?" for c in text) or f"[{command}]"


def _id_map(pid: int, name: str, proc: str) -> tuple[tuple[int, int, int], ...]:
    """(inside, outside, count), outside as we see ids: the kernel translates for a reader elsewhere, but shows a reader
    in the same namespace the parent's ids (user_namespaces(7)), where for us inside and outside are one."""
    try:
        if os.readlink(f"{proc}/{pid}/ns/user") == os.readlink(f"{proc}/self/ns/user"):
            return ((0, 0, 1 << 32),)
        with open(f"{proc}/{pid}/{name}", encoding="ascii") as file:
            return tuple((int(a), int(b), int(c)) for a, b, c in (line.split() for line in file))
    except (OSError, ValueError):
        return ()


def _translate(outside: int, mapping: tuple[tuple[int, int, int], ...]) -> int:
    for inner, outer, count in mapping:
        if outer <= outside < outer + count:
            return inner + outside - outer
    return int(_OVERFLOW)


def _tty(stat: ProcStat) -> str:
    """proc(5): the device number has its minor split around the major."""
    major = (stat.tty >> 8) & 0xFFF
    minor = (stat.tty & 0xFF) | ((stat.tty >> 12) & 0xFFF00)
    if stat.tty == 0:
        return "?"
    if 136 <= major <= 143:
        return f"pts/{minor + 256 * (major - 136)}"
    return f"tty{minor}" if major == 4 else f"{major}:{minor}"


def _kib(text: str) -> int:
    words = text.split()
    return int(words[0]) if words and words[0].isdigit() else 0
