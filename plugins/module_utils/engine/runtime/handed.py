# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Open files of the caller that a program in a container gets, under the numbers that they have here.

The runtimes hand on all from 3 up to a last one. What of ours lies among these without being asked for has to be moved
out of the way, or the container would get it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

FIRST = 3


class Handed(NamedTuple):
    """`fds` are open files of ours, `variables` tell the program what they are (sd_listen_fds(3))."""

    fds: tuple[int, ...] = ()
    variables: Mapping[str, str] = {}


NOTHING = Handed()


def options(fds: Sequence[int]) -> tuple[str, ...]:
    """What tells a runtime."""
    return ("--preserve-fds", str(max(fds) - FIRST + 1)) if fds else ()


def out_of_the_way(fd: int, fds: Sequence[int]) -> int:
    """A descriptor of ours, under a number above all that are handed on; the old one is closed."""
    import fcntl
    import os

    if not fds or fd > max(fds):
        return fd
    moved = fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, max(fds) + 1)
    os.close(fd)
    return moved


def copies(held: Sequence[int], fds: Sequence[int]) -> list[int]:
    """Others' descriptors, which stay as they are: those among the numbers handed on as copies above them.

    Whoever asks closes the copies: those that are not in `held`.
    """
    import fcntl

    last = max(fds, default=0)
    return [fcntl.fcntl(fd, fcntl.F_DUPFD_CLOEXEC, last + 1) if fd <= last else fd for fd in held]
