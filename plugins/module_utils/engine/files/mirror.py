# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Two trees of different hosts, and what the first has to send so that the second becomes its mirror.

The second is told by an index: its paths, and what each of them looks like, content left aside. Files are taken for
equal when their time and size are, and all else that can be seen of them. What was written since a moment is sent in
any case: the kernel dates that itself (ctime), and nothing can set it back.
"""

from __future__ import annotations

import hashlib
import json
import os
import zlib
from typing import TYPE_CHECKING

from ..base.errors import Corrupt, EngineError
from ..base.tuples import NamedTuple
from ..host.rooted import Root, remove_tree
from .decide import brought
from .end import DIRECTORY, FILE, LINK, walk

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from .end import End, Entry

_LONGEST = 1 << 30  # bytes of an index: some ten million paths


class Difference(NamedTuple):
    """`send`: everything that goes into the archive, directories before what is in them; of it `changed` really
    differs, with `size` bytes in files. `gone`: what the mirror has beyond it, without what is in such directories."""

    send: tuple[bytes, ...]
    changed: tuple[bytes, ...]
    gone: tuple[bytes, ...]
    size: int


def index(end: End) -> bytes:
    """What is there, to be held against another tree by `compare`."""
    packed = zlib.compressobj()
    pieces = [
        packed.compress(json.dumps([os.fsdecode(path), look]).encode() + b"\n") for path, look, _entry in _looks(end)
    ]
    return b"".join((*pieces, packed.flush()))


def read_index(data: bytes) -> dict[bytes, str]:
    """Raises Corrupt."""
    try:
        unpacked = zlib.decompressobj()
        text = unpacked.decompress(data, _LONGEST)
        if not unpacked.eof:
            raise ValueError("it is cut short, or too long")
        rows = [json.loads(line) for line in text.splitlines()]
        return {os.fsencode(path): str(look) for path, look in rows}
    except (ValueError, TypeError, zlib.error) as error:
        raise Corrupt("read the index of a tree", str(error)) from error


def _looks(end: End) -> Iterator[tuple[bytes, str, Entry]]:
    firsts: dict[tuple[int, int], bytes] = {}
    for path, entry in walk(end):
        first = b""
        if entry.kind == FILE and entry.links > 1:
            first = firsts.setdefault(entry.identity, path)
        yield path, _look(entry, first), entry


def _look(entry: Entry, first: bytes) -> str:
    """Only what a copy brings. Links and directories have times that others may change in passing."""
    facts: tuple[object, ...] = (entry.kind, entry.uid, entry.gid, first, entry.target, entry.node)
    if entry.kind != LINK:
        facts = (*facts, entry.mode, [item for item in entry.xattrs if brought(item[0])])
    if entry.kind == FILE:
        facts = (*facts, entry.size, entry.mtime)
    return hashlib.blake2b(repr(facts).encode(), digest_size=12).hexdigest()


def compare(end: End, there: dict[bytes, str], since: int = 0) -> Difference:
    """`there` is the mirror's index, {} when it has nothing; `since` in nanoseconds since 1970, 0 for not to ask."""
    here: dict[bytes, Entry] = {}
    differ: set[bytes] = set()
    for path, look, entry in _looks(end):
        here[path] = entry
        if there.get(path) != look or (since and entry.kind == FILE and _written(end, path) >= since):
            differ.add(path)
    # All names of a file go along with one of them, else the other end could not make them one file.
    linked = {here[path].identity for path in differ if here[path].kind == FILE and here[path].links > 1}
    send = differ | {path for path, entry in here.items() if entry.kind == FILE and entry.identity in linked}
    for path in tuple(send):
        while path:
            path = path.rpartition(b"/")[0]
            send.add(path)
    gone = tuple(sorted(path for path in there if path not in here and _is_directory(here, path)))
    # Several names of a file are one file's bytes.
    sizes = {here[path].identity: here[path].size for path in differ if here[path].kind == FILE}
    ordered = [path for path in here if path in send]
    return Difference(tuple(ordered), tuple(path for path in ordered if path in differ), gone, sum(sizes.values()))


def _is_directory(here: dict[bytes, Entry], path: bytes) -> bool:
    """Whether what the path is in goes on to be a directory: else it goes away with that."""
    above = here.get(path.rpartition(b"/")[0])
    return above is not None and above.kind == DIRECTORY


def _written(end: End, path: bytes) -> int:
    fd, name = end.split(path)
    try:
        return os.stat(name, dir_fd=fd, follow_symlinks=False).st_ctime_ns
    except FileNotFoundError:
        return 0


def delete(root: str, paths: Iterable[bytes], what: str) -> None:
    """Delete `paths` below a root; links in it lead nowhere else, and the last component is not followed."""
    with Root.of(root) as top:
        for path in paths:
            try:
                parent, name = top.parent(path)
            except OSError:
                continue  # its directory went with it, or it never was there
            try:
                remove_tree(parent, name)
            except OSError as error:
                shown = os.fsdecode(path)[:200]
                raise EngineError(f"delete {shown!r} in {what}", error.strerror or str(error)) from error
            finally:
                os.close(parent)
