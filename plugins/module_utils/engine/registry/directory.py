# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The dir: transport (containers-transports(5)): manifest.json, and blobs named by their hex digits beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.digest import Digest, digest_of
from ..base.errors import Corrupt
from ..spec import manifest as manifests
from .oci_layout import check_bytes
from .source import Fetched
from .tree import read_member

if TYPE_CHECKING:
    from ..base.streams import Reader
    from ..spec.descriptor import Descriptor
    from .signatures.blob import Signature
    from .tree import Tree


class DirectorySource:
    """One image; of an index, the instances lie beside it as HEX.manifest.json."""

    def __init__(self, tree: Tree) -> None:
        self._tree = tree
        self.what = tree.what
        self.name = ""

    def digest(self) -> Digest | None:
        return self.manifest().digest

    def manifest(self, digest: Digest | None = None) -> Fetched:
        name = "manifest.json" if digest is None else f"{file_name(digest)}.manifest.json"
        data = read_member(self._tree, name, manifests.MAX_BYTES)
        if digest is not None:
            check_bytes(data, digest, f"read the manifest of {self.what}")
        return Fetched(data, "", digest or digest_of(data))

    def blob(self, descriptor: Descriptor) -> Reader:
        return self._tree.span(file_name(descriptor.digest))

    def signatures(self, digest: Digest | None = None) -> tuple[Signature, ...]:
        from .signatures import blob

        own = digest is None or not self._tree.has(f"{file_name(digest)}.manifest.json")
        stem = "" if digest is None or own else f"{file_name(digest)}."
        found: list[Signature] = []
        while self._tree.has(f"{stem}signature-{len(found) + 1}"):
            name = f"{stem}signature-{len(found) + 1}"
            deed = f"read {name} of {self.what}"
            if len(found) >= blob.MAX_COUNT:
                raise Corrupt(deed, f"there are more than {blob.MAX_COUNT} signatures")
            found.append(blob.parse(read_member(self._tree, name, blob.MAX_BYTES), deed))
        return tuple(found)

    def fork(self) -> DirectorySource:
        return self

    def close(self) -> None:
        self._tree.close()


def file_name(digest: Digest) -> str:
    """sha256 goes without its name, later algorithms (version 1.2 of the format) with it."""
    return digest.hex if digest.algorithm == "sha256" else f"{digest.algorithm}-{digest.hex}"
