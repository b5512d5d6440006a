# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What differs between two trees: paths added, changed, deleted, as podman's diff tells them."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ..host.xattrs import OVERLAY_PREFIXES, read_all

if TYPE_CHECKING:
    from .merged import Merged, Node

ADDED, CHANGED, DELETED = "A", "C", "D"
_SECOND = 1_000_000_000


def differences(old: Merged | None, new: Merged, *, one_layer: bool = False) -> list[tuple[str, str]]:
    """(kind, path), sorted by path; `old` None is an empty tree. A directory counts as changed when something in it
    does; of a deleted directory only itself is named. With `one_layer`, `new` is `old` and one layer more: then every
    file that the layer has counts, be it the same as before."""
    found: dict[str, str] = {}
    _compare(old, new, found, one_layer)
    return [(found[path], path) for path in sorted(found)]


def _compare(old: Merged | None, new: Merged, found: dict[str, str], one_layer: bool) -> None:
    """All pairs of directories. A stack and not recursion: trees may be deep."""
    stack: list[tuple[Node | None, Node]] = [(old.top() if old else None, new.top())]
    while stack:
        was, now = stack.pop()
        older = {node.name: node for node in old.inside(was)} if old and was and was.is_directory else {}
        count = len(found)
        for node in new.inside(now):
            other = older.pop(node.name, None)
            if other is None:
                found[_shown(node)] = ADDED
            elif old is not None and (one_layer and _rewritten(other, node) or _differs(old, new, other, node)):
                found[_shown(node)] = CHANGED
            if node.is_directory:
                stack.append((other, node))
        found.update((_shown(node), DELETED) for node in older.values())
        path = now.path if len(found) > count else b""
        while path:  # a change in a directory is one of the directory, and of those above it
            found.setdefault("/" + os.fsdecode(path), CHANGED)
            path = path.rpartition(b"/")[0]


def _shown(node: Node) -> str:
    return "/" + os.fsdecode(node.path)


def _rewritten(before: Node, after: Node) -> bool:
    was, now = before.info, after.info
    return not stat.S_ISDIR(now.st_mode) and (was.st_dev, was.st_ino) != (now.st_dev, now.st_ino)


def _differs(old: Merged, new: Merged, before: Node, after: Node) -> bool:
    was, now = before.info, after.info
    if (was.st_mode, was.st_uid, was.st_gid, was.st_rdev) != (now.st_mode, now.st_uid, now.st_gid, now.st_rdev):
        return True
    if not _same_time(was.st_mtime_ns, now.st_mtime_ns):
        return True
    if not stat.S_ISDIR(now.st_mode) and was.st_size != now.st_size:
        return True
    if (was.st_dev, was.st_ino) == (now.st_dev, now.st_ino):
        return False
    return _more(old, before) != _more(new, after)


def _same_time(one: int, other: int) -> bool:
    """To the second where one of them has no fraction: some archives keep none."""
    if one % _SECOND and other % _SECOND:
        return one == other
    return one // _SECOND == other // _SECOND


def _more(tree: Merged, node: Node) -> tuple[dict[str, bytes], bytes]:
    """Extended attributes without overlayfs' own, and where a symbolic link leads."""
    fd = tree.open_parent(node)
    try:
        attributes = read_all(fd, node.name)
        target = os.readlink(node.name, dir_fd=fd) if stat.S_ISLNK(node.info.st_mode) else b""
    finally:
        os.close(fd)
    return {key: value for key, value in attributes.items() if not key.startswith(OVERLAY_PREFIXES)}, target
