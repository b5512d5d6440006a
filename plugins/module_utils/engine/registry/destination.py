# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an image goes, whatever takes it: the counterpart of source.py.

A copy puts blobs first, then the manifests of an index's instances, then the top document, and commits.  Nothing is
to be seen under the destination's name before the commit, and what was not committed is dropped by close().
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..base.errors import Corrupt, EngineError

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..base.digest import Digest
    from ..base.streams import Reader
    from ..spec.descriptor import Descriptor
    from .signatures.blob import Signature

#: What a destination does with layers: takes them as they are, wants plain ones compressed, or wants all plain.
KEEP, COMPRESS, PLAIN = "keep", "compress", "plain"


class ImageDestination(Protocol):
    """One image (or index) on its way to one place."""

    @property
    def what(self) -> str:
        """The place in words, for messages."""

    @property
    def layers(self) -> str:
        """KEEP, COMPRESS or PLAIN."""

    def accepts(self, media_type: str) -> bool:
        """Whether it can hold manifests of this type; an index type, whether it can hold more than one image."""

    def has_blob(self, digest: Digest, size: int) -> bool:
        """Whether the blob is there, or was brought there without sending it: only for a copy that is to commit."""

    def put_blob(self, descriptor: Descriptor, reader: Reader) -> None:
        """Store the bytes, their length and digest verified.  Raises Corrupt, and as the place fails.

        A reader with restart() (see Rereadable) lets an interrupted transfer go on.
        """

    def put_manifest(self, data: bytes, media_type: str, *, instance: bool, digest: Digest | None = None) -> None:
        """Take a manifest, verbatim; ``instance`` for one of an index.  ``digest`` where it is not the sha256 one."""

    def commit(self) -> None:
        """Publish.  Whatever was under this name before is replaced."""

    def close(self) -> None:
        """Drop what was not committed.  Idempotent."""


class KeepsSignatures(ImageDestination, Protocol):
    """A place with room for signatures, which not every format has."""

    def put_signatures(self, signatures: Sequence[Signature], digest: Digest) -> None:
        """Keep these signatures of the manifest of this digest, beside those that are there.

        Raises BadInput where the configuration has no place for them, HostLacks where it cannot be written.
        """


class Flow(Protocol):
    """A blob that is being made: ``digest`` and ``size`` are there after its end was read."""

    what: str
    digest: Digest
    size: int

    def read(self, size: int = -1) -> bytes: ...

    def restart(self) -> None:
        """The next read is the first again, and of the same bytes."""

    def finish(self) -> None:
        """Read to the end, from wherever it stands or anew."""


class TakesFlows(ImageDestination, Protocol):
    """A place that takes a blob before its digest is known, and several blobs at a time from forked processes."""

    def put_flow(self, flow: Flow) -> None:
        """Store the bytes; ``flow`` knows their digest then.  Raises as the place and the flow do."""

    def fork(self) -> TakesFlows:
        """To be called once in each forked process, which works on with what it gets."""


class Rereadable:
    """A reader that can begin anew, since it knows how to open its bytes."""

    def __init__(self, start: Callable[[], Reader]) -> None:
        self._start = start
        self._reader: Reader | None = None

    def read(self, size: int = -1) -> bytes:
        if self._reader is None:
            self._reader = self._start()
        return self._reader.read(size)

    def restart(self) -> None:
        """The next read is the first again."""
        self._reader = None


class Feed:
    """A blob's bytes from any offset, verified as they pass; goes back where the reader can begin anew."""

    def __init__(self, reader: Reader, descriptor: Descriptor, deed: str) -> None:
        self._reader = reader
        self._descriptor = descriptor
        self._deed = deed
        self._hash = descriptor.digest.hasher()
        self._at = 0

    def at(self, offset: int) -> None:
        """Stand at ``offset``.  Raises EngineError when that is behind and the reader cannot begin anew."""
        if offset < self._at:
            restart = getattr(self._reader, "restart", None)
            if restart is None:
                raise EngineError(self._deed, "it was interrupted, and its bytes cannot be read a second time")
            restart()
            self._hash = self._descriptor.digest.hasher()
            self._at = 0
        while self._at < offset:
            if not self.read(min(offset - self._at, 1 << 18)):
                raise Corrupt(self._deed, f"its bytes end after {self._at} of {self._descriptor.size}")

    def read(self, size: int) -> bytes:
        """Up to ``size`` bytes, b"" once it is whole.  Raises Corrupt."""
        data = self._reader.read(size)
        self._at += len(data)
        self._hash.update(data)
        total = self._descriptor.size
        if self._at > total:
            raise Corrupt(self._deed, f"longer than the {total} bytes it declares")
        if not data and size and self._at < total:
            raise Corrupt(self._deed, f"its bytes end after {self._at} of {total}")
        if self._at == total and self._hash.hexdigest() != self._descriptor.digest.hex:
            found = f"{self._descriptor.digest.algorithm}:{self._hash.hexdigest()}"
            raise Corrupt(self._deed, f"it has digest {found}, not {self._descriptor.digest}")
        return data
