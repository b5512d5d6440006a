# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading checkpoint archives, which come from elsewhere: a look at what they say, and unpacking them.

Only members that a checkpoint has are written, as plain files made anew below an open directory; trees within it go
through the unpacker of layers, and what is to be deleted is looked up inside the container's root.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Corrupt, HostLacks, NotFound
from ..base.files import parse_json
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..criu import archive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from ..base.jsonval import Json
    from ..session.session import Session
    from ..store.tar_header import Member
    from ..store.tar_reader import TarReader

    Opened = Callable[[str], int]

_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
_MOST_MEMBERS = 100_000
_HINT = "It has to be a checkpoint archive, as podman and this module write them"


class Said(NamedTuple):
    """What an archive says of itself; `early`: it holds a round before a checkpoint."""

    config: Json
    network: Json
    notes: Json
    early: bool = False


class Origin(NamedTuple):
    """A file `path`, or an image of the store (`layer`: its top layer's id). `name` is what to call it where
    its path says nothing to people."""

    path: str = ""
    layer: str = ""
    name: str = ""

    @property
    def shown(self) -> str:
        return self.name or (f"the archive {self.path}" if self.path else "the checkpoint image")


def look(session: Session, origin: Origin) -> Said:
    """Read as far as the small members reach; nothing is written. Raises NotFound, Corrupt."""
    found: dict[str, Json] = {}
    images: set[str] = set()
    with _reader(session, origin) as reader:
        for member, place in _members(reader):
            if place.kind == archive.FILE and place.path in (archive.CONFIG, archive.NETWORK, archive.NOTES):
                found[place.path] = _json(reader, member, place.path)
                continue
            images.add(place.path.partition("/")[0])
            # Archives begin with the small members; the tree of an image has them in the order of their names.
            if archive.IMAGES in images and archive.CONFIG in found and (origin.path or archive.NOTES in found):
                break
            _skip(reader)
    early = archive.EARLIER in images and archive.IMAGES not in images
    if archive.CONFIG not in found:
        raise Corrupt(f"read {origin.shown}", f"it holds no {archive.CONFIG}", _HINT)
    empty: Json = {}
    network, notes = found.get(archive.NETWORK, empty), found.get(archive.NOTES, empty)
    return Said(found[archive.CONFIG], network, notes, early)


def _json(reader: TarReader, member: Member, name: str) -> Json:
    if member.size > archive.SMALL[name]:
        raise reader.fail(f"{name} is longer than {archive.SMALL[name]} bytes")
    value = parse_json(reader.whole_body(), name)
    return value if isinstance(value, dict) else {}


def _skip(reader: TarReader) -> None:
    for _piece in reader.body():
        pass


@contextmanager
def _reader(session: Session, origin: Origin) -> Iterator[TarReader]:
    from ..host.compression import decompressor, peek, sniff
    from ..store.tar_reader import Source, TarReader

    if not origin.path:
        pieces = session.store.flat_tar(origin.layer, origin.shown)
        yield TarReader(Source(lambda: next(pieces, b"")), origin.shown)
        return
    try:
        file = open(origin.path, "rb")  # noqa: SIM115  closed below
    except FileNotFoundError:
        raise NotFound(f"read {origin.shown}", "there is no such file") from None
    except OSError as error:
        raise BadInput(f"read {origin.shown}", error.strerror or str(error)) from error
    with file:
        head, raw = peek(file)
        yield TarReader(Source(decompressor(sniff(head), raw, origin.shown).piece), origin.shown)


def _members(reader: TarReader) -> Iterator[tuple[Member, archive.Place]]:
    count = 0
    while True:
        member = reader.next()
        if member is None:
            return
        reader.take_raw()
        if member.kind == b"g":
            continue
        count += 1
        if count > _MOST_MEMBERS:
            raise reader.fail(f"it holds more than {_MOST_MEMBERS} members")
        name, link = os.fsdecode(member.name), os.fsdecode(member.link)
        place = archive.place(name, member.kind, link)
        if place.kind == archive.BAD:
            raise reader.fail(f"{name[:200]!r} is no part of a checkpoint")
        yield member, place


class Targets(NamedTuple):
    """Where things go: `folder` for the checkpoint's own files, `root` for what the container changed (None: it is
    left out), `volume` opens the directory of a volume by name (-1: it is left out)."""

    folder: int
    root: int | None
    volume: Opened


def unpack(session: Session, origin: Origin, targets: Targets) -> list[str]:
    """Unpack everything; the paths that are to be deleted. Raises Corrupt, HostLacks."""
    deleted: list[str] = []
    seen: set[str] = set()
    try:
        with _reader(session, origin) as reader:
            for member, place in _members(reader):
                if place.path and place.kind != archive.FOLDER:
                    if f"{place.kind} {place.path}" in seen:
                        raise reader.fail(f"{place.path} is in it twice")
                    seen.add(f"{place.kind} {place.path}")
                if place.kind == archive.FILE and place.path == archive.DELETED:
                    deleted = _paths(reader, member)
                else:
                    _put(reader, member, place, targets)
    except OSError as error:
        raise HostLacks(f"unpack {origin.shown}", error.strerror or str(error)) from error
    return deleted


def _paths(reader: TarReader, member: Member) -> list[str]:
    if member.size > archive.SMALL[archive.DELETED]:
        raise reader.fail(f"{archive.DELETED} is too long")
    found = parse_json(reader.whole_body(), archive.DELETED)
    return [path for path in found if isinstance(path, str)] if isinstance(found, list) else []


def _put(reader: TarReader, member: Member, place: archive.Place, targets: Targets) -> None:
    if place.kind in (archive.FILE, archive.SHM_TREE):
        _write(reader, targets.folder, place.path)
    elif place.kind == archive.FOLDER:
        _make_folder(targets.folder, place.path)
    elif place.kind == archive.LINK:
        _skip(reader)
        os.symlink(archive.PARENT_TARGET, place.path, dir_fd=targets.folder)
    elif place.kind == archive.TREE and targets.root is not None:
        _tree(reader, targets.root, "what the container changed")
    elif place.kind == archive.VOLUME_TREE:
        fd = targets.volume(place.path)
        if fd < 0:
            _skip(reader)
            return
        try:
            _tree(reader, fd, f"volume {place.path}")
        finally:
            os.close(fd)
        reached("import-volume-filled")
    else:
        _skip(reader)


def _tree(reader: TarReader, top: int, what: str) -> None:
    from ..store.loose import unpack_below

    pieces = reader.body()
    unpack_below(top, lambda: bytes(next(pieces, b"")), what)
    for _piece in pieces:
        pass


def _make_folder(top: int, name: str) -> None:
    try:
        os.mkdir(name, 0o700, dir_fd=top)
    except FileExistsError:
        pass  # a member before it was in it


def _write(reader: TarReader, top: int, path: str) -> None:
    """Never over anything: the folder was empty, and no member comes twice."""
    folder, _slash, name = path.rpartition("/")
    if folder:
        _make_folder(top, folder)
    where = os.open(folder or ".", os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=top)
    try:
        fd = os.open(name, _MAKE, 0o600, dir_fd=where)
    finally:
        os.close(where)
    try:
        for piece in reader.body():
            view = memoryview(piece)
            while view:
                view = view[os.write(fd, view) :]
    finally:
        os.close(fd)
