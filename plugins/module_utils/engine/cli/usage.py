# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless system df: what images, containers and volumes take on the disk"""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..base.units import human_size
from .context import Usage
from .rows import Listing, Row, render, table

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
    parser.flag("-v", "--verbose", help="each image, container and volume")


def run(context: Context, options: Namespace) -> int:
    if options.verbose:
        if options.format:
            raise Usage("cannot combine --format and --verbose flags")
        context.out(_each_image(context) + "\n" + _each_container(context) + "\n" + _each_volume(context))
        return 0
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


_IMAGE_TITLES = ("REPOSITORY", "TAG", "IMAGE ID", "CREATED", "SIZE", "SHARED SIZE", "UNIQUE SIZE", "CONTAINERS")
_CONTAINER_TITLES = ("CONTAINER ID", "IMAGE", "COMMAND", "LOCAL VOLUMES", "SIZE", "CREATED", "STATUS", "NAMES")


def _each_image(context: Context) -> str:
    from ..base.units import human_duration
    from ..image.catalogue import Catalogue, tags
    from ..image.usage import usages

    catalogue, lines, now = Catalogue(context.session.store), [], time.time_ns()
    used = usages(catalogue)
    for image in sorted(catalogue.images, key=catalogue.created_ns, reverse=True):
        usage = used[image.id]
        age = human_duration(max(0.0, (now - catalogue.created_ns(image)) / 1e9))
        sizes = [_compact(size) for size in (usage.size, usage.shared, usage.unique)]
        for name in tags(image) or ["<none>:<none>"]:
            repository, _colon, tag = name.rpartition(":")
            lines.append([repository, tag, image.id[:12], age, *sizes, str(usage.containers)])
    return "Images space usage:\n\n" + table(list(_IMAGE_TITLES), lines)


def _each_container(context: Context) -> str:
    from ..container.lookup import all_containers
    from ..host.sizes import tree_bytes
    from . import words
    from .ps import mounts

    store, lines, now = context.session.store, [], time.time_ns()
    for container in all_containers(context.session):
        record = store.container(container.id)
        own = tree_bytes(store.home.diff(record.layer)) if record is not None else 0
        command, links = " ".join(container.command), str(len(mounts(container)))
        told = [command, links, _compact(own), words.age(container.created, now), container.status, container.name]
        lines.append([container.id[:12], container.image_id[:12], *told])
    return "Containers space usage:\n\n" + table(list(_CONTAINER_TITLES), lines)


def _each_volume(context: Context) -> str:
    from ..host.sizes import tree_bytes
    from ..volume.observed import all_volumes

    lines = [
        [volume.name, str(len(volume.users)), _compact(tree_bytes(volume.mountpoint))]
        for volume in all_volumes(context.session)
    ]
    return "Local Volumes space usage:\n\n" + table(["VOLUME NAME", "LINKS", "SIZE"], lines)
