# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""podman's lock table in shared memory: robust process-shared mutexes of glibc, used by ctypes.

A mutex belongs to the thread that took it and must be released there; one whose owner died is taken over. The mapping
stays for the life of the process, because glibc's list of held robust mutexes points into it.
"""

from __future__ import annotations

import ctypes
import errno
import mmap
import os
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.errors import Damaged, HostLacks, TimedOut
from ..base.steps import reached
from .shm_layout import MAGIC, PER_GROUP, Layout, layout_for

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROCESS_SHARED = 1
_ROBUST = 1
_NORMAL = 0
_FULL = 0xFFFFFFFF
_SLICE_SECONDS = 1  # how long one call into libc may last, so that a signal gets its turn


class _Timespec(ctypes.Structure):
    _fields_ = [("tv_sec", ctypes.c_long), ("tv_nsec", ctypes.c_long)]


class ShmLocks:
    """The table at `path` with (at least) `number` locks, made by the first who needs it, as podman does."""

    def __init__(self, path: str, number: int) -> None:
        self.path = path
        self.number = number
        self._layout: Layout | None = None
        self._memory: mmap.mmap | None = None
        self._base = 0
        self._libc = ctypes.CDLL(None)

    def allocate(self) -> int:
        """The lowest free lock. Raises HostLacks when all are taken."""
        layout = self._map()
        with self._held(layout.table_mutex):
            for group in range(layout.groups):
                bitmap = self._u32(layout.group(group))
                if bitmap.value != _FULL:
                    bit = next(bit for bit in range(PER_GROUP) if not bitmap.value >> bit & 1)
                    bitmap.value |= 1 << bit
                    return group * PER_GROUP + bit
        raise HostLacks(
            "allocate a lock",
            f"all {layout.locks} are taken",
            "Raise num_locks in containers.conf and run `podman system renumber`",
        )

    def allocate_given(self, number: int) -> bool:
        """Take one lock by number; False when it is taken already."""
        layout = self._checked(number)
        with self._held(layout.table_mutex):
            bitmap = self._u32(layout.group(number // PER_GROUP))
            if bitmap.value >> number % PER_GROUP & 1:
                return False
            bitmap.value |= 1 << number % PER_GROUP
            return True

    def free(self, number: int) -> None:
        """Give a lock back. One that is free is no error."""
        layout = self._checked(number)
        with self._held(layout.table_mutex):
            self._u32(layout.group(number // PER_GROUP)).value &= ~(1 << number % PER_GROUP) & _FULL

    def allocated(self) -> set[int]:
        """The numbers in use."""
        layout = self._map()
        with self._held(layout.table_mutex):
            maps = [self._u32(layout.group(group)).value for group in range(layout.groups)]
        return {
            group * PER_GROUP + bit for group, bits in enumerate(maps) for bit in range(PER_GROUP) if bits >> bit & 1
        }

    @contextmanager
    def hold(self, number: int, timeout: float | None = None) -> Iterator[None]:
        """Hold lock `number` in this thread. Raises TimedOut after `timeout` seconds."""
        with self._held(self._checked(number).lock(number), timeout):
            reached("lock-held")
            yield

    @contextmanager
    def _held(self, offset: int, timeout: float | None = None) -> Iterator[None]:
        mutex = ctypes.c_void_p(self._base + offset)
        self._take(mutex, timeout)
        try:
            yield
        finally:
            self._libc.pthread_mutex_unlock(mutex)

    def _take(self, mutex: ctypes.c_void_p, timeout: float | None) -> None:
        deadline = None if timeout is None else time.monotonic() + timeout
        while True:
            left = _SLICE_SECONDS if deadline is None else max(0.0, min(_SLICE_SECONDS, deadline - time.monotonic()))
            moment = time.time() + left
            until = _Timespec(int(moment), int(moment % 1 * 1e9))
            result = self._libc.pthread_mutex_timedlock(mutex, ctypes.byref(until))
            if result == errno.EOWNERDEAD:
                result = self._libc.pthread_mutex_consistent(mutex)
            if result == 0:
                return
            if result not in (errno.ETIMEDOUT, errno.EAGAIN):
                raise Damaged(f"lock in {self.path}", os.strerror(result), "Run `podman system renumber`")
            if deadline is not None and time.monotonic() >= deadline:
                raise TimedOut(f"lock in {self.path}", f"held by another process for more than {timeout:g} s")

    def _checked(self, number: int) -> Layout:
        layout = self._map()
        if not 0 <= number < layout.locks:
            raise Damaged(f"use lock {number}", f"{self.path} has {layout.locks} locks")
        return layout

    def _u32(self, offset: int) -> ctypes.c_uint32:
        return ctypes.c_uint32.from_address(self._base + offset)

    def _map(self) -> Layout:
        if self._layout is not None:
            return self._layout
        if "CS_GNU_LIBC_VERSION" not in os.confstr_names or ctypes.sizeof(ctypes.c_void_p) != 8:
            raise HostLacks("open the lock table", "it needs a 64-bit Python with glibc, as podman uses")
        layout = layout_for(self.number)
        try:
            fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            fd = self._create(layout)
        except OSError as error:
            raise HostLacks(f"open {self.path}", str(error.strerror)) from error
        try:
            self._adopt(fd, layout)
        finally:
            os.close(fd)
        return layout

    def _adopt(self, fd: int, layout: Layout) -> None:
        if os.fstat(fd).st_size != layout.size:
            raise HostLacks(
                f"open {self.path}",
                f"its size does not fit num_locks = {self.number}",
                "Run `podman system renumber`, or set num_locks in containers.conf back",
            )
        memory = mmap.mmap(fd, layout.size)
        base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        magic = ctypes.c_uint16.from_address(base).value
        groups = ctypes.c_uint32.from_address(base + layout.counts).value
        if magic != MAGIC or groups != layout.groups:
            raise Damaged(f"open {self.path}", "it is not a table of locks", "Run `podman system renumber`")
        self._memory, self._base, self._layout = memory, base, layout

    def _create(self, layout: Layout) -> int:
        """Make the table under a temporary name and link it into place, so that nobody sees half of one.

        Somebody else's, made meanwhile, wins. Returns a descriptor of whichever is there.
        """
        temporary = f"{self.path}.{os.getpid()}.{os.urandom(4).hex()}"
        try:
            fd = os.open(temporary, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
        except OSError as error:
            raise HostLacks(f"make the lock table {self.path}", str(error.strerror)) from error
        try:
            os.posix_fallocate(fd, 0, layout.size)  # writing to a mapping on a full /dev/shm would kill us
            self._initialise(fd, layout)
            reached("lock-table-made")
            try:
                os.link(temporary, self.path)
            except FileExistsError:
                os.close(fd)
                fd = os.open(self.path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError as error:
            os.close(fd)
            raise HostLacks(f"make the lock table {self.path}", str(error.strerror)) from error
        except BaseException:
            os.close(fd)
            raise
        finally:
            os.unlink(temporary)
        return fd

    def _initialise(self, fd: int, layout: Layout) -> None:
        memory = mmap.mmap(fd, layout.size)
        base = ctypes.addressof(ctypes.c_char.from_buffer(memory))
        attributes = ctypes.create_string_buffer(64)  # larger than any pthread_mutexattr_t
        libc = self._libc
        libc.pthread_mutexattr_init(attributes)
        libc.pthread_mutexattr_settype(attributes, ctypes.c_int(_NORMAL))
        libc.pthread_mutexattr_setpshared(attributes, ctypes.c_int(_PROCESS_SHARED))
        libc.pthread_mutexattr_setrobust(attributes, ctypes.c_int(_ROBUST))
        for offset in [layout.table_mutex, *map(layout.lock, range(layout.locks))]:
            if libc.pthread_mutex_init(ctypes.c_void_p(base + offset), attributes) != 0:
                raise HostLacks("make the lock table", "the C library cannot make robust process-shared mutexes")
        libc.pthread_mutexattr_destroy(attributes)
        ctypes.c_uint32.from_address(base + layout.counts).value = layout.groups
        ctypes.c_uint32.from_address(base + layout.counts + 4).value = layout.locks
        ctypes.c_uint16.from_address(base).value = MAGIC
        memory.flush()
