# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an image comes from, whatever carries it: registries, archives and directories look the same from here on."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..base.errors import Corrupt
from ..base.streams import VerifiedReader
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from ..base.digest import Digest
    from ..base.streams import Reader
    from ..spec.descriptor import Descriptor
    from .signatures.blob import Signature


class Fetched(NamedTuple):
    """A manifest, verbatim, with its digest and what the transport called it ("" when it said nothing)."""

    data: bytes
    media_type: str
    digest: Digest


class ImageSource(Protocol):
    """One image (or index) at one place."""

    @property
    def what(self) -> str:
        """The place in words, for messages."""

    def manifest(self, digest: Digest | None = None) -> Fetched:
        """The top document, or the instance of this digest below it; verified against the digest when one is given.

        Raises NotFound, Denied, Unreachable, TimedOut, Corrupt.
        """

    def blob(self, descriptor: Descriptor) -> Reader:
        """The blob's bytes, unverified; the reader resumes by itself where the transport can."""

    def signatures(self, digest: Digest | None = None) -> tuple[Signature, ...]:
        """Those of the top document, or of the instance of this digest; () where the transport holds none.

        Raises as manifest() does, and Corrupt for one in an unknown format: what cannot be read is not passed over.
        """

    def fork(self) -> ImageSource:
        """A source for use in a forked process, sharing no connection or file position with this one."""

    def close(self) -> None: ...


def open_blob(source: ImageSource, descriptor: Descriptor) -> VerifiedReader:
    """The blob, its length and digest checked while it is read."""
    return VerifiedReader(
        source.blob(descriptor), descriptor.digest, descriptor.size, f"{descriptor.digest} of {source.what}"
    )


def read_blob(source: ImageSource, descriptor: Descriptor, limit: int) -> bytes:
    """A whole small blob, verified.  Raises Corrupt, also for one that declares more than ``limit`` bytes."""
    if descriptor.size > limit:
        cause = f"it is {descriptor.size} bytes long, more than {limit}"
        raise Corrupt(f"read {descriptor.digest} of {source.what}", cause)
    reader = open_blob(source, descriptor)
    parts: list[bytes] = []
    while True:
        part = reader.read(1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)
