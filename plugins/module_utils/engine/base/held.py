# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Directories of small files that several of us may edit, one at a time."""

from __future__ import annotations

import fcntl
import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator


@contextmanager
def held(directory: str) -> Iterator[None]:
    """Hold the directory against others of us: a lock file beside what it is for would stay there for ever.

    Raises OSError.
    """
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX)
        yield
    finally:
        os.close(fd)


def clear_unfinished(path: str) -> None:
    """Remove what somebody who was killed while he wrote the file has left; for who holds its directory."""
    directory, name = os.path.split(path)
    for entry in os.listdir(directory):
        if entry.startswith(f".tmp-{name[:100]}-"):
            os.unlink(os.path.join(directory, entry))
