# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bytes verified while they stream: length and digest both, and the error says which."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from .errors import Corrupt

if TYPE_CHECKING:
    from .digest import Digest


class Reader(Protocol):
    """What the rooms pass each other for bytes in motion: up to `size` bytes, b"" at the end."""

    def read(self, size: int = -1) -> bytes: ...


class VerifiedReader:
    """Passes `raw` through and raises Corrupt as soon as it is longer, or at its end when it is shorter or different.

    `size` None skips the length. The consumer must read to the end (or call `finish()`) for the digest to count.
    """

    def __init__(self, raw: Reader, digest: Digest, size: int | None, what: str) -> None:
        self._raw = raw
        self._digest = digest
        self._hash = digest.hasher()
        self._size = size
        self._what = what
        self.count = 0
        self._ended = False

    def read(self, size: int = -1) -> bytes:
        data = self._raw.read(size)
        if data:
            self.count += len(data)
            if self._size is not None and self.count > self._size:
                raise Corrupt(f"read {self._what}", f"longer than the {self._size} bytes it declares")
            self._hash.update(data)
        elif size != 0 and not self._ended:
            self._ended = True
            self._check()
        if size < 0 and not self._ended:
            self._ended = True
            self._check()
        return data

    def _check(self) -> None:
        if self._size is not None and self.count != self._size:
            raise Corrupt(f"read {self._what}", f"ended after {self.count} of {self._size} bytes")
        found = self._hash.hexdigest()
        if found != self._digest.hex:
            raise Corrupt(f"read {self._what}", f"has digest {self._digest.algorithm}:{found}, not {self._digest}")

    def finish(self) -> None:
        """Read what the consumer left (archive padding) and verify."""
        while not self._ended:
            self.read(1 << 18)
