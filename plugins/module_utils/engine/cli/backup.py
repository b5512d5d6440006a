# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless container backup"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .access_flags import number, path, read, text, truth
from .checkpoint import COMMON, COMPRESS, compression_of, keeps
from .context import Usage
from .goflags import Flag

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context

_FLAGS = (
    *COMMON,
    COMPRESS,
    Flag("--directory -d", help="where the archives are kept"),
    Flag("--keep", help="how many archives of the container stay, the newest"),
    Flag("--keep-for", help="how old they get, as in 30d, 2w or 36h"),
)


def arguments(parser: Parser, _name: str) -> None:
    parser.take_all(_FLAGS, "CONTAINER")


def run(context: Context, options: Namespace) -> int:
    """Prints the path of the archive, then what retention removed."""
    line = read(context, options, _FLAGS, (1, 1))
    if line is None:
        return 0
    from ..container import backups, checkpoint, checkpoint_pack
    from ..container.reconcile import put_right

    folder = path(line, "directory")
    if not folder:
        raise Usage("--directory is needed: where the archives are kept")
    compression = compression_of(line)
    keeping = backups.Keeping(number(line, "keep") or 0, backups.age(text(line, "keep-for") or "0"))
    put_right(context.session)
    container = context.container(line.words[0])
    freezing = checkpoint.Wish(
        keeps(line),
        leave_running=True,
        criu=path(line, "criu"),
        exported=True,
    )
    packing = checkpoint_pack.Wish(not truth(line, "ignore-rootfs"), not truth(line, "ignore-volumes"), compression)
    made = backups.take(context.session, container, folder, freezing, packing)
    context.out(f"{made.path}\n")
    for gone in backups.thin(context.session, folder, container.name, keeping):
        context.out(f"removed {gone.path}\n")
    return 0
