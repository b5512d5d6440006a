# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing OCI image layouts (OCI image-spec image-layout.md): a directory that may hold others, or an archive."""

from __future__ import annotations

import fcntl
import os
from typing import TYPE_CHECKING

from ..base.digest import digest_of
from ..base.errors import EngineError, NotFound
from ..base.files import dump_json
from ..base.steps import reached
from ..spec import strict_json
from ..spec.descriptor import OCI_INDEX, OCI_MANIFEST
from . import destination
from .destination import Feed
from .oci_layout import INDEX_LIMIT, REF_NAME, blob_path
from .sink import ArchiveSink, FolderSink, of_os
from .tree import DirectoryTree, read_member

if TYPE_CHECKING:
    from ..base.digest import Digest
    from ..base.streams import Reader
    from ..spec.descriptor import Descriptor
    from ..spec.strict_json import Json

_LAYOUT = b'{"imageLayoutVersion":"1.0.0"}'


class LayoutDestination:
    """One image of a layout under ``ref``, or its nameless one; other images of a directory stay."""

    layers = destination.COMPRESS

    def __init__(self, path: str, ref: str = "", *, archive: bool = False) -> None:
        self.what = f"{path}:{ref}" if ref else path
        self._path = path
        self._ref = ref
        self._archive = archive
        self._sink: FolderSink | ArchiveSink = ArchiveSink(path) if archive else FolderSink(path)
        self._top: Json | None = None

    def accepts(self, media_type: str) -> bool:
        return media_type in (OCI_MANIFEST, OCI_INDEX)

    def has_blob(self, digest: Digest, size: int) -> bool:
        return self._sink.size(blob_path(digest)) == size

    def put_blob(self, descriptor: Descriptor, reader: Reader) -> None:
        feed = Feed(reader, descriptor, f"write {descriptor.digest} to {self.what}")
        self._sink.add(blob_path(descriptor.digest), descriptor.size, feed)

    def put_manifest(self, data: bytes, media_type: str, *, instance: bool, digest: Digest | None = None) -> None:
        found = digest or digest_of(data)
        if self._sink.size(blob_path(found)) != len(data):
            self._sink.add_bytes(blob_path(found), data)
        if not instance:
            self._top = {"mediaType": media_type, "digest": str(found), "size": len(data)}
            if self._ref:
                self._top["annotations"] = {REF_NAME: self._ref}

    def commit(self) -> None:
        if self._top is None:
            raise EngineError(f"write {self.what}", "no manifest was put")
        if self._archive:
            self._publish(self._top, [])
            return
        self._sink.commit()
        reached("layout-blobs-written")
        lock = os.open(self._path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            fcntl.flock(lock, fcntl.LOCK_EX)
            self._publish(self._top, self._others())
        except OSError as err:
            raise of_os(f"write {self.what}", err)
        finally:
            os.close(lock)

    def _publish(self, top: Json, others: list[Json]) -> None:
        index = {"schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": [*others, top]}
        self._sink.add_bytes("oci-layout", _LAYOUT)
        self._sink.add_bytes("index.json", dump_json(index))
        self._sink.commit()

    def _others(self) -> list[Json]:
        """Entries of other names, as they were written."""
        tree = DirectoryTree(self._path)
        try:
            data = read_member(tree, "index.json", INDEX_LIMIT)
        except NotFound:
            return []
        finally:
            tree.close()
        deed = f"read the image layout {self._path}"
        entries = strict_json.objects(strict_json.loads_object(data, deed, INDEX_LIMIT), "manifests", deed)
        return [entry for entry in entries if _name(entry) != self._ref]

    def close(self) -> None:
        self._sink.close()


def _name(entry: Json) -> str:
    notes = entry.get("annotations")
    name = notes.get(REF_NAME) if isinstance(notes, dict) else None
    return name if isinstance(name, str) else ""
