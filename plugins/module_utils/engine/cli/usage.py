# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless system df: what images, containers and volumes take on the disk"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.units import human_size
from .rows import Listing, Row, render

if TYPE_CHECKING:
    from argparse import Namespace

    from .arguments import Parser
    from .context import Context

_COLUMNS = (
    ("TYPE", "Type"),
    ("TOTAL", "Total"),
    ("ACTIVE", "Active"),
    ("SIZE", "Size"),
    ("RECLAIMABLE", "Reclaimable"),
)


def arguments(parser: Parser, name: str) -> None:
    parser.add_argument("--format", default="", help="json, or a Go template")


def run(context: Context, options: Namespace) -> int:
    rows = [_images(context), _containers(context), _volumes(context)]
    listing = Listing(_COLUMNS, rows, lambda: rows, "Type")
    context.out(render(listing, options.format))
    return 0


def _row(kind: str, total: int, active: int, size: int, reclaimable: int) -> Row:
    percent = int(reclaimable / size * 100 + 0.5) if size else 0
    row = Row(Type=kind, Total=total, Active=active, RawSize=size, RawReclaimable=reclaimable, TotalCount=total)
    row.update(Size=_compact(size), Reclaimable=f"{_compact(reclaimable)} ({percent}%)")
    return row


def _compact(count: int) -> str:
    return human_size(count).replace(" ", "")


def _images(context: Context) -> Row:
    from ..image.catalogue import Catalogue
    from ..image.usage import total, usages

    catalogue = Catalogue(context.session.store)
    used = [usage for usage in usages(catalogue).values() if usage.containers]
    size = total(catalogue)
    listed = sum(max(len(image.names), 1) for image in catalogue.images)
    return _row("Images", listed, len(used), size, size - sum(usage.unique for usage in used))


def _containers(context: Context) -> Row:
    from ..container.lookup import all_containers
    from ..host.sizes import tree_bytes

    store, total, active, size, reclaimable = context.session.store, 0, 0, 0, 0
    for container in all_containers(context.session):
        record = store.container(container.id)
        own = tree_bytes(store.home.diff(record.layer)) if record is not None else 0
        total, size = total + 1, size + own
        if container.running:
            active += 1
        else:
            reclaimable += own
    return _row("Containers", total, active, size, reclaimable)


def _volumes(context: Context) -> Row:
    from ..host.sizes import tree_bytes
    from ..volume.observed import all_volumes

    volumes = [(tree_bytes(volume.mountpoint), len(volume.users)) for volume in all_volumes(context.session)]
    reclaimable = sum(size for size, users in volumes if not users)
    links = sum(users for _size, users in volumes)
    return _row("Local Volumes", len(volumes), links, sum(size for size, _users in volumes), reclaimable)
