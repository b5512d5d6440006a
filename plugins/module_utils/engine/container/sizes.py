# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What containers take on the disk, counted as podman counts it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.tuples import NamedTuple
from ..host.sizes import tree_bytes

if TYPE_CHECKING:
    from ..image.catalogue import Catalogue
    from .model import Container


class Sizes(NamedTuple):
    """`own` is what the container wrote and what is kept about it, `whole` that and its image."""

    own: int
    whole: int


def sizes(catalogue: Catalogue, container: Container) -> Sizes:
    """Reads every directory of the container. The catalogue serves several of them."""
    rootfs = jsonval.text(container.config, "rootfs")
    if rootfs:
        return Sizes(tree_bytes(rootfs), 0)
    store = catalogue.store
    record = store.container(container.id)
    if record is None:
        return Sizes(0, 0)
    own = tree_bytes(store.home.diff(record.layer)) + sum(record.big_data_sizes.values())
    own += tree_bytes(store.container_dir(record.id)) + tree_bytes(store.container_run_dir(record.id))
    image = catalogue.image(record.image)
    return Sizes(own, own + (catalogue.size(image) if image is not None else 0))
