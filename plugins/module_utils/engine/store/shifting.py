# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A copy of an image's files that belongs to the ids of a user namespace, for where the kernel cannot translate.

A plain user's kernel gives no mounts with translated ids. As podman does, one copy is made for an image and a map, in
a layer of its own over the image's; later containers with the same map share it.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..host.xattrs import beside

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .records import IdMap

_DEED = "give an image's files to the ids of a user namespace"
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_CAPABILITY = "security.capability"


class Owners:
    """From the ids that a file of the image has to those outside that they are."""

    def __init__(self, uids: Sequence[IdMap], gids: Sequence[IdMap]) -> None:
        self._uids = uids
        self._gids = gids

    def of(self, info: os.stat_result, path: bytes) -> tuple[int, int]:
        """Raises BadInput for an owner who is nobody in the namespace."""
        return self._outside(self._uids, info.st_uid, path), self._outside(self._gids, info.st_gid, path)

    def _outside(self, lines: Sequence[IdMap], number: int, path: bytes) -> int:
        for line in lines:
            if 0 <= number - line.container_id < line.size:
                return line.host_id + number - line.container_id
        name = path.decode("utf-8", "replace")
        raise BadInput(_DEED, f"{name} of the image belongs to {number}, which is not mapped", "Map more ids")


def shift(top: str, owners: Owners) -> None:
    """Give everything in the mounted tree to its owner outside. Nothing in it is followed or run meanwhile."""
    fd = os.open(top, _DIRECTORY)
    try:
        _below(fd, owners, b"")
        os.fchown(fd, *owners.of(os.fstat(fd), b"/"))
    finally:
        os.close(fd)


def _below(fd: int, owners: Owners, path: bytes) -> None:
    for name in sorted(os.listdir(b"/proc/self/fd/%d" % fd)):
        where = path + b"/" + name
        info = os.stat(name, dir_fd=fd, follow_symlinks=False)
        if stat.S_ISDIR(info.st_mode):
            child = os.open(name, _DIRECTORY, dir_fd=fd)
            try:
                _below(child, owners, where)
            finally:
                os.close(child)
        _give(fd, name, info, owners.of(info, where))


def _give(fd: int, name: bytes, info: os.stat_result, owner: tuple[int, int]) -> None:
    """A file loses its set-id bits and capabilities with its owner (chown(2)): they are given back."""
    plain = stat.S_ISREG(info.st_mode)
    capability = _capability(fd, name) if plain else None
    os.chown(name, *owner, dir_fd=fd, follow_symlinks=False)
    if plain and info.st_mode & 0o6000:
        os.chmod(name, stat.S_IMODE(info.st_mode), dir_fd=fd)
    if capability is not None:
        os.setxattr(beside(fd, name), _CAPABILITY, capability, follow_symlinks=False)


def _capability(fd: int, name: bytes) -> bytes | None:
    try:
        return os.getxattr(beside(fd, name), _CAPABILITY, follow_symlinks=False)
    except OSError:
        return None
