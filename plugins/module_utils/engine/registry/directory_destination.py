# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing the dir: transport (containers-transports(5)): one image, the directory is its own."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.digest import digest_of
from ..base.errors import EngineError, Refused
from ..base.steps import reached
from ..spec.descriptor import is_index, is_manifest
from . import destination
from .destination import Feed
from .directory import file_name
from .sink import FolderSink, of_os

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..base.digest import Digest
    from ..base.streams import Reader
    from ..spec.descriptor import Descriptor
    from .signatures.blob import Signature

_VERSION = "Directory Transport Version: 1.1\n"


class DirectoryDestination:
    """Layers stay as they come.  An image that was there before is replaced, its files go; a directory with anything
    else in it is refused."""

    layers = destination.KEEP

    def __init__(self, path: str) -> None:
        self.what = path
        self._sink = FolderSink(path)
        self._kept = {"version", "manifest.json"}
        self._top = b""
        self._checked = False

    def accepts(self, media_type: str) -> bool:
        return is_manifest(media_type) or is_index(media_type)

    def has_blob(self, digest: Digest, size: int) -> bool:
        name = file_name(digest)
        if self._sink.size(name) != size:
            return False
        self._kept.add(name)
        return True

    def put_blob(self, descriptor: Descriptor, reader: Reader) -> None:
        name = file_name(descriptor.digest)
        self._add(name)
        feed = Feed(reader, descriptor, f"write {descriptor.digest} to {self.what}")
        self._sink.add(name, descriptor.size, feed)

    def put_manifest(self, data: bytes, media_type: str, *, instance: bool, digest: Digest | None = None) -> None:
        if not instance:
            self._top = data
            return
        name = f"{file_name(digest or digest_of(data))}.manifest.json"
        self._add(name)
        self._sink.add_bytes(name, data)

    def put_signatures(self, signatures: Sequence[Signature], digest: Digest) -> None:
        instance = f"{file_name(digest)}.manifest.json" in self._kept
        stem = f"{file_name(digest)}." if instance else ""
        for number, signature in enumerate(signatures, 1):
            name = f"{stem}signature-{number}"
            self._add(name)
            self._sink.add_bytes(name, signature.blob())

    def commit(self) -> None:
        if not self._top:
            raise EngineError(f"write {self.what}", "no manifest was put")
        self._add("manifest.json")
        self._sink.add_bytes("manifest.json", self._top)
        self._sink.commit()
        reached("dir-manifest-written")
        for name in self._present():
            if name not in self._kept and _ours(name):
                os.unlink(os.path.join(self.what, name))

    def _add(self, name: str) -> None:
        if not self._checked:
            strange = [entry for entry in self._present() if not _ours(entry)]
            if strange:
                listed = ", ".join(sorted(strange)[:3])
                raise Refused(
                    f"write an image to {self.what}", f"the directory holds other files ({listed})", "Name an empty one"
                )
            self._sink.add_bytes("version", _VERSION.encode())
            self._checked = True
        self._kept.add(name)

    def _present(self) -> list[str]:
        try:
            return os.listdir(self.what)
        except FileNotFoundError:
            return []
        except OSError as err:
            raise of_os(f"write {self.what}", err)

    def close(self) -> None:
        self._sink.close()


def _ours(name: str) -> bool:
    """Whether the format has a file of such a name: an image's file, or one that a killed copy left."""
    stem = name[: -len(".manifest.json")] if name.endswith(".manifest.json") else name
    stem = stem.rpartition("-")[2]
    known = len(stem) >= 64 and set(stem) <= set("0123456789abcdef")
    return known or name in ("version", "manifest.json") or "signature-" in name or name.startswith(".part-")
