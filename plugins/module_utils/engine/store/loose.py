# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A tar's tree below a directory that is no layer: the content of a volume, of /dev/shm, what a container changed.

The same unpacker as for layers, so the same defence; but whiteouts are plain names, and nothing is noted beside it.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import HostLacks
from .tar_header import place_of
from .tar_reader import Source, TarReader
from .tarsplit import SplitWriter
from .unpack import Unpacker
from .values import UnpackOptions

if TYPE_CHECKING:
    from collections.abc import Callable

    from .tar_header import Member


def _unsummed(crc: int, _data: bytes | memoryview) -> int:
    return crc


class Unrecorded(SplitWriter):
    """What would go into tar-split goes nowhere; `top` is what the archive says of its top: mode, owner and group."""

    def __init__(self) -> None:
        """Without a file."""
        self.top: tuple[int, int, int] | None = None
        self.crc = _unsummed

    def segment(self, raw: bytes) -> None:
        return

    def body_done(self, member: Member, crc: int) -> None:
        if member.kind == b"5" and not place_of(member.name):
            self.top = (member.mode & 0o7777, member.uid, member.gid)


class _Filling(Unpacker):
    """For a place that others have as well: what is there already stays as it is."""

    def _member(self, member: Member) -> None:
        path = self._path(member.name)
        if member.kind == b"g" or not path or path in self._seen or not self._is_there(path):
            super()._member(member)
            return
        self.reader.take_raw()
        for _piece in self.reader.body():
            pass

    def _is_there(self, path: bytes) -> bool:
        parent, _slash, name = path.rpartition(b"/")
        try:
            os.stat(name, dir_fd=self._dir(parent, make=False), follow_symlinks=False)
        except (FileNotFoundError, NotADirectoryError):
            return False
        return True


def unpack_below(top: int, pull: Callable[[], bytes], what: str, *, fill: bool = False) -> None:
    """Unpack below the open directory `top`; `pull` gives pieces of the plain tar, b"" at its end. With `fill` only
    what is not there.

    Raises Corrupt, and HostLacks for what this host cannot store.
    """
    reader = TarReader(Source(pull), what)
    kind = _Filling if fill else Unpacker
    try:
        kind(top, reader, Unrecorded(), UnpackOptions(overlay_whiteouts=False)).run()
    except OSError as error:
        raise HostLacks(f"unpack {what}", os.strerror(error.errno or 0)) from error
    for _piece in reader.rest():  # what follows the end is padding
        pass
