# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless port"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import jsonval
from .context import Usage

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from ..container.model import Container
    from .arguments import Parser
    from .context import Context


def arguments(parser: Parser, name: str) -> None:
    parser.names("CONTAINER [PORT[/PROTOCOL]]")
    parser.flag("-a", "--all", help="of every container that runs")
    parser.latest()


def run(context: Context, options: Namespace) -> int:
    names = list(options.names)
    if options.all:
        from ..container.lookup import all_containers

        for container in all_containers(context.session):
            if container.running:
                for inside, outside in published(container):
                    context.out(f"{container.id[:12]}\t{inside} -> {outside}\n")
        return 0
    wanted = ""
    if names and (options.latest or len(names) == 2):
        wanted = names.pop()
    for name in context.chosen(names, latest=options.latest):
        _show(context, context.container(name), wanted)
    return 0


def _show(context: Context, container: Container, wanted: str) -> None:
    if not wanted:
        for inside, outside in published(container):
            context.out(f"{inside} -> {outside}\n")
        return
    port = wanted if "/" in wanted else f"{wanted}/tcp"
    found = [outside for inside, outside in published(container) if inside == port]
    if not found:
        raise Usage(f"failed to find published port {wanted!r}")
    for outside in found:
        context.out(f"{outside}\n")


def published(container: Container) -> Iterator[tuple[str, str]]:
    """Yield ("80/tcp", "0.0.0.0:8080") for each published port, ranges written out."""
    for mapping in container.ports:
        address = jsonval.text(mapping, "host_ip") or "0.0.0.0"
        for offset in range(max(jsonval.number(mapping, "range", 1), 1)):
            inside = jsonval.number(mapping, "container_port") + offset
            outside = jsonval.number(mapping, "host_port") + offset
            yield f"{inside}/{jsonval.text(mapping, 'protocol', 'tcp')}", f"{address}:{outside}"
