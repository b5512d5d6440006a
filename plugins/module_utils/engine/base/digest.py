# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Content digests: `sha256:<64 hex>` and its longer siblings (OCI image-spec, descriptor.md)."""

from __future__ import annotations

import hashlib

from .errors import BadInput
from .tuples import NamedTuple

_LENGTHS = {"sha256": 64, "sha384": 96, "sha512": 128}
_HEX = frozenset("0123456789abcdef")


class Digest(NamedTuple):
    """An algorithm and its lower-case hex; `str()` joins them with a colon.

    Only the registered algorithms pass, so a digest can name a file without any further check.
    """

    algorithm: str
    hex: str

    @classmethod
    def parse(cls, text: str) -> Digest:
        """Raises BadInput for anything but a registered algorithm with exactly its hex digits."""
        algorithm, colon, encoded = text.partition(":")
        if not colon or _LENGTHS.get(algorithm) != len(encoded) or not _HEX.issuperset(encoded):
            raise BadInput("read digest", f"{text[:100]!r} is not sha256, sha384 or sha512 and its lower-case hex")
        return cls(algorithm, encoded)

    def hasher(self) -> hashlib._Hash:
        return hashlib.new(self.algorithm)

    def __str__(self) -> str:
        return f"{self.algorithm}:{self.hex}"


def digest_of_file(file: str | int) -> Digest:
    """The sha256 digest of what is in a file, by its path or an open descriptor, which is closed. Raises OSError."""
    summed = hashlib.sha256()
    with open(file, "rb") as opened:
        while True:
            piece = opened.read(1 << 20)
            if not piece:
                return Digest("sha256", summed.hexdigest())
            summed.update(piece)


def digest_of(data: bytes) -> Digest:
    """The sha256 digest of `data`."""
    return Digest("sha256", hashlib.sha256(data).hexdigest())
