# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a checkpoint archive holds, put into a container that is being made of it: its own files, what it had changed in
its root, its volumes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.steps import reached
from ..base.tuples import NamedTuple
from . import checkpoint_unpack
from .checkpoint_unpack import Origin, Targets

if TYPE_CHECKING:
    from ..session.session import Session
    from .journal import Entry


class Goods(NamedTuple):
    """`before` is the archive of an earlier round, which `origin` builds on; `volumes` are those whose content goes
    along, `rootfs` whether what the container had changed does."""

    origin: Origin
    before: Origin | None
    name: str
    volumes: tuple[str, ...]
    rootfs: bool


def unpack(session: Session, goods: Goods, static: str, entry: Entry) -> None:
    """Into the container whose id is the entry's key, and whose directory `static` is empty. Which volumes were filled
    is in the entry before they are. Raises Corrupt, HostLacks."""
    identity = entry.key
    folder = os.open(static, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    root = -1
    try:
        if goods.rootfs:
            root = os.open(session.store.diff_path(identity), os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)

        def volume(name: str) -> int:
            if name not in goods.volumes:
                return -1
            note_volume(entry, name)
            path = ensure_volume(session, name, filled=True)
            return os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)

        targets = Targets(folder, root if root >= 0 else None, volume)
        if goods.before is not None:
            nowhere = Targets(folder, None, lambda _name: -1)
            checkpoint_unpack.unpack(session, goods.before, nowhere)
            _clear_small(static)
        deleted = checkpoint_unpack.unpack(session, goods.origin, targets)
    finally:
        os.close(folder)
        if root >= 0:
            os.close(root)
    reached("import-unpacked")
    if deleted and root >= 0:
        from ..files.mirror import delete

        merged = session.store.mount(identity)
        try:
            delete(merged, map(os.fsencode, deleted), f"container {goods.name}")
        finally:
            session.store.unmount(identity, force=True)


def _clear_small(static: str) -> None:
    """The archive of an earlier round has a config and notes of its own."""
    for name in os.listdir(static):
        path = os.path.join(static, name)
        if os.path.isfile(path):
            os.unlink(path)


def note_volume(entry: Entry, name: str) -> None:
    """That it is made for this import, and goes with it."""
    entry.note(volumes=f"{entry.text('volumes')} {name}".strip())


def ensure_volume(session: Session, name: str, *, filled: bool = False) -> str:
    """Its directory; `filled`: what comes into it is its first content."""
    from ..volume.desired import VolumeDesired
    from ..volume.mount import chowned, copied_up
    from ..volume.steps import ensure

    view = ensure(session, VolumeDesired(name))
    if filled:
        info = os.stat(view.mountpoint)
        copied_up(session, name)
        chowned(session, name, info.st_uid, info.st_gid)
    return view.mountpoint
