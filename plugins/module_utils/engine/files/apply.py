# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy carried out. A file appears whole, by a rename; until then what was there stays. Killed at any point, the same
copy again finishes it: a draft that was left has a name of its own, and is made anew.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from ..base.errors import Conflict, EngineError, HostLacks
from ..base.steps import reached
from ..host import xattrs
from ..host.rooted import remove_tree
from .decide import ADJUST, HARD_LINK, shown
from .end import DEVICE, DIRECTORY, FIFO, FILE, LINK

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .decide import Work
    from .end import End, Entry

_DRAFT = b".daemonless-copy-"
_OPEN_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_PIECE = 1 << 20
_FORGIVEN = (errno.ENOTSUP, errno.EPERM, errno.EACCES)


def apply(works: Sequence[Work], source: End, target: End, where: str, *, move: bool = False) -> None:
    """`move` takes files out of the source, which is on the same file system, instead of copying them.

    Raises HostLacks, Conflict naming the path.
    """
    at = b""
    try:
        for work in works:
            at = work.path
            _Deed(work, source, target, move).run()
            reached("copied")
        # Last, and deepest first: a mode may shut us out, and every change inside sets a directory's times.
        for work in reversed(works):
            if work.wanted.kind == DIRECTORY:
                at = work.path
                _finish_directory(target, work)
        reached("copy-finished")
    except OSError as error:
        raise _explain(error, where, at) from error


class _Deed:
    def __init__(self, work: Work, source: End, target: End, move: bool) -> None:
        self.work = work
        self.wanted = work.wanted
        self.source = source
        self.target = target
        self.move = move

    def run(self) -> None:
        fd, name = self.target.split(self.work.path)
        if self.work.deed == HARD_LINK:
            self._hard_link()
        elif self.wanted.kind == DIRECTORY:
            self._directory(fd, name)
        elif self.work.deed == ADJUST:
            self._adjust(fd, name)
        elif self.wanted.kind == FILE:
            self._file(fd, name)
        else:
            self._special(fd, name)

    def _directory(self, fd: int, name: bytes) -> None:
        if self.work.there is not None and self.work.there.kind == DIRECTORY:
            return
        if self.work.there is not None:
            _refuse_mounts(fd, name)
            os.unlink(name, dir_fd=fd)
            reached("copy-way-made")
        try:
            os.mkdir(name, 0o700, dir_fd=fd)
        except FileExistsError:
            if not stat.S_ISDIR(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode):
                raise

    def _adjust(self, fd: int, name: bytes) -> None:
        if self.wanted.kind == LINK:
            os.chown(name, self.wanted.uid, self.wanted.gid, dir_fd=fd, follow_symlinks=False)
        elif self.wanted.kind == FILE:
            opened = self.target.open_file(self.work.path)
            try:
                _dress(opened, self.wanted)
            finally:
                os.close(opened)
        else:
            self._special(fd, name)

    def _file(self, fd: int, name: bytes) -> None:
        draft = _draft(fd, name)
        if self.move:
            above, own = self.source.split(self.work.path)
            os.rename(own, draft, src_dir_fd=above, dst_dir_fd=fd)
            made = os.open(draft, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        else:
            made = os.open(draft, _MAKE, 0o600, dir_fd=fd)
        try:
            if not self.move:
                self._content(made)
            _dress(made, self.wanted, times=True)
            reached("copy-drafted")
            if self.work.there is not None and self.work.there.kind == FILE and _is_mounted(fd, name):
                self._in_place(fd, name, draft)
            else:
                self._put(fd, draft, name)
        except BaseException:
            _forget(fd, draft)
            raise
        finally:
            os.close(made)

    def _content(self, made: int) -> None:
        opened = self.source.open_file(self.work.path)
        try:
            _copy_bytes(opened, made, os.fstat(opened).st_size)
        finally:
            os.close(opened)

    def _put(self, fd: int, draft: bytes, name: bytes) -> None:
        if self.work.there is not None:
            _refuse_mounts(fd, name)
            if self.work.there.kind == DIRECTORY:
                self.target.forget(self.work.path)
                remove_tree(fd, name)
                reached("copy-way-made")
        os.rename(draft, name, src_dir_fd=fd, dst_dir_fd=fd)

    def _in_place(self, fd: int, name: bytes, draft: bytes) -> None:
        """The file itself is mounted, as /etc/hosts is in a container: nothing can take its place, so it is written."""
        opened = self.target.open_file(self.work.path)
        os.close(opened)
        flags = os.O_WRONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_NOCTTY | os.O_CLOEXEC
        reader = os.open(draft, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
        try:
            writer = os.open(name, flags, dir_fd=fd)
            try:
                if not stat.S_ISREG(os.fstat(writer).st_mode):
                    raise Conflict(f"write {os.fsdecode(name)}", "it has become something else than a file meanwhile")
                os.ftruncate(writer, 0)
                _copy_bytes(reader, writer, os.fstat(reader).st_size)
                _dress(writer, self.wanted)
            finally:
                os.close(writer)
        finally:
            os.close(reader)
        _forget(fd, draft)

    def _special(self, fd: int, name: bytes) -> None:
        """Links, FIFOs and devices: made aside, then renamed."""
        wanted, draft = self.wanted, _draft(fd, name)
        if wanted.kind == LINK:
            os.symlink(wanted.target, draft, dir_fd=fd)
        else:
            kind = stat.S_IFIFO if wanted.kind == FIFO else _device_kind(self.source, self.work.path)
            os.mknod(draft, kind | 0o600, wanted.node if wanted.kind == DEVICE else 0, dir_fd=fd)
        try:
            os.chown(draft, wanted.uid, wanted.gid, dir_fd=fd, follow_symlinks=False)
            if wanted.kind != LINK:
                _chmod_special(fd, draft, wanted.mode)
            os.utime(draft, ns=(wanted.mtime, wanted.mtime), dir_fd=fd, follow_symlinks=False)
            self._put(fd, draft, name)
        except BaseException:
            _forget(fd, draft)
            raise

    def _hard_link(self) -> None:
        fd, name = self.target.split(self.work.first)
        first = os.dup(fd)
        try:
            fd, other = self.target.split(self.work.path)
            draft = _draft(fd, other)
            os.link(name, draft, src_dir_fd=first, dst_dir_fd=fd, follow_symlinks=False)
            self._put(fd, draft, other)
            _forget(fd, draft)  # rename(2) leaves both where they are one file already
        finally:
            os.close(first)


def _mount_of(fd: int) -> str:
    """The number of the mount that a descriptor is on (proc_pid_fdinfo(5))."""
    with open(f"/proc/self/fdinfo/{fd}", encoding="ascii") as file:
        return next((line.split()[1] for line in file if line.startswith("mnt_id:")), "")


def _is_mounted(fd: int, name: bytes) -> bool:
    """Whether the entry is a mount of its own. Where a mount is another namespace's, rename(2) and rmdir(2) do not
    mind it: they take it away from there."""
    try:
        opened = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
    except FileNotFoundError:
        return False
    try:
        return _mount_of(opened) != _mount_of(fd)
    finally:
        os.close(opened)


def _refuse_mounts(fd: int, name: bytes) -> None:
    """Nothing that is mounted in a tree gives way with it: it is somebody's volume. Raises Conflict."""
    if _is_mounted(fd, name):
        raise Conflict(
            f"replace {os.fsdecode(name)}", "something is mounted there", "Copy into it, or to another place"
        )
    try:
        inside = os.open(name, _OPEN_DIRECTORY, dir_fd=fd)
    except (FileNotFoundError, NotADirectoryError):
        return
    except OSError as error:
        if error.errno == errno.ELOOP:
            return
        raise
    try:
        with os.scandir(inside) as entries:
            for entry in entries:
                if entry.is_dir(follow_symlinks=False) or entry.is_file(follow_symlinks=False):
                    _refuse_mounts(inside, os.fsencode(entry.name))
    finally:
        os.close(inside)


def _draft(fd: int, name: bytes) -> bytes:
    """A free name beside it; what a killed run left there goes."""
    import hashlib

    draft = _DRAFT + hashlib.sha256(name).hexdigest()[:16].encode()
    remove_tree(fd, draft)
    return draft


def _forget(fd: int, draft: bytes) -> None:
    try:
        os.unlink(draft, dir_fd=fd)
    except FileNotFoundError:
        pass


def _dress(fd: int, wanted: Entry, *, times: bool = False) -> None:
    os.fchown(fd, wanted.uid, wanted.gid)
    os.fchmod(fd, wanted.mode)
    xattrs.write_all(fd, dict(wanted.xattrs), _FORGIVEN)
    if times:
        os.utime(fd, ns=(wanted.mtime, wanted.mtime))


def _chmod_special(fd: int, name: bytes, mode: int) -> None:
    """By a descriptor that opens no device and follows no link."""
    opened = os.open(name, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)
    try:
        if stat.S_ISLNK(os.fstat(opened).st_mode):
            raise Conflict(f"change the mode of {os.fsdecode(name)}", "it has become a link meanwhile")
        os.chmod(f"/proc/self/fd/{opened}", mode)
    finally:
        os.close(opened)


def _device_kind(source: End, path: bytes) -> int:
    fd, name = source.split(path)
    return stat.S_IFMT(os.stat(name, dir_fd=fd, follow_symlinks=False).st_mode)


def _finish_directory(target: End, work: Work) -> None:
    fd, name = target.split(work.path)
    try:
        opened = os.open(name, _OPEN_DIRECTORY, dir_fd=fd)
    except (FileNotFoundError, NotADirectoryError):
        return  # a live container has taken it away, or put something else there
    try:
        _dress(opened, work.wanted, times=True)
    finally:
        os.close(opened)


def _copy_bytes(reader: int, writer: int, size: int) -> None:
    """As many bytes as the file had when it was opened: one that is written to for ever is copied once. Holes stay."""
    at = 0
    while at < size:
        try:
            start = os.lseek(reader, at, os.SEEK_DATA)
            end = min(os.lseek(reader, start, os.SEEK_HOLE), size)
        except OSError as error:
            if error.errno == errno.ENXIO:
                break  # nothing but a hole up to the end
            if error.errno != errno.EINVAL:
                raise
            start, end = at, size
        at = _copy_span(reader, writer, start, end)
        if at < end:
            size = at  # it was cut short meanwhile
    os.ftruncate(writer, size)


def _copy_span(reader: int, writer: int, at: int, end: int) -> int:
    while at < end:
        piece = os.pread(reader, min(_PIECE, end - at), at)
        if not piece:
            break
        view = memoryview(piece)
        while view:
            count = os.pwrite(writer, view, at)
            view, at = view[count:], at + count
    return at


def _explain(error: OSError, where: str, path: bytes) -> EngineError:
    deed = f"copy to {where}"
    cause = f"{shown(path)}: {error.strerror}" if path else str(error.strerror)
    if error.errno in (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EEXIST, errno.ESTALE):
        return Conflict(deed, f"{cause}. Something changed there meanwhile", "Do it again")
    if error.errno == errno.EROFS:
        return HostLacks(deed, f"{cause}", "Copy to a volume or tmpfs of the container")
    if error.errno in (errno.EINVAL, errno.EOVERFLOW):
        return HostLacks(deed, f"{cause}: the owner that it is to have has no id there")
    return HostLacks(deed, cause)
