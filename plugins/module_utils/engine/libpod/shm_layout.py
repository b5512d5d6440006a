# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The layout of podman's shared-memory lock table (glibc, 64-bit).

    u16 magic, u16 zero, padding to 8; mutex of the table; u32 groups, u32 locks;
    groups of 32: u32 bitmap of allocated locks, padding to 8, 32 mutexes

Lock n is mutex n % 32 of group n // 32. A pthread mutex takes 40 bytes on x86_64, 48 on aarch64 (glibc, struct
pthread_mutex_t).
"""

from __future__ import annotations

import os

from ..base.errors import HostLacks
from ..base.tuples import NamedTuple

MAGIC = 0x87D1
PER_GROUP = 32
_MUTEX_BYTES = {"x86_64": 40, "aarch64": 48, "riscv64": 40, "ppc64le": 40, "s390x": 40, "loongarch64": 40}


class Layout(NamedTuple):
    """Offsets in bytes for one size of mutex and number of groups."""

    mutex: int
    groups: int

    @property
    def table_mutex(self) -> int:
        return 8

    @property
    def counts(self) -> int:
        """Of the two u32: groups, locks."""
        return 8 + self.mutex

    @property
    def locks(self) -> int:
        return self.groups * PER_GROUP

    @property
    def size(self) -> int:
        return self.group(self.groups)

    def group(self, number: int) -> int:
        """Of the bitmap of a group."""
        return self.counts + 8 + number * (8 + PER_GROUP * self.mutex)

    def lock(self, number: int) -> int:
        """Of the mutex of lock `number`."""
        return self.group(number // PER_GROUP) + 8 + number % PER_GROUP * self.mutex


def layout_for(locks: int, machine: str = "") -> Layout:
    """For at least `locks` locks on this (or the named) machine.

    Raises HostLacks where the layout is unknown: 32-bit systems, C libraries other than glibc.
    """
    machine = machine or os.uname().machine
    size = _MUTEX_BYTES.get(machine)
    if size is None:
        raise HostLacks(
            "open the lock table",
            f"its layout on {machine} is not known",
            'Set lock_type = "file" in the [engine] table of containers.conf',
        )
    return Layout(size, -(-locks // PER_GROUP))
