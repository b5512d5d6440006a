# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The locks of containers, pods and volumes, one number each, shared with podman.

Order: pod, then container, then storage. Whoever reads a container's state in order to change it holds its lock.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from ..base.errors import BadInput

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

    from .conf import ContainersConf
    from .paths import LibpodPaths


class LockTable(Protocol):
    """Either kind of lock table."""

    def allocate(self) -> int: ...

    def allocate_given(self, number: int) -> bool: ...

    def free(self, number: int) -> None: ...

    def allocated(self) -> set[int]: ...

    def hold(self, number: int, timeout: float | None = None) -> AbstractContextManager[None]: ...


def open_locks(conf: ContainersConf, paths: LibpodPaths) -> LockTable:
    """The table that containers.conf asks for. Nothing is opened or made before its first use."""
    if conf.lock_type == "file":
        from .file_locks import FileLocks

        return FileLocks(paths.lock_directory, conf.num_locks)
    if conf.lock_type in ("", "shm"):
        from .shm_locks import ShmLocks

        return ShmLocks(paths.shm_lock, conf.num_locks)
    raise BadInput("open the lock table", f"lock_type = {conf.lock_type!r} in containers.conf is unknown")
