# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounts that nobody else sees, and that no killed process leaves behind: they go with the last descriptor of them.

Namespaces are a thread's own affair (unshare(2), setns(2)): a thread that mounts in one ends when it has, and what it
opened is the whole process's.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, TypeVar

from ..base.threads import in_thread
from . import libc

if TYPE_CHECKING:
    from collections.abc import Callable

T = TypeVar("T")
_CLONE_FS = 0x200
_NO_TIMES = 1024 | 2048  # noatime and nodiratime: statvfs(3) and mount(2) have the same bits


class Space:
    """A mount namespace that lasts until `close`, and as long as descriptors of what is in it are in use."""

    def __init__(self, fd: int) -> None:
        self._fd = fd

    @classmethod
    def make(cls) -> Space:
        """Raises OSError."""

        def made() -> int:
            libc.unshare(_CLONE_FS | libc.CLONE_NEWNS)
            libc.mount("", "/", "", libc.MS_REC | libc.MS_PRIVATE)
            return os.open("/proc/thread-self/ns/mnt", os.O_RDONLY | os.O_CLOEXEC)

        return cls(in_thread(made))

    def run(self, deed: Callable[[], T]) -> T:
        """What `deed` returns when it runs in the namespace, in a thread; raises what it raises."""

        def entered() -> T:
            libc.unshare(_CLONE_FS)
            libc.setns(self._fd, libc.CLONE_NEWNS)
            return deed()

        return in_thread(entered)

    def close(self) -> None:
        os.close(self._fd)


def bind(source: str, fd: int) -> None:
    """Mount `source`, with all that is mounted below it, over what the descriptor is of."""
    libc.mount(source, f"/proc/self/fd/{fd}", "", libc.MS_BIND | libc.MS_REC)


def make_read_only(fd: int) -> None:
    """The mount whose top the descriptor is of. Flags that it has stay: a plain user may not take them away."""
    kept = os.fstatvfs(fd).f_flag & (libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC | _NO_TIMES)
    libc.mount("", f"/proc/self/fd/{fd}", "", libc.MS_REMOUNT | libc.MS_BIND | libc.MS_RDONLY | kept)


def scratch(target: str) -> None:
    """An empty file system in memory over the directory."""
    libc.mount("tmpfs", target, "tmpfs", libc.MS_NODEV | libc.MS_NOSUID, "mode=0700")
