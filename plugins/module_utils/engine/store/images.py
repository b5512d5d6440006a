# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""overlay-images/: the table of images and their big data (config, manifests, signatures)."""

from __future__ import annotations

import json
import os
from base64 import b64encode
from typing import TYPE_CHECKING

from ..base import clock
from ..base.digest import digest_of
from ..base.errors import BadInput, Corrupt, Damaged, NotFound
from ..base.files import atomic_write, read_bytes
from ..base.ids import is_id, is_id_prefix
from ..base.steps import reached
from .records import ImageDraft, ImageRecord
from .tables import Row, Table, TableFile, Writer

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

_PLAIN = frozenset(".0123456789abcdefghijklmnopqrstuvwxyz")


def big_data_file(key: str) -> str:
    """The file name of an item: the key where it is harmless, else "=" and its base64."""
    if key and _PLAIN.issuperset(key) and key.strip("."):
        return key
    return "=" + b64encode(key.encode()).decode()


class ImageStore:
    """The images of one store."""

    def __init__(self, root: str, *, readonly: bool = False) -> None:
        self.root = root
        self.directory = os.path.join(root, "overlay-images")
        self.table = Table(
            os.path.join(self.directory, "images.lock"),
            (TableFile(os.path.join(self.directory, "images.json")),),
            readonly=readonly,
        )

    def record(self, row: Row) -> ImageRecord:
        return ImageRecord(row, self.root, self.table.readonly)

    def all(self) -> list[ImageRecord]:
        return [self.record(row) for row in self.table.peek().all()]

    def data_path(self, identity: str, key: str) -> str:
        return os.path.join(self.directory, identity, big_data_file(key))

    def data(self, record: ImageRecord, key: str) -> bytes:
        """One item. Raises NotFound when the image has none of that key, Damaged when its file is gone or other."""
        deed = f"read image {record.id[:12]}"
        if key not in record.big_data_names:
            raise NotFound(deed, f"it has no item {key}")
        try:
            data = read_bytes(self.data_path(record.id, key))
        except OSError as error:
            raise Damaged(deed, f"{key}: {error.strerror}", "Remove the image and pull it again") from error
        digest = record.big_data_digests.get(key, "")
        if digest.startswith("sha256:") and str(digest_of(data)) != digest:
            raise Damaged(deed, f"{key} is not what was stored", "Remove the image and pull it again")
        return data

    def put(self, table: Writer, draft: ImageDraft) -> ImageRecord:
        """Record an image, or merge names and items into the one of that id; its names leave every other image."""
        if not is_id(draft.id):
            raise BadInput("record an image", f"{draft.id!r} is not an image id")
        items = _items(draft)
        directory = os.path.join(self.directory, draft.id)
        os.makedirs(directory, mode=0o700, exist_ok=True)
        for key, data in items:
            path = self.data_path(draft.id, key)
            if not _same(path, data):
                atomic_write(path, data, mode=0o600)
        reached("image-data-written")
        before = table.rows.find(draft.id)
        row = dict(before) if before else _new_row(draft)
        _merge_items(row, items)
        if draft.metadata and not before:
            row["metadata"] = draft.metadata
        if draft.signatures:
            row["metadata"] = _with_sizes(row.get("metadata"), draft)
        names = [*draft.names, *(name for name in self.record(row).names if name not in draft.names)]
        table.put(_rename(self, table, row, names), "image-recorded")
        return self.record(table.rows.find(draft.id) or row)

    def rename(self, table: Writer, identity: str, names: Sequence[str]) -> ImageRecord:
        row = table.rows.find(identity)
        if row is None:
            raise NotFound(f"name image {identity[:12]}", "there is no such image")
        table.put(_rename(self, table, dict(row), list(names)), "image-renamed")
        return self.record(table.rows.find(identity) or row)

    def add_mapped(self, table: Writer, identity: str, layer: str) -> None:
        """Name a copy of the image's files that belongs to other ids: it lives and goes with the image."""
        row = dict(table.rows.find(identity) or {})
        row["mapped-layers"] = [*self.record(row).mapped_layers, layer]
        table.put([row], "mapped-layer-named")

    def drop(self, table: Writer, identity: str) -> None:
        from ..host.rooted import remove_tree

        table.drop({identity}, "image-row-gone")
        fd = os.open(self.directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            remove_tree(fd, identity)
        finally:
            os.close(fd)


def find(records: Iterable[ImageRecord], text: str) -> ImageRecord | None:
    """By full id, name, name@digest, or the only id that begins so. Raises BadInput when several do."""
    images = list(records)
    plain = text[7:] if text.startswith("sha256:") and is_id(text[7:]) else text
    for image in images:
        if image.id == plain:
            return image
    for image in images:
        if text in image.names:
            return image
    repository, at, digest = text.rpartition("@")
    if at:
        return _by_digest(images, repository, digest)
    if not is_id_prefix(plain):
        return None
    matching = [image for image in images if image.id.startswith(plain)]
    if len({image.id for image in matching}) > 1:
        raise BadInput(f"find image {text}", f"{len(matching)} images have an id that begins so", "Give more digits")
    return matching[0] if matching else None


def _by_digest(images: list[ImageRecord], repository: str, digest: str) -> ImageRecord | None:
    bare = _untagged(repository)
    for image in images:
        if digest in image.digests and (not bare or any(_untagged(name) == bare for name in image.names)):
            return image
    return None


def _untagged(name: str) -> str:
    name = name.partition("@")[0]
    head, slash, tail = name.rpartition("/")
    return head + slash + tail.partition(":")[0]


def _items(draft: ImageDraft) -> list[tuple[str, bytes]]:
    """Keys and bytes as podman's image library writes them. Raises Corrupt when a manifest is not its digest."""
    items: list[tuple[str, bytes]] = []
    if draft.config:
        items.append((str(digest_of(draft.config)), draft.config))
    for digest, data in draft.manifests:
        if digest.startswith("sha256:") and str(digest_of(data)) != digest:
            raise Corrupt("record an image", f"a manifest is {digest_of(data)}, not {digest}")
        items.append((f"manifest-{digest}", data))
    if draft.manifests:
        items.append(("manifest", draft.manifests[0][1]))
    for digest, blobs in draft.signatures:
        items.append((f"signature-{digest.partition(':')[2]}", b"".join(blobs)))
        if draft.manifests and digest == draft.manifests[0][0]:
            items.append(("signatures", b"".join(blobs)))
    items.extend(draft.data)
    return items


def _new_row(draft: ImageDraft) -> Row:
    row: Row = {"id": draft.id}
    if draft.manifests:
        row["digest"] = draft.manifests[0][0]
    if draft.top_layer:
        row["layer"] = draft.top_layer
    row["metadata"] = draft.metadata or "{}"
    row["created"] = draft.created or clock.now()
    return row


def _merge_items(row: Row, items: list[tuple[str, bytes]]) -> None:
    held = row.get("big-data-names")
    names = list(held) if isinstance(held, list) else []
    sizes, digests = _dict(row.get("big-data-sizes")), _dict(row.get("big-data-digests"))
    for key, data in items:
        if key not in names:
            names.append(key)
        sizes[key] = len(data)
        digests[key] = str(digest_of(data))
    row["big-data-names"], row["big-data-sizes"], row["big-data-digests"] = names, sizes, digests


def _dict(value: object) -> dict[str, object]:
    return dict(value) if isinstance(value, dict) else {}


def _rename(store: ImageStore, table: Writer, row: Row, names: list[str]) -> list[Row]:
    """The row with its new names, and every row that loses one of them."""
    wanted = list(dict.fromkeys(names))
    changed = [_named(store, row, wanted)]
    for other in table.rows.all():
        if other["id"] == row["id"]:
            continue
        held = store.record(other).names
        kept = [name for name in held if name not in wanted]
        if len(kept) != len(held):
            changed.append(_named(store, dict(other), kept))
    return changed


def _named(store: ImageStore, row: Row, names: list[str]) -> Row:
    history = [*names, *store.record(row).names_history]
    if names:
        row["names"] = names
    else:
        row.pop("names", None)
    if history:
        row["names-history"] = list(dict.fromkeys(history))
    return row


def _same(path: str, data: bytes) -> bool:
    try:
        return read_bytes(path) == data
    except OSError:
        return False


def _with_sizes(metadata: object, draft: ImageDraft) -> str:
    """The metadata text, telling where in the items one signature ends and the next begins."""
    try:
        known = json.loads(metadata) if isinstance(metadata, str) else {}
    except ValueError:
        known = {}
    known = _dict(known)
    by_digest = _dict(known.get("signatures-sizes"))
    for digest, blobs in draft.signatures:
        by_digest[digest] = [len(blob) for blob in blobs]
        if draft.manifests and digest == draft.manifests[0][0]:
            known["signature-sizes"] = by_digest[digest]
    known["signatures-sizes"] = by_digest
    return json.dumps(known, separators=(",", ":"))
