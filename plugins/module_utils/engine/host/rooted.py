# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Paths inside hostile trees (image file systems, build contexts, volumes, archives).

A `Root` holds a descriptor of the tree's top. Every path is resolved by the kernel as if that directory were "/"
(openat2(2), RESOLVE_IN_ROOT), or by a walk over descriptors where the kernel or a filter lacks the call; strings are
never joined to a host path. Symbolic links inside the tree work and cannot leave it, nor can "..".
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from ..base.errors import Corrupt

if TYPE_CHECKING:
    from types import TracebackType

_LINK_LIMIT = 40  # as the kernel's own (path_resolution(7))
_PASSWD_LIMIT = 4 << 20
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC

_have_openat2 = True


class Root:
    """The top of a tree. Paths are bytes or text, absolute or relative alike; errors are the kernel's OSError."""

    def __init__(self, fd: int) -> None:
        self.fd = fd

    @classmethod
    def of(cls, path: str | bytes) -> Root:
        """Open a trusted path as the top."""
        return cls(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))

    def close(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> Root:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def open(self, path: str | bytes, flags: int = os.O_RDONLY, mode: int = 0o600) -> int:
        """A descriptor of what `path` means in here, symbolic links followed unless O_NOFOLLOW is in `flags`."""
        global _have_openat2
        raw = os.fsencode(path).lstrip(b"/") or b"."
        if _have_openat2:
            from . import libc

            try:
                create = mode if flags & os.O_CREAT or flags & os.O_TMPFILE == os.O_TMPFILE else 0
                return libc.openat2(self.fd, raw, flags, create, libc.RESOLVE_IN_ROOT | libc.RESOLVE_NO_MAGICLINKS)
            except OSError as error:
                if error.errno == errno.EAGAIN:
                    return self.walk(raw, flags, mode)  # a rename raced with a ".." in the path: openat2(2)
                if error.errno not in (errno.ENOSYS, errno.EPERM):
                    raise
                if error.errno == errno.EPERM and _openat2_works():
                    raise
                _have_openat2 = False
        return self.walk(raw, flags, mode)

    def walk(self, path: bytes, flags: int = os.O_RDONLY, mode: int = 0o600) -> int:
        """As `open`, by opening one component after the other."""
        walker = _Walker(self.fd)
        try:
            return walker.open(path, flags, mode)
        finally:
            walker.close()

    def open_dir(self, path: str | bytes) -> int:
        return self.open(path, os.O_RDONLY | os.O_DIRECTORY)

    def lstat(self, path: str | bytes) -> os.stat_result:
        """Of the entry itself."""
        return self._stat(path, os.O_NOFOLLOW)

    def stat(self, path: str | bytes) -> os.stat_result:
        """Of what the path leads to."""
        return self._stat(path, 0)

    def _stat(self, path: str | bytes, extra: int) -> os.stat_result:
        fd = self.open(path, os.O_PATH | extra)
        try:
            return os.fstat(fd)
        finally:
            os.close(fd)

    def exists(self, path: str | bytes) -> bool:
        try:
            self.stat(path)
        except OSError:
            return False
        return True

    def readlink(self, path: str | bytes) -> bytes:
        parent, name = self.parent(path)
        try:
            return os.readlink(name, dir_fd=parent)
        finally:
            os.close(parent)

    def parent(self, path: str | bytes) -> tuple[int, bytes]:
        """A descriptor of the directory that holds the last component, and that component."""
        head, slash, name = os.fsencode(path).rstrip(b"/").rpartition(b"/")
        if name in (b"", b".", b".."):
            raise OSError(errno.EINVAL, "the path has no last component", path)
        return self.open_dir(head or b"."), name

    def locate(self, path: str | bytes) -> tuple[int, bytes]:
        """Where the path ends: a descriptor of the directory, and the name in it; b"" for a directory itself.

        Symbolic links are followed, the last one too, also when what it points to does not exist yet. Between this
        look and the next deed a name may come to mean something else: use it with O_NOFOLLOW.
        """
        walker = _Walker(self.fd)
        try:
            return walker.locate(os.fsencode(path))
        finally:
            walker.close()

    def mkdirs(self, path: str | bytes, mode: int = 0o755, owner: tuple[int, int] | None = None) -> int:
        """Make what is missing of a directory path, symbolic links on the way resolved in here; its descriptor.

        `mode` and `owner` go to directories made here only. Raises NotADirectoryError when something else stands there.
        """
        walker = _Walker(self.fd)
        try:
            return walker.open(os.fsencode(path), os.O_RDONLY | os.O_DIRECTORY, 0, make=(mode, owner))
        finally:
            walker.close()


def _openat2_works() -> bool:
    """A seccomp filter answers EPERM to a call it does not know; tell that from a true refusal."""
    from . import libc

    try:
        os.close(libc.openat2(libc.AT_FDCWD, b"/", os.O_PATH))
    except OSError:
        return False
    return True


class _Walker:
    """Resolves one path by descriptors: a stack of open directories, never higher than the root's."""

    def __init__(self, root: int) -> None:
        self.root = root
        self.stack: list[int] = []
        self.links = 0
        self.directory = 0

    def close(self) -> None:
        for fd in self.stack:
            os.close(fd)
        self.stack = []

    def here(self) -> int:
        return self.stack[-1] if self.stack else self.root

    def open(self, path: bytes, flags: int, mode: int, make: tuple[int, tuple[int, int] | None] | None = None) -> int:
        todo: list[bytes] = []
        self._push(path, todo)
        while todo:
            name = todo.pop()
            if name == b"..":
                if self.stack:
                    os.close(self.stack.pop())
                continue
            if not todo and make is None:
                fd = self._last(name, flags, mode, todo)
                if fd >= 0:
                    return fd
                continue
            self._step(name, todo, make)
        return os.open(b".", flags & ~(os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW) | os.O_CLOEXEC, dir_fd=self.here())

    def locate(self, path: bytes) -> tuple[int, bytes]:
        todo: list[bytes] = []
        self._push(path, todo)
        while todo:
            name = todo.pop()
            if name == b"..":
                if self.stack:
                    os.close(self.stack.pop())
                continue
            try:
                self._step(name, todo, None)
            except (FileNotFoundError, NotADirectoryError):
                if todo or _is_link(name, self.here()):
                    raise
                return os.dup(self.here()), name
        return os.dup(self.here()), b""

    def _step(self, name: bytes, todo: list[bytes], make: tuple[int, tuple[int, int] | None] | None) -> None:
        try:
            self.stack.append(os.open(name, _DIRECTORY, dir_fd=self.here()))
            return
        except FileNotFoundError:
            if make is None:
                raise
        except OSError as error:
            if error.errno not in (errno.ELOOP, errno.ENOTDIR):
                raise
            self._follow(name, todo, error)
            return
        os.mkdir(name, 0o700, dir_fd=self.here())
        fd = os.open(name, _DIRECTORY, dir_fd=self.here())
        self.stack.append(fd)
        if make[1] is not None:
            os.fchown(fd, *make[1])
        os.fchmod(fd, make[0])

    def _follow(self, name: bytes, todo: list[bytes], refusal: OSError) -> None:
        """Replace a symbolic link by what it says; `refusal` is raised for anything else that is no directory."""
        try:
            target = os.readlink(name, dir_fd=self.here())
        except OSError:
            raise NotADirectoryError(errno.ENOTDIR, os.strerror(errno.ENOTDIR), name) from refusal
        self.links += 1
        if self.links > _LINK_LIMIT:
            raise OSError(errno.ELOOP, os.strerror(errno.ELOOP), name)
        if target.startswith(b"/"):
            self.close()
        self._push(target, todo)

    def _push(self, path: bytes, todo: list[bytes]) -> None:
        """Components in front of those still to do; a last one with a slash after it must be a directory."""
        if not todo and path.endswith((b"/", b"/.", b"/..")):
            self.directory = os.O_DIRECTORY
        todo.extend(reversed([part for part in path.split(b"/") if part not in (b"", b".")]))

    def _last(self, name: bytes, flags: int, mode: int, todo: list[bytes]) -> int:
        """Open the last component; -1 when it was a link that the path goes on through."""
        nofollow = flags & os.O_NOFOLLOW
        try:
            if flags & os.O_PATH and not nofollow:
                info = os.stat(name, dir_fd=self.here(), follow_symlinks=False)
                if stat.S_ISLNK(info.st_mode):
                    self._follow(name, todo, OSError(errno.ELOOP, "link", name))
                    return -1
            extra = self.directory | os.O_NOFOLLOW | os.O_CLOEXEC
            return os.open(name, flags | extra, mode, dir_fd=self.here())
        except OSError as error:
            if nofollow or error.errno not in (errno.ELOOP, errno.ENOTDIR, errno.EEXIST):
                raise
            if error.errno == errno.EEXIST or not _is_link(name, self.here()):
                raise
            self._follow(name, todo, error)
            return -1


def _is_link(name: bytes, dirfd: int) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=dirfd, follow_symlinks=False).st_mode)
    except OSError:
        return False


def read_file(root: Root, path: str | bytes, limit: int = _PASSWD_LIMIT) -> bytes | None:
    """A small regular file of the tree (passwd, group), None when it is not there or not a regular file.

    A FIFO or device cannot make the caller wait; a longer file raises Corrupt.
    """
    try:
        fd = root.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY)
    except OSError as error:
        if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.ENXIO, errno.EACCES, errno.ENODEV):
            return None
        raise
    try:
        if not stat.S_ISREG(os.fstat(fd).st_mode):
            return None
        parts: list[bytes] = []
        size = 0
        while size <= limit:
            piece = os.read(fd, min(1 << 18, limit + 1 - size))
            if not piece:
                return b"".join(parts)
            parts.append(piece)
            size += len(piece)
    finally:
        os.close(fd)
    raise Corrupt(f"read {os.fsdecode(path)} of the image", f"longer than {limit} bytes")


def remove_tree(dirfd: int, name: bytes | str) -> None:
    """Remove entry `name` of the open directory with all below it; no error when it is not there.

    Works to any depth with a bounded number of descriptors, and never follows a symbolic link or leaves the tree.
    """
    entry = os.fsencode(name)
    try:
        os.unlink(entry, dir_fd=dirfd)
        return
    except FileNotFoundError:
        return
    except (IsADirectoryError, PermissionError):
        pass
    try:
        top = os.open(entry, _DIRECTORY, dir_fd=dirfd)
    except PermissionError:
        os.chmod(entry, 0o700, dir_fd=dirfd)
        top = os.open(entry, _DIRECTORY, dir_fd=dirfd)
    _empty(top)
    os.rmdir(entry, dir_fd=dirfd)


def _empty(top: int) -> None:
    """Empty an open directory and close it. ".." leads back up, checked against what was left on the way down."""
    here = top
    path: list[tuple[list[bytes], bytes, int, int]] = []
    pending = _unlink_files(here)
    try:
        while pending or path:
            info = os.fstat(here)
            if pending:
                name = pending.pop()
                inside = _enter(here, name)
                path.append((pending, name, info.st_dev, info.st_ino))
                os.close(here)
                here = inside
                pending = _unlink_files(here)
                continue
            pending, name, device, inode = path.pop()
            above = os.open(b"..", _DIRECTORY, dir_fd=here)
            os.close(here)
            here = above
            info = os.fstat(here)
            if (info.st_dev, info.st_ino) != (device, inode):
                raise OSError(errno.ESTALE, "the directory was moved while it was being removed", name)
            os.rmdir(name, dir_fd=here)
    finally:
        os.close(here)


def _enter(dirfd: int, name: bytes) -> int:
    try:
        return os.open(name, _DIRECTORY, dir_fd=dirfd)
    except PermissionError:
        os.chmod(name, 0o700, dir_fd=dirfd)
        return os.open(name, _DIRECTORY, dir_fd=dirfd)


def _unlink_files(dirfd: int) -> list[bytes]:
    """Unlink what is no directory and remove empty directories; the directories that are not empty."""
    if os.fstat(dirfd).st_mode & 0o700 != 0o700:
        os.fchmod(dirfd, 0o700)
    below: list[bytes] = []
    # A snapshot by name: directories of a million entries cost memory, changing one under readdir costs correctness.
    for name in os.listdir(dirfd):
        entry = os.fsencode(name)
        try:
            os.unlink(entry, dir_fd=dirfd)
        except FileNotFoundError:
            continue
        except (IsADirectoryError, PermissionError):
            try:
                os.rmdir(entry, dir_fd=dirfd)
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                    raise
                below.append(entry)
    return below
