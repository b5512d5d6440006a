# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making, filling and removing control groups, and finding those of a process."""

from __future__ import annotations

import errno
import os
import signal
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.threads import meanwhile
from .cgroups import CANONICAL, HYBRID, SYSTEMD, CgroupFacts, Hierarchy, Place, words

if TYPE_CHECKING:
    from collections.abc import Iterator


def enter_monitor(facts: CgroupFacts, where: Place, pid: int, uid: int) -> str:
    """Move a monitor that is about to fork into its group, so that it outlives the session which started it.

    Returns why it could not be done, "" when it was: no reason to refuse the container, whose limits do not hang on it.
    """
    try:
        if where.scope:
            from .systemd_scope import start_scope

            return start_scope(where.scope, where.parent, pid, uid if facts.rootless else None)
        if where.conmon:
            _enter(facts, where.conmon, pid)
    except OSError as error:
        return f"the monitor stays in the cgroup of its caller: {error.strerror}"
    return ""


def join_users_manager(facts: CgroupFacts, uid: int, proc: str = "/proc") -> str:
    """Move ourselves below a plain user's own systemd, where it is that systemd which makes the groups.

    Who comes by sudo from another one's session is outside of it, and the kernel lets nobody take a process (such as
    one that is to run in a container) from out there into a group in there. Returns why it could not be done, "" when
    it was or need not be.
    """
    if not facts.rootless or facts.manager != SYSTEMD:
        return ""
    try:
        with open(f"{proc}/self/cgroup", encoding="utf-8", errors="surrogateescape") as file:
            if f"/user@{uid}.service/" in file.read():
                return ""
    except OSError as error:
        return error.strerror or str(error)
    from .systemd_scope import start_scope

    return start_scope(f"daemonless-{os.getpid()}.scope", "user.slice", os.getpid(), uid)


@contextmanager
def moving_soon(facts: CgroupFacts) -> Iterator[None]:
    """Within, processes are put into groups, after other work.

    The first move after a while makes the kernel wait until all processors have passed a quiet moment, which takes
    10 ms and more; those which follow soon do not wait (cgroup v2 has the mount option favordynmods for that, see
    Documentation/admin-guide/cgroup-v2.rst). A move of ourselves to where we are already gets that over with
    meanwhile. Where it cannot be done, nothing but time is lost.
    """
    wait = meanwhile(lambda: _stay(facts))
    try:
        yield
    finally:
        wait()


def _stay(facts: CgroupFacts) -> None:
    for folder in directories(facts, os.getpid()).values():
        try:
            _write(f"{folder}/cgroup.procs", "0")
        except OSError:  # not ours to write, or not visible from here
            continue
        return


def _enter(facts: CgroupFacts, path: str, pid: int) -> None:
    for tree in facts.hierarchies:
        if not tree.writable and not facts.rootless:
            continue
        if tree.unified and facts.mode == HYBRID:
            continue  # crun and runc leave that tree alone as well
        folder = tree.mountpoint + path
        make(tree, folder)
        _write(f"{folder}/cgroup.procs", str(pid))


def make(tree: Hierarchy, folder: str) -> None:
    """The group and those above it; nil work when it is there."""
    if os.path.isdir(folder):
        return
    parent = os.path.dirname(folder)
    if parent != tree.mountpoint and parent.startswith(tree.mountpoint):
        make(tree, parent)
    try:
        os.mkdir(folder, 0o755)
    except FileExistsError:
        return
    if "cpuset" in tree.controllers:  # a fresh v1 cpuset is empty and takes no process
        for name in ("cpuset.cpus", "cpuset.mems"):
            with open(f"{parent}/{name}", encoding="ascii") as file:
                _write(f"{folder}/{name}", file.read().strip())


def _write(path: str, text: str) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CLOEXEC)
    try:
        os.write(fd, text.encode())
    finally:
        os.close(fd)


def paths_of(pid: int, proc: str = "/proc") -> dict[str, str]:
    """The group of a process by canonical controller; "" is the v2 tree. Raises OSError when the process is gone."""
    found: dict[str, str] = {}
    with open(f"{proc}/{pid}/cgroup", encoding="utf-8", errors="surrogateescape") as file:
        for line in file:
            number, names, path = line.rstrip("\n").split(":", 2)
            if number == "0":
                found[""] = path
            for name in names.split(","):
                if name and "=" not in name:
                    found.setdefault("cpuacct" if name == "cpuacct" else CANONICAL.get(name, name), path)
    return found


def directories(facts: CgroupFacts, pid: int, proc: str = "/proc") -> dict[str, str]:
    """Absolute directory of the process' group by controller (v1 `cpuacct` under its own name; v2: all under "")."""
    paths = paths_of(pid, proc)
    found: dict[str, str] = {}
    for tree in facts.hierarchies:
        if tree.unified:
            if "" in paths:
                found[""] = tree.mountpoint + paths[""].rstrip("/")
            continue
        for name in tree.controllers:
            key = name if name == "cpuacct" else CANONICAL.get(name, name)
            if key in paths:
                found[key] = tree.mountpoint + paths[key].rstrip("/")
    return found


def processes(facts: CgroupFacts, path: str) -> tuple[int, ...]:
    """Every process in group `path` (as in Place.oci_path under cgroupfs) and the groups below it."""
    found: set[int] = set()
    for tree in facts.hierarchies:
        for folder, _folders, _files in os.walk(tree.mountpoint + path):
            found.update(int(word) for word in words(f"{folder}/cgroup.procs") if word.isdigit())
    found.discard(0)
    return tuple(sorted(found))


def remove(facts: CgroupFacts, path: str, deadline: float = 2.0) -> tuple[str, ...]:
    """Kill what is left in group `path` and remove it from every tree; nil work when it is gone.

    Returns the directories that could not be removed within `deadline` seconds.
    """
    if not path.startswith("/") or path.strip("/") == "" or ".." in path.split("/"):
        return ()
    end = time.monotonic() + deadline
    while True:
        for pid in processes(facts, path):
            try:
                os.kill(pid, signal.SIGKILL)
            except (ProcessLookupError, PermissionError):
                pass
        left = [folder for tree in facts.hierarchies for folder in _rmdirs(tree.mountpoint + path)]
        if not left or time.monotonic() > end:
            return tuple(left)
        time.sleep(0.01)


def _rmdirs(top: str) -> list[str]:
    left: list[str] = []
    for folder, _folders, _files in os.walk(top, topdown=False):
        try:
            os.rmdir(folder)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno not in (errno.EBUSY, errno.ENOTEMPTY, errno.EACCES, errno.EPERM, errno.EROFS):
                raise
            left.append(folder)
    return left
