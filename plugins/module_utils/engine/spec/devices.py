# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Devices handed into a container, `--device` and its relatives of podman-run(1)."""

from __future__ import annotations

import posixpath

from ..base import patterns
from ..base.errors import BadInput
from ..base.tuples import NamedTuple
from ..base.units import parse_size

_RULE = patterns.compile(r"(?P<type>[abc])\s+(?P<major>\d{1,9}|\*):(?P<minor>\d{1,9}|\*)\s+(?P<access>[rwm]{1,3})\Z")


_CDI = patterns.compile(
    r"[A-Za-z](?:[\w.-]*[A-Za-z0-9])?/[A-Za-z](?:[\w.-]*[A-Za-z0-9])?=[A-Za-z0-9](?:[\w.:-]*[A-Za-z0-9])?\Z",
    patterns.ASCII,
)


class Device(NamedTuple):
    """A device node (or a directory of them) of the host, where it appears inside, and with which of r, w, m.

    One that is asked for by its CDI name has that as `source`, and nothing else.
    """

    source: str
    target: str
    access: str = "rwm"

    @property
    def cdi(self) -> bool:
        return not self.target

    def __str__(self) -> str:
        return self.source if self.cdi else f"{self.source}:{self.target}:{self.access}"


class DeviceNode(NamedTuple):
    """What stat(2) says about a node: type is b or c, mode the permission bits."""

    type: str
    major: int
    minor: int
    mode: int
    uid: int
    gid: int


class Rule(NamedTuple):
    """A line of the device controller; None is every number."""

    type: str
    major: int | None
    minor: int | None
    access: str


def is_cdi(text: str) -> bool:
    """Whether it is `VENDOR/CLASS=NAME` of the Container Device Interface."""
    return _CDI.match(text) is not None


def parse(text: str) -> Device:
    """`HOST[:INSIDE][:rwm]`, or a CDI name. Raises BadInput."""
    if is_cdi(text):
        return Device(text, "", "")
    parts = text.strip(" ").split(":")
    access = "rwm"
    if len(parts) > 1 and parts[-1] and set(parts[-1]) <= set("rwm"):
        letters = parts.pop()
        access = "".join(letter for letter in "rwm" if letter in letters)
    if len(parts) > 2:
        raise _bad(text, "expected HOST[:INSIDE][:rwm]")
    source = parts[0]
    target = parts[1] if len(parts) == 2 else source
    for path in (source, target):
        if not posixpath.isabs(path) or "\0" in path or "\n" in path:
            raise _bad(text, f"{path[:60]!r} is not an absolute path")
    return Device(posixpath.normpath(source), posixpath.normpath(target), access)


def parse_gpus(text: str) -> tuple[Device, ...]:
    """`all`, or names of GPUs with commas between them: CDI devices, as podman takes them. Raises BadInput."""
    found = [f"nvidia.com/gpu={name}" for name in text.split(",")]
    for name in found:
        if not is_cdi(name):
            raise BadInput(f"read gpus {text[:60]!r}", "expected all, or names as in 0,1")
    return tuple(Device(name, "", "") for name in found)


def parse_rule(text: str) -> Rule:
    """`c 1:3 rwm`, `b *:* r`. Raises BadInput."""
    found = _RULE.match(text.strip())
    if not found:
        raise BadInput(f"read device_cgroup_rule {text[:60]!r}", "expected TYPE MAJOR:MINOR ACCESS, as in c 1:3 rwm")
    major, minor = (None if found[key] == "*" else int(found[key]) for key in ("major", "minor"))
    return Rule(found["type"], major, minor, "".join(letter for letter in "rwm" if letter in found["access"]))


def parse_throttle(text: str, option: str, *, is_size: bool) -> tuple[str, int]:
    """`/dev/sda:1mb` (bytes a second) or `/dev/sda:1000` (operations a second). Raises BadInput."""
    path, colon, rate = text.strip().rpartition(":")
    if not colon or not posixpath.isabs(path):
        raise BadInput(f"read {option} {text[:60]!r}", "expected DEVICE:RATE, as in /dev/sda:1mb")
    if is_size:
        return path, parse_size(rate, option)
    if not (rate.isascii() and rate.isdigit()):
        raise BadInput(f"read {option} {text[:60]!r}", f"{rate[:20]!r} is not a number of operations")
    return path, int(rate)


def _bad(text: str, cause: str) -> BadInput:
    return BadInput(f"read device {text[:80]!r}", cause)
