# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A user namespace with given maps, as a descriptor: to translate the owners of a mount, or to run a program in."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import HostLacks
from . import libc

if TYPE_CHECKING:
    from collections.abc import Sequence

    Line = tuple[int, int, int]  # first id inside, first id outside, how many (user_namespaces(7))


def namespace(uids: Sequence[Line], gids: Sequence[Line]) -> int:
    """A short-lived child makes it; it lasts as long as the descriptor. Raises HostLacks."""
    ready_read, ready_write = os.pipe()
    go_read, go_write = os.pipe()
    pid = os.fork()
    if pid == 0:
        _child(ready_write, go_read, (ready_read, go_write))
    os.close(ready_write)
    os.close(go_read)
    try:
        if os.read(ready_read, 1) != b"1":
            raise HostLacks("make a user namespace with maps", "the kernel gives no user namespaces")
        for name, lines in (("uid_map", uids), ("gid_map", gids)):
            with open(f"/proc/{pid}/{name}", "w", encoding="ascii") as file:
                file.write("".join(f"{inside} {outside} {count}\n" for inside, outside, count in lines))
        return os.open(f"/proc/{pid}/ns/user", os.O_RDONLY | os.O_CLOEXEC)
    finally:
        os.close(ready_read)
        os.close(go_write)
        os.waitpid(pid, 0)


def _child(ready: int, go: int, others: tuple[int, ...]) -> None:
    try:
        for fd in others:
            os.close(fd)
        libc.unshare(libc.CLONE_NEWUSER)
        os.write(ready, b"1")
        os.read(go, 1)
    finally:
        os._exit(0)
