# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless container exists and init"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .context import Usage

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context


def arguments(parser: Parser, name: str) -> None:
    parser.names()
    if name == "container exists":
        parser.flag("--external", help="also working containers of builds")
        return
    parser.flag("-a", "--all", help="every container")
    parser.latest()


def run(context: Context, options: Namespace) -> int:
    return (_exists if options.command_name == "container exists" else _init)(context, options)


def _exists(context: Context, options: Namespace) -> int:
    from ..container.lookup import lookup

    if len(options.names) != 1:
        raise Usage(f"accepts 1 arg(s), received {len(options.names)}")
    name = options.names[0]
    if lookup(context.session, name) is not None:
        return 0
    return 0 if options.external and context.session.store.container(name) is not None else 1


def _init(context: Context, options: Namespace) -> int:
    """With --all those that cannot be initialized, because they run, are left out."""
    from ..container.start import initialize

    names = context.chosen(options.names, latest=options.latest, every=options.all)
    if options.all:
        names = [name for name in names if context.container(name).status in ("created", "exited", "stopped")]

    def one(name: str) -> None:
        initialize(context.session, context.container(name))
        context.out(f"{name}\n")

    return context.each(names, one)
