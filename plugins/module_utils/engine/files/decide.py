# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a copy comes to, path by path. Pure."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ..base.errors import Refused
from ..base.tuples import NamedTuple
from ..plan.change import Change, Plan, Step
from .end import DEVICE, DIRECTORY, FILE, LINK, Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from .pairs import Pair

MAKE, WRITE, REPLACE, ADJUST, HARD_LINK = "create", "write", "replace", "adjust", "link"
_SET_ID = stat.S_ISUID | stat.S_ISGID
_SHOWN = 500  # paths that a diff names


class Wish(NamedTuple):
    """`owner` turns the owner of a source's entry into the one wanted, as the target's disk has it; `mode` and
    `directory_mode` likewise. `keep_top`: a directory that is copied onto one keeps its own mode and owner.

    `set_ids` false takes these bits, and capabilities, away: what a container calls its root's is not to be the host's.
    """

    owner: Callable[[int, int], tuple[int, int]]
    mode: Callable[[int], int] | None = None
    directory_mode: Callable[[int], int] | None = None
    overwrite: bool = False
    devices: bool = False
    set_ids: bool = True
    keep_top: bool = False


class Work(NamedTuple):
    """One thing to do: `deed` at `path`, so that `wanted` is there. `first` is the other name of a hard link."""

    deed: str
    path: bytes
    wanted: Entry
    there: Entry | None
    first: bytes = b""


def decide(pairs: Sequence[Pair], wish: Wish, where: str) -> list[Work]:
    """Raises Refused where a directory would give way to something else, or the other way round, and was not to."""
    found = []
    anew: set[bytes] = set()  # a file that is written is another one, which its other names have to be given again
    for pair in pairs:
        if pair.source.kind == DEVICE and not wish.devices:
            continue
        if pair.first in anew:
            pair = pair._replace(linked=False)
        work = _work(pair, _wanted(pair.source, wish), wish, where)
        if work is not None:
            found.append(work)
            if work.deed in (MAKE, WRITE, REPLACE):
                anew.add(pair.path)
    return found


def _wanted(source: Entry, wish: Wish) -> Entry:
    mode, uid, gid = source.mode, *wish.owner(source.uid, source.gid)
    attributes = [(key, value) for key, value in source.xattrs if _travels(key, wish)]
    if not wish.set_ids:
        mode &= ~_SET_ID
    change = wish.directory_mode if source.kind == DIRECTORY else wish.mode
    if change is not None and source.kind in (DIRECTORY, FILE):
        mode = change(mode)
    return source._replace(mode=mode, uid=uid, gid=gid, xattrs=tuple(attributes))


def _travels(key: str, wish: Wish) -> bool:
    return brought(key) and (key != "security.capability" or wish.set_ids)


def brought(key: str) -> bool:
    """Whether a copy brings an extended attribute along."""
    if key.startswith("user."):
        return not key.startswith("user.overlay.")
    return key == "security.capability"


def _work(pair: Pair, wanted: Entry, wish: Wish, where: str) -> Work | None:
    there = pair.there
    if pair.first:
        if pair.linked:
            return None
        _refuse(pair, wish, where)
        return Work(HARD_LINK, pair.path, wanted, there, pair.first)
    if there is None:
        return Work(MAKE, pair.path, wanted, None)
    if there.kind != wanted.kind:
        _refuse(pair, wish, where)
        return Work(REPLACE, pair.path, wanted, there)
    if not pair.path and wish.keep_top and wanted.kind == DIRECTORY:
        return None
    if wanted.kind == FILE and not pair.same:
        return Work(WRITE, pair.path, wanted, there)
    if (wanted.kind == LINK and wanted.target != there.target) or (wanted.kind == DEVICE and wanted.node != there.node):
        return Work(REPLACE, pair.path, wanted, there)
    return None if _looks(wanted) == _looks(there, wanted) else Work(ADJUST, pair.path, wanted, there)


def _refuse(pair: Pair, wish: Wish, where: str) -> None:
    there = pair.there
    if there is None or wish.overwrite or (there.kind == DIRECTORY) == (pair.source.kind == DIRECTORY):
        return
    raise Refused(
        f"copy to {where}",
        f"{shown(pair.path) or 'it'} is a {there.kind}, and would be replaced by a {pair.source.kind}",
        "Say overwrite to have it so",
    )


def _looks(entry: Entry, like: Entry | None = None) -> tuple[object, ...]:
    """What is compared: of the target's attributes only those that the copy brings."""
    keys = {key for key, _value in (like or entry).xattrs}
    attributes = [item for item in entry.xattrs if item[0] in keys]
    return entry.uid, entry.gid, 0 if entry.kind == LINK else entry.mode, tuple(attributes)


def plan(deed: str, works: Sequence[Work], top: str) -> Plan:
    """The same as a value for people: one step and one difference for each path, by its full name."""
    steps = tuple(Step(f"{one.deed} {one.wanted.kind}", _full(top, one.path)) for one in works)
    changes = tuple(
        Change(_full(top, one.path), _words(one.there), _words(one.wanted, one.first)) for one in works[:_SHOWN]
    )
    return Plan(deed, steps, changes)


def _full(top: str, path: bytes) -> str:
    return f"{top.rstrip('/')}/{shown(path)}" if path else top


def shown(path: bytes) -> str:
    return path.decode("utf-8", "backslashreplace")


def _words(entry: Entry | None, first: bytes = b"") -> object:
    if entry is None:
        return "absent"
    if first:
        return {"kind": "file", "same_as": shown(first)}
    words: dict[str, object] = {"kind": entry.kind, "owner": f"{entry.uid}:{entry.gid}"}
    if entry.kind == LINK:
        return {**words, "target": os.fsdecode(entry.target)}
    words["mode"] = f"0{entry.mode:03o}"
    if entry.kind == FILE:
        words["size"] = entry.size
    return words
