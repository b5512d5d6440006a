# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One end of a copy: a tree that may change under our hands, read and written by descriptors of its directories.

Paths are relative to the end's top; no component of one is followed when it is a symbolic link, unless the end may
`follow`: then the kernel resolves it inside the root that the end belongs to.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Conflict
from ..base.tuples import NamedTuple
from ..host import xattrs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..host.rooted import Root

FILE, DIRECTORY, LINK, FIFO, DEVICE, SOCKET = "file", "directory", "link", "fifo", "device", "socket"
_KINDS = {
    stat.S_IFREG: FILE,
    stat.S_IFDIR: DIRECTORY,
    stat.S_IFLNK: LINK,
    stat.S_IFIFO: FIFO,
    stat.S_IFCHR: DEVICE,
    stat.S_IFBLK: DEVICE,
    stat.S_IFSOCK: SOCKET,
}
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OPEN_FILE = os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
_DEPTH = 400  # directories inside each other; each costs a descriptor, and a process usually may have 1,024


class Entry(NamedTuple):
    """What is at a path. `target` is a link's, `node` a device's number, `mode` the twelve bits of chmod(2)."""

    kind: str
    mode: int
    uid: int
    gid: int
    size: int = 0
    mtime: int = 0
    target: bytes = b""
    node: int = 0
    identity: tuple[int, int] = (0, 0)
    links: int = 1
    xattrs: tuple[tuple[str, bytes], ...] = ()


class End:
    """`fd` is the directory that the top is in, `name` the top's name there; b"" where the directory is the top."""

    def __init__(self, fd: int, name: bytes = b"", follow: tuple[Root, bytes] | None = None) -> None:
        self.fd = fd
        self.name = name
        self._follow = follow
        self._stack: list[tuple[bytes, int]] = []

    def close(self) -> None:
        for _name, fd in self._stack:
            os.close(fd)
        self._stack = []
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def split(self, path: bytes) -> tuple[int, bytes]:
        """A descriptor of the directory that holds the path, valid until the next call, and the last component.

        (directory, b".") for the top itself where it is the directory. Raises OSError.
        """
        parts = [part for part in (self.name, *path.split(b"/")) if part]
        if not parts:
            return self.fd, b"."
        return self._directory(parts[:-1]), parts[-1]

    def _directory(self, parts: list[bytes]) -> int:
        if len(parts) > _DEPTH:
            raise BadInput("copy a tree", f"directories are more than {_DEPTH} deep in each other")
        same = 0
        while same < min(len(parts), len(self._stack)) and parts[same] == self._stack[same][0]:
            same += 1
        while len(self._stack) > same:
            os.close(self._stack.pop()[1])
        for part in parts[same:]:
            above = self._stack[-1][1] if self._stack else self.fd
            self._stack.append((part, self._enter(above, part)))
        return self._stack[-1][1] if self._stack else self.fd

    def _enter(self, above: int, name: bytes) -> int:
        try:
            return os.open(name, _OPEN_DIRECTORY, dir_fd=above)
        except OSError as error:
            if self._follow is None or error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            root, base = self._follow
            return root.open_dir(b"/".join([base, *(part for part, _fd in self._stack), name]))

    def forget(self, path: bytes) -> None:
        """Descriptors at and below the path are of no use any more: something else is there now."""
        parts = [part for part in (self.name, *path.split(b"/")) if part]
        while len(self._stack) >= len(parts) > 0 and [part for part, _fd in self._stack[: len(parts)]] == parts:
            os.close(self._stack.pop()[1])

    def entry(self, path: bytes) -> Entry | None:
        """None when nothing is there. A link to a directory counts as the directory where the end may follow."""
        try:
            fd, name = self.split(path)
            info = os.stat(name, dir_fd=fd, follow_symlinks=False)
            kind = _KINDS[stat.S_IFMT(info.st_mode)]
            if kind == LINK and self._follow is not None and self._leads_to_directory(fd, name):
                inside = self._enter(fd, name)
                try:
                    return _entry(os.fstat(inside), DIRECTORY, b"", {})
                finally:
                    os.close(inside)
            target = os.readlink(name, dir_fd=fd) if kind == LINK else b""
            attributes = xattrs.read_all(fd, name) if kind in (FILE, DIRECTORY) else {}
        except (FileNotFoundError, NotADirectoryError):
            return None
        return _entry(info, kind, target, attributes)

    def _leads_to_directory(self, fd: int, name: bytes) -> bool:
        try:
            os.close(self._enter(fd, name))
        except OSError:
            return False
        return True

    def names(self, path: bytes) -> list[bytes]:
        """What is in a directory, sorted."""
        fd, name = self.split(path)
        inside = self._enter(fd, name) if name != b"." else os.dup(fd)
        try:
            return sorted(os.fsencode(one) for one in os.listdir(inside))
        finally:
            os.close(inside)

    def open_file(self, path: bytes) -> int:
        """A descriptor to read a regular file with. Raises OSError, Conflict when it has become something else."""
        fd, name = self.split(path)
        found = os.open(name, _OPEN_FILE, dir_fd=fd)
        if not stat.S_ISREG(os.fstat(found).st_mode):
            os.close(found)
            raise Conflict(f"read {os.fsdecode(path or name)}", "it has become something else than a file meanwhile")
        return found


def walk(end: End) -> Iterator[tuple[bytes, Entry]]:
    """All of it: directories before what is in them, sorted. Sockets are left out, as every archiver does, and so is
    what goes away while we look."""
    todo = [b""]
    while todo:
        path = todo.pop()
        entry = end.entry(path)
        if entry is None or entry.kind == SOCKET:
            continue
        yield path, entry
        if entry.kind == DIRECTORY:
            try:
                names = end.names(path)
            except FileNotFoundError:
                continue
            todo += [path + b"/" + name if path else name for name in reversed(names)]


def _entry(info: os.stat_result, kind: str, target: bytes, attributes: dict[str, bytes]) -> Entry:
    return Entry(
        kind,
        stat.S_IMODE(info.st_mode),
        info.st_uid,
        info.st_gid,
        info.st_size,
        info.st_mtime_ns,
        target,
        info.st_rdev,
        (info.st_dev, info.st_ino),
        info.st_nlink,
        tuple(sorted(attributes.items())),
    )
