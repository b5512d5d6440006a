# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Lower layers as a container's user namespace sees them: the kernel translates owners while mounting.

Layers stay as they are on the disk. Each store that lowers come from is cloned, the clone given the namespace's map
(mount_setattr(2)), attached below the container's layer only while overlayfs takes its lowers from there.
"""

from __future__ import annotations

import errno
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.errors import HostLacks
from ..host import libc, mapped, mounts

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from .records import IdMap

_DEED = "mount a container's layers with its ids"


def root_of(lines: Sequence[IdMap]) -> int:
    """The id outside that is 0 inside; -1 (chown(2): leave it) where nothing is."""
    return next((line.host_id for line in lines if line.container_id == 0), -1)


@contextmanager
def clones(
    homes: Sequence[str], directory: str, uids: Sequence[IdMap], gids: Sequence[IdMap]
) -> Iterator[dict[str, str]]:
    """For each of the directories a path under `directory` where its owners are translated, during the block.

    Raises HostLacks where the kernel or the file system cannot.
    """
    places: dict[str, str] = {}
    namespace = mapped.namespace(_lines(uids), _lines(gids))
    try:
        for number, home in enumerate(dict.fromkeys(homes)):
            place = os.path.join(directory, str(number))
            os.makedirs(place, mode=0o700, exist_ok=True)
            mounts.unmount_all(place)
            places[home] = place
            _attach(home, place, namespace)
        yield places
    finally:
        os.close(namespace)
        for place in places.values():
            mounts.unmount(place)
            os.rmdir(place)


def _lines(maps: Sequence[IdMap]) -> list[mapped.Line]:
    return [(line.container_id, line.host_id, line.size) for line in maps]


def _attach(home: str, place: str, namespace: int) -> None:
    try:
        tree = libc.open_tree(libc.AT_FDCWD, home, libc.OPEN_TREE_CLONE | libc.OPEN_TREE_CLOEXEC)
        try:
            libc.mount_setattr_idmap(tree, namespace)
            libc.move_mount(tree, place)
        finally:
            os.close(tree)
    except OSError as error:
        if error.errno in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM):
            raise HostLacks(
                _DEED,
                f"the kernel or the file system of {home} has no mounts with translated ids",
                "That needs Linux 5.19 and ext4, xfs or btrfs",
            ) from error
        raise
