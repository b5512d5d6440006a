# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What one image has that another has not: `podman image diff`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import Damaged

if TYPE_CHECKING:
    from ..store.merged import Merged
    from ..store.records import ImageRecord
    from ..store.store import Store

# What every container mounts its own of; podman leaves them out.
MOUNTED = frozenset(
    (
        "/dev",
        "/etc/hostname",
        "/etc/hosts",
        "/etc/resolv.conf",
        "/proc",
        "/run",
        "/run/notify",
        "/run/.containerenv",
        "/run/secrets",
        "/run/podman-init",
        "/sys",
        "/etc/mtab",
    )
)


def compare(store: Store, image: ImageRecord, other: ImageRecord | None) -> list[tuple[str, str]]:
    """(A, C or D; path), sorted by path: what came with ``image`` over ``other``.

    Without another, over the layer that the image's top layer stands on.  Raises Damaged.
    """
    below = _below(store, image)
    base = below if other is None else other.top_layer
    old, new = _opened(store, base), _opened(store, image.top_layer)
    if new is None:
        if old is not None:
            old.close()
        return []
    try:
        from ..store.differences import differences

        return [entry for entry in differences(old, new, one_layer=base == below) if entry[1] not in MOUNTED]
    except OSError as error:
        raise Damaged(f"compare image {image.id[:12]}", str(error)) from error
    finally:
        new.close()
        if old is not None:
            old.close()


def grouped(found: list[tuple[str, str]]) -> dict[str, list[str]]:
    """By kind, under podman's words."""
    words = (("changed", "C"), ("added", "A"), ("deleted", "D"))
    return {word: [path for kind, path in found if kind == letter] for word, letter in words}


def _below(store: Store, image: ImageRecord) -> str:
    layer = store.layer(image.top_layer) if image.top_layer else None
    return layer.parent if layer is not None else ""


def _opened(store: Store, top: str) -> Merged | None:
    return store.tree(top) if top else None
