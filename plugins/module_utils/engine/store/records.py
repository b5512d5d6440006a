# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Views on the records of the store's tables.

A record keeps the row it came from, so that keys a newer podman wrote survive our changes; and a view costs nothing
where hundreds of rows are listed to find one.
"""

from __future__ import annotations

import json

from ..base.tuples import NamedTuple
from .tables import Row

COMPRESSIONS = ("none", "bzip2", "gzip", "xz", "zstd")  # the numbers containers/storage gives them


class _Record:
    """Equal when the rows are."""

    __slots__ = ("readonly", "root", "row")

    def __init__(self, row: Row, root: str, readonly: bool = False) -> None:
        self.row = row
        self.root = root
        self.readonly = readonly

    def __eq__(self, other: object) -> bool:
        return isinstance(other, type(self)) and self.row == other.row and self.root == other.root

    def __hash__(self) -> int:
        return hash(self.id)

    def __repr__(self) -> str:
        return f"{type(self).__name__}({self.row!r})"

    def _text(self, key: str) -> str:
        value = self.row.get(key)
        return value if isinstance(value, str) else ""

    def _texts(self, key: str) -> tuple[str, ...]:
        value = self.row.get(key)
        return tuple(item for item in value if isinstance(item, str)) if isinstance(value, list) else ()

    def _integer(self, key: str) -> int:
        value = self.row.get(key)
        return value if isinstance(value, int) else 0

    def _mapping(self, key: str) -> dict[str, object]:
        value = self.row.get(key)
        return value if isinstance(value, dict) else {}

    @property
    def id(self) -> str:
        return self._text("id")

    @property
    def names(self) -> tuple[str, ...]:
        return self._texts("names")

    @property
    def created(self) -> str:
        """RFC 3339."""
        return self._text("created")

    @property
    def metadata(self) -> str:
        return self._text("metadata")

    @property
    def big_data_names(self) -> tuple[str, ...]:
        return self._texts("big-data-names")

    @property
    def big_data_digests(self) -> dict[str, str]:
        return {key: str(value) for key, value in self._mapping("big-data-digests").items()}

    @property
    def big_data_sizes(self) -> dict[str, int]:
        return {key: value for key, value in self._mapping("big-data-sizes").items() if isinstance(value, int)}

    @property
    def flags(self) -> dict[str, object]:
        return self._mapping("flags")


class LayerRecord(_Record):
    """A row of layers.json. `root` is the graph root of the store it is in."""

    __slots__ = ()

    @property
    def parent(self) -> str:
        return self._text("parent")

    @property
    def diff_digest(self) -> str:
        """Digest of the uncompressed tar, empty for a container's layer."""
        return self._text("diff-digest")

    @property
    def diff_size(self) -> int:
        return self._integer("diff-size")

    @property
    def compressed_digest(self) -> str:
        return self._text("compressed-diff-digest")

    @property
    def compressed_size(self) -> int:
        return self._integer("compressed-size")

    @property
    def compression(self) -> str:
        number = self._integer("compression")
        return COMPRESSIONS[number] if 0 <= number < len(COMPRESSIONS) else ""

    @property
    def mount_label(self) -> str:
        return self._text("mountlabel")

    @property
    def maps(self) -> tuple[tuple[IdMap, ...], tuple[IdMap, ...]]:
        """Of users and of groups; empty unless its files were given to the ids of a user namespace."""
        return _id_map(self.row.get("uidmap")), _id_map(self.row.get("gidmap"))

    @property
    def incomplete(self) -> bool:
        return bool(self.flags.get("incomplete"))


class ImageRecord(_Record):
    """A row of images.json. `readonly` when it comes from an additional image store."""

    __slots__ = ()

    @property
    def names_history(self) -> tuple[str, ...]:
        return self._texts("names-history")

    @property
    def top_layer(self) -> str:
        """Empty for a manifest list."""
        return self._text("layer")

    @property
    def mapped_layers(self) -> tuple[str, ...]:
        return self._texts("mapped-layers")

    @property
    def digests(self) -> tuple[str, ...]:
        """Digests of the image's manifests, the record's own first."""
        found = [self._text("digest")] if self._text("digest") else []
        for key, digest in self.big_data_digests.items():
            if key.startswith("manifest") and digest not in found:
                found.append(digest)
        return tuple(found)

    @property
    def digest(self) -> str:
        """The digest of the default manifest."""
        return self.big_data_digests.get("manifest", "") or self._text("digest")


class ContainerRecord(_Record):
    """A row of containers.json."""

    __slots__ = ()

    @property
    def image(self) -> str:
        return self._text("image")

    @property
    def layer(self) -> str:
        return self._text("layer")

    @property
    def mount_label(self) -> str:
        return str(self.flags.get("MountLabel") or "")

    @property
    def process_label(self) -> str:
        return str(self.flags.get("ProcessLabel") or "")

    @property
    def volatile(self) -> bool:
        return bool(self.flags.get("Volatile"))

    @property
    def uid_map(self) -> tuple[IdMap, ...]:
        return _id_map(self.row.get("uidmap"))

    @property
    def gid_map(self) -> tuple[IdMap, ...]:
        return _id_map(self.row.get("gidmap"))

    @property
    def podman_metadata(self) -> dict[str, object]:
        """The metadata as podman writes it (image-name, image-id, name, created-at ...); empty when it is not JSON."""
        try:
            value = json.loads(self.metadata)
        except ValueError:
            return {}
        return value if isinstance(value, dict) else {}


def _id_map(value: object) -> tuple[IdMap, ...]:
    lines = [line for line in value if isinstance(line, dict)] if isinstance(value, list) else []
    return tuple(IdMap(*(int(line.get(key, 0)) for key in ("container_id", "host_id", "size"))) for line in lines)


def id_rows(lines: tuple[IdMap, ...]) -> list[dict[str, int]]:
    """As the tables keep them."""
    return [line._asdict() for line in lines]


class IdMap(NamedTuple):
    """One line of a user namespace's map."""

    container_id: int
    host_id: int
    size: int


class ImageDraft(NamedTuple):
    """An image to be recorded over committed layers.

    `manifests` are (digest, bytes), the default one first; an index the image was chosen from may follow. `signatures`
    is (manifest digest, signature blobs). `config` is empty for a manifest list, whose further items go in `data`.
    """

    id: str
    names: tuple[str, ...]
    top_layer: str
    config: bytes
    manifests: tuple[tuple[str, bytes], ...]
    created: str = ""
    metadata: str = ""
    signatures: tuple[tuple[str, tuple[bytes, ...]], ...] = ()
    data: tuple[tuple[str, bytes], ...] = ()


class ContainerDraft(NamedTuple):
    """A container to be recorded, with a writable layer over the image's (or over nothing when `image_id` is empty).

    `metadata` is podman's JSON text. `volatile` records are lost at a crash and their mounts are not synced (--rm).
    """

    id: str
    names: tuple[str, ...]
    image_id: str
    metadata: str = ""
    mount_label: str = ""
    process_label: str = ""
    volatile: bool = False
    uid_map: tuple[IdMap, ...] = ()
    gid_map: tuple[IdMap, ...] = ()
    mount_options: tuple[str, ...] = ()
