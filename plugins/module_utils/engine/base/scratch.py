# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Private directories for the time of one deed. One that somebody who was killed left goes with the next of its kind.

Who works in one holds a lock, so that nobody has to guess from pids, which mean nothing across namespaces.
"""

from __future__ import annotations

import fcntl
import os
import stat
import time

_LOCK = "in-use"
_YOUNG = 60.0  # seconds in which a new one may not have its lock yet


class Scratch:
    """The path of a new directory between `with` and its end; `kind` names it, `parent` is where it is made."""

    def __init__(self, kind: str, parent: str) -> None:
        self._prefix = f"daemonless-{kind}-"
        self._parent = parent
        self._path = ""
        self._lock = -1

    def __enter__(self) -> str:
        """Raises OSError."""
        _sweep(self._parent, self._prefix)
        path = os.path.join(self._parent, self._prefix + os.urandom(8).hex())
        os.mkdir(path, 0o700)
        self._path = path
        try:
            self._lock = os.open(os.path.join(path, _LOCK), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            fcntl.flock(self._lock, fcntl.LOCK_EX)
        except BaseException:
            self.__exit__()
            raise
        return path

    def __exit__(self, *_details: object) -> None:
        import shutil

        shutil.rmtree(self._path, ignore_errors=True)
        if self._lock >= 0:
            os.close(self._lock)
            self._lock = -1


def _sweep(parent: str, prefix: str) -> None:
    """Those of ours that nobody works in."""
    try:
        names = [name for name in os.listdir(parent) if name.startswith(prefix)]
    except OSError:
        return  # whoever makes one there will be told
    for name in names:
        path = os.path.join(parent, name)
        try:
            info = os.lstat(path)
            ours = stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid()
            if ours and time.time() - info.st_mtime > _YOUNG and _abandoned(path):
                import shutil

                shutil.rmtree(path, ignore_errors=True)
        except OSError:
            continue  # somebody else was quicker


def _abandoned(path: str) -> bool:
    try:
        lock = os.open(os.path.join(path, _LOCK), os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
    except FileNotFoundError:
        return True
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    finally:
        os.close(lock)
    return True
