# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""OCI image layouts (OCI image-spec image-layout.md), as a directory (oci:) or a tar of it (oci-archive:)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.digest import Digest, digest_of
from ..base.errors import BadInput, Corrupt, NotFound
from ..spec import descriptor as descriptors
from ..spec import manifest as manifests
from ..spec import strict_json
from .source import Fetched
from .tree import read_member

if TYPE_CHECKING:
    from ..base.streams import Reader
    from ..spec.descriptor import Descriptor
    from .signatures.blob import Signature
    from .tree import Tree

REF_NAME = "org.opencontainers.image.ref.name"
_CONTAINERD_NAME = "io.containerd.image.name"
INDEX_LIMIT = 4 * 1024 * 1024


class LayoutSource:
    """One image of a layout: the entry named ``ref``, or the only one there is."""

    def __init__(self, tree: Tree, ref: str = "") -> None:
        self._tree = tree
        self.what = f"{tree.what}:{ref}" if ref else tree.what
        self._entry = self._choose(ref)

    @property
    def name(self) -> str:
        """The image's own name according to the layout, empty when it has none."""
        notes = self._entry.annotations
        return notes.get(_CONTAINERD_NAME) or notes.get(REF_NAME) or ""

    def digest(self) -> Digest | None:
        return self._entry.digest

    def manifest(self, digest: Digest | None = None) -> Fetched:
        wanted = digest or self._entry.digest
        data = read_member(self._tree, blob_path(wanted), manifests.MAX_BYTES)
        check_bytes(data, wanted, f"read the manifest of {self.what}")
        return Fetched(data, "" if digest else self._entry.media_type, wanted)

    def blob(self, descriptor: Descriptor) -> Reader:
        return self._tree.span(blob_path(descriptor.digest))

    def signatures(self, digest: Digest | None = None) -> tuple[Signature, ...]:
        return ()  # the format has no place for them

    def fork(self) -> LayoutSource:
        return self

    def close(self) -> None:
        self._tree.close()

    def _choose(self, ref: str) -> Descriptor:
        deed = f"read the image layout {self.what}"
        entries = listing(self._tree)
        if ref.startswith("@"):
            number = int(ref[1:]) if ref[1:].isdecimal() else len(entries)
            if number >= len(entries):
                raise NotFound(deed, f"it has no image number {ref[1:]!r}, counted from 0")
            return entries[number]
        if ref:
            entries = [entry for entry in entries if ref in _names(entry)]
            if not entries:
                raise NotFound(deed, f"it has no image named {ref!r}")
        if not entries:
            raise Corrupt(deed, "it lists no image")
        if len({entry.digest for entry in entries}) > 1:
            names = ", ".join(sorted(name for entry in entries for name in _names(entry)))
            raise BadInput(deed, f"it holds several images ({names or 'without names'})", "Name one after a colon")
        return entries[0]


def listing(tree: Tree) -> list[Descriptor]:
    """The images of a layout.  Raises NotFound, Corrupt."""
    deed = f"read the image layout {tree.what}"
    raw = strict_json.loads_object(read_member(tree, "index.json", INDEX_LIMIT), deed, INDEX_LIMIT)
    return [descriptors.parse(entry, deed) for entry in strict_json.objects(raw, "manifests", deed)]


def _names(entry: Descriptor) -> tuple[str, ...]:
    found = (entry.annotations.get(REF_NAME, ""), entry.annotations.get(_CONTAINERD_NAME, ""))
    return tuple(name for name in found if name)


def blob_path(digest: Digest) -> str:
    """Where a layout keeps a blob."""
    return f"blobs/{digest.algorithm}/{digest.hex}"


def check_bytes(data: bytes, wanted: Digest, deed: str) -> None:
    """Raises Corrupt when the bytes do not have the digest."""
    hasher = wanted.hasher()
    hasher.update(data)
    if hasher.hexdigest() != wanted.hex:
        raise Corrupt(deed, f"it has digest {digest_of(data)}, not {wanted}")
