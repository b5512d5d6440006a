# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What images cost on the disk: shared with other images, and theirs alone, as `podman system df` counts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..store.records import ImageRecord
    from .catalogue import Catalogue


class Usage(NamedTuple):
    """Bytes, unpacked.  ``unique`` includes the image's own documents; ``containers`` counts its users."""

    size: int
    shared: int
    unique: int
    containers: int


def usages(catalogue: Catalogue) -> dict[str, Usage]:
    """Of every image, by id."""
    chains = {image.id: list(catalogue.chain(image)) for image in catalogue.images}
    counts: dict[str, int] = {}
    for chain in chains.values():
        for layer in chain:
            counts[layer.id] = counts.get(layer.id, 0) + 1
    found = {}
    for image in catalogue.images:
        shared = sum(layer.diff_size for layer in chains[image.id] if counts[layer.id] > 1)
        unique = sum(layer.diff_size for layer in chains[image.id] if counts[layer.id] == 1)
        unique += sum(image.big_data_sizes.values())
        found[image.id] = Usage(shared + unique, shared, unique, len(catalogue.users(image)))
    return found


def total(catalogue: Catalogue) -> int:
    """Bytes of all layers and of all images' documents, each counted once."""
    documents = sum(sum(image.big_data_sizes.values()) for image in catalogue.images)
    return sum(layer.diff_size for layer in catalogue.layers.values()) + documents


def freed(catalogue: Catalogue, gone: Iterable[ImageRecord]) -> int:
    """Bytes that go with these images: their documents, and the layers on which nothing else stands."""
    doomed = {image.id: image for image in gone}
    kept: set[str] = set()
    for image in catalogue.images:
        if image.id not in doomed:
            kept.update(layer.id for layer in catalogue.chain(image))
    for container in catalogue.containers:
        top = container.layer
        while top in catalogue.layers and top not in kept:
            kept.add(top)
            top = catalogue.layers[top].parent
    layers = {layer.id: layer.diff_size for image in doomed.values() for layer in catalogue.chain(image)}
    documents = sum(sum(image.big_data_sizes.values()) for image in doomed.values())
    return documents + sum(size for identity, size in layers.items() if identity not in kept)
