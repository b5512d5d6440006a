# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Namespace modes: `private`, `host`, `container:NAME`, `ns:PATH` and what each kind of namespace adds to them."""

from __future__ import annotations

import posixpath

from ..base import patterns
from ..base.errors import BadInput
from ..base.tuples import NamedTuple

PRIVATE, HOST, CONTAINER, PATH = "private", "host", "container", "ns"
_EXTRA = {
    "pid": (),
    "uts": (),
    "cgroupns": (),
    "ipc": ("none", "shareable"),
    "userns": ("keep-id", "auto", "nomap"),
}
_REFERENCE = patterns.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")


class Mode(NamedTuple):
    """`kind` is one of the words above or an extra of its namespace; `value` a container's name, a path or options."""

    kind: str
    value: str = ""

    def __str__(self) -> str:
        return f"{self.kind}:{self.value}" if self.value else self.kind


class IdRange(NamedTuple):
    """One line of a user namespace's map: ids inside, ids outside, how many."""

    inside: int
    outside: int
    size: int


def parse(text: str, namespace: str) -> Mode:
    """A mode of pid, ipc, uts, cgroupns or userns. "" is private, podman's default for all of them. Raises BadInput."""
    kind, colon, value = text.strip().partition(":")
    if kind in ("", PRIVATE, HOST):
        if colon:
            raise _bad(text, namespace)
        return Mode(kind or PRIVATE)
    if kind == CONTAINER and _REFERENCE.match(value):
        return Mode(CONTAINER, value)
    if kind == PATH and posixpath.isabs(value) and "\0" not in value:
        return Mode(PATH, posixpath.normpath(value))
    if kind in _EXTRA[namespace]:
        if namespace == "userns" and kind in ("keep-id", "auto"):
            return Mode(kind, canonical_options(value, namespace))
        if not colon:
            return Mode(kind)
    raise _bad(text, namespace)


def canonical_options(text: str, namespace: str = "userns") -> str:
    """`uid=1,gid=2` sorted by key, so that order makes no difference."""
    pairs = []
    for item in text.split(",") if text else ():
        key, equals, value = item.strip().partition("=")
        if key not in ("uid", "gid", "size", "uidmapping", "gidmapping") or not equals or not value:
            raise _bad(text, namespace)
        if key in ("uid", "gid", "size") and not (value.isascii() and value.isdigit()):
            raise BadInput(f"read {namespace}", f"{key} {value[:20]!r} is not a number")
        pairs.append(f"{key}={value}")
    return ",".join(sorted(pairs))


def options(mode: Mode) -> dict[str, str]:
    return dict(item.split("=", 1) for item in mode.value.split(",") if "=" in item)


def parse_map(text: str, option: str) -> IdRange:
    """`INSIDE:OUTSIDE[:SIZE]` of --uidmap. Raises BadInput; `@` and `+` prefixes are not known here."""
    parts = text.strip().split(":")
    if not 2 <= len(parts) <= 3 or not all(part.isascii() and part.isdigit() for part in parts):
        raise BadInput(f"read {option} {text[:40]!r}", "expected INSIDE:OUTSIDE[:SIZE], as in 0:100000:65536")
    numbers = [int(part) for part in parts] + [1]
    if numbers[2] < 1 or max(numbers[0], numbers[1]) + numbers[2] > 2**32 - 1:
        raise BadInput(f"read {option} {text[:40]!r}", "outside the range of ids")
    return IdRange(numbers[0], numbers[1], numbers[2])


def keep_id(uid: int, gid: int, sizes: tuple[int, int], wanted: dict[str, str]) -> tuple[list[IdRange], list[IdRange]]:
    """The maps of `keep-id`: the caller's own id stays itself (or becomes uid=/gid=), the sub-ids fill around it.

    Within the rootless namespace 0 is the caller and 1..size the sub-ids, so the outer numbers are those.
    """
    maps = []
    for key, own, available in (("uid", uid, sizes[0]), ("gid", gid, sizes[1])):
        inside = int(wanted.get(key, own))
        size = int(wanted.get("size", available + 1))
        below = min(inside, available)
        ranges = [IdRange(0, 1, below)] if below else []
        ranges.append(IdRange(inside, 0, 1))
        above = min(available - below, size - inside - 1)
        if above > 0:
            ranges.append(IdRange(inside + 1, below + 1, above))
        maps.append(ranges)
    return maps[0], maps[1]


def _bad(text: str, namespace: str) -> BadInput:
    words = ", ".join((HOST, PRIVATE, "container:NAME", "ns:PATH", *_EXTRA[namespace]))
    return BadInput(f"read {namespace} {text[:60]!r}", f"expected one of {words}")
