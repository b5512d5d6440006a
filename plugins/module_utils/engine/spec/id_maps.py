# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which ids a container with a user namespace of its own gets, where it leaves the choice to us (`userns: auto`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, HostLacks
from ..base.tuples import NamedTuple
from .namespaces import IdRange, parse_map

if TYPE_CHECKING:
    from collections.abc import Iterable

    from .namespaces import Mode

    Span = tuple[int, int]  # first id outside, how many

_SMALLEST, _LARGEST = 1024, 65536  # storage.conf's auto-userns-min-size and -max-size


class AutoWish(NamedTuple):
    """The options of `auto`: `size` 0 leaves it to the image; the ranges are given by hand, inside the size."""

    size: int = 0
    uids: tuple[IdRange, ...] = ()
    gids: tuple[IdRange, ...] = ()


def parse_auto(mode: Mode) -> AutoWish:
    """Raises BadInput."""
    size = 0
    found: dict[str, list[IdRange]] = {"uidmapping": [], "gidmapping": []}
    for item in mode.value.split(",") if mode.value else ():
        key, _equals, value = item.partition("=")
        if key == "size":
            size = int(value)
        elif key in found:
            found[key].append(parse_map(value, f"userns {key}"))
        else:
            raise BadInput("read userns auto", f"{key} is an option of keep-id")
    return AutoWish(size, tuple(found["uidmapping"]), tuple(found["gidmapping"]))


def size_of(wish: AutoWish, needed: int) -> int:
    """How many ids: as asked, else as many as the image needs, within podman's bounds. Raises BadInput."""
    if wish.size:
        return wish.size
    if needed > _LARGEST:
        raise BadInput(
            "choose the ids of a user namespace", f"the image has ids up to {needed - 1}", "Say how many: auto:size=N"
        )
    return max(needed, _SMALLEST)


def choose(
    size: int, available: Iterable[Span], used: Iterable[Span], given: tuple[IdRange, ...], what: str
) -> tuple[IdRange, ...]:
    """The map: what is given, and the rest of `size` from free ids.

    Raises HostLacks where there are not enough.
    """
    rest = size - sum(line.size for line in given)
    if rest < 0:
        raise BadInput("choose the ids of a user namespace", f"its {what} mapped by hand are more than its size")
    lines: list[IdRange] = []
    gaps = _gaps(size, given)
    for first, count in free(available, used):
        while count and gaps:
            inside, wanted = gaps[0]
            taken = min(count, wanted)
            lines.append(IdRange(inside, first, taken))
            first, count = first + taken, count - taken
            gaps[0] = (inside + taken, wanted - taken)
            if not gaps[0][1]:
                gaps.pop(0)
        if not gaps:
            return (*lines, *given)
    missing = sum(count for _inside, count in gaps)
    if not missing:
        return tuple(given)
    raise HostLacks(
        "choose the ids of a user namespace",
        f"{missing} of {size} {what} are not to be had: others have them, or nobody granted them",
        "Ask for fewer with auto:size=N, or grant more: root's come from the user containers in /etc/subuid and "
        "/etc/subgid (containers:2147483647:2147483648), a plain user's are those of the user",
    )


def free(available: Iterable[Span], used: Iterable[Span]) -> list[Span]:
    """What is available and not used, in order."""
    found = [(first, first + count) for first, count in available]
    for first, count in used:
        end, rest = first + count, []
        for low, high in found:
            if end <= low or high <= first:
                rest.append((low, high))
                continue
            if low < first:
                rest.append((low, first))
            if end < high:
                rest.append((end, high))
        found = rest
    return [(low, high - low) for low, high in sorted(found)]


def _gaps(size: int, given: tuple[IdRange, ...]) -> list[Span]:
    """Ids inside that are not mapped by hand: as many as are left of the size, from 0 on."""
    rest = size - sum(line.size for line in given)
    gaps: list[Span] = []
    position = 0
    for line in sorted(given):
        count = min(rest, max(0, line.inside - position))
        if count:
            gaps.append((position, count))
            rest -= count
        position = max(position, line.inside + line.size)
    if rest:
        gaps.append((position, rest))
    return gaps
