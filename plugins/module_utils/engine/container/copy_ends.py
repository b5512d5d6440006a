# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where a copy begins and ends: podman cp's rules for directories, names and slashes, on roots without a way out."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ..base.errors import BadInput, NotFound
from ..base.tuples import NamedTuple
from ..files.end import End

if TYPE_CHECKING:
    from ..host.rooted import Root

_MISSING = (FileNotFoundError, NotADirectoryError)


class Place(NamedTuple):
    """A path in a root; `where` is what the root is called in messages."""

    root: Root
    path: str
    where: str

    def __str__(self) -> str:
        return f"{self.path} in {self.where}"


class Source(NamedTuple):
    """`base` is the name that it has in a directory which it is copied into; `contents`: what is in it is meant, not
    the directory itself."""

    end: End
    directory: bool
    base: bytes
    contents: bool


class Target(NamedTuple):
    """`path` is the full name of what will be there. `keep_top`: the directory itself is there and stays as it is.
    `renamed`: nothing is there, and what is copied gets this name."""

    end: End
    path: str
    keep_top: bool = False
    renamed: bool = False


def source(place: Place) -> Source:
    """A link at the path itself is followed. Raises NotFound."""
    path = os.fsencode(place.path)
    try:
        fd, name = place.root.locate(path)
        if name:
            _exists(fd, name)
    except _MISSING:
        raise NotFound(f"copy {place.path}", f"it could not be found {_in(place.where)}") from None
    last = path.rstrip(b"/").rpartition(b"/")[2]
    if name:
        return Source(End(fd, name), False, last, False)
    contents = last in (b"", b".", b"..")
    return Source(End(fd), True, last, contents)


def _in(where: str) -> str:
    return f"on {where}"


def _exists(fd: int, name: bytes) -> None:
    try:
        os.stat(name, dir_fd=fd, follow_symlinks=False)
    except OSError:
        os.close(fd)
        raise


def target(place: Place, directory: bool, base: bytes, contents: bool, *, follow: bool) -> Target:
    """`directory`, `base` and `contents` are the source's. Raises NotFound, BadInput.

    `follow`: directories below may be links, which are resolved inside the root.
    """
    path = os.fsencode(place.path)
    try:
        fd, name = place.root.locate(path)
    except _MISSING:
        raise NotFound(f"copy to {place.path}", f"its directory could not be found {_in(place.where)}") from None
    following = (place.root, path) if follow else None
    if not name:
        if directory and contents:
            return Target(End(fd, b"", following), place.path, True)
        if not base:
            os.close(fd)
            raise BadInput(f"copy to {place.path}", "it is a directory", "Name the file in it")
        return Target(End(fd, base, following), f"{place.path.rstrip('/')}/{os.fsdecode(base)}")
    try:
        info = os.stat(name, dir_fd=fd, follow_symlinks=False)
    except FileNotFoundError:
        if path.endswith(b"/"):
            os.close(fd)
            raise NotFound(f"copy to {place.path}", f"it could not be found {_in(place.where)}") from None
        return Target(End(fd, name), place.path, renamed=True)
    if directory and not stat.S_ISDIR(info.st_mode):
        os.close(fd)
        raise BadInput(f"copy to {place.path}", "destination must be a directory when copying a directory")
    return Target(End(fd, name), place.path)
