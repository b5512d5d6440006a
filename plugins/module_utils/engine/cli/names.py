# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless tag and untag"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import NotFound
from .context import Usage

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context


def arguments(parser: Parser, name: str) -> None:
    parser.names("IMAGE NAME" if name == "tag" else "IMAGE")


def run(context: Context, options: Namespace) -> int:
    from ..image import naming
    from ..image.lookup import find_record

    least = 2 if options.command_name == "tag" else 1
    if len(options.names) < least:
        raise Usage(f"requires at least {least} arg(s), only received {len(options.names)}")
    first, *others = options.names
    entry = find_record(context.session, first, lists=True)
    if entry is None:
        raise NotFound(f"{options.command_name} image {first}", "there is no image with this name or id")
    record = entry[0]
    names = [naming.full(name) for name in others]
    if options.command_name == "tag":
        naming.give(context.session, record.id, names)
        return 0
    unknown = [name for name in names if name not in record.names]
    if unknown:
        raise NotFound(f"untag image {first}", f"it is not called {', '.join(unknown)}")
    naming.take(context.session, record.id, names or record.names)
    return 0
