# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A layer's tar becomes the `diff` directory of an overlay layer.

The archive is hostile. Names are cut into components, ".." cannot climb above the top, every file is made with O_EXCL
and O_NOFOLLOW below a directory descriptor, and a parent that turns out to be a symbolic link is resolved by the kernel
inside the tree (host/rooted). Owners, modes, attributes and times of directories are set at the very end, so that no
default ACL or set-gid bit from the archive touches what is made below them, and so that their times stay.

Whiteouts (image-spec layer.md) become what overlayfs wants: a character device 0:0, or the opaque attribute on the
directory; one beside a directory of the same name in the same layer makes that directory opaque, in either order.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from ..base.errors import Corrupt, EngineError, HostLacks
from ..base.tuples import NamedTuple
from ..host.rooted import Root
from ..host.xattrs import OVERLAY_PREFIXES, beside, write_all
from .tar_header import place_of, shown

if TYPE_CHECKING:
    from .tar_header import Member
    from .tar_reader import TarReader
    from .tarsplit import SplitWriter
    from .values import UnpackOptions

WHITEOUT = b".wh."
OPAQUE = b".wh..wh..opq"
_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_WHOLE = 1 << 17  # bytes up to which a file is read, summed and written at once
_CACHED = 200  # open directories; 1,024 descriptors are what a process usually may have
_PATH_MAX = 4096
_TIME_LIMIT = 1 << 63
_FORGIVEN = (errno.ENOTSUP, errno.ENOSYS)
_FORGIVEN_ROOTLESS = (*_FORGIVEN, errno.EPERM)


class _Later(NamedTuple):
    """What a directory gets at the end."""

    mode: int
    uid: int
    gid: int
    times: tuple[int, int] | None
    xattrs: dict[str, bytes] | None


class Unpacked(NamedTuple):
    """Owners seen (whiteouts excluded), and how many members."""

    uids: tuple[int, ...]
    gids: tuple[int, ...]
    members: int


class Unpacker:
    """Unpacks one archive below the open directory `top`, writing tar-split beside it."""

    def __init__(self, top: int, reader: TarReader, split: SplitWriter, options: UnpackOptions) -> None:
        self.top = top
        self.reader = reader
        self.split = split
        self.options = options
        self.fail = reader.fail
        self._open: dict[bytes, int] = {}
        self._later: dict[bytes, _Later] = {}
        self._seen: set[bytes] = set()
        self._white: set[bytes] = set()
        self._opaque: set[bytes] = set()
        self._owners: set[int] = set()
        self._groups: set[int] = set()
        self._made_as = self._ids_of_new_files()
        self._let_through = -1  # permissions that the umask, or an inherited ACL, leaves a new file; not known yet
        self._forgiven = _FORGIVEN_ROOTLESS if options.rootless else _FORGIVEN
        self._prefix = "user" if options.rootless else "trusted"

    def _ids_of_new_files(self) -> tuple[int, int]:
        """Owner and group the kernel gives to what we make; (-1, -1) where the file system decides by itself."""
        info = os.fstat(self.top)
        gid = os.getegid()
        if info.st_mode & stat.S_ISGID or info.st_gid != gid:
            return (-1, -1)
        return (os.geteuid(), gid)

    def run(self) -> Unpacked:
        """Raises Corrupt for what no archive may hold, HostLacks for what this host cannot store."""
        member: Member | None = None
        try:
            while True:
                member = self.reader.next()
                if member is None:
                    break
                self._member(member)
            self._finish_directories()
        except OSError as error:
            raise self._explain(error, member) from error
        finally:
            self._forget_directories()
        return Unpacked(tuple(sorted(self._owners)), tuple(sorted(self._groups)), len(self._seen))

    # ---- one member

    def _member(self, member: Member) -> None:
        if member.kind == b"g":
            self.split.segment(self.reader.take_raw())
            self.split.body_done(member, 0)
            return
        path = self._path(member.name)
        if path in self._seen:
            raise self.fail(f"{shown(member.name)} appears twice")
        self._seen.add(path)
        limits = self.options.limits
        if len(self._seen) > limits.members:
            failure = self.fail(f"more than {limits.members} members")
            raise Corrupt(failure.deed, failure.cause, limits.hint("max_layer_entries"))
        self.split.segment(self.reader.take_raw())
        parent, slash, name = path.rpartition(b"/")
        if name.startswith(WHITEOUT) and self.options.overlay_whiteouts:
            self._consume(member)
            self._whiteout(parent, name, member)
            return
        self._owners.add(member.uid)
        self._groups.add(member.gid)
        kind = member.kind
        if kind == b"0":
            self._file(parent, name, path, member)
        elif kind == b"5":
            self._directory(parent, name, path, member)
        elif kind == b"2":
            self._symlink(parent, name, path, member)
        elif kind == b"1":
            self._hardlink(parent, name, path, member)
        else:
            self._node(parent, name, path, member)

    def _path(self, name: bytes) -> bytes:
        """The member's place in the tree."""
        if b"\0" in name:
            raise self.fail(f"{shown(name)} has a NUL in its name")
        if len(name) >= _PATH_MAX:
            raise self.fail(f"the path {shown(name)}... is longer than {_PATH_MAX} bytes")
        return place_of(name)

    def _consume(self, member: Member) -> None:
        """Sum a body that is stored nowhere."""
        crc = 0
        for piece in self.reader.body():
            crc = self.split.crc(crc, piece)
        self.split.body_done(member, crc)

    def _file(self, parent: bytes, name: bytes, path: bytes, member: Member) -> None:
        if not name:
            raise self.fail("the top of the tree is not a directory")
        mode = member.mode & 0o7777
        begun = mode & 0o777 if self._let_through >= 0 else 0o777
        dirfd = self._dir(parent)
        try:
            fd = os.open(name, _MAKE, begun, dir_fd=dirfd)
        except FileExistsError:
            dirfd = self._make_way(parent, name, path)
            fd = os.open(name, _MAKE, begun, dir_fd=dirfd)
        try:
            if self._let_through < 0:
                self._let_through = os.fstat(fd).st_mode & begun
            made = begun & self._let_through
            size = member.size
            crc = 0
            if 0 < size <= _WHOLE:
                data = self.reader.whole_body()
                crc = self.split.crc(0, data)
                if os.write(fd, data) != size:
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
            elif size:
                crc = self._long_body(fd)
            self.split.body_done(member, crc)
            self._own(fd, member)
            if made != mode:
                os.fchmod(fd, mode)
            if member.xattrs:
                write_all(fd, self._wanted(member.xattrs), self._forgiven)
            os.utime(fd, ns=_times(member))
        finally:
            os.close(fd)

    def _long_body(self, fd: int) -> int:
        crc = 0
        for piece in self.reader.body():
            crc = self.split.crc(crc, piece)
            view = memoryview(piece)
            while view:
                view = view[os.write(fd, view) :]
        return crc

    def _own(self, fd: int, member: Member) -> None:
        if (member.uid, member.gid) != self._made_as and not self.options.ignore_chown:
            os.fchown(fd, member.uid, member.gid)

    def _directory(self, parent: bytes, name: bytes, path: bytes, member: Member) -> None:
        self.split.body_done(member, 0)
        if not name:
            return  # the top is as the parent layer's; podman leaves it so, too
        self._make_dir(parent, name, path)
        xattrs = self._wanted(member.xattrs) if member.xattrs else None
        self._later[path] = _Later(member.mode & 0o7777, member.uid, member.gid, _times(member), xattrs)

    def _make_dir(self, parent: bytes, name: bytes, path: bytes) -> None:
        """A directory of its own; one made for an earlier member's sake may be there."""
        if path in self._later:
            return
        dirfd = self._dir(parent)
        try:
            os.mkdir(name, 0o700, dir_fd=dirfd)
            return
        except FileExistsError:
            if stat.S_ISDIR(os.stat(name, dir_fd=dirfd, follow_symlinks=False).st_mode):
                return
        if path in self._white:
            self._opaque.add(path)
        dirfd = self._make_way(parent, name, path)
        os.mkdir(name, 0o700, dir_fd=dirfd)

    def _symlink(self, parent: bytes, name: bytes, path: bytes, member: Member) -> None:
        self.split.body_done(member, 0)
        if not name or not member.link or b"\0" in member.link:
            raise self.fail(f"{shown(member.name)} is a symbolic link to nowhere")
        dirfd = self._dir(parent)
        try:
            os.symlink(member.link, name, dir_fd=dirfd)
        except FileExistsError:
            dirfd = self._make_way(parent, name, path)
            os.symlink(member.link, name, dir_fd=dirfd)
        self._adorn(dirfd, name, member)

    def _adorn(self, dirfd: int, name: bytes, member: Member) -> None:
        """Owner, attributes and times of what cannot be opened."""
        if (member.uid, member.gid) != self._made_as and not self.options.ignore_chown:
            os.chown(name, member.uid, member.gid, dir_fd=dirfd, follow_symlinks=False)
        if member.kind != b"2":
            os.chmod(name, member.mode & 0o7777, dir_fd=dirfd)  # a node made here a moment ago, never a link
        if member.xattrs:
            write_all(beside(dirfd, name), self._wanted(member.xattrs), (*self._forgiven, errno.EPERM))
        os.utime(name, ns=_times(member), dir_fd=dirfd, follow_symlinks=False)

    def _hardlink(self, parent: bytes, name: bytes, path: bytes, member: Member) -> None:
        self.split.body_done(member, 0)
        target = self._path(member.link)
        if not name or not target or target == path:
            raise self.fail(f"{shown(member.name)} is a hard link to itself or to nothing")
        head, slash, tail = target.rpartition(b"/")
        source = -1
        try:
            source = os.dup(self._dir(head, make=False))
            dirfd = self._dir(parent)
            try:
                os.link(tail, name, src_dir_fd=source, dst_dir_fd=dirfd, follow_symlinks=False)
            except FileExistsError:
                dirfd = self._make_way(parent, name, path)
                os.link(tail, name, src_dir_fd=source, dst_dir_fd=dirfd, follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError, PermissionError) as error:
            raise self.fail(
                f"{shown(member.name)} is a hard link to {shown(member.link)}, which this layer does not have as a file"
            ) from error
        finally:
            if source >= 0:
                os.close(source)

    def _node(self, parent: bytes, name: bytes, path: bytes, member: Member) -> None:
        """A device or FIFO. Devices cannot be made in a user namespace; podman leaves them out there, too."""
        self.split.body_done(member, 0)
        kind = {b"3": stat.S_IFCHR, b"4": stat.S_IFBLK, b"6": stat.S_IFIFO}[member.kind]
        if self.options.rootless and kind != stat.S_IFIFO:
            return
        if not name or not (0 <= member.major < 1 << 12 and 0 <= member.minor < 1 << 20):
            raise self.fail(f"{shown(member.name)} is no possible device")
        device = os.makedev(member.major, member.minor) if kind != stat.S_IFIFO else 0
        dirfd = self._dir(parent)
        try:
            os.mknod(name, kind | 0o600, device, dir_fd=dirfd)
        except FileExistsError:
            dirfd = self._make_way(parent, name, path)
            os.mknod(name, kind | 0o600, device, dir_fd=dirfd)
        self._adorn(dirfd, name, member)

    # ---- whiteouts

    def _whiteout(self, parent: bytes, name: bytes, member: Member) -> None:
        if name == OPAQUE:
            if self._is_white(parent):
                return
            self._dir(parent)
            self._opaque.add(parent)
            return
        hidden = name[len(WHITEOUT) :]
        if hidden.startswith(WHITEOUT):
            return  # AUFS's own bookkeeping
        if hidden in (b"", b".", b".."):
            raise self.fail(f"{shown(member.name)} would hide a directory that it cannot name")
        if self._is_white(parent):
            return  # all of the parent is gone already
        path = parent + b"/" + hidden if parent else hidden
        dirfd = self._dir(parent)
        try:
            os.mknod(hidden, stat.S_IFCHR, 0, dir_fd=dirfd)
        except FileExistsError:
            if stat.S_ISDIR(os.stat(hidden, dir_fd=dirfd, follow_symlinks=False).st_mode):
                self._opaque.add(path)
            return
        self._white.add(path)
        if (member.uid, member.gid) != self._made_as and not self.options.ignore_chown:
            os.chown(hidden, member.uid, member.gid, dir_fd=dirfd, follow_symlinks=False)

    def _is_white(self, path: bytes) -> bool:
        while path:
            if path in self._white:
                return True
            path = path.rpartition(b"/")[0]
        return False

    def _make_way(self, parent: bytes, name: bytes, path: bytes) -> int:
        """Clear what an earlier member left at a new one's place, where that loses nothing."""
        dirfd = self._dir(parent)
        info = os.stat(name, dir_fd=dirfd, follow_symlinks=False)
        if stat.S_ISDIR(info.st_mode):
            raise self.fail(f"{shown(path)} replaces a directory that the same layer has filled")
        os.unlink(name, dir_fd=dirfd)
        self._white.discard(path)
        self._forget_directories()
        return self._dir(parent)

    # ---- directories

    def _dir(self, path: bytes, make: bool = True) -> int:
        """A descriptor of a directory of the tree, valid until the next call; missing ones are made."""
        if not path:
            return self.top
        fd = self._open.get(path)
        if fd is not None:
            return fd
        parts = path.split(b"/")
        known = len(parts) - 1
        while known and b"/".join(parts[:known]) not in self._open:
            known -= 1
        fd = self._open[b"/".join(parts[:known])] if known else self.top
        for count in range(known, len(parts)):
            fd = self._down(fd, parts[count], b"/".join(parts[: count + 1]), make)
        return fd

    def _down(self, above: int, name: bytes, path: bytes, make: bool) -> int:
        try:
            fd = os.open(name, _DIRECTORY, dir_fd=above)
        except FileNotFoundError:
            if not make:
                raise
            fd = self._implied(above, name, path)
        except NotADirectoryError:
            fd = self._through(path, above, name, make)
        if len(self._open) >= _CACHED:
            for old in list(self._open)[: _CACHED // 2]:
                os.close(self._open.pop(old))
        self._open[path] = fd
        return fd

    def _implied(self, above: int, name: bytes, path: bytes) -> int:
        os.mkdir(name, 0o700, dir_fd=above)
        self._later.setdefault(path, _Later(0o755, 0, 0, None, None))
        return os.open(name, _DIRECTORY, dir_fd=above)

    def _through(self, path: bytes, above: int, name: bytes, make: bool) -> int:
        """A component is no directory: a whiteout that gives way, or a link to resolve inside the tree."""
        if path in self._white and make:
            os.unlink(name, dir_fd=above)
            self._white.discard(path)
            self._opaque.add(path)
            return self._implied(above, name, path)
        return Root(self.top).open_dir(path)

    def _forget_directories(self) -> None:
        for fd in self._open.values():
            os.close(fd)
        self._open.clear()

    def _finish_directories(self) -> None:
        for path in self._opaque:
            later = self._later.get(path) or _Later(0o755, 0, 0, None, None)
            mark = {f"{self._prefix}.overlay.opaque": b"y"}
            self._later[path] = later._replace(xattrs={**(later.xattrs or {}), **mark})
        # Deepest first: a mode without search permission would shut out a plain user from what is below.
        for path in sorted(self._later, reverse=True):
            later = self._later[path]
            fd = self._dir(path, make=False)
            if path and (later.uid, later.gid) != self._made_as and not self.options.ignore_chown:
                os.fchown(fd, later.uid, later.gid)
            if later.xattrs:
                write_all(fd, later.xattrs, self._forgiven)
            if path:
                os.fchmod(fd, later.mode)
            if later.times:
                os.utime(fd, ns=later.times)

    def _wanted(self, xattrs: dict[str, bytes]) -> dict[str, bytes]:
        """Without what would steer overlayfs, and without the label of the machine that packed it."""
        return {
            key: value
            for key, value in xattrs.items()
            if not key.startswith(OVERLAY_PREFIXES) and key != "security.selinux"
        }

    # ---- errors

    def _explain(self, error: OSError, member: Member | None) -> EngineError:
        what = shown(member.name) if member is not None else "its directories"
        deed = f"unpack {self.reader.what}"
        number = error.errno
        if number in (errno.ENOSPC, errno.EDQUOT):
            return HostLacks(deed, f"{what}: {os.strerror(number)}", "Free space where images are stored")
        if number == errno.EINVAL and self.options.rootless and member is not None:
            return HostLacks(
                deed,
                f"{what} belongs to {member.uid}:{member.gid}, an id this user has not been given",
                "Give the user more subordinate ids in /etc/subuid and /etc/subgid",
            )
        if number in (errno.EPERM, errno.EACCES, errno.EROFS, errno.EMFILE, errno.ENFILE, errno.EIO, errno.ENOMEM):
            return HostLacks(deed, f"{what}: {error.strerror}")
        return Corrupt(deed, f"{what}: {error.strerror}")


def _times(member: Member) -> tuple[int, int]:
    """Access and modification time as Go sets them: 1970 for what 64 bits of nanoseconds cannot hold, and never an
    access before the modification."""
    mtime = member.mtime if 0 <= member.mtime < _TIME_LIMIT else 0
    atime = max(member.atime, member.mtime)
    return (atime if 0 <= atime < _TIME_LIMIT else 0, mtime)
