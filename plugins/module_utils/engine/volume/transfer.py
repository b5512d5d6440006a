# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is in a volume, out into a tar and back in. podman's loses the owner and mode of the volume's own directory;
this one has them, as the member "./", which podman reads as well.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..files.apply import apply
from ..files.decide import Wish, decide, plan
from ..files.end import End
from ..files.pairs import look
from .archive import pieces, staged

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..base.streams import Reader
    from ..files.decide import Work
    from ..files.pairs import Pair
    from ..plan.change import Plan
    from ..session.session import Session
    from .archive import Staged
    from .observed import VolumeView

__all__ = ["bring", "foresee", "mounted", "pieces"]

_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class _Top(NamedTuple):
    """Mode and owner of the volume's directory, as they are and as the archive has them."""

    before: tuple[int, int, int]
    after: tuple[int, int, int]


@contextmanager
def mounted(session: Session, view: VolumeView) -> Iterator[str]:
    """The directory of the volume; one that asks for a mount is mounted during the block, for us alone."""
    from . import mount

    if not view.needs_mount:
        yield view.mountpoint
        return
    from ..host.private_mounts import Space

    space = Space.make()
    try:
        fd = space.run(lambda: os.open(mount.look(session, view), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))
        try:
            yield f"/proc/self/fd/{fd}"
        finally:
            os.close(fd)
    finally:
        space.close()


def foresee(session: Session, view: VolumeView, reader: Reader, what: str) -> Plan:
    """What an import comes to; the volume is not changed. Raises Corrupt, HostLacks, Refused."""
    with staged(session, reader, what) as place, mounted(session, view) as path:
        works, top, _pairs = _compared(place, path, view)
        return _plan(view, works, top)


def bring(session: Session, view: VolumeView, reader: Reader, what: str, *, times: bool = False) -> Plan:
    """Import an archive: what it has replaces what is at the same path, all else stays. Raises as `foresee` does.

    `times`: files that differ in nothing else get the archive's time as well. Killed half-way it is finished by the
    next import of the same.
    """
    with staged(session, reader, what) as place, mounted(session, view) as path:
        works, top, pairs = _compared(place, path, view)
        made = _plan(view, works, top)
        if not made.changed and not times:
            return made
        source, target = _ends(place, path)
        try:
            if times:
                _date(target, pairs)
            apply(works, source, target, f"volume {view.name}", move=not view.needs_mount)
            if top is not None:
                mode, uid, gid = top.after
                os.fchown(target.fd, uid, gid)
                os.fchmod(target.fd, mode)
                reached("volume-top-set")
        finally:
            source.close()
            target.close()
    _remember(session, view, top)
    return made


def _ends(place: Staged, path: str) -> tuple[End, End]:
    return End(os.open(place.path, _DIRECTORY)), End(os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC))


def _date(target: End, pairs: list[Pair]) -> None:
    for pair in pairs:
        if pair.same and pair.there is not None and pair.there.mtime != pair.source.mtime:
            opened = target.open_file(pair.path)
            try:
                os.utime(opened, ns=(pair.source.mtime, pair.source.mtime))
            finally:
                os.close(opened)


def _compared(place: Staged, path: str, view: VolumeView) -> tuple[list[Work], _Top | None, list[Pair]]:
    source, target = _ends(place, path)
    try:
        # An archive is restored as it is: what a directory was replaced by, and set-id bits, included.
        wish = Wish(owner=lambda uid, gid: (uid, gid), overwrite=True, devices=True, keep_top=True)
        pairs = look(source, target)
        works = decide(pairs, wish, f"volume {view.name}")
        info = os.fstat(target.fd)
    finally:
        source.close()
        target.close()
    before = (info.st_mode & 0o7777, info.st_uid, info.st_gid)
    top = _Top(before, place.top) if place.top is not None and place.top != before else None
    return works, top, pairs


def _plan(view: VolumeView, works: list[Work], top: _Top | None) -> Plan:
    from ..plan.change import Change, Step

    made = plan(f"import into volume {view.name}", works, "")
    if top is None:
        return made
    before, after = ({"mode": f"0{mode:03o}", "owner": f"{uid}:{gid}"} for mode, uid, gid in top)
    return made._replace(
        steps=(*made.steps, Step("adjust directory", "/")), changes=(*made.changes, Change("/", before, after))
    )


def _remember(session: Session, view: VolumeView, top: _Top | None) -> None:
    """An import is a volume's first use: its first container must not fill it from its image, nor change its owner."""
    from . import mount

    if view.never_mounted:
        mount.copied_up(session, view.name)
    if view.needs_chown and top is not None:
        mount.chowned(session, view.name, top.after[1], top.after[2])
