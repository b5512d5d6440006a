# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers as they travel between hosts, and where they wait until the image is whole.

A layer travels as one compressed file: as its source keeps it where that is compressed, else packed here. On the
receiving host the files wait beside the store, each named by the layer's content, its own digest and its full size; so
what an interrupted transfer brought is known again, and only the rest is sent.
"""

from __future__ import annotations

import hashlib
import os
import time
import zlib
from typing import TYPE_CHECKING

from ..base import patterns
from ..base.digest import Digest
from ..base.errors import BadInput, NotFound
from ..base.tuples import NamedTuple
from ..host import compression
from ..registry.tree import Span, open_file

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..base.streams import Reader
    from ..session.session import Session

_NAME = patterns.compile(r"([0-9a-f]{64})\.([0-9a-f]{64})\.([0-9]{1,19})\Z")
_LEVEL = 4
_PIECE = 1024 * 1024
#: What nobody asked for again in this time will not be asked for: a week, in seconds.
_FORGOTTEN = 7 * 86400


class Parcel(NamedTuple):
    """One layer on its way: its content's digest, digest and size of the file that travels, and how much is here."""

    diff_id: str
    digest: str
    size: int
    at: int = 0

    @property
    def whole(self) -> bool:
        return self.at == self.size

    @classmethod
    def checked(cls, diff_id: str, digest: str, size: int, at: int = 0) -> Parcel:
        """Raises BadInput: the words came from another host."""
        for text in (diff_id, digest):
            if Digest.parse(text).algorithm != "sha256":
                raise BadInput("take a layer", f"{text} is not a sha256 digest")
        if not 0 <= at <= size:
            raise BadInput("take a layer", f"{at} of {size} bytes makes no sense")
        return cls(diff_id, digest, size, at)


def pack(reader: Reader, path: str, diff_id: str) -> Parcel:
    """Write the layer to a new file, compressed where it is not yet. The same layer gives the same bytes each time."""
    head, whole = compression.peek(reader)
    packer = zlib.compressobj(_LEVEL, zlib.DEFLATED, 31) if compression.sniff(head) == "none" else None
    digest, size = hashlib.sha256(), 0
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
    with os.fdopen(fd, "wb") as file:
        while True:
            data = whole.read(_PIECE)
            packed = data if packer is None else packer.compress(data) if data else packer.flush()
            digest.update(packed)
            size += len(packed)
            file.write(packed)
            if not data:
                return Parcel(diff_id, f"sha256:{digest.hexdigest()}", size, size)


class Parcels:
    """The files that wait on this host; its directory is made with the first of them and goes with the last."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    @classmethod
    def of(cls, session: Session) -> Parcels:
        return cls(os.path.join(session.store_options.graph_root, "libpod", "daemonless-transfer"))

    def held(self, diff_ids: Iterable[str]) -> list[Parcel]:
        """What is here of these layers, at most one file for each: the one that has come farthest."""
        best: dict[str, Parcel] = {}
        wanted = set(diff_ids)
        for parcel in self._all():
            known = best.get(parcel.diff_id)
            if parcel.diff_id in wanted and (known is None or parcel.at > known.at):
                best[parcel.diff_id] = parcel
        return list(best.values())

    def path(self, parcel: Parcel) -> str:
        self._make()
        return os.path.join(self._directory, _file_name(parcel))

    def scratch(self, diff_id: str) -> str:
        """Where to pack a layer whose digest is not known yet."""
        self._make()
        return os.path.join(self._directory, f"{Digest.parse(diff_id).hex}.{os.getpid()}")

    def keep(self, parcel: Parcel, offset: int, source: str) -> int:
        """Put the bytes of the file ``source`` at the offset; how many bytes are here now.

        A piece that would leave a hole is not taken: whoever sends goes on from the answer.
        """
        path = self.path(parcel)
        fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        given = open_file(source)
        try:
            size = os.fstat(given).st_size
            if offset + size > parcel.size:
                raise BadInput(f"take layer {parcel.diff_id}", f"more than its {parcel.size} bytes came")
            if offset <= os.fstat(fd).st_size:
                reader = Span(given, 0, size, source)
                while True:
                    data = reader.read(_PIECE)
                    if not data:
                        break
                    while data:
                        count = os.pwrite(fd, data, offset)
                        data, offset = data[count:], offset + count
            return os.fstat(fd).st_size
        finally:
            os.close(given)
            os.close(fd)

    def open(self, parcel: Parcel) -> Span:
        """Raises NotFound when the file is not here or not whole."""
        what = f"layer {parcel.diff_id}"
        try:
            fd = os.open(self.path(parcel), os.O_RDONLY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except FileNotFoundError:
            raise NotFound(f"store {what}", "it was not sent, or was cleared away", "Run the task again")
        size = os.fstat(fd).st_size
        if size != parcel.size:
            os.close(fd)
            raise NotFound(f"store {what}", f"{size} of {parcel.size} bytes are here", "Run the task again")
        return Span(fd, 0, size, what)

    def read(self, parcel: Parcel, offset: int, length: int) -> bytes:
        """A piece of a file that is here, for a controller that cannot fetch it as a file."""
        span = self.open(parcel)
        try:
            return os.pread(span.fd, length, offset)
        finally:
            os.close(span.fd)

    def drop(self, diff_ids: Iterable[str]) -> None:
        """Forget these layers, and what was forgotten long ago. Idempotent."""
        wanted = set(diff_ids)
        for parcel in self._all():
            path = os.path.join(self._directory, _file_name(parcel))
            try:
                if parcel.diff_id in wanted or time.time() - os.stat(path).st_mtime > _FORGOTTEN:
                    os.unlink(path)
            except FileNotFoundError:
                continue
        try:
            os.rmdir(self._directory)
        except OSError:
            pass  # not empty, or never made

    def _make(self) -> None:
        os.makedirs(os.path.dirname(self._directory), mode=0o700, exist_ok=True)
        try:
            os.mkdir(self._directory, 0o700)
        except FileExistsError:
            pass

    def _all(self) -> list[Parcel]:
        found = []
        try:
            with os.scandir(self._directory) as entries:
                for entry in entries:
                    match = _NAME.match(entry.name)
                    if match and entry.is_file(follow_symlinks=False):
                        size, at = int(match.group(3)), entry.stat(follow_symlinks=False).st_size
                        if at <= size:
                            found.append(Parcel(f"sha256:{match.group(1)}", f"sha256:{match.group(2)}", size, at))
        except FileNotFoundError:
            return []
        return found


def _file_name(parcel: Parcel) -> str:
    return f"{Digest.parse(parcel.diff_id).hex}.{Digest.parse(parcel.digest).hex}.{parcel.size}"
