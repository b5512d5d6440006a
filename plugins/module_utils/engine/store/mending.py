# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Taking damaged images and layers out of a store; what other images and containers need stays."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .check import Parts, Problem
    from .records import LayerRecord


def affected(parts: Parts, problems: Iterable[Problem]) -> tuple[set[str], set[str], set[str]]:
    """Ids of layers, images and containers that are damaged, or stand on something that is."""
    by_kind: dict[str, set[str]] = {}
    for problem in problems:
        by_kind.setdefault(problem.kind, set()).add(problem.id)
    records = {record.id: record for record in parts.layers.all()}
    layers = by_kind.get("damaged-layer", set())
    images, containers = set(by_kind.get("damaged-image", ())), set(by_kind.get("damaged-container", ()))
    for image in parts.images.all():
        tops = (image.top_layer, *image.mapped_layers)
        if any(layers.intersection(_chain(records, top)) for top in tops):
            images.add(image.id)
    for container in parts.containers.all():
        if container.image in images or layers.intersection(_chain(records, container.layer)):
            containers.add(container.id)
    return layers, images, containers


def drop(parts: Parts, images: set[str], layers: set[str]) -> None:
    """Remove images, their layers, and further layers, except what others stand on. Idempotent.

    Interrupted, it leaves layers without an image, which are found damaged or unused the next time.
    """
    with parts.layers.table.writing() as table, parts.images.table.writing() as rows:
        records = {str(row["id"]): parts.layers.record(row) for row in table.rows.all()}
        known = [parts.images.record(row) for row in rows.rows.all()]
        doomed = set(layers)
        kept: set[str] = set()
        for image in known:
            for top in (image.top_layer, *image.mapped_layers):
                (doomed if image.id in images else kept).update(_chain(records, top))
        for container in parts.containers.all():
            kept.update(_chain(records, container.layer))
        for image in known:
            if image.id in images:
                parts.images.drop(rows, image.id)
        trash = parts.layers.remove(table, _leaves_first(records, doomed - kept), parts.mounter)
    for staging in trash:
        staging.discard()


def _chain(records: dict[str, LayerRecord], top: str) -> list[str]:
    found: list[str] = []
    while top and top not in found:
        found.append(top)
        top = records[top].parent if top in records else ""
    return found


def _leaves_first(records: dict[str, LayerRecord], doomed: set[str]) -> list[str]:
    """Children before their parents; one whose child stays, stays."""
    left = {identity for identity in doomed if identity in records}
    ordered: list[str] = []
    parents = {record.id: record.parent for record in records.values()}
    while True:
        gone = set(ordered)
        holding = {parents[identity] for identity in parents if identity not in gone}
        leaves = sorted(identity for identity in left if identity not in holding)
        if not leaves:
            return ordered
        ordered += leaves
        left.difference_update(leaves)
