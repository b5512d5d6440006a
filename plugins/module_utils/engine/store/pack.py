# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An overlay layer's directory becomes a layer's tar, or all directories of an image one: the reverse of unpacking.

Members come sorted, directories before what is in them, so equal trees give equal bytes. A header that ustar cannot
hold is preceded by a PAX header. Character devices 0:0 and opaque attributes turn back into whiteout members; what else
overlayfs keeps in attributes stays behind.
"""

from __future__ import annotations

import errno
import os
import stat
from typing import TYPE_CHECKING

from ..base.errors import EngineError, HostLacks, Refused
from ..host.xattrs import OVERLAY_PREFIXES, read_all, read_path
from .unpack import OPAQUE, WHITEOUT

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from ..host.rooted import Root
    from .merged import Merged, Node

    Owner = Callable[[int, int], tuple[int, int]]

_BLOCK = 512
_SECOND = 1_000_000_000
_PIECE = 1 << 18
_DIRECTORY = os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
_OCTAL_8 = 1 << 21
_OCTAL_12 = 1 << 33
_END = bytes(2 * _BLOCK)
# Attributes that say: the content is in a layer below, and only a mounted tree has it.
_BELOW = ("overlay.redirect", "overlay.metacopy")
_KINDS = {
    stat.S_IFREG: b"0",
    stat.S_IFLNK: b"2",
    stat.S_IFCHR: b"3",
    stat.S_IFBLK: b"4",
    stat.S_IFDIR: b"5",
    stat.S_IFIFO: b"6",
}


def pack(
    tree: Root, what: str = "a container's changes", owner: Owner | None = None, *, whiteouts: bool = True
) -> Iterator[bytes]:
    """The tar of everything below the tree's top, in pieces. Raises HostLacks, and Refused for a tree whose content
    lies partly in lower layers (metacopy, redirect_dir). `owner` says what a (uid, gid) of the disk is in the tar.
    Without `whiteouts`, what hides something in a layer below is left out."""
    packer = Packer(what)
    packer.owner = owner
    packer.whiteouts = whiteouts
    try:
        yield from packer.directory(os.dup(tree.fd), b"")
    except OSError as error:
        raise packer.explain(error) from error
    yield _END


def flatten(
    tree: Merged, dated: Callable[[Node], bool], what: str, owners: Mapping[int, Owner] | None = None
) -> Iterator[bytes]:
    """The tar of the one tree that layers make together, in pieces. Raises as `pack` does.

    `dated` tells whether a directory's time comes from an archive. Where it comes from the unpacking it is left out,
    so that an image gives the same bytes on every host. `owners` are as `pack` has one, by the number of the layer.
    """
    packer = Packer(what)
    stack = [iter(tree.inside(tree.top()))]
    try:
        while stack:
            node = next(stack[-1], None)
            if node is None:
                stack.pop()
                continue
            packer.at = node.path
            packer.undated = node.is_directory and not dated(node)
            packer.owner = (owners or {}).get(node.layers[0])
            fd = tree.open_parent(node)
            try:
                yield from packer.entry(fd, node.name, node.path[: -len(node.name)], node.info)
            finally:
                os.close(fd)
            if node.is_directory:
                stack.append(iter(tree.inside(node)))
    except OSError as error:
        raise packer.explain(error) from error
    yield _END


def top(name: bytes, info: os.stat_result, owner: Owner | None = None) -> bytes:
    """The member of the directory that a tar is of."""
    uid, gid = owner(info.st_uid, info.st_gid) if owner else (info.st_uid, info.st_gid)
    entry = Entry(name, b"5", stat.S_IMODE(info.st_mode), uid, gid)
    entry.mtime = info.st_mtime_ns
    return header(entry)


class Packer:
    """One tar in the making; `owner` says what a (uid, gid) of the disk is in it."""

    def __init__(self, what: str) -> None:
        self.what = what
        self.linked: dict[tuple[int, int], bytes] = {}
        self.at = b""
        self.undated = False
        self.owner: Owner | None = None
        self.whiteouts = True

    def explain(self, error: OSError) -> EngineError:
        where = self.at.decode("utf-8", "backslashreplace") or "/"
        return HostLacks(f"pack {self.what}", f"{where}: {os.strerror(error.errno or errno.EIO)}")

    def directory(self, top: int, above: bytes) -> Iterator[bytes]:
        """All below an open directory, which is closed. A stack of iterators, not recursion: trees may be deep."""
        stack = [(top, above, iter(sorted(map(os.fsencode, os.listdir(top)))))]
        try:
            yield from self._opaque(top, above)
            while stack:
                fd, prefix, names = stack[-1]
                name = next(names, None)
                if name is None:
                    os.close(stack.pop()[0])
                    continue
                self.at = prefix + name
                info = os.stat(name, dir_fd=fd, follow_symlinks=False)
                yield from self.entry(fd, name, prefix, info)
                if stat.S_ISDIR(info.st_mode):
                    inside = os.open(name, _DIRECTORY, dir_fd=fd)
                    stack.append((inside, self.at + b"/", iter(sorted(map(os.fsencode, os.listdir(inside))))))
                    yield from self._opaque(inside, self.at + b"/")
        finally:
            for fd, _prefix, _names in stack:
                os.close(fd)

    def _opaque(self, fd: int, prefix: bytes) -> Iterator[bytes]:
        attributes = read_path(fd) if self.whiteouts else {}
        if b"y" in (attributes.get("trusted.overlay.opaque"), attributes.get("user.overlay.opaque")):
            yield header(Entry(prefix + OPAQUE, b"0", 0o600))

    def entry(self, fd: int, name: bytes, prefix: bytes, info: os.stat_result) -> Iterator[bytes]:
        kind = _KINDS.get(stat.S_IFMT(info.st_mode))
        if kind is None:
            return  # a socket: no archive has them
        if kind == b"3" and info.st_rdev == 0:
            if not self.whiteouts:
                return
            yield header(Entry(prefix + WHITEOUT + name, b"0", 0o600))
            return
        uid, gid = self.owner(info.st_uid, info.st_gid) if self.owner else (info.st_uid, info.st_gid)
        entry = Entry(prefix + name, kind, stat.S_IMODE(info.st_mode), uid, gid)
        entry.mtime = 0 if self.undated else info.st_mtime_ns
        entry.xattrs = self._attributes(fd, name)
        identity = (info.st_dev, info.st_ino)
        if info.st_nlink > 1 and kind != b"5":
            first = self.linked.setdefault(identity, entry.name)
            if first != entry.name:
                entry.kind, entry.link = b"1", first
                entry.xattrs = {}
                yield header(entry)
                return
        if kind == b"5":
            entry.name += b"/"
        elif kind == b"2":
            entry.link = os.readlink(name, dir_fd=fd)
        elif kind in (b"3", b"4"):
            entry.device = info.st_rdev
        if kind != b"0":
            yield header(entry)
            return
        yield from self._file(fd, name, entry)

    def _attributes(self, fd: int, name: bytes) -> dict[str, bytes]:
        found = read_all(fd, name)
        if any(key.endswith(_BELOW) for key in found):
            raise Refused(
                f"pack {self.what}",
                f"{self.at.decode('utf-8', 'backslashreplace')} lies partly in a lower layer",
                "Mount options metacopy=on and redirect_dir=on need the mounted tree",
            )
        return {
            key: value
            for key, value in found.items()
            if not key.startswith(OVERLAY_PREFIXES) and key not in ("security.selinux", "system.posix_acl_access")
        }

    def _file(self, dirfd: int, name: bytes, entry: Entry) -> Iterator[bytes]:
        """The size is what the open file has; one that shrinks is filled with zeros, as tar(1) does."""
        fd = os.open(name, os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC | os.O_NONBLOCK, dir_fd=dirfd)
        try:
            entry.size = left = os.fstat(fd).st_size
            yield header(entry)
            while left:
                piece = os.read(fd, min(left, _PIECE)) or bytes(min(left, _PIECE))
                left -= len(piece)
                yield piece
            if entry.size % _BLOCK:
                yield bytes(_BLOCK - entry.size % _BLOCK)
        finally:
            os.close(fd)


class Entry:
    """What a header says. `mtime` in nanoseconds."""

    __slots__ = ("device", "gid", "kind", "link", "mode", "mtime", "name", "size", "uid", "xattrs")

    def __init__(self, name: bytes, kind: bytes, mode: int, uid: int = 0, gid: int = 0) -> None:
        self.name = name
        self.kind = kind
        self.mode = mode
        self.uid = uid
        self.gid = gid
        self.size = 0
        self.mtime = 0
        self.link = b""
        self.device = 0
        self.xattrs: dict[str, bytes] = {}


def header(entry: Entry) -> bytes:
    """A ustar block, with a PAX header before it where ustar does not reach."""
    records = _records(entry)
    block = _ustar(entry)
    if not records:
        return block
    data = b"".join(_record(key, value) for key, value in sorted(records.items()))
    extended = Entry(b"PaxHeaders.0/" + entry.name[-80:].strip(b"/"), b"x", 0o644)
    extended.size = len(data)
    return _ustar(extended) + data + bytes(-len(data) % _BLOCK) + block


def _records(entry: Entry) -> dict[str, bytes]:
    records: dict[str, bytes] = {}
    if len(entry.name) > 100 or not entry.name.isascii():
        records["path"] = entry.name
    if len(entry.link) > 100 or not entry.link.isascii():
        records["linkpath"] = entry.link
    for key, value, limit in (
        ("uid", entry.uid, _OCTAL_8),
        ("gid", entry.gid, _OCTAL_8),
        ("size", entry.size, _OCTAL_12),
    ):
        if value >= limit:
            records[key] = b"%d" % value
    seconds, fraction = divmod(entry.mtime, _SECOND)
    if fraction or not 0 <= seconds < _OCTAL_12:
        records["mtime"] = _time(entry.mtime)
    for name, content in entry.xattrs.items():
        records[f"SCHILY.xattr.{name}"] = content
    return records


def _time(nanoseconds: int) -> bytes:
    sign = b"-" if nanoseconds < 0 else b""
    seconds, fraction = divmod(abs(nanoseconds), _SECOND)
    text = b"%s%d" % (sign, seconds)
    return text + (b".%09d" % fraction).rstrip(b"0") if fraction else text


def _record(key: str, value: bytes) -> bytes:
    """`length key=value\\n`, where the length counts its own digits."""
    body = b" %s=%s\n" % (key.encode("utf-8", "surrogateescape"), value)
    size = len(body) + 1
    while len(body) + len(str(size)) != size:
        size = len(body) + len(str(size))
    return b"%d%s" % (size, body)


def _ustar(entry: Entry) -> bytes:
    seconds = entry.mtime // _SECOND
    fields = (
        entry.name[:100].ljust(100, b"\0"),
        b"%07o\0" % (entry.mode & 0o7777),
        b"%07o\0" % (entry.uid if entry.uid < _OCTAL_8 else 0),
        b"%07o\0" % (entry.gid if entry.gid < _OCTAL_8 else 0),
        b"%011o\0" % (entry.size if entry.size < _OCTAL_12 else 0),
        b"%011o\0" % (seconds if 0 <= seconds < _OCTAL_12 else 0),
        b"        ",
        entry.kind,
        entry.link[:100].ljust(100, b"\0"),
        b"ustar\x0000",
        bytes(64),
        b"%07o\0" % os.major(entry.device),
        b"%07o\0" % os.minor(entry.device),
    )
    block = b"".join(fields).ljust(_BLOCK, b"\0")
    return block[:148] + b"%06o\0 " % sum(block) + block[156:]
