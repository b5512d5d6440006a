# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""tar-split: what of a layer's tar is not file content, so that the very same bytes can be put together again.

One JSON object per line, gzipped. Type 2 is raw bytes (headers, padding, the end), type 1 stands for a member and the
CRC of its content, which stays in the unpacked tree (github.com/vbatts/tar-split, as containers/storage uses it).
"""

from __future__ import annotations

import json
import os
import stat
from base64 import b64decode, b64encode
from binascii import b2a_base64
from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import Corrupt, Damaged
from ..host.compression import gzipping
from ..host.rooted import Root
from . import crc64
from .tar_header import place_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterable, Iterator
    from typing import IO

    from ..base.streams import Reader
    from .tar_header import Member

_PLAIN_NAME = patterns.compile(rb"[ !#-%\'-;=?-\[\]-~]*\Z")  # what Go's JSON encoder leaves alone
_GATHER = 1 << 16
_BLOCK = 1 << 18
_FOLDERS = 128  # open at a time
_LINE_LIMIT = 8 << 20


class SplitWriter:
    """Writes lines to an open file descriptor."""

    def __init__(self, fd: int) -> None:
        self._fd = fd
        self._position = 0
        self._pending: list[str] = []
        self._gathered = 0
        self._deflate = gzipping().compressobj(level=1, wbits=31)
        self.crc = crc64.best()

    def segment(self, raw: bytes) -> None:
        """Raw bytes: what is before a member's content, for which `body_done` must follow, or after the last."""
        payload = b2a_base64(raw, newline=False).decode("ascii")
        self._line(f'{{"type":2,"payload":"{payload}","position":{self._position}}}\n')

    def body_done(self, member: Member, crc: int) -> None:
        name = member.name
        if _PLAIN_NAME.match(name):
            named = f'"name":"{name.decode()}"'
        else:
            named = _odd_name(name)
        if member.size:
            payload = b2a_base64(crc.to_bytes(8, "big"), newline=False).decode("ascii")
            self._line(f'{{"type":1,{named},"size":{member.size},"payload":"{payload}","position":{self._position}}}\n')
        else:
            self._line(f'{{"type":1,{named},"payload":null,"position":{self._position}}}\n')

    def _line(self, text: str) -> None:
        self._position += 1
        self._pending.append(text)
        self._gathered += len(text)
        if self._gathered >= _GATHER:
            self._flush()

    def _flush(self) -> None:
        self._write(self._deflate.compress("".join(self._pending).encode()))
        self._pending.clear()
        self._gathered = 0

    def _write(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            view = view[os.write(self._fd, view) :]

    def finish(self) -> None:
        self._flush()
        self._write(self._deflate.flush())


def _odd_name(name: bytes) -> str:
    """As Go writes it: HTML's special letters and line separators escaped, other UTF-8 as it is, else base64."""
    try:
        text = name.decode()
    except UnicodeDecodeError:
        return f'"name_raw":"{b64encode(name).decode()}"'
    quoted = json.dumps(text, ensure_ascii=False)
    for letter in "<>&\u2028\u2029":
        quoted = quoted.replace(letter, f"\\u{ord(letter):04x}")
    return f'"name":{quoted}'


class Rebuilt:
    """A reader of the original tar, from tar-split's lines and the unpacked tree. Closes both at the end or `close()`.

    Raises Damaged when a file is missing or not what was unpacked. Not `summed`, a file of the right length is taken
    for what it was: for who compares the digest of the whole, since sums take a quarter of the time.
    """

    def __init__(self, split: Reader, opened: tuple[IO[bytes], Root], what: str, *, summed: bool = True) -> None:
        self._file, self._tree = opened
        self._what = what
        self._update = crc64.best() if summed else None
        self._folders: dict[bytes, int] = {}
        self._pieces = self._run(split)
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            return b"".join([self._rest, *self._pieces])
        if not self._rest and size:
            self._rest = next(self._pieces, b"")
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def close(self) -> None:
        self._pieces.close()
        self._close_files()

    def _leave(self) -> None:
        for fd in self._folders.values():
            os.close(fd)
        self._folders.clear()

    def _run(self, split: Reader) -> Generator[bytes, None, None]:
        """In blocks of `_BLOCK` or more: what reads them costs as much for a header as for all of a small file."""
        gathered: list[bytes] = []
        length = 0
        for line in _lines(split, self._what):
            kind = line.get("type")
            if kind == 2:
                pieces: Iterable[bytes] = (self._payload(line),)
            elif kind == 1:
                size = line.get("size", 0)
                if not isinstance(size, int):
                    raise Damaged(f"rebuild the tar of {self._what}", "tar-split has an entry without a size")
                pieces = self._content(line, size) if size > 0 else ()
            else:
                raise Damaged(f"rebuild the tar of {self._what}", "tar-split has an entry of unknown type")
            for piece in pieces:
                gathered.append(piece)
                length += len(piece)
                if length >= _BLOCK:
                    yield b"".join(gathered)
                    gathered.clear()
                    length = 0
        if length:
            yield b"".join(gathered)
        self._close_files()

    def _close_files(self) -> None:
        self._leave()
        self._tree.close()
        self._file.close()

    def _payload(self, line: dict[str, object]) -> bytes:
        return self._decoded(line.get("payload") or "")

    def _decoded(self, text: object) -> bytes:
        try:
            return b64decode(str(text), validate=True)
        except ValueError:
            raise Damaged(f"rebuild the tar of {self._what}", "tar-split is damaged") from None

    def _content(self, line: dict[str, object], size: int) -> Iterator[bytes]:
        update = self._update
        raw = line.get("name_raw")
        name = self._decoded(raw) if raw else str(line.get("name", "")).encode("utf-8", "surrogatepass")
        try:
            fd = self._open(place_of(name))
        except OSError:
            raise self._wrong(name) from None
        try:
            if not stat.S_ISREG(os.fstat(fd).st_mode):
                raise self._wrong(name)
            crc, left = 0, size
            while left:
                piece = os.read(fd, min(left, _BLOCK))
                if not piece:
                    raise self._wrong(name)
                left -= len(piece)
                if update is not None:
                    crc = update(crc, piece)
                yield piece
            if update is not None and b64encode(crc.to_bytes(8, "big")).decode() != line.get("payload"):
                raise self._wrong(name)
        finally:
            os.close(fd)

    def _wrong(self, name: bytes) -> Damaged:
        return Damaged(
            f"rebuild the tar of {self._what}",
            f"{name.decode('utf-8', 'backslashreplace')} is not as it was unpacked",
            "The image must be removed and pulled again",
        )

    def _open(self, place: bytes) -> int:
        """Directories stay open for the next member. The file itself is never a link: it was made with O_EXCL, and no
        other member may take its place."""
        folder, _slash, name = place.rpartition(b"/")
        fd = self._folders.get(folder, -1)
        if fd < 0:
            if len(self._folders) >= _FOLDERS:
                self._leave()
            fd = self._folders[folder] = self._tree.open(folder or b".", os.O_PATH | os.O_DIRECTORY)
        return os.open(name, os.O_RDONLY | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=fd)


def bodiless(split: Reader, what: str) -> Iterator[bytes]:
    """Where the members without content go: directories among them. Raises Damaged."""
    for line in _lines(split, what):
        if line.get("type") == 1 and not line.get("size"):
            raw, name = line.get("name_raw"), str(line.get("name", ""))
            yield place_of(b64decode(str(raw)) if raw else name.encode("utf-8", "surrogatepass"))


def _lines(split: Reader, what: str) -> Iterator[dict[str, object]]:
    """The JSON objects of an uncompressed tar-split stream, one a line."""
    rest = b""
    while True:
        try:
            piece = split.read(1 << 16)
        except Corrupt as error:
            raise Damaged(f"rebuild the tar of {what}", f"tar-split is damaged ({error.cause})") from error
        if not piece:
            break
        *whole, rest = (rest + piece).split(b"\n")
        if len(rest) > _LINE_LIMIT:
            raise Damaged(f"rebuild the tar of {what}", "tar-split has an endless line")
        yield from _objects(whole, what)
    if rest.strip():
        yield from _objects([rest], what)


def _objects(lines: list[bytes], what: str) -> list[dict[str, object]]:
    """Parsed as one list, which takes a third of the time that one after the other does."""
    try:
        values = json.loads(b"[%s]" % b",".join(lines))
    except (ValueError, RecursionError):
        values = None
    if not isinstance(values, list) or len(values) != len(lines) or not all(isinstance(one, dict) for one in values):
        raise Damaged(f"rebuild the tar of {what}", "tar-split is damaged")
    return values
