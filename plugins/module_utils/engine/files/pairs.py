# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The look before a copy: what is to be copied, beside what is at its place already. Nothing is changed."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple
from .end import DIRECTORY, FILE, Entry, walk

if TYPE_CHECKING:
    from .end import End

_PIECE = 1 << 20


class Pair(NamedTuple):
    """`same` tells of two regular files whether their bytes are equal. `first` is the path of the first of several
    names of one file, for the others; `linked`: at the target, too, both are one file."""

    path: bytes
    source: Entry
    there: Entry | None
    same: bool = False
    first: bytes = b""
    linked: bool = False


class _Look:
    def __init__(self, source: End, target: End) -> None:
        self.source = source
        self.target = target
        self.absent: set[bytes] = set()
        self.firsts: dict[tuple[int, int], bytes] = {}
        self.places: dict[bytes, tuple[int, int]] = {}

    def pair(self, path: bytes, entry: Entry) -> Pair:
        parent = path.rpartition(b"/")[0]
        there = None if path and parent in self.absent else self.target.entry(path)
        if entry.kind == DIRECTORY:
            if there is None or there.kind != DIRECTORY:
                self.absent.add(path)
            return Pair(path, entry, there)
        if entry.kind != FILE:
            return Pair(path, entry, there)
        first = b""
        if entry.links > 1:
            first = self.firsts.setdefault(entry.identity, path)
        if there is not None:
            self.places[path] = there.identity
        if first and first != path:
            linked = there is not None and self.places.get(first) == there.identity
            return Pair(path, entry, there, first=first, linked=linked)
        same = there is not None and there.kind == FILE and there.size == entry.size and self._equal(path)
        return Pair(path, entry, there, same)

    def _equal(self, path: bytes) -> bool:
        try:
            ours = self.source.open_file(path)
        except FileNotFoundError:
            return False
        try:
            try:
                theirs = self.target.open_file(path)
            except OSError:
                return False
            try:
                return _same_bytes(ours, theirs)
            finally:
                os.close(theirs)
        finally:
            os.close(ours)


def _same_bytes(one: int, other: int) -> bool:
    at = 0
    while True:
        left, right = os.pread(one, _PIECE, at), os.pread(other, _PIECE, at)
        if left != right:
            return False
        if not left:
            return True
        at += len(left)


def look(source: End, target: End) -> list[Pair]:
    """As `walk` has the source."""
    seen = _Look(source, target)
    found: list[Pair] = []
    for path, entry in walk(source):
        found.append(seen.pair(path, entry))
    return found
