# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless cp: files between containers and the host, and as a tar through the standard streams"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from .context import Usage

if TYPE_CHECKING:
    from argparse import Namespace

    from ..container.copy_spots import Spot
    from ..container.copying import Options
    from .arguments import Parser
    from .context import Context


def arguments(parser: Parser, name: str) -> None:
    parser.switch("-a", "--archive", help="files belong to the container's user, or to you (default true)")
    parser.flag("--overwrite", help="directories may give way to files, and files to directories")
    parser.flag("--pause", help="of no effect, as with podman: nothing has to be paused")
    parser.names("[CONTAINER:]SRC_PATH [CONTAINER:]DEST_PATH")


def run(context: Context, options: Namespace) -> int:
    from ..container import copying

    if len(options.names) != 2:
        raise Usage(f"accepts 2 arg(s), received {len(options.names)}")
    source, target = (_spot(context, word) for word in options.names)
    if source.container is None and target.container is None:
        raise Usage("one of the two paths must be in a container: CONTAINER:PATH")
    wish = copying.Options(archive=options.archive is not False, overwrite=options.overwrite)
    if target.container is None and target.path == "-":
        return _to_stream(context, source)
    if source.container is None and source.path == "-":
        return _from_stream(context, target, wish)
    copying.carry_out(context.session, source, target, wish)
    return 0


def _spot(context: Context, word: str) -> Spot:
    """As podman reads it: what begins with a dot or a slash is a path of the host, colon or not."""
    from ..container.copy_spots import Spot
    from ..container.lookup import lookup

    name, colon, path = word.partition(":")
    if not colon or word.startswith((".", "/")) or not name:
        return Spot(word)
    found = lookup(context.session, name)
    if found is None:
        raise Usage(f'container "{name}" does not exist')
    return Spot(path or "/", found)


def _to_stream(context: Context, source: Spot) -> int:
    from ..container import copy_archive

    if sys.stdout.isatty():
        raise Usage("refusing to write an archive to a terminal. Redirect the standard output")
    sys.stdout.flush()
    for piece in copy_archive.pieces(context.session, source):
        sys.stdout.buffer.write(piece)
    sys.stdout.buffer.flush()
    return 0


def _from_stream(context: Context, target: Spot, wish: Options) -> int:
    from ..container import copy_archive

    copy_archive.extract(context.session, sys.stdin.buffer, target, wish)
    return 0
