# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a layer's tree still is what its archive made: content, and what a header says of each entry."""

from __future__ import annotations

import hashlib
import stat
from typing import TYPE_CHECKING

from ..base.errors import Corrupt, Damaged
from ..host.rooted import Root
from .merged import Merged
from .tar_header import place_of, shown
from .tar_reader import Source, TarReader
from .unpack import WHITEOUT

if TYPE_CHECKING:
    from .check import Parts
    from .records import LayerRecord
    from .tar_header import Member

_FEW = 20  # findings of one layer that are told apart
_SECOND = 1_000_000_000
_TYPES = {b"0": stat.S_IFREG, b"2": stat.S_IFLNK, b"3": stat.S_IFCHR, b"4": stat.S_IFBLK, b"5": stat.S_IFDIR}
_TYPES[b"6"] = stat.S_IFIFO


def differences(parts: Parts, record: LayerRecord) -> list[str]:
    """What is wrong, in words; reads all of the layer. Empty for one that is whole, or that came from no archive."""
    if not record.diff_digest:
        return []
    try:
        members = _read(parts, record)
    except (Damaged, Corrupt) as error:
        return [error.cause]
    found = []
    with Root.of(parts.home.diff(record.id)) as tree:
        inodes: set[int] = set()
        for path, member in members.items():
            wrong = _entry(tree, path, member, inodes, parts.rootless)
            if wrong:
                found.append(f"{shown(path)} {wrong}")
        if not parts.home.fuse_conventions():
            found += _strangers(parts, record, members, inodes)
    return found[:_FEW] + ([f"and {len(found) - _FEW} more"] if len(found) > _FEW else [])


def _read(parts: Parts, record: LayerRecord) -> dict[bytes, Member]:
    """The archive put together again: its digest and size, and its last word on each path."""
    rebuilt = parts.layers.tar(record.id)
    digest, members = hashlib.sha256(), {}
    count = 0

    def pull() -> bytes:
        nonlocal count
        piece = rebuilt.read(1 << 18)
        digest.update(piece)
        count += len(piece)
        return piece

    try:
        reader = TarReader(Source(pull), f"layer {record.id[:12]}")
        while True:
            member = reader.next()
            if member is None:
                break
            for _piece in reader.body():
                pass
            reader.take_raw()
            members[place_of(member.name)] = member
        while pull():
            pass
    finally:
        rebuilt.close()
    if f"sha256:{digest.hexdigest()}" != record.diff_digest:
        raise Damaged(f"check layer {record.id[:12]}", "its content is not what was stored")
    if record.diff_size >= 0 and count != record.diff_size:
        raise Damaged(f"check layer {record.id[:12]}", f"it has {count} bytes, {record.diff_size} are recorded")
    return members


def _entry(tree: Root, path: bytes, member: Member, inodes: set[int], rootless: bool) -> str:
    name = path.rpartition(b"/")[2]
    if not path or name.startswith(WHITEOUT):
        return ""
    try:
        info = tree.lstat(path)
    except OSError:
        # A plain user cannot make devices; a whiteout that came later in the archive may have taken the entry.
        return "" if rootless and member.kind in (b"3", b"4") else "is missing"
    inodes.add(info.st_ino)
    wanted = _TYPES.get(member.kind)
    if wanted is None:  # a hard link: its target is told by itself
        return ""
    if stat.S_IFMT(info.st_mode) != wanted:
        return "is of another type"
    wrong = []
    if member.kind != b"2" and (info.st_mode ^ member.mode) & 0o777:
        wrong.append(f"has mode {info.st_mode & 0o7777:04o} and not {member.mode & 0o7777:04o}")
    if (info.st_uid, info.st_gid) != (member.uid, member.gid):
        wrong.append(f"belongs to {info.st_uid}:{info.st_gid} and not {member.uid}:{member.gid}")
    if member.kind == b"0" and info.st_size != member.size:
        wrong.append(f"has {info.st_size} bytes and not {member.size}")
    if member.mtime >= 0 and info.st_mtime_ns // _SECOND != member.mtime // _SECOND:
        wrong.append("was changed at another time")
    return ", ".join(wrong)


def _strangers(parts: Parts, record: LayerRecord, members: dict[bytes, Member], inodes: set[int]) -> list[str]:
    """Entries that the archive does not have; directories on the way to others are no strangers."""
    above = {b""}
    for path in members:
        while path:
            path = path.rpartition(b"/")[0]
            above.add(path)
    found = []
    with Merged([parts.home.diff(record.id)]) as tree:
        todo = [tree.top()]
        while todo:
            for node in tree.inside(todo.pop()):
                if node.is_directory:
                    todo.append(node)
                if node.path not in members and node.path not in above and node.info.st_ino not in inodes:
                    found.append(f"{shown(node.path)} does not belong there")
    return found
