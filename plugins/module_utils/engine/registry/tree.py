# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Files by name, in a directory or inside a tar archive: what the image layouts are written on."""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING, Protocol

from ..base.errors import BadInput, Corrupt, EngineError, NotFound, Unreachable
from ..base.files import scratch_directory
from ..base.limits import USUAL, Limits

if TYPE_CHECKING:
    from ..base.streams import Reader

#: Members of an archive of images; a root file system mistaken for one stops here.
_MAX_MEMBERS = 100_000
_MAX_LINKS = 5
_COPY = 1024 * 1024


class Span:
    """``size`` bytes of an open file from ``offset``; the position is its own, also between forked processes."""

    def __init__(self, fd: int, offset: int, size: int, what: str) -> None:
        self.fd = fd
        self._at = offset
        self.size = size
        self._left = size
        self._what = what

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes.  Raises Corrupt when the file ends before its span does."""
        wanted = self._left if size < 0 else min(size, self._left)
        if not wanted:
            return b""
        data = os.pread(self.fd, wanted, self._at)
        if not data:
            raise Corrupt(f"read {self._what}", f"the file ends {self._left} bytes early")
        self._at += len(data)
        self._left -= len(data)
        return data


class Tree(Protocol):
    """Named files; names are relative, with ``/``."""

    @property
    def what(self) -> str: ...

    def span(self, name: str) -> Span:
        """The file's bytes.  Raises NotFound, Corrupt."""

    def has(self, name: str) -> bool: ...

    def close(self) -> None: ...


def read_member(tree: Tree, name: str, limit: int) -> bytes:
    """A whole small file.  Raises NotFound, Corrupt when it is longer than ``limit`` bytes."""
    span = tree.span(name)
    if span.size > limit:
        raise Corrupt(f"read {name} of {tree.what}", f"it is {span.size} bytes long, more than {limit}")
    parts: list[bytes] = []
    while True:
        part = span.read()
        if not part:
            return b"".join(parts)
        parts.append(part)


class DirectoryTree:
    """Regular files below a directory.  Names come from manifests and digests: none leaves the directory."""

    def __init__(self, path: str) -> None:
        self.what = path
        try:
            self._fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except OSError as err:
            raise _of_os(f"open {path}", err)
        self._open: list[int] = []

    def span(self, name: str) -> Span:
        from ..host.rooted import Root

        deed = f"read {name} of {self.what}"
        try:
            # Without O_NONBLOCK a FIFO in the place of a blob would hold us for ever.
            fd = Root(self._fd).open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
        except OSError as err:
            raise _of_os(deed, err)
        self._open.append(fd)
        info = os.fstat(fd)
        if not stat.S_ISREG(info.st_mode):
            raise Corrupt(deed, "it is not a regular file")
        return Span(fd, 0, info.st_size, f"{name} of {self.what}")

    def has(self, name: str) -> bool:
        try:
            os.close(self.span(name).fd)
            self._open.pop()
        except EngineError:
            return False
        return True

    def close(self) -> None:
        for fd in (*self._open, self._fd):
            os.close(fd)
        self._open.clear()
        self._fd = -1


class ArchiveTree:
    """Members of a tar file; a compressed one is unpacked to an unnamed file first, since layouts need seeking."""

    def __init__(self, path: str, limits: Limits = USUAL) -> None:
        self.what = path
        self._fd = open_plain(path, limits)
        try:
            self._members, self._links = _index(self._fd, path)
        except BaseException:
            os.close(self._fd)
            raise

    def span(self, name: str) -> Span:
        found = _clean(name)
        for _hop in range(_MAX_LINKS):
            if found in self._members:
                offset, size = self._members[found]
                return Span(self._fd, offset, size, f"{name} of {self.what}")
            if found not in self._links:
                break
            found = self._links[found]
        raise NotFound(f"read {name} of {self.what}", "the archive has no such file")

    def has(self, name: str) -> bool:
        try:
            self.span(name)
        except NotFound:
            return False
        return True

    @property
    def names(self) -> tuple[str, ...]:
        return tuple(self._members)

    def close(self) -> None:
        os.close(self._fd)
        self._fd = -1


def _clean(name: str) -> str:
    """The name with "." and ".." resolved and nothing above the top."""
    return os.path.normpath("/" + name).lstrip("/")


def _index(fd: int, path: str) -> tuple[dict[str, tuple[int, int]], dict[str, str]]:
    import tarfile

    members: dict[str, tuple[int, int]] = {}
    links: dict[str, str] = {}
    deed = f"read the archive {path}"
    end = os.fstat(fd).st_size
    try:
        with os.fdopen(os.dup(fd), "rb") as file, tarfile.open(fileobj=file, mode="r:") as archive:
            file.seek(0)
            for count, member in enumerate(archive):
                if count >= _MAX_MEMBERS:
                    raise Corrupt(deed, f"it has more than {_MAX_MEMBERS} members: not an archive of images")
                name = _clean(member.name)
                if member.isreg() and member.sparse is None:
                    if not 0 <= member.offset_data <= member.offset_data + member.size <= end:
                        raise Corrupt(deed, f"its member {name[:200]} does not lie within it")
                    members[name] = (member.offset_data, member.size)
                elif member.issym():
                    links[name] = _clean(os.path.join(os.path.dirname(name), member.linkname))
                elif member.islnk():
                    links[name] = _clean(member.linkname)
    except (tarfile.TarError, ValueError, EOFError, OSError) as err:
        raise Corrupt(deed, f"it is not a tar archive ({err})")
    return members, links


def open_file(path: str) -> int:
    """A descriptor of the regular file.  Raises NotFound, BadInput."""
    deed = f"open {path}"
    try:
        fd = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as err:
        raise _of_os(deed, err)
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        raise BadInput(deed, "it is not a regular file")
    return fd


def open_plain(path: str, limits: Limits) -> int:
    """A descriptor of the uncompressed file: of the file itself, or of an unnamed copy that was unpacked within limits.

    Raises NotFound, BadInput, Corrupt, HostLacks, Unreachable (disk full).
    """
    from ..host import compression

    fd = open_file(path)
    try:
        kind = compression.sniff(os.pread(fd, 8, 0))
        if kind == "none":
            return fd
        size = os.fstat(fd).st_size
        plain = unpack(compression.decompressor(kind, Span(fd, 0, size, path), path), size, path, limits)
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
    return plain


def unpack(reader: Reader, packed: int, path: str, limits: Limits) -> int:
    """What a reader gives, in an unnamed file; `packed` is how long the compressed file is."""
    import tempfile

    count, folder = 0, scratch_directory()
    try:
        with tempfile.TemporaryFile(dir=folder) as file:
            while True:
                data = reader.read(_COPY)
                if not data:
                    break
                count += len(data)
                limits.hold(count, packed, path)
                file.write(data)
            file.flush()
            file.seek(0)
            return os.dup(file.fileno())
    except OSError as err:
        raise _of_os(f"unpack {path} in {folder}", err)


def _of_os(deed: str, err: OSError) -> EngineError:
    """Files that are somebody else's: what the errno means for the deed."""
    reason = err.strerror or str(err)
    if err.errno in (errno.ENOENT, errno.ENOTDIR):
        return NotFound(deed, reason)
    if err.errno in (errno.EACCES, errno.EPERM, errno.EISDIR, errno.ELOOP):
        return BadInput(deed, reason)
    return Unreachable(deed, reason)
