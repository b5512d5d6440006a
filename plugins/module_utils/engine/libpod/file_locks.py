# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One file a lock (lock_type = "file"): a file that exists is an allocated lock, a record lock on it holds it."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.errors import HostLacks
from ..base.locks import FileLock
from ..base.steps import reached

if TYPE_CHECKING:
    from collections.abc import Iterator


class FileLocks:
    """The locks in `directory`, files named by number."""

    def __init__(self, directory: str, number: int) -> None:
        self.directory = directory
        self.number = number

    def allocate(self) -> int:
        """The lowest free lock."""
        os.makedirs(self.directory, mode=0o711, exist_ok=True)
        for number in range(1 << 31):
            if self.allocate_given(number):
                return number
        raise HostLacks("allocate a lock", f"{self.directory} is full")

    def allocate_given(self, number: int) -> bool:
        """Take one lock by number; False when it is taken already."""
        os.makedirs(self.directory, mode=0o711, exist_ok=True)
        try:
            os.close(os.open(self._path(number), os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o666))
        except FileExistsError:
            return False
        return True

    def free(self, number: int) -> None:
        """Give a lock back. One that is free is no error."""
        try:
            os.unlink(self._path(number))
        except FileNotFoundError:
            pass

    def allocated(self) -> set[int]:
        try:
            return {int(name) for name in os.listdir(self.directory) if name.isdigit()}
        except FileNotFoundError:
            return set()

    @contextmanager
    def hold(self, number: int, timeout: float | None = None) -> Iterator[None]:
        """Hold lock `number`. Raises TimedOut after `timeout` seconds."""
        with FileLock(self._path(number), timeout=timeout):
            reached("lock-held")
            yield

    def _path(self, number: int) -> str:
        return os.path.join(self.directory, str(number))
