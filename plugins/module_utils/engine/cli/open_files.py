# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""--preserve-fd and --preserve-fds: files that whoever calls us has opened, for a program in a container."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .context import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .arguments import Parser

_FIRST = 3
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
        if fd < _FIRST:
            raise Usage(
                f"cannot preserve FD {fd}, consider using the passthrough log-driver to pass STDIO streams into the "
                "container: invalid argument"
            )
    _available(named, "preserve-fd")
    _available(range(_FIRST, _FIRST + number), "preserve-fds")
    return tuple(sorted(set(named))) or tuple(range(_FIRST, _FIRST + number))


def _number(word: str, flag: str) -> int:
    if not (word.isascii() and word.isdigit() and len(word) < 8):
        raise Usage(f'invalid argument "{word}" for "--{flag}" flag: it is not a number')
    return int(word)


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
