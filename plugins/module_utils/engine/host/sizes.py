# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How much is in a tree."""

from __future__ import annotations

import os
import stat


def tree_bytes(path: str) -> int:
    """The lengths of all that is no directory below a path, each inode once; 0 for a path that is not there."""
    total = 0
    seen: set[tuple[int, int]] = set()
    for _directory, _names, files, fd in os.fwalk(path, follow_symlinks=False):
        for name in files:
            try:
                info = os.stat(name, dir_fd=fd, follow_symlinks=False)
            except FileNotFoundError:  # somebody is at work there
                continue
            if info.st_nlink > 1:
                if (info.st_dev, info.st_ino) in seen:
                    continue
                seen.add((info.st_dev, info.st_ino))
            if not stat.S_ISDIR(info.st_mode):
                total += info.st_size
    return total
