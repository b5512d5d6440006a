# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless mount and unmount: the files of a container, seen from the host"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .context import Usage
from .rows import pretty

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context


def arguments(parser: Parser, name: str) -> None:
    parser.names()
    parser.flag("-a", "--all", help="every container")
    parser.latest()
    if name == "unmount":
        parser.flag("-f", "--force", help="also what others have mounted")
    else:
        parser.add_argument("--format", default="", choices=("", "json"), help="json")
        parser.flag("--no-trunc", help="ids in full")


def run(context: Context, options: Namespace) -> int:
    _refuse_outside(options.command_name)
    if options.command_name == "unmount":
        return _unmount(context, options)
    if not (options.names or options.all or options.latest):
        return _list(context, options)
    names = context.chosen(options.names, latest=options.latest, every=options.all)

    def one(name: str) -> None:
        from ..container.files import mount

        container = context.container(name)
        path = mount(context.session, container)
        context.out(
            f"{path}\n" if len(names) == 1 else f"{container.id if options.no_trunc else container.id[:12]}  {path}\n"
        )

    return context.each(names, one)


def _refuse_outside(name: str) -> None:
    """A mount in the namespaces of this command would be gone, and out of sight, with its end."""
    from ..host.identity import who_am_i

    identity = who_am_i()
    if identity.rootless and not identity.inside:
        raise Usage(
            f"cannot run command `daemonless {name}` in rootless mode: "
            "what it mounts is seen only in the namespaces of your containers"
        )


def _list(context: Context, options: Namespace) -> int:
    from ..container.files import mounted

    found = mounted(context.session)
    if options.format:
        context.out(pretty([{"id": one.id, "Names": [one.name], "mountpoint": path} for one, path in found], 1) + "\n")
        return 0
    for one, path in found:
        context.out(f"{one.id if options.no_trunc else one.id[:12]}  {path}\n")
    return 0


def _unmount(context: Context, options: Namespace) -> int:
    from ..container.files import mounted, unmount

    if options.all and not options.names:
        for container, _path in mounted(context.session):
            if not container.running:
                unmount(context.session, container, force=options.force)
                context.out(f"{container.id}\n")
        return 0

    def one(name: str) -> None:
        unmount(context.session, context.container(name), force=options.force)
        context.out(f"{name}\n")

    return context.each(context.chosen(options.names, latest=options.latest), one)
