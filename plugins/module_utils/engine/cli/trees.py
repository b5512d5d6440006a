# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless diff and export: what a container changed, and its whole file system"""

from __future__ import annotations

import json
import os
import sys
from typing import TYPE_CHECKING

from .context import Usage

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context


def arguments(parser: Parser, name: str) -> None:
    parser.names()
    if name == "export":
        parser.add_argument("-o", "--output", default="", help="the file; else the standard output")
        return
    parser.latest()
    parser.add_argument("--format", default="", help="json")


def run(context: Context, options: Namespace) -> int:
    return (_export if options.command_name == "export" else _diff)(context, options)


def _diff(context: Context, options: Namespace) -> int:
    from ..container.lookup import lookup
    from ..container.tree import changes
    from ..image.difference import grouped

    if options.format not in ("", "json"):
        raise Usage("only supported value for '--format' is 'json'")
    name = context.chosen(options.names, latest=options.latest)[0]
    if options.kind != "container" and lookup(context.session, name) is None:
        from . import image_views  # as with podman, `diff` alone is of images, too

        options.command_name = "image diff"
        return image_views.run(context, options)
    if len(options.names) > 1:
        raise Usage("a container is compared with its image; `daemonless image diff` compares two images")
    found = changes(context.session, context.container(name))
    if options.format == "json":
        context.out(json.dumps({key: paths for key, paths in grouped(found).items() if paths}, indent=5) + "\n")
    else:
        context.out("".join(f"{kind} {path}\n" for kind, path in found))
    return 0


def _export(context: Context, options: Namespace) -> int:
    from ..container.tree import tar

    if len(options.names) != 1:
        raise Usage(f"accepts 1 arg(s), received {len(options.names)}")
    container = context.container(options.names[0])
    if options.output:
        from ..image.exporting import written

        written(tar(context.session, container), os.path.abspath(options.output))
        return 0
    if sys.stdout.isatty():
        raise Usage("refusing to export to terminal. Use -o flag or redirect")
    sys.stdout.flush()
    for piece in tar(context.session, container):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    return 0
