# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How an image came to be, step by step, and the layers it stands on: `podman history` and `podman image tree`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import Damaged
from ..base.jsonval import flag, tables, text
from ..base.units import human_size
from .catalogue import tags

if TYPE_CHECKING:
    from ..store.records import ImageRecord, LayerRecord
    from .catalogue import Catalogue
    from .inspect import Json


def history(catalogue: Catalogue, record: ImageRecord) -> list[Json]:
    """The steps, the last one first.  Raises Damaged when a step has a layer and none is left.

    A step's id is that of the local image whose top layer it made, "<missing>" where there is none.
    """
    tops = _tops(catalogue)
    layer = catalogue.layers.get(record.top_layer)
    used: set[str] = set()
    found: list[Json] = []
    for entry in reversed(tables(catalogue.config(record), "history")):
        step: Json = {
            "id": "<missing>",
            "created": text(entry, "created"),
            "created_by": text(entry, "created_by"),
            "size": 0,
            "comment": text(entry, "comment"),
            "tags": [],
        }
        images = tops.get(layer.id, []) if layer is not None else []
        if images:
            if images[0].id not in used:
                step["id"] = images[0].id
                used.add(images[0].id)
            step["tags"] = [name for image in images for name in image.names]
        if not flag(entry, "empty_layer"):
            if layer is None:
                raise Damaged(
                    f"show the history of image {record.id[:12]}", "it has fewer layers than its history"
                )
            step["size"] = layer.diff_size
            layer = catalogue.layers.get(layer.parent)
        found.append(step)
    return found


def layers(catalogue: Catalogue, record: ImageRecord) -> list[Json]:
    """The layers, base first: ids, digests, sizes, and the images that end there."""
    tops = _tops(catalogue)
    chain: list[LayerRecord] = []
    layer = catalogue.layers.get(record.top_layer)
    while layer is not None:
        chain.append(layer)
        layer = catalogue.layers.get(layer.parent)
    return [
        {
            "id": each.id,
            "diff_id": each.diff_digest,
            "blob_digest": each.compressed_digest,
            "size": each.diff_size,
            "compressed_size": each.compressed_size,
            "compression": each.compression,
            "top_layer_of": [name for image in tops.get(each.id, []) for name in tags(image)],
        }
        for each in reversed(chain)
    ]


def drawn(catalogue: Catalogue, record: ImageRecord, requiring: bool = False) -> str:
    """The text of `podman image tree`: the layers below, or with ``requiring`` all that stand on the image's top."""
    lines = [
        f"Image ID: {record.id[:12]}",
        f"Tags:     [{' '.join(tags(record))}]",
        f"Size:     {compact(catalogue.size(record))}",
        "Image Layers" if record.top_layer else "No Image Layers",
    ]
    tops = _tops(catalogue)
    if requiring:
        rows = _requiring(catalogue, record.top_layer)
    else:
        layer, rows = catalogue.layers.get(record.top_layer), []
        while layer is not None:
            rows.insert(0, (0, layer))
            layer = catalogue.layers.get(layer.parent)
    return "\n".join(lines + _branches([(depth, _line(layer, tops)) for depth, layer in rows])) + "\n"


def compact(count: int) -> str:
    """`1.5MB`: four digits and no blank, as podman's tree prints sizes."""
    return human_size(count).replace(" ", "")


def _tops(catalogue: Catalogue) -> dict[str, list[ImageRecord]]:
    found: dict[str, list[ImageRecord]] = {}
    for image in catalogue.images:
        if image.top_layer:
            found.setdefault(image.top_layer, []).append(image)
    return found


def _line(layer: LayerRecord, tops: dict[str, list[ImageRecord]]) -> str:
    names = list(dict.fromkeys(name for image in tops.get(layer.id, []) for name in tags(image)))
    ending = f" Top Layer of: [{' '.join(names)}]" if names else ""
    return f"ID: {layer.id[:12]} Size: {compact(layer.diff_size):>7}{ending}"


def _requiring(catalogue: Catalogue, top: str) -> list[tuple[int, LayerRecord]]:
    """Layers with their depth: an only child goes beside its parent, siblings go one further in."""
    children: dict[str, list[LayerRecord]] = {}
    for layer in catalogue.layers.values():
        children.setdefault(layer.parent, []).append(layer)
    found: list[tuple[int, LayerRecord]] = []

    def visit(layer: LayerRecord, depth: int) -> None:
        branched = bool(layer.parent) and len(children[layer.parent]) > 1
        found.append((depth, layer))
        for child in children.get(layer.id, []):
            visit(child, depth + 1 if branched else depth)

    if top in catalogue.layers:
        visit(catalogue.layers[top], 0)
    return found


def _branches(rows: list[tuple[int, str]]) -> list[str]:
    """The lines of a tree, drawn as gotree draws them."""
    drawn_lines: list[str] = []
    for at, (depth, content) in enumerate(rows):
        prefix = ""
        for level in range(depth + 1):
            goes_on = _goes_on(rows, at, level)
            if level == depth:
                prefix += "├── " if goes_on else "└── "
            else:
                prefix += "│   " if goes_on else "    "
        drawn_lines.append(prefix + content)
    return drawn_lines


def _goes_on(rows: list[tuple[int, str]], at: int, level: int) -> bool:
    """Whether another line of this level comes, before one further out."""
    for depth, _content in rows[at + 1 :]:
        if depth <= level:
            return depth == level
    return False
