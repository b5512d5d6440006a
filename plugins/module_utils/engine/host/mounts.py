# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts: what there is (proc_pid_mountinfo(5)) and the few kinds the engine makes."""

from __future__ import annotations

import errno
import os

from ..base import patterns
from ..base.tuples import NamedTuple

_OCTAL = patterns.compile(r"\\([0-7]{3})")


_OURS = ("self", "thread-self")


class Mount(NamedTuple):
    """One line of mountinfo; `propagation` is the optional fields, as `shared:1`."""

    id: int
    parent: int
    root: str
    target: str
    options: str
    propagation: tuple[str, ...]
    fstype: str
    source: str
    super_options: str


def mountinfo(pid: str = "self") -> list[Mount]:
    """All mounts that the process sees, in the kernel's order (a later one covers an earlier one at its target)."""
    with open(f"/proc/{pid}/mountinfo", encoding="utf-8", errors="surrogateescape") as file:
        return [_parse(line) for line in file]


def _parse(line: str) -> Mount:
    left, right = line.rstrip("\n").split(" - ", 1)
    fields = left.split(" ")
    tail = (right.split(" ") + ["", ""])[:3]
    return Mount(
        int(fields[0]),
        int(fields[1]),
        _plain(fields[3]),
        _plain(fields[4]),
        fields[5],
        tuple(fields[6:]),
        tail[0],
        _plain(tail[1]),
        tail[2],
    )


def _plain(text: str) -> str:
    return _OCTAL.sub(lambda found: chr(int(found.group(1), 8)), text) if "\\" in text else text


def is_mountpoint(path: str, pid: str = "self") -> bool:
    """Whether a mount stands at `path`, bind mounts of the same file system included."""
    if pid in _OURS:
        from . import libc

        told = libc.is_mount_root(path)
        if told is not None:  # one call, where reading the table takes the longer the more containers run
            return told
    real = os.path.realpath(path)
    return any(mount.target == real for mount in mountinfo(pid))


def bind(source: str, target: str, *, recursive: bool = False, private: bool = False) -> None:
    from . import libc

    libc.mount(source, target, "", libc.MS_BIND | (libc.MS_REC if recursive else 0))
    if private:
        libc.mount("", target, "", libc.MS_PRIVATE)


def tmpfs(target: str, options: str, flags: int = 0, source: str = "tmpfs") -> None:
    """A tmpfs at `target`; `options` as in tmpfs(5), `flags` MS_* of mount(2)."""
    from . import libc

    libc.mount(source, target, "tmpfs", flags, options)


def unmount(path: str, *, lazy: bool = True) -> bool:
    """Take away the topmost mount at `path`; False when there is none (a missing path included)."""
    from . import libc

    try:
        libc.umount(path, libc.UMOUNT_NOFOLLOW | (libc.MNT_DETACH if lazy else 0))
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT):
            return False
        raise
    return True


def unmount_all(path: str) -> None:
    """Take away every mount stacked at `path`."""
    while unmount(path):
        pass


def unmount_below(path: str) -> None:
    """Take away everything mounted at or under `path`, deepest first."""
    real = os.path.realpath(path)
    inside = [mount.target for mount in mountinfo() if mount.target == real or mount.target.startswith(real + "/")]
    for target in sorted(inside, key=len, reverse=True):
        unmount(target)
