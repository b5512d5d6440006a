# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A kept checkpoint as one archive in podman's format: images, config, what the container changed, its volumes."""

from __future__ import annotations

import json
import os
import tempfile
from typing import IO, TYPE_CHECKING

from ..base import jsonval
from ..base.errors import BadInput, EngineError, HostLacks, NotFound
from ..base.files import read_bytes
from ..base.tuples import NamedTuple
from ..criu import archive
from ..host.compression import ZSTD
from . import frozen, tree
from .model import volume_names

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from contextlib import AbstractContextManager

    from ..image.exporting import Exported
    from ..session.session import Session
    from .model import Container

_PIECE = 1 << 18
_BLOCK = 512
_OWN_FILES = ("stats-dump", "dump.log")


class Wish(NamedTuple):
    """`rootfs` and `volumes`: whether what the container changed, and its volumes, go along; `early`: a round before
    the checkpoint instead of the checkpoint; `previous`: such a round goes along with the checkpoint that needs it;
    `ended`: it does not run and is not frozen, so there is no checkpoint, and all the rest goes along."""

    rootfs: bool = True
    volumes: bool = True
    compression: str = ZSTD
    level: int | None = None
    early: bool = False
    previous: bool = True
    ended: bool = False


def write(session: Session, container: Container, dest: str, wish: Wish) -> Exported:
    """The archive as a file, whole or not at all. Raises NotFound without a checkpoint, BadInput, HostLacks."""
    from ..image import exporting

    return exporting.written(_compressed(pieces(session, container, wish), wish), dest)


def as_before(session: Session, container: Container, criu: str = "") -> AbstractContextManager[None]:
    """For what is made of a checkpoint that was taken for it alone: when that fails, the container goes on, and nothing
    is kept of it."""
    from . import restore
    from .journal import undoing

    return undoing(lambda: restore.go_on(session, container.id, criu))


def _compressed(plain: Iterable[bytes], wish: Wish) -> Iterator[bytes]:
    from ..host.compressing import compressor

    made = compressor(wish.compression, wish.level)
    for piece in plain:
        out = made.compress(piece)
        if out:
            yield out
    yield made.flush()


def pieces(session: Session, container: Container, wish: Wish) -> Iterator[bytes]:
    """The plain tar. Small members come first: who only looks need not read far."""
    deed = f"export the checkpoint of container {container.name}"
    if not (wish.early or wish.ended) and frozen.kept(container) is None:
        raise NotFound(deed, "no checkpoint is kept of it")
    try:
        yield from _members(session, container, wish)
    except OSError as error:
        raise HostLacks(deed, f"{error.filename or ''}: {error.strerror}".lstrip(": ")) from error
    yield bytes(2 * _BLOCK)


def _members(session: Session, container: Container, wish: Wish) -> Iterator[bytes]:
    static = container.static_dir
    yield from _file(archive.CONFIG, json.dumps(container.config, indent=1).encode())
    for name, source in (
        (archive.SPEC, "config.json"),
        (archive.NETWORK, archive.NETWORK),
        (archive.NOTES, archive.NOTES),
    ):
        if os.path.isfile(os.path.join(static, source)):
            yield from _file(name, read_bytes(os.path.join(static, source)))
    rootfs = wish.rootfs and not wish.early and not jsonval.text(container.config, "rootfs")
    if rootfs:
        gone = [path for kind, path in tree.changes(session, container) if kind == "D"]
        if gone:
            yield from _file(archive.DELETED, json.dumps(gone).encode())
    if wish.early:
        yield from _folder(static, archive.EARLIER)
        return
    for name in (*_OWN_FILES, archive.SHM):
        yield from _copy(os.path.join(static, name), name)
    if container.log_path:
        yield from _copy(container.log_path, archive.LOG)
    for folder in (archive.EARLIER, archive.IMAGES) if wish.previous else (archive.IMAGES,):
        yield from _folder(static, folder)
    if rootfs:
        yield from _spooled(static, archive.ROOT_CHANGES, _changes(session, container))
    if wish.volumes:
        for name in dict.fromkeys(volume_names(container.config)):
            yield from _spooled(static, f"{archive.VOLUMES}/{name}.tar", _volume(session, name))


def _changes(session: Session, container: Container) -> Iterator[bytes]:
    from ..host.rooted import Root
    from ..store.pack import pack

    with Root.of(session.store.diff_path(container.id)) as top:
        yield from pack(top, f"the changes of container {container.name}", whiteouts=False)


def _volume(session: Session, name: str) -> Iterator[bytes]:
    from ..host.rooted import Root
    from ..store.pack import pack
    from ..volume import observed

    view = observed.find(session, name)
    if view is None:
        raise NotFound(f"pack volume {name}", "it is gone")
    if view.needs_mount:
        raise BadInput(f"pack volume {name}", "it has a file system of its own", "Say ignore_volumes: true")
    with Root.of(view.mountpoint) as top:
        yield from pack(top, f"volume {name}", whiteouts=False)


def _folder(static: str, name: str) -> Iterator[bytes]:
    from ..store.pack import Entry, header

    path = os.path.join(static, name)
    if not os.path.isdir(path):
        return
    yield header(Entry(f"{name}/".encode(), b"5", 0o700))
    for entry in sorted(os.listdir(path)):
        whole = os.path.join(path, entry)
        if os.path.islink(whole):
            if entry == archive.PARENT:
                link = Entry(f"{name}/{entry}".encode(), b"2", 0o777)
                link.link = archive.PARENT_TARGET.encode()
                yield header(link)
        elif os.path.isfile(whole):
            yield from _copy(whole, f"{name}/{entry}")


def _file(name: str, data: bytes) -> Iterator[bytes]:
    from ..store.pack import Entry, header

    entry = Entry(name.encode(), b"0", 0o600)
    entry.size = len(data)
    yield header(entry) + data + bytes(-len(data) % _BLOCK)


def _copy(path: str, name: str) -> Iterator[bytes]:
    try:
        file = open(path, "rb")  # noqa: SIM115  closed by the caller below
    except FileNotFoundError:
        return
    with file:
        yield from _opened(file, name)


def _opened(file: IO[bytes], name: str) -> Iterator[bytes]:
    """A file that grows meanwhile (a log) is cut, one that shrinks filled with zeros."""
    from ..store.pack import Entry, header

    entry = Entry(name.encode(), b"0", 0o600)
    entry.size = left = os.fstat(file.fileno()).st_size
    yield header(entry)
    while left:
        piece = file.read(min(left, _PIECE)) or bytes(min(left, _PIECE))
        left -= len(piece)
        yield piece
    if entry.size % _BLOCK:
        yield bytes(_BLOCK - entry.size % _BLOCK)


def _spooled(static: str, name: str, tar: Iterator[bytes]) -> Iterator[bytes]:
    """A tar within the tar: how long it is must be said before it, so it takes the way over a file without a name."""
    with tempfile.TemporaryFile(dir=static) as file:
        for piece in tar:
            file.write(piece)
        file.flush()
        file.seek(0)
        yield from _opened(file, name)


def image(session: Session, container: Container, name: str, wish: Wish) -> str:
    """The archive as the only layer of an image, with podman's annotations about it; its id."""
    from . import checkpoint_image

    try:
        return checkpoint_image.make(session, container, name, pieces(session, container, wish))
    except EngineError as error:
        error.deed = f"make image {name} of the checkpoint of container {container.name}"
        raise
