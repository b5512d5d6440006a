# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""--preserve-fd, --preserve-fds and LISTEN_FDS: files that our caller has opened for a program in a container."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..runtime.handed import FIRST, Handed
from .context import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .arguments import Parser
    from .context import Context

COUNT_HELP = "hand on this many open files, from descriptor 3 on"
LIST_HELP = "hand on this open descriptor; may be several with commas between"


def arguments(parser: Parser) -> None:
    parser.many("--preserve-fd", metavar="FD", help=LIST_HELP)
    parser.add_argument("--preserve-fds", default="", metavar="NUMBER", help=COUNT_HELP)


def handed(count: object, listed: object) -> tuple[int, ...]:
    """As podman means both together: with a list, it is the list. Raises Usage for one that nobody has opened for us.

    To be called first of all: what we open ourselves gets the numbers that are free.
    """
    words = [word for text in (listed if isinstance(listed, (list, tuple)) else ()) for word in str(text).split(",")]
    named = [_number(word, "preserve-fd") for word in words]
    number = _number(str(count), "preserve-fds") if count else 0
    for fd in named:
        if fd < FIRST:
            raise Usage(
                f"cannot preserve FD {fd}, consider using the passthrough log-driver to pass STDIO streams into the "
                "container: invalid argument"
            )
    _available(named, "preserve-fd")
    _available(range(FIRST, FIRST + number), "preserve-fds")
    return tuple(sorted(set(named))) or tuple(range(FIRST, FIRST + number))


def with_sockets(context: Context, more: tuple[int, ...] = ()) -> Handed:
    """Those files, or without any the sockets that the service manager opened for us (sd_listen_fds(3)), with the
    variables that tell of them. Raises Usage. To be called first of all, as `handed`.
    """
    count = os.environ.get("LISTEN_FDS", "")
    if not count:
        return Handed(more)
    if more:
        context.error("Ignoring LISTEN_FDS to preserve custom user-specified FDs")
        return Handed(more)
    if not _is_number(count):
        raise Usage(f"LISTEN_FDS={count}: it is not a number")
    fds = tuple(range(FIRST, FIRST + int(count)))
    _available(fds, "LISTEN_FDS")
    variables = {"LISTEN_PID": "1", "LISTEN_FDS": count}  # our own number says nothing inside
    names = os.environ.get("LISTEN_FDNAMES")
    if names is not None:
        variables["LISTEN_FDNAMES"] = names
    return Handed(fds, variables)


def _number(word: str, flag: str) -> int:
    if not _is_number(word):
        raise Usage(f'invalid argument "{word}" for "--{flag}" flag: it is not a number')
    return int(word)


def _is_number(word: str) -> bool:
    return word.isascii() and word.isdigit() and len(word) < 8


def _available(fds: Sequence[int], flag: str) -> None:
    for fd in fds:
        try:
            given = os.get_inheritable(fd)
        except OSError:
            given = False
        if not given:
            raise Usage(
                f"file descriptor {fd} is not available - the {flag} option requires that file descriptors must be "
                "passed"
            )
