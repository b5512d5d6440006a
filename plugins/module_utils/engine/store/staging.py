# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a blob to a layer ready to be committed: verify, decompress, digest, unpack and split in one pass.

No lock of the store is held, so any number of processes may stage at once. Within one process a long blob is read,
verified and inflated by a second thread and its content digested by a third, since zlib, zstd and hashlib work outside
the interpreter lock.
"""

from __future__ import annotations

import errno
import hashlib
import os
from typing import TYPE_CHECKING, Callable

from ..base.digest import Digest
from ..base.errors import Corrupt, EngineError, HostLacks
from ..base.streams import VerifiedReader
from ..host import compression as host_compression
from ..host.libc import keep_memory
from .tar_reader import Source, TarReader
from .tarsplit import SplitWriter
from .unpack import Unpacked, Unpacker
from .values import StagedLayer, UnpackOptions, Wanted

if TYPE_CHECKING:
    from ..base.limits import Limits
    from ..base.streams import Reader
    from .overlay import Staging

__all__ = ["StagedLayer", "Wanted", "stage"]

_THREAD_FROM = 4 << 20  # compressed bytes from which a second thread pays
_QUEUE = 4  # pieces between two threads, a mebibyte each at most


def stage(reader: Reader, place: Staging, wanted: Wanted, options: UnpackOptions) -> StagedLayer:
    """Unpack a blob into `place`. Raises Corrupt, HostLacks; the caller discards `place` then."""
    blob = _Blob(reader, wanted)
    head, raw = host_compression.peek(blob)
    kind = host_compression.sniff(head)
    plain = host_compression.decompressor(kind, raw, wanted.what)
    threaded = (wanted.source_size or 0) >= _THREAD_FROM
    if threaded:
        keep_memory()
    feed = _Threaded(plain.piece) if threaded else None
    digested = _Digested(feed.pull if feed else plain.piece, blob, options.limits, wanted.what)
    if threaded:
        digested.hash = _ThreadedHash()
    try:
        unpacked = _unpack(digested, place, wanted.what, options)
        blob.finish()
    except _SourceFailed as carrier:
        raise carrier.failure from None
    finally:
        if feed:
            feed.stop()
        # The thread of its digest ends here, too, whatever became of the layer.
        content = digested.hash.hexdigest()
    diff_id = Digest("sha256", content)
    if wanted.diff_id is not None and wanted.diff_id != diff_id:
        raise Corrupt(f"unpack {wanted.what}", f"its content is {diff_id}, the image's config says {wanted.diff_id}")
    return StagedLayer(place.path, diff_id, digested.size, blob.digest(), blob.size, kind, unpacked.uids, unpacked.gids)


class _Blob:
    """The bytes as they come: counted and digested, held against what they should be."""

    def __init__(self, reader: Reader, wanted: Wanted) -> None:
        self._wanted = wanted
        self._hash = hashlib.sha256()
        # Another algorithm than ours needs a pass of its own; sha256 is both the check and what the record keeps.
        foreign = wanted.source is not None and wanted.source.algorithm != "sha256"
        self._reader: Reader = (
            VerifiedReader(reader, wanted.source, wanted.source_size, wanted.what)
            if foreign and wanted.source is not None
            else reader
        )
        self._ended = False
        self.size = 0

    def read(self, size: int = -1) -> bytes:
        data = self._reader.read(size)
        if data:
            self.size += len(data)
            limit = self._wanted.source_size
            if limit is not None and self.size > limit:
                raise Corrupt(f"read {self._wanted.what}", f"longer than the {limit} bytes it declares")
            self._hash.update(data)
        elif size != 0:
            self._ended = True
        return data

    def digest(self) -> Digest:
        return Digest("sha256", self._hash.hexdigest())

    def finish(self) -> None:
        """Read what the decompressor left, and judge."""
        while not self._ended:
            self.read(1 << 17)
        wanted = self._wanted
        if wanted.source_size is not None and self.size != wanted.source_size:
            raise Corrupt(f"read {wanted.what}", f"ended after {self.size} of {wanted.source_size} bytes")
        if wanted.source is not None and wanted.source.algorithm == "sha256" and wanted.source != self.digest():
            raise Corrupt(f"read {wanted.what}", f"has digest {self.digest()}, not {wanted.source}")


class _SourceFailed(Exception):
    """Carries the reader's own OSError past those who take an OSError for one of the file system."""

    def __init__(self, failure: OSError) -> None:
        super().__init__(str(failure))
        self.failure = failure


class _Digested:
    """The plain bytes, counted and digested as the unpacker pulls them."""

    def __init__(self, pull: Callable[[], bytes], blob: _Blob, limits: Limits, what: str) -> None:
        self._pull = pull
        self._blob = blob
        self._limits = limits
        self._what = what
        self.hash: hashlib._Hash | _ThreadedHash = hashlib.sha256()
        self.size = 0

    def pull(self) -> bytes:
        try:
            piece = self._pull()
        except OSError as error:
            raise _SourceFailed(error) from None
        self.size += len(piece)
        self._limits.hold(self.size, self._blob.size, self._what)
        self.hash.update(piece)
        return piece


class _Line:
    """Pieces on their way from one thread to another, `_QUEUE` of them at most: what queue.Queue does, but in C."""

    def __init__(self) -> None:
        from queue import SimpleQueue

        self._pieces: SimpleQueue[bytes | BaseException] = SimpleQueue()
        self._room: SimpleQueue[None] = SimpleQueue()
        for _number in range(_QUEUE):
            self._room.put(None)

    def put(self, piece: bytes | BaseException) -> None:
        self._room.get()
        self._pieces.put(piece)

    def get(self) -> bytes | BaseException:
        piece = self._pieces.get()
        self._room.put(None)
        return piece

    def let_pass(self) -> None:
        """Room for one more, whoever takes it out or not."""
        self._room.put(None)


class _ThreadedHash:
    """A sha256 that a thread of its own computes, a few pieces behind. `hexdigest` ends it."""

    def __init__(self) -> None:
        import threading

        self._hash = hashlib.sha256()
        self._line = _Line()
        self._thread = threading.Thread(target=self._run, name="digest", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while True:
            piece = self._line.get()
            if not isinstance(piece, bytes) or not piece:
                return
            self._hash.update(piece)

    def update(self, piece: bytes) -> None:
        if piece:
            self._line.put(piece)

    def hexdigest(self) -> str:
        self._line.put(b"")
        self._thread.join()
        return self._hash.hexdigest()


class _Threaded:
    """Runs `pull` ahead in a thread of its own; `pull()` here hands out what it found, or raises what it raised."""

    def __init__(self, pull: Callable[[], bytes]) -> None:
        import threading

        self._line = _Line()
        self._stopped = False
        self._source = pull
        self._ended = False
        self._thread = threading.Thread(target=self._run, name="inflate", daemon=True)
        self._thread.start()

    def _run(self) -> None:
        while not self._stopped:
            piece: bytes | BaseException
            try:
                piece = self._source()
            except BaseException as error:  # carried to the consumer, who raises it
                piece = error
            self._line.put(piece)
            if not piece or isinstance(piece, BaseException):
                return

    def pull(self) -> bytes:
        if self._ended:
            return b""
        piece = self._line.get()
        if isinstance(piece, BaseException):
            self._ended = True
            raise piece
        self._ended = not piece
        return piece

    def stop(self) -> None:
        """End the thread, whatever it is doing: it can only be waiting for room, or for its reader."""
        self._stopped = True
        while self._thread.is_alive():
            self._line.let_pass()
            self._thread.join(0.01)


def _unpack(digested: _Digested, place: Staging, what: str, options: UnpackOptions) -> Unpacked:
    """The tree and tar-split."""
    try:
        os.mkdir(place.tree, 0o700)
        top = os.open(place.tree, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        try:
            fd = os.open(place.split, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600)
            try:
                split = SplitWriter(fd)
                tar = TarReader(Source(digested.pull), what)
                unpacked = Unpacker(top, tar, split, options).run()
                end = tar.take_raw()
                if end:
                    split.segment(end)
                for piece in tar.rest():
                    split.segment(piece)
                split.finish()
            finally:
                os.close(fd)
        finally:
            os.close(top)
    except OSError as error:
        raise _explain(error, what) from error
    return unpacked


def _explain(error: OSError, what: str) -> EngineError:
    hint = "Free space where images are stored" if error.errno in (errno.ENOSPC, errno.EDQUOT) else ""
    return HostLacks(f"unpack {what}", os.strerror(error.errno or errno.EIO), hint)
