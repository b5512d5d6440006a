# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless version"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.version import VERSION
from .context import own_path

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context


def arguments(parser: Parser, name: str) -> None:
    parser.add_argument("-f", "--format", default="", help="json, or a Go template")
    parser.flag("--short")


def run(context: Context, options: Namespace) -> int:
    import sys

    if options.short:
        context.out(f"daemonless version {VERSION}\n")
        return 0
    command = own_path()
    machine = os.uname()
    client = {
        "Version": VERSION,
        "Runtime": os.path.basename(os.path.dirname(command)) if command else "",
        "Path": command or "",
        "Python": ".".join(str(part) for part in sys.version_info[:3]),
        "OsArch": f"{machine.sysname.lower()}/{machine.machine}",
        "Kernel": machine.release,
    }
    if options.format == "json":
        from .gotext import compact

        context.out(compact({"Client": client}) + "\n")
    elif options.format:
        from .gotemplate import Template

        context.out(Template(options.format).execute({"Client": client, **client}) + "\n")
    else:
        context.out("".join(f"{name + ':':<10} {value}\n" for name, value in client.items()))
    return 0
