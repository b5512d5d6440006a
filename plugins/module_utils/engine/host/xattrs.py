# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Extended attributes of things in foreign trees, reached through a directory descriptor and never through a symlink.

xattr(7) calls take no directory descriptor; /proc/self/fd/N/name does, since only the last component is foreign.
"""

from __future__ import annotations

import errno
import os

# What overlayfs itself keeps on upper directories and files; never part of an image.
OVERLAY_PREFIXES = ("trusted.overlay.", "user.overlay.")


def beside(dirfd: int, name: bytes) -> bytes:
    """A path that names entry `name` of the open directory."""
    return b"/proc/self/fd/%d/%s" % (dirfd, name)


def read_all(dirfd: int, name: bytes) -> dict[str, bytes]:
    """Every attribute of the entry itself; none where the file system has no such thing. Raises OSError."""
    return read_path(beside(dirfd, name))


def read_path(path: bytes | int) -> dict[str, bytes]:
    """As `read_all`, of a path (not followed) or a descriptor."""
    follow = isinstance(path, int)
    try:
        names = os.listxattr(path, follow_symlinks=follow)
    except OSError as error:
        if error.errno in (errno.ENOTSUP, errno.EPERM, errno.ENOSYS):
            return {}
        raise
    found: dict[str, bytes] = {}
    for key in names:
        try:
            found[key] = os.getxattr(path, key, follow_symlinks=follow)
        except OSError as error:
            if error.errno not in (errno.ENODATA, errno.EPERM, errno.EACCES, errno.ENOTSUP):
                raise
    return found


def write_all(target: int | bytes, values: dict[str, bytes], forgiven: tuple[int, ...]) -> None:
    """Set `values` on a descriptor or an unfollowed path; an errno in `forgiven` skips that attribute."""
    follow = isinstance(target, int)
    for key, value in values.items():
        try:
            os.setxattr(target, key, value, follow_symlinks=follow)
        except OSError as error:
            if error.errno not in forgiven:
                raise
