# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who holds a port: from the kernel's socket tables (proc(5), /proc/net/tcp) to a process, to a container's name."""

from __future__ import annotations

import os

FORWARD_SUBCOMMAND = "port-forward"
_TABLES = {"tcp": ("tcp", "tcp6"), "udp": ("udp", "udp6"), "sctp": ()}


def holder(protocol: str, port: int) -> str:
    """A name for people: "container web", "nginx (process 812)"; "" when it cannot be seen."""
    inodes = _inodes(protocol, port)
    if not inodes:
        return ""
    best = ""
    for pid in _owners(inodes):
        arguments = _arguments(pid)
        if arguments and os.path.basename(arguments[0]) == "conmon":
            name = _after(arguments, "-n") or _after(arguments, "-c")[:12]
            if name:
                return container(name)
        if FORWARD_SUBCOMMAND in arguments and _after(arguments, FORWARD_SUBCOMMAND):
            return container(_after(arguments, FORWARD_SUBCOMMAND))
        best = best or _describe(pid, arguments)
    return best


def container(name: str) -> str:
    return f"container {name}"


def _inodes(protocol: str, port: int) -> set[str]:
    wanted = f":{port:04X}"
    found: set[str] = set()
    for table in _TABLES.get(protocol, ()):
        try:
            with open(f"/proc/thread-self/net/{table}", encoding="ascii") as file:
                rows = [line.split() for line in file]
        except OSError:
            continue
        found.update(row[9] for row in rows[1:] if len(row) > 9 and row[1].endswith(wanted) and row[9] != "0")
    return found


def _owners(inodes: set[str]) -> list[int]:
    """Processes that have one of the sockets open, as far as we may look."""
    wanted = {f"socket:[{inode}]" for inode in inodes}
    owners = []
    for entry in os.listdir("/proc"):
        if entry.isdigit() and _has_open(entry, wanted):
            owners.append(int(entry))
    return owners


def _has_open(pid: str, wanted: set[str]) -> bool:
    folder = f"/proc/{pid}/fd"
    try:
        for fd in os.listdir(folder):
            try:
                if os.readlink(f"{folder}/{fd}") in wanted:
                    return True
            except OSError:
                continue
    except OSError:  # gone, or another user's
        pass
    return False


def _arguments(pid: int) -> list[str]:
    try:
        with open(f"/proc/{pid}/cmdline", "rb") as file:
            return [part.decode("utf-8", "replace") for part in file.read(65536).split(b"\0")]
    except OSError:
        return []


def _after(arguments: list[str], flag: str) -> str:
    try:
        return arguments[arguments.index(flag) + 1]
    except (ValueError, IndexError):
        return ""


def _describe(pid: int, arguments: list[str]) -> str:
    name = os.path.basename(arguments[0]) if arguments and arguments[0] else "a process"
    return f"{name} (process {pid})"
