# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What podman does to a volume at its first use: the image's content goes in, and its owner and mode are taken over.

Both trees are foreign. They are walked by descriptors: nothing in either can make us read or write outside.
"""

from __future__ import annotations

import os
import shutil
import stat
from typing import TYPE_CHECKING

from ..base.errors import BadInput, EngineError, NotFound
from ..base.steps import reached
from ..host import xattrs
from ..host.rooted import Root

if TYPE_CHECKING:
    from ..session.session import Session
    from ..volume.observed import VolumeView

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CHUNK = 1 << 20


def prepare_volume(
    session: Session, view: VolumeView, rootfs: str, target: str, owner_else: tuple[int, int], *, copy: bool
) -> None:
    """Fill and chown the volume from what the image has at `target`, or to `owner_else` where it has nothing; only an
    empty volume is filled.

    Interrupted half-way it is done again: the volume is recorded as used only afterwards.
    """
    from ..volume import mount

    deed = f"prepare volume {view.name}"
    source = _image_directory(rootfs, target)
    try:
        with _opened(view.mountpoint, deed) as volume:
            empty = _is_empty(volume.fd)
            if source >= 0:
                if copy and view.needs_copy_up and empty:
                    _Copy().directory(source, volume.fd)
                    reached("volume-filled")
                if view.needs_chown and (empty or view.needs_copy_up):
                    info = os.fstat(source)
                    os.fchown(volume.fd, info.st_uid, info.st_gid)
                    os.fchmod(volume.fd, stat.S_IMODE(info.st_mode))
            elif view.needs_chown and empty:
                os.fchown(volume.fd, *owner_else)
            owner = os.fstat(volume.fd)
    except OSError as error:
        raise EngineError(deed, f"{error.strerror}: {os.fsdecode(error.filename or b'')}".rstrip(": ")) from error
    finally:
        if source >= 0:
            os.close(source)
    if view.needs_copy_up:
        mount.copied_up(session, view.name)
    if view.needs_chown:
        mount.chowned(session, view.name, owner.st_uid, owner.st_gid)


def chown_tree(path: str, uid: int, gid: int) -> None:
    """Give everything below a directory to one owner (`:U`); symbolic links themselves, not what they point to."""
    with _opened(path, f"change the owner of {path}") as top:
        _chown_below(os.dup(top.fd), uid, gid)


def _opened(path: str, deed: str) -> Root:
    try:
        return Root.of(path)
    except OSError as error:
        raise NotFound(deed, f"{path}: {error.strerror}") from error


def _image_directory(rootfs: str, target: str) -> int:
    """A descriptor of the directory that the image has at `target`, -1 for none."""
    with Root.of(rootfs) as root:
        try:
            return root.open_dir(target)
        except OSError:
            return -1


def _is_empty(fd: int) -> bool:
    with os.scandir(fd) as entries:
        return not any(True for entry in entries)


def _chown_below(fd: int, uid: int, gid: int) -> None:
    try:
        os.fchown(fd, uid, gid)
        for name in os.listdir(fd):
            info = os.stat(name, dir_fd=fd, follow_symlinks=False)
            if stat.S_ISDIR(info.st_mode):
                _chown_below(os.open(name, _DIRECTORY, dir_fd=fd), uid, gid)
            else:
                os.chown(name, uid, gid, dir_fd=fd, follow_symlinks=False)
                if info.st_mode & 0o6000 and stat.S_ISREG(info.st_mode):  # chown(2) takes set-id bits away
                    os.chmod(name, stat.S_IMODE(info.st_mode), dir_fd=fd)
    finally:
        os.close(fd)


class _Copy:
    """One recursive copy; hard links among the copied files stay hard links."""

    def __init__(self) -> None:
        self._links: dict[tuple[int, int], tuple[int, str]] = {}

    def directory(self, source: int, target: int) -> None:
        """Copy what is in `source` into `target`; neither descriptor is closed."""
        for name in sorted(os.listdir(source)):
            info = os.stat(name, dir_fd=source, follow_symlinks=False)
            if stat.S_ISDIR(info.st_mode):
                self._subdirectory(source, target, name, info)
            elif info.st_nlink > 1 and self._linked(target, name, info):
                continue
            else:
                self._leaf(source, target, name, info)

    def _subdirectory(self, source: int, target: int, name: str, info: os.stat_result) -> None:
        os.mkdir(name, 0o700, dir_fd=target)
        below = os.open(name, _DIRECTORY, dir_fd=source)
        made = os.open(name, _DIRECTORY, dir_fd=target)
        try:
            self.directory(below, made)
            os.fchown(made, info.st_uid, info.st_gid)
            os.fchmod(made, stat.S_IMODE(info.st_mode))
            xattrs.write_all(made, _portable(xattrs.read_path(below)), xattrs_forgiven())
            os.utime(made, ns=(info.st_atime_ns, info.st_mtime_ns))
        finally:
            os.close(below)
            os.close(made)

    def _linked(self, target: int, name: str, info: os.stat_result) -> bool:
        key = (info.st_dev, info.st_ino)
        if key not in self._links:
            self._links[key] = (os.dup(target), name)
            return False
        first_dir, first_name = self._links[key]
        os.link(first_name, name, src_dir_fd=first_dir, dst_dir_fd=target, follow_symlinks=False)
        return True

    def _leaf(self, source: int, target: int, name: str, info: os.stat_result) -> None:
        if stat.S_ISREG(info.st_mode):
            self._file(source, target, name)
        elif stat.S_ISLNK(info.st_mode):
            os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
        elif stat.S_ISSOCK(info.st_mode):
            return
        else:
            os.mknod(name, info.st_mode, info.st_rdev, dir_fd=target)
        os.chown(name, info.st_uid, info.st_gid, dir_fd=target, follow_symlinks=False)
        if not stat.S_ISLNK(info.st_mode):
            os.chmod(name, stat.S_IMODE(info.st_mode), dir_fd=target)
        attributes = _portable(xattrs.read_all(source, os.fsencode(name)))
        xattrs.write_all(xattrs.beside(target, os.fsencode(name)), attributes, xattrs_forgiven())
        os.utime(name, ns=(info.st_atime_ns, info.st_mtime_ns), dir_fd=target, follow_symlinks=False)

    @staticmethod
    def _file(source: int, target: int, name: str) -> None:
        flags = os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK
        with open(os.open(name, flags, dir_fd=source), "rb") as reader:
            if not stat.S_ISREG(os.fstat(reader.fileno()).st_mode):
                raise BadInput(f"copy {name}", "it changed its type meanwhile")
            made = os.open(
                name, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600, dir_fd=target
            )
            with open(made, "wb") as writer:
                shutil.copyfileobj(reader, writer, _CHUNK)

    def __del__(self) -> None:
        for fd, _name in self._links.values():
            os.close(fd)


def _portable(values: dict[str, bytes]) -> dict[str, bytes]:
    return {key: value for key, value in values.items() if not key.startswith(xattrs.OVERLAY_PREFIXES)}


def xattrs_forgiven() -> tuple[int, ...]:
    """Attributes that the volume's file system or a plain user cannot have."""
    import errno

    return (errno.ENOTSUP, errno.EPERM, errno.EACCES)
