# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where the files of an image layout are written: a directory or a tar.  Each file appears whole or not at all."""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING, Protocol

from ..base.errors import BadInput, EngineError, NotFound, Unreachable
from ..base.files import sync_directory

if TYPE_CHECKING:
    from collections.abc import Callable

    from .destination import Feed

_BLOCK = 256 * 1024
_PART = ".part-"
_TAR_RECORD = 512


class Sink(Protocol):
    """Files by name, with ``/``; close() drops an archive that was not committed."""

    @property
    def what(self) -> str: ...

    def size(self, name: str) -> int | None:
        """Length of the file, None when it is not there."""

    def add(self, name: str, size: int, feed: Feed) -> None: ...

    def add_bytes(self, name: str, data: bytes) -> None: ...

    def commit(self) -> None: ...

    def close(self) -> None: ...


class FolderSink:
    """Files below a directory, which is made when the first one comes."""

    def __init__(self, path: str) -> None:
        self.what = path
        self._made: set[str] = set()

    def size(self, name: str) -> int | None:
        try:
            return os.stat(os.path.join(self.what, name), follow_symlinks=False).st_size
        except FileNotFoundError:
            return None
        except OSError as err:
            raise of_os(f"look at {self.what}", err)

    def add(self, name: str, size: int, feed: Feed) -> None:
        self._place(name, lambda fd: _pour(fd, size, feed))

    def add_bytes(self, name: str, data: bytes) -> None:
        self._place(name, lambda fd: write_all(fd, data))

    def _place(self, name: str, fill: Callable[[int], None]) -> None:
        path = os.path.join(self.what, name)
        parent = os.path.dirname(path)
        deed = f"write {path}"
        part = os.path.join(parent, f"{_PART}{os.getpid()}-{os.urandom(4).hex()}")
        try:
            if parent not in self._made:
                os.makedirs(parent, exist_ok=True)
                _sweep(parent)
                self._made.add(parent)
            fd = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        except OSError as err:
            raise of_os(deed, err)
        try:
            try:
                fill(fd)
                os.fsync(fd)
            finally:
                os.close(fd)
            os.rename(part, path)
        except BaseException as err:
            os.unlink(part)
            if isinstance(err, OSError):
                raise of_os(deed, err)
            raise

    def commit(self) -> None:
        """The names of the files survive a power cut from here on."""
        for parent in self._made:
            sync_directory(parent)

    def close(self) -> None: ...


def _sweep(parent: str) -> None:
    """Parts whose writer was killed."""
    for name in os.listdir(parent):
        if name.startswith(_PART) and not os.path.exists(f"/proc/{name[len(_PART) :].partition('-')[0]}"):
            try:
                os.unlink(os.path.join(parent, name))
            except FileNotFoundError:
                continue


class TarSink:
    """Members of a tar in the order they come, written by ``write``; their time is the epoch's, so the same twice."""

    def __init__(self, what: str, write: Callable[[bytes], None]) -> None:
        self.what = what
        self._write = write
        self._sizes: dict[str, int] = {}

    def size(self, name: str) -> int | None:
        return self._sizes.get(name)

    def add(self, name: str, size: int, feed: Feed) -> None:
        self._write(self._head(name, size))
        while True:
            data = feed.read(_BLOCK)
            if not data:
                break
            self._write(data)
        self._write(bytes(-size % _TAR_RECORD))
        self._sizes[name] = size

    def add_bytes(self, name: str, data: bytes) -> None:
        self._write(self._head(name, len(data)) + data + bytes(-len(data) % _TAR_RECORD))
        self._sizes[name] = len(data)

    @staticmethod
    def _head(name: str, size: int) -> bytes:
        import tarfile

        info = tarfile.TarInfo(name)
        info.size, info.mode = size, 0o644
        return info.tobuf(tarfile.GNU_FORMAT)

    def commit(self) -> None:
        self._write(bytes(2 * _TAR_RECORD))

    def close(self) -> None: ...


class ArchiveSink(TarSink):
    """A tar file that replaces the one at its path when it is committed; compressed by gzip when asked to."""

    def __init__(self, path: str, *, gzip: bool = False) -> None:
        super().__init__(path, self._put)
        self._fd = -1
        self._part = ""
        self._gzip = gzip
        self._squeeze: Callable[[bytes], bytes] = bytes
        self._last: Callable[[], bytes] = bytes

    def _put(self, data: bytes) -> None:
        try:
            if self._fd < 0:
                self._open()
            write_all(self._fd, self._squeeze(data))
        except OSError as err:
            raise of_os(f"write {self.what}", err)

    def _open(self) -> None:
        parent, name = os.path.split(self.what)
        _sweep(parent)
        self._part = os.path.join(parent, f"{_PART}{os.getpid()}-{os.urandom(4).hex()}")
        self._fd = os.open(self._part, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o644)
        if self._gzip:
            from ..host.compressing import compressor

            made = compressor("gzip")
            self._squeeze, self._last = made.compress, made.flush

    def commit(self) -> None:
        super().commit()
        try:
            write_all(self._fd, self._last())
            os.fsync(self._fd)
            os.rename(self._part, self.what)
            self._part = ""
            sync_directory(os.path.dirname(self.what))
        except OSError as err:
            raise of_os(f"write {self.what}", err)

    def close(self) -> None:
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        if self._part:
            os.unlink(self._part)
            self._part = ""


def _pour(fd: int, size: int, feed: Feed) -> None:
    if size > _BLOCK:
        try:
            os.posix_fallocate(fd, 0, size)  # a full disk shows at once
        except OSError as err:
            if err.errno not in (errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                raise
    while True:
        data = feed.read(_BLOCK)
        if not data:
            return
        write_all(fd, data)


def write_all(fd: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]


def of_os(deed: str, err: OSError) -> EngineError:
    """What the errno of the user's own files and directories means."""
    reason = err.strerror or str(err)
    if err.errno in (errno.ENOENT, errno.ENOTDIR):
        return NotFound(deed, reason)
    if err.errno in (errno.EACCES, errno.EPERM, errno.EISDIR, errno.EEXIST, errno.ELOOP, errno.EROFS):
        return BadInput(deed, reason)
    return Unreachable(deed, reason)
