# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless import"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from .context import Usage

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context


def arguments(parser: Parser, name: str) -> None:
    parser.names("PATH [REFERENCE]")
    parser.many("-c", "--change", metavar="INSTRUCTION", help="CMD, ENV, LABEL ... of the new image")
    parser.add_argument("-m", "--message", default="", help="a comment for its history")
    for option in ("arch", "os", "variant"):
        parser.add_argument(f"--{option}", default="", help="the platform that it is for")
    parser.flag("-q", "--quiet", help="no progress; there is none")


def run(context: Context, options: Namespace) -> int:
    from ..image import changes, importing
    from ..image.view import host
    from ..registry.root_tree import Recipe
    from ..registry.web_file import is_web
    from ..spec import platform

    if not 1 <= len(options.names) <= 2:
        raise Usage("need to give the path to the tarball, and may give a name for the image")
    source, name = options.names[0], options.names[1] if len(options.names) > 1 else ""
    chosen = host()
    if options.os or options.arch or options.variant:
        chosen = platform.choose(chosen, os=options.os, architecture=options.arch, variant=options.variant)
    recipe = Recipe(chosen, changes.apply(tuple(options.change)), options.message)
    wish = importing.Wish(name, source, recipe)
    fetched = _fetch(context, source) if is_web(source) else ""
    try:
        work = importing.Import(context.session, fetched or source, wish)
        try:
            identity = work.present.id if work.present is not None else work.store()
        finally:
            work.close()
    finally:
        if fetched:
            os.unlink(fetched)
    context.out(f"sha256:{identity}\n")
    return 0


def _fetch(context: Context, url: str) -> str:
    from ..registry.connections import Trust
    from ..registry.web_file import WebFile
    from ..session.below import layer_limits

    return WebFile(url, Trust(context.session.identity), limits=layer_limits(context.session)).fetch()
