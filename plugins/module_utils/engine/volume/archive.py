# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A volume as a tar, with the owner and mode of its top; and a foreign tar unpacked beside the volumes."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.errors import HostLacks
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..host.rooted import Root, remove_tree

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..base.limits import Limits
    from ..base.streams import Reader
    from ..session.session import Session
    from .observed import VolumeView

_STAGED = ".unpacked-"  # no volume can be called so


class Staged(NamedTuple):
    """A directory that goes away after the block. `top` is (mode, uid, gid) where the archive says it, else None."""

    path: str
    top: tuple[int, int, int] | None


def pieces(path: str, view: VolumeView) -> Iterator[bytes]:
    """The tar of the directory that the volume is, in pieces; equal content gives equal bytes. Raises HostLacks."""
    from ..store.pack import pack
    from ..store.pack import top as header

    try:
        top = Root.of(path)
    except OSError as error:
        raise HostLacks(f"export volume {view.name}", f"{path}: {error.strerror}") from error
    with top:
        yield header(b"./", os.fstat(top.fd))
        yield from pack(top, f"volume {view.name}")


@contextmanager
def staged(session: Session, reader: Reader, what: str, *, own: bool = False) -> Iterator[Staged]:
    """A tar, compressed or not, unpacked into a directory on the volumes' file system, which nobody else can enter.

    `own`: whatever owners the archive has, all of it is ours. Raises Corrupt for what no archive may hold, HostLacks.
    """
    folder = session.paths.volume_path
    deed = f"unpack {what}"
    try:
        os.makedirs(folder, mode=0o700, exist_ok=True)
        parent = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    except OSError as error:
        raise HostLacks(deed, f"{folder}: {error.strerror}") from error
    try:
        _clear(parent)
        name = _STAGED + os.urandom(4).hex()
        os.mkdir(name, 0o700, dir_fd=parent)
        outer = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=parent)
        try:
            fcntl.flock(outer, fcntl.LOCK_EX)
            os.mkdir("tree", 0o700, dir_fd=outer)
            reached("archive-staging-made")
            top = _unpack(session, reader, what, outer, own=own)
            reached("archive-unpacked")
            yield Staged(os.path.join(folder, name, "tree"), top)
        finally:
            remove_tree(parent, name)
            os.close(outer)
    finally:
        os.close(parent)


def _clear(parent: int) -> None:
    """What killed runs left: theirs is not locked any more."""
    for name in os.listdir(parent):
        if not name.startswith(_STAGED):
            continue
        try:
            fd = os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=parent)
        except OSError:
            continue
        try:
            fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
            remove_tree(parent, name)
        except BlockingIOError:
            continue
        finally:
            os.close(fd)


def _unpack(session: Session, reader: Reader, what: str, outer: int, *, own: bool) -> tuple[int, int, int] | None:
    from ..host import compression
    from ..store.loose import Unrecorded
    from ..store.tar_reader import Source, TarReader
    from ..store.unpack import Unpacker
    from ..store.values import UnpackOptions

    counted = _Counted(reader)
    head, raw = compression.peek(counted)
    plain = compression.decompressor(compression.sniff(head), raw, what)
    options = UnpackOptions(rootless=session.identity.rootless, overlay_whiteouts=False, ignore_chown=own)
    limited = _Limited(plain.piece, counted, options.limits, what)
    notes = Unrecorded()
    top = os.open("tree", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=outer)
    try:
        tar = TarReader(Source(limited.pull), what)
        Unpacker(top, tar, notes, options).run()
        for _piece in tar.rest():
            pass
    finally:
        os.close(top)
    return notes.top


class _Counted:
    def __init__(self, raw: Reader) -> None:
        self._raw = raw
        self.count = 0

    def read(self, size: int = -1) -> bytes:
        data = self._raw.read(size)
        self.count += len(data)
        return data


class _Limited:
    """Plain bytes, held against the limits of an archive while they come."""

    def __init__(self, pull: Callable[[], bytes], counted: _Counted, limits: Limits, what: str) -> None:
        self._pull = pull
        self._counted = counted
        self._limits = limits
        self._what = what
        self._size = 0

    def pull(self) -> bytes:
        piece = self._pull()
        self._size += len(piece)
        self._limits.hold(self._size, self._counted.count, self._what)
        return piece
