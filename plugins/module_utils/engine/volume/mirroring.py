# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A volume made the mirror of one on another host: only what differs travels, in one archive."""

from __future__ import annotations

import os
import stat
import time
from typing import TYPE_CHECKING

from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..files import mirror
from ..files.end import End
from ..host.libc import syncfs
from . import transfer
from .desired import VolumeDesired

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..base.jsonval import Json
    from ..base.streams import Reader
    from ..files.mirror import Difference
    from ..session.session import Session
    from ..store.pack import Packer
    from .observed import VolumeView

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC
_MARGIN = 2_000_000_000  # nanoseconds: the kernel dates files by a coarse clock, and clocks are set right


class Offered(NamedTuple):
    """What a host that receives the volume has to know: as it is to be made there."""

    driver: str
    options: dict[str, str]
    labels: dict[str, str]

    def words(self) -> Json:
        return {"driver": self.driver, "options": dict(self.options), "labels": dict(self.labels)}

    def desired(self, name: str) -> VolumeDesired:
        return VolumeDesired(name, self.driver, tuple(self.options.items()), tuple(self.labels.items()))


def offered(view: VolumeView) -> Offered:
    """Capitals are podman's own notes of what `o` says."""
    options = {key: value for key, value in view.options.items() if not key.isupper()}
    return Offered(view.driver, options, view.labels)


def index(session: Session, view: VolumeView) -> bytes:
    with transfer.mounted(session, view) as path:
        end = End(os.open(path, _DIRECTORY))
        try:
            return mirror.index(end)
        finally:
            end.close()


def moment(session: Session, view: VolumeView) -> int:
    """Whatever is written into the volume from now on is dated after this, in nanoseconds since 1970. A page that is
    mapped and was written to before is written back first: else a further write to it would not be dated at all."""
    now = time.time_ns() - _MARGIN
    with transfer.mounted(session, view) as path:
        fd = os.open(path, _DIRECTORY)
        try:
            syncfs(fd)
        finally:
            os.close(fd)
    return now


def compare(session: Session, view: VolumeView, there: dict[bytes, str], since: int) -> Difference:
    with transfer.mounted(session, view) as path:
        end = End(os.open(path, _DIRECTORY))
        try:
            return mirror.compare(end, there, since)
        finally:
            end.close()


def pieces(session: Session, view: VolumeView, found: Difference) -> Iterator[bytes]:
    """The tar of what is to be sent. What has gone away meanwhile is left out. Raises HostLacks."""
    from ..store.pack import Packer
    from ..store.pack import top as header

    packer = Packer(f"volume {view.name}")
    packer.whiteouts = False
    with transfer.mounted(session, view) as path:
        end = End(os.open(path, _DIRECTORY))
        try:
            yield header(b"./", os.fstat(end.fd))
            for one in found.send:
                if one:
                    yield from _member(packer, end, one)
        except OSError as error:
            raise packer.explain(error) from error
        finally:
            end.close()
    yield bytes(1024)


def _member(packer: Packer, end: End, path: bytes) -> Iterator[bytes]:
    packer.at = path
    try:
        fd, name = end.split(path)
        info = os.stat(name, dir_fd=fd, follow_symlinks=False)
        if stat.S_ISREG(info.st_mode):
            os.close(end.open_file(path))
    except (FileNotFoundError, NotADirectoryError):
        return
    yield from packer.entry(fd, name, path[: -len(name)], info)


def bring(session: Session, view: VolumeView, reader: Reader, gone: tuple[bytes, ...], what: str) -> None:
    """Put the archive in place, then remove what the other end does not have. Killed half-way, the next transfer
    finishes it. Raises as volume_import does."""
    transfer.bring(session, view, reader, what, times=True)
    reached("mirror-brought")
    clear(session, view, gone)


def clear(session: Session, view: VolumeView, gone: tuple[bytes, ...]) -> None:
    """Remove what the other end does not have."""
    with transfer.mounted(session, view) as path:
        mirror.delete(path, gone, f"volume {view.name}")
