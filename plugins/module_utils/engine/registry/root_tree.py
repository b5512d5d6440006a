# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image of one layer made from the tar of a root file system, as `podman import` does.

The layer's blob is the file as it is, compressed or not. One in a compression that no layer may have (bzip2, xz) is
unpacked first, and its plain tar is the blob.
"""

from __future__ import annotations

import hashlib
import json
import os
from typing import TYPE_CHECKING

from ..base import clock
from ..base.digest import Digest, digest_of
from ..base.errors import Corrupt, NotFound
from ..base.limits import USUAL, Limits
from ..base.tuples import NamedTuple
from ..spec import manifest
from ..spec.descriptor import OCI_CONFIG, OCI_LAYER, OCI_MANIFEST, Descriptor
from .source import Fetched
from .tree import Span, open_file, unpack

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..base.streams import Reader
    from ..spec.platform import Platform
    from .signatures.blob import Signature

_CHUNK = 1024 * 1024
_SUFFIXES = {"none": "", "gzip": "+gzip", "zstd": "+zstd"}


class Recipe(NamedTuple):
    """What the tar does not say: the platform, the ``config`` object of the image, and a comment for its history."""

    platform: Platform
    config: Mapping[str, object] = {}
    comment: str = ""


class RootTreeSource:
    """Reads the file once on opening, for both digests; the file's time is the image's, so that it is repeatable."""

    name = ""

    def __init__(self, path: str, recipe: Recipe, limits: Limits = USUAL) -> None:
        self.what = path
        self._limits = limits
        self._fd = open_file(path)
        try:
            self._created = clock.from_unix_ns(os.fstat(self._fd).st_mtime_ns)
            #: The digest of the file as it was given.
            self.given = self._make_plain()
            self._size = os.fstat(self._fd).st_size
            self._layer, self.diff_id = self._measure()
        except BaseException:
            os.close(self._fd)
            raise
        self._config = self._make_config(recipe)
        self._manifest = self._make_manifest()

    def digest(self) -> Digest | None:
        return digest_of(self._manifest)

    def manifest(self, digest: Digest | None = None) -> Fetched:
        found = digest_of(self._manifest)
        if digest is not None and digest != found:
            raise NotFound(f"import {self.what}", f"there is no {digest}")
        return Fetched(self._manifest, OCI_MANIFEST, found)

    def blob(self, descriptor: Descriptor) -> Reader:
        import io

        if descriptor.digest == digest_of(self._config):
            return io.BytesIO(self._config)
        return Span(self._fd, 0, self._size, self.what)

    def signatures(self, digest: Digest | None = None) -> tuple[Signature, ...]:
        return ()  # the format has no place for them

    def fork(self) -> RootTreeSource:
        return self

    def close(self) -> None:
        os.close(self._fd)
        self._fd = -1

    def _measure(self) -> tuple[Descriptor, Digest]:
        """The layer's descriptor and its diffID, in one pass over the file."""
        from ..host import compression

        kind = compression.sniff(os.pread(self._fd, 8, 0))
        outer, inner = _Hashing(Span(self._fd, 0, self._size, self.what)), hashlib.sha256()
        reader = compression.decompressor(kind, outer, self.what)
        first, count = b"", 0
        while True:
            data = reader.read(_CHUNK)
            if not data:
                break
            count += len(data)
            self._limits.hold(count, outer.count, self.what)
            first = first or data[:512]
            inner.update(data)
        while outer.read(_CHUNK):
            pass
        if len(first) < 512 or (first[257:262] != b"ustar" and any(first)):
            raise Corrupt(f"import {self.what}", "it is not a tar archive")
        digest = Digest("sha256", outer.hash.hexdigest())
        self.given = self.given or digest
        return Descriptor(OCI_LAYER + _SUFFIXES[kind], digest, self._size), Digest("sha256", inner.hexdigest())

    def _make_plain(self) -> Digest | None:
        """Unpack a file whose compression no layer may have; the digest that it had, None for any other."""
        from ..host import compression

        kind = compression.sniff(os.pread(self._fd, 8, 0))
        if kind in _SUFFIXES:
            return None
        size = os.fstat(self._fd).st_size
        outer = _Hashing(Span(self._fd, 0, size, self.what))
        plain = unpack(compression.decompressor(kind, outer, self.what), size, self.what, self._limits)
        os.close(self._fd)
        self._fd = plain
        return Digest("sha256", outer.hash.hexdigest())

    def _make_config(self, recipe: Recipe) -> bytes:
        platform = recipe.platform
        entry = {"created": self._created, "created_by": f"/bin/sh -c #(nop) ADD file:{self.diff_id.hex} in / "}
        if recipe.comment:
            entry["comment"] = recipe.comment
        document: dict[str, object] = {"created": self._created, "architecture": platform.architecture}
        if platform.variant:
            document["variant"] = platform.variant
        document.update(
            os=platform.os,
            config=dict(recipe.config),
            rootfs={"type": "layers", "diff_ids": [str(self.diff_id)]},
            history=[entry],
        )
        return json.dumps(document, separators=(",", ":")).encode()

    def _make_manifest(self) -> bytes:
        config = Descriptor(OCI_CONFIG, digest_of(self._config), len(self._config))
        return manifest.render(OCI_MANIFEST, config, (self._layer,))


class _Hashing:
    """Passes a reader through and keeps the sha256 of what went by."""

    def __init__(self, raw: Reader) -> None:
        self._raw = raw
        self.hash = hashlib.sha256()
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        data = self._raw.read(size)
        self.hash.update(data)
        self.count += len(data)
        return data
