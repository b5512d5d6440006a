# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Linux capabilities: names, and which of them a container gets.

The rules are those of podman (containers-common's capability merging; capabilities(7) for the sets).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable

#: In the order of their bit, linux/capability.h.
NAMES = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_DAC_READ_SEARCH",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_SETGID",
    "CAP_SETUID",
    "CAP_SETPCAP",
    "CAP_LINUX_IMMUTABLE",
    "CAP_NET_BIND_SERVICE",
    "CAP_NET_BROADCAST",
    "CAP_NET_ADMIN",
    "CAP_NET_RAW",
    "CAP_IPC_LOCK",
    "CAP_IPC_OWNER",
    "CAP_SYS_MODULE",
    "CAP_SYS_RAWIO",
    "CAP_SYS_CHROOT",
    "CAP_SYS_PTRACE",
    "CAP_SYS_PACCT",
    "CAP_SYS_ADMIN",
    "CAP_SYS_BOOT",
    "CAP_SYS_NICE",
    "CAP_SYS_RESOURCE",
    "CAP_SYS_TIME",
    "CAP_SYS_TTY_CONFIG",
    "CAP_MKNOD",
    "CAP_LEASE",
    "CAP_AUDIT_WRITE",
    "CAP_AUDIT_CONTROL",
    "CAP_SETFCAP",
    "CAP_MAC_OVERRIDE",
    "CAP_MAC_ADMIN",
    "CAP_SYSLOG",
    "CAP_WAKE_ALARM",
    "CAP_BLOCK_SUSPEND",
    "CAP_AUDIT_READ",
    "CAP_PERFMON",
    "CAP_BPF",
    "CAP_CHECKPOINT_RESTORE",
)
DEFAULT = (
    "CAP_CHOWN",
    "CAP_DAC_OVERRIDE",
    "CAP_FOWNER",
    "CAP_FSETID",
    "CAP_KILL",
    "CAP_NET_BIND_SERVICE",
    "CAP_SETFCAP",
    "CAP_SETGID",
    "CAP_SETPCAP",
    "CAP_SETUID",
    "CAP_SYS_CHROOT",
)
ALL = "ALL"
_KNOWN = frozenset(NAMES)


def normalise(names: Iterable[str], option: str) -> tuple[str, ...]:
    """`net_admin`, `NET_ADMIN`, `CAP_NET_ADMIN` are one; `ALL` stays. Sorted, duplicates gone. Raises BadInput."""
    found = set()
    for name in names:
        upper = name.strip().upper()
        if upper in (ALL, "CAP_ALL"):
            found.add(ALL)
            continue
        full = upper if upper.startswith("CAP_") else f"CAP_{upper}"
        if full not in _KNOWN:
            raise BadInput(f"read {option}", f"{name[:60]!r} is not a capability")
        found.add(full)
    return tuple(sorted(found))


def from_mask(mask: int) -> tuple[str, ...]:
    """The names of the bits set, as in the Cap* lines of /proc/PID/status; sorted."""
    return tuple(sorted(name for bit, name in enumerate(NAMES) if mask >> bit & 1))


def merge(base: Iterable[str], add: Iterable[str], drop: Iterable[str], bounding: Iterable[str]) -> tuple[str, ...]:
    """The capabilities that remain of `base` after adding and dropping; never more than `bounding`. Sorted.

    `add` and `drop` are normalised names. Dropping ALL leaves only what is added; adding ALL gives the whole bounding
    set less what is dropped. Raises BadInput where one name is both added and dropped.
    """
    added, dropped, possible = set(add), set(drop), set(bounding)
    if ALL in added and ALL in dropped:
        raise BadInput("read cap_add and cap_drop", "all capabilities are both added and dropped")
    both = sorted((added & dropped) - {ALL})
    if both:
        raise BadInput("read cap_add and cap_drop", f"{both[0]} is both added and dropped")
    if ALL in dropped:
        return tuple(sorted(added & possible))
    if ALL in added:
        return tuple(sorted(possible - dropped))
    return tuple(sorted(((set(base) - dropped) | added) & possible))


def process_sets(bounding: tuple[str, ...], explicit: tuple[str, ...] | None) -> dict[str, list[str]]:
    """The `capabilities` object of a process.

    `explicit` None is root in the container: everything bounded is effective. Otherwise a plain user, whose process
    gets what was asked for by name as ambient capabilities, and nothing else. Inheritable stays empty for root
    (CVE-2022-27649: a file capability would turn it into permitted).
    """
    if explicit is None:
        effective = list(bounding)
        sets = {"bounding": list(bounding), "effective": effective, "permitted": effective}
    else:
        held = list(explicit)
        names = ("bounding", "effective", "inheritable", "permitted", "ambient")
        sets = {name: list(bounding) if name == "bounding" else held for name in names}
    return {name: list(held) for name, held in sets.items() if held}
