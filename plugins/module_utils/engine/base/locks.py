# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Advisory locks that podman's own respect and that no stray close() can lose.

containers/storage and libpod take POSIX record locks, which belong to the process and vanish when any descriptor of
the file is closed. Open-file-description locks (fcntl(2), F_OFD_SETLK) conflict with them in the kernel, belong to
the descriptor, and exclude our own threads as well.
"""

from __future__ import annotations

import errno
import fcntl
import os
import struct
import time
from typing import TYPE_CHECKING

from .errors import TimedOut

if TYPE_CHECKING:
    from types import TracebackType

_F_OFD_SETLK = 37
_F_OFD_SETLKW = 38
_FLOCK = struct.Struct("hhqqi4x")  # struct flock of 64-bit Linux: l_type, l_whence, l_start, l_len, l_pid
_POLL_SECONDS = 0.02


class FileLock:
    """A whole-file lock held between `with` and its end; `fd` is the descriptor that carries it.

    `readonly` opens an existing file O_RDONLY (stores on read-only media) and implies a shared lock.
    `timeout` in seconds raises TimedOut; None waits for ever.
    """

    def __init__(
        self,
        path: str,
        *,
        shared: bool = False,
        mode: int = 0o644,
        readonly: bool = False,
        timeout: float | None = None,
    ) -> None:
        self.path = path
        self.shared = shared or readonly
        self.mode = mode
        self.readonly = readonly
        self.timeout = timeout
        self.fd = -1

    def acquire(self) -> None:
        flags = os.O_RDONLY if self.readonly else os.O_RDWR | os.O_CREAT
        fd = os.open(self.path, flags | os.O_CLOEXEC, self.mode)
        try:
            self._lock(fd)
        except BaseException:
            os.close(fd)
            raise
        self.fd = fd

    def _lock(self, fd: int) -> None:
        kind = fcntl.F_RDLCK if self.shared else fcntl.F_WRLCK
        request = _FLOCK.pack(kind, os.SEEK_SET, 0, 0, 0)
        if self.timeout is None:
            fcntl.fcntl(fd, _F_OFD_SETLKW, request)
            return
        deadline = time.monotonic() + self.timeout
        while True:
            try:
                fcntl.fcntl(fd, _F_OFD_SETLK, request)
                return
            except OSError as error:
                if error.errno not in (errno.EAGAIN, errno.EACCES):
                    raise
            if time.monotonic() >= deadline:
                raise TimedOut(f"lock {self.path}", f"held by another process for more than {self.timeout:g} s")
            time.sleep(_POLL_SECONDS)

    def release(self) -> None:
        if self.fd >= 0:
            os.close(self.fd)
            self.fd = -1

    def __enter__(self) -> FileLock:
        self.acquire()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()
