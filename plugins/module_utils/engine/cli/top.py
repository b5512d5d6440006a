# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless top"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .context import Usage
from .rows import table

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Callable

    from ..container.model import Container
    from .arguments import Parser
    from .context import Context

    Name = Callable[[int], str]


def arguments(parser: Parser, name: str) -> None:
    import argparse

    parser.latest()
    parser.add_argument("words", nargs=argparse.REMAINDER, metavar="CONTAINER [DESCRIPTOR...]")


def run(context: Context, options: Namespace) -> int:
    from ..runtime import processes

    rest = list(options.words)
    if not rest and not options.latest:
        raise Usage("specify a container name or ID")
    container = context.container(context.chosen([], latest=True)[0] if options.latest else rest.pop(0))
    words = [part for word in rest if word not in ("-o", "-eo") for part in word.split(",") if part]
    found = processes.processes(container.init, container.name)
    headings, rows = processes.rows(found, words or processes.DEFAULT, account_names(container))
    context.out(table(list(headings), [list(row) for row in rows]))
    return 0


def account_names(container: Container) -> tuple[Name, Name]:
    """Uid and gid to what the container's own files call them; the number where they say nothing."""
    from ..base import jsonval
    from ..host.rooted import Root, read_file

    users: dict[int, str] = {}
    groups: dict[int, str] = {}
    root = jsonval.text(container.state, "mountPoint")
    if root:
        with Root.of(root) as opened:
            for path, names in (("etc/passwd", users), ("etc/group", groups)):
                names.update(_accounts(read_file(opened, path, 1 << 20) or b""))
    users.setdefault(0, "root")
    groups.setdefault(0, "root")
    return (lambda uid: users.get(uid, str(uid))), (lambda gid: groups.get(gid, str(gid)))


def _accounts(text: bytes) -> dict[int, str]:
    found: dict[int, str] = {}
    for line in text.decode("utf-8", "replace").splitlines():
        fields = line.split(":")
        if len(fields) > 2 and fields[2].isdigit():
            found.setdefault(int(fields[2]), fields[0])
    return found
