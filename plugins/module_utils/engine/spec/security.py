# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`security_opt`: which of the usual walls a container goes without, or gets more of (podman-run(1))."""

from __future__ import annotations

import fnmatch
import posixpath
from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

UNCONFINED = "unconfined"
#: Masked by every release of podman 5; later ones add those of MASKED_SINCE (container-libs pkg/config/default.go).
MASKED = (
    "/proc/acpi",
    "/proc/kcore",
    "/proc/keys",
    "/proc/latency_stats",
    "/proc/sched_debug",
    "/proc/scsi",
    "/proc/timer_list",
    "/proc/timer_stats",
    "/sys/devices/virtual/powercap",
    "/sys/firmware",
    "/sys/fs/selinux",
)
MASKED_SINCE = ("/proc/interrupts",)
THERMAL = "/sys/devices/system/cpu/cpu*/thermal_throttle"
READ_ONLY = (
    "/proc/asound",
    "/proc/bus",
    "/proc/fs",
    "/proc/irq",
    "/proc/sys",
    "/proc/sysrq-trigger",
)
_LABEL_KEYS = ("user", "role", "type", "level", "filetype")


class SecurityWish(NamedTuple):
    """`seccomp`: "" the default profile, "unconfined", or the path of one. `unmask` may hold "all" and patterns."""

    no_new_privileges: bool = False
    seccomp: str = ""
    apparmor: str = ""
    label: tuple[str, ...] = ()
    mask: tuple[str, ...] = ()
    unmask: tuple[str, ...] = ()
    proc_options: tuple[str, ...] = ()


def parse(texts: Sequence[str]) -> SecurityWish:
    """Raises BadInput for a word that is not known: a wall that does not stand must not seem to."""
    single = {"seccomp": "", "apparmor": ""}
    lists: dict[str, list[str]] = {"label": [], "mask": [], "unmask": [], "proc-opts": []}
    no_new_privileges = False
    for text in texts:
        key, separator, value = _split(text)
        if key == "no-new-privileges":
            no_new_privileges = _flag(value, separator, text)
        elif not separator or not value:
            raise _bad(text)
        elif key in single:
            single[key] = value
        elif key == "label":
            lists[key].append(_label(value, text))
        elif key in ("mask", "unmask"):
            lists[key] += [_path(path, text, key) for path in value.split(":")]
        elif key == "proc-opts":
            lists[key] += value.split(",")
        else:
            raise _bad(text)
    seccomp = single["seccomp"]
    if seccomp not in ("", UNCONFINED) and not posixpath.isabs(seccomp):
        raise BadInput(f"read security_opt seccomp={seccomp[:60]}", "expected unconfined or an absolute path")
    return SecurityWish(
        no_new_privileges,
        seccomp,
        single["apparmor"],
        tuple(dict.fromkeys(lists["label"])),
        tuple(dict.fromkeys(lists["mask"])),
        tuple(dict.fromkeys(lists["unmask"])),
        tuple(lists["proc-opts"]),
    )


def masked_paths(wish: SecurityWish, thermal: Iterable[str], *, privileged: bool) -> list[str]:
    """`thermal` are this machine's paths that match THERMAL; a path that is missing is no harm to a runtime."""
    default = () if privileged else (*MASKED, *MASKED_SINCE, *thermal)
    return list(dict.fromkeys((*(path for path in default if not _unmasked(path, wish.unmask)), *wish.mask)))


def read_only_paths(wish: SecurityWish, *, privileged: bool) -> list[str]:
    return [] if privileged else [path for path in READ_ONLY if not _unmasked(path, wish.unmask)]


def mask_difference(masked: Iterable[str], read_only: Iterable[str]) -> tuple[list[str], list[str]]:
    """What a container masks beyond the default, and which default paths it leaves open; sorted.

    Paths that only some releases mask count as neither.
    """
    present = set(masked)
    newer = {path for path in present if path in MASKED_SINCE or fnmatch.fnmatchcase(path, THERMAL)}
    opened = (set(MASKED) - present) | (set(READ_ONLY) - set(read_only))
    return sorted(present - set(MASKED) - newer), sorted(opened)


def cgroup_writable(wish: SecurityWish) -> bool:
    """Only by its own path: `unmask=ALL` leaves the cgroup tree read-only, as podman 5 does."""
    return "/sys/fs/cgroup" in wish.unmask


def _split(text: str) -> tuple[str, str, str]:
    """Both `label=disable` and Docker's `label:disable`."""
    cut = min((text.index(mark) for mark in "=:" if mark in text), default=len(text))
    return text[:cut].strip().lower(), text[cut : cut + 1], text[cut + 1 :].strip()


def _flag(value: str, separator: str, text: str) -> bool:
    if not separator:
        return True
    if value.lower() not in ("true", "false"):
        raise _bad(text)
    return value.lower() == "true"


def _label(value: str, text: str) -> str:
    if value in ("disable", "nested"):
        return value
    key, separator, rest = value.partition(":")
    if key not in _LABEL_KEYS or not separator or not rest or any(char.isspace() for char in rest):
        raise _bad(text)
    return value


def _path(path: str, text: str, key: str) -> str:
    if key == "unmask" and path.lower() == "all":
        return "all"
    if not posixpath.isabs(path) or "\0" in path:
        raise BadInput(f"read security_opt {text[:60]!r}", f"{path[:60]!r} is not an absolute path")
    return posixpath.normpath(path)


def _unmasked(path: str, patterns: Iterable[str]) -> bool:
    return any(pattern == "all" or fnmatch.fnmatchcase(path, pattern) for pattern in patterns)


def _bad(text: str) -> BadInput:
    return BadInput(
        f"read security_opt {text[:60]!r}",
        "expected no-new-privileges, seccomp=, apparmor=, label=, mask=, unmask= or proc-opts=",
    )
