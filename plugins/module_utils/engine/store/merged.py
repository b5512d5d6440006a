# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The tree that layers make together, as overlayfs would show it, read from their directories without a mount.

Works wherever the layers can be read, takes no lock while somebody looks, and needs no privilege that reading does not.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple
from ..host.rooted import Root
from ..host.xattrs import beside
from .unpack import OPAQUE, WHITEOUT

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Node(NamedTuple):
    """One entry of the tree. `layers` are numbers of the layers that it is made of, the one it shows first: more than
    one only for a directory."""

    path: bytes
    info: os.stat_result
    layers: tuple[int, ...]

    @property
    def name(self) -> bytes:
        return self.path.rpartition(b"/")[2]

    @property
    def is_directory(self) -> bool:
        return stat.S_ISDIR(self.info.st_mode)


class Merged:
    """`directories` are the layers' trees, the topmost first. `archive_whiteouts` for a store that keeps the archive's
    own whiteout files (fuse-overlayfs). Errors are OSError; close it."""

    def __init__(self, directories: Sequence[str], archive_whiteouts: bool = False) -> None:
        self._archive_whiteouts = archive_whiteouts
        self.roots: list[Root] = []
        try:
            for directory in directories:
                self.roots.append(Root.of(directory))
        except BaseException:
            self.close()
            raise

    def __enter__(self) -> Merged:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def close(self) -> None:
        for root in self.roots:
            root.close()

    def top(self) -> Node:
        return Node(b"", os.fstat(self.roots[0].fd), tuple(range(len(self.roots))))

    def open_parent(self, node: Node) -> int:
        """A descriptor of the directory that holds the entry, in the layer that it shows."""
        return self.roots[node.layers[0]].open(node.path.rpartition(b"/")[0] or b".", _DIRECTORY)

    def inside(self, directory: Node) -> list[Node]:
        """What is in a directory, sorted by name."""
        found: dict[bytes, Node] = {}
        closed: set[bytes] = set()  # names that lower layers add nothing to
        for number in directory.layers:
            fd = self.roots[number].open(directory.path or b".", _DIRECTORY)
            try:
                self._add(fd, number, directory.path, found, closed)
            finally:
                os.close(fd)
        return [found[name] for name in sorted(found)]

    def _add(self, fd: int, number: int, above: bytes, found: dict[bytes, Node], closed: set[bytes]) -> None:
        hidden = set()
        for name in map(os.fsencode, os.listdir(fd)):
            if self._archive_whiteouts and name.startswith(WHITEOUT):
                hidden.add(name[len(WHITEOUT) :])
                continue
            if name in closed:
                continue
            info = os.stat(name, dir_fd=fd, follow_symlinks=False)
            whiteout = stat.S_ISCHR(info.st_mode) and info.st_rdev == 0
            directory = stat.S_ISDIR(info.st_mode)
            known = found.get(name)
            if known is not None and directory:
                found[name] = known._replace(layers=(*known.layers, number))
            elif known is None and not whiteout:
                found[name] = Node(above + b"/" + name if above else name, info, (number,))
            if not directory or self._opaque(fd, name):
                hidden.add(name)
        closed.update(hidden)

    def _opaque(self, fd: int, name: bytes) -> bool:
        path = beside(fd, name)
        if self._archive_whiteouts and os.path.lexists(path + b"/" + OPAQUE):
            return True
        for key in ("trusted.overlay.opaque", "user.overlay.opaque"):
            try:
                if os.getxattr(path, key, follow_symlinks=False) == b"y":
                    return True
            except OSError:  # it has none, or may not be asked
                continue
        return False
