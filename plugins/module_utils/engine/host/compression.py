# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Compressed streams. What a blob is, its first bytes say; media types lie.

zstd has no home in the standard library before Python 3.14: libzstd, the zstandard module and the zstd program are
tried in turn. All errors of a decoder are Corrupt.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING, Callable, Protocol

from ..base.errors import BadInput, Corrupt, HostLacks
from ..base.optional import optional

if TYPE_CHECKING:
    from types import ModuleType

    from ..base.streams import Reader

NONE, GZIP, BZIP2, XZ, ZSTD = "none", "gzip", "bzip2", "xz", "zstd"
KINDS = (NONE, GZIP, BZIP2, XZ, ZSTD)
_MAGIC = ((b"\x1f\x8b", GZIP), (b"BZh", BZIP2), (b"\xfd7zXZ\x00", XZ), (b"\x28\xb5\x2f\xfd", ZSTD))
_INPUT = 1 << 19
_OUTPUT = 1 << 20


def sniff(head: bytes) -> str:
    """The kind, by the first six bytes. A zstd stream may begin with a skippable frame (RFC 8878, 3.1.2)."""
    for magic, kind in _MAGIC:
        if head.startswith(magic):
            return kind
    if len(head) >= 4 and 0x50 <= head[0] <= 0x5F and head[1:4] == b"\x2a\x4d\x18":
        return ZSTD
    return NONE


class Decoder(Protocol):
    """One stream's state. `feed` returns what it can, at most about a mebibyte; call it with b"" while
    `hungry` is false. `complete` tells whether the input may end here."""

    hungry: bool
    complete: bool

    def feed(self, data: bytes) -> bytes: ...

    def end(self) -> bytes:
        """After the last input: what is still to come, b"" when there is nothing more."""


class Prefixed:
    """A reader with bytes put back in front."""

    def __init__(self, head: bytes, raw: Reader) -> None:
        self._head = head
        self._raw = raw

    def read(self, size: int = -1) -> bytes:
        if self._head:
            if size < 0:
                head, self._head = self._head, b""
                return head + self._raw.read()
            head, self._head = self._head[:size], self._head[size:]
            return head
        return self._raw.read(size)


def peek(raw: Reader, size: int = 6) -> tuple[bytes, Prefixed]:
    """The first bytes, and a reader that still has them."""
    head = b""
    while len(head) < size:
        piece = raw.read(size - len(head))
        if not piece:
            break
        head += piece
    return head, Prefixed(head, raw)


class Decompressed:
    """A reader of the plain bytes. `consumed` counts the compressed ones."""

    def __init__(self, raw: Reader, decoder: Decoder, what: str) -> None:
        self._raw = raw
        self._decoder = decoder
        self._what = what
        self._rest = b""
        self._ended = False
        self.consumed = 0

    def read(self, size: int = -1) -> bytes:
        if size < 0:
            parts: list[bytes] = []
            while True:
                piece = self.read(_OUTPUT)
                if not piece:
                    return b"".join(parts)
                parts.append(piece)
        if not self._rest and size:
            self._rest = self.piece()
        data, self._rest = self._rest[:size], self._rest[size:]
        return data

    def piece(self) -> bytes:
        """Some plain bytes as they come, b"" at the end."""
        decoder = self._decoder
        while not self._ended:
            data = b""
            if decoder.hungry:
                data = self._raw.read(_INPUT)
                self.consumed += len(data)
                if not data:
                    out = decoder.end()
                    if out:
                        return out
                    self._ended = True
                    if not decoder.complete:
                        raise Corrupt(f"decompress {self._what}", "the compressed data ends too early")
                    break
            try:
                out = decoder.feed(data)
            except (ValueError, EOFError, OSError) as error:
                raise Corrupt(f"decompress {self._what}", str(error) or "the compressed data is damaged") from error
            if out:
                return out
        return b""


class Plain:
    """`Decompressed` of what is not compressed."""

    def __init__(self, raw: Reader) -> None:
        self._raw = raw
        self.consumed = 0

    def read(self, size: int = -1) -> bytes:
        data = self._raw.read(size)
        self.consumed += len(data)
        return data

    def piece(self) -> bytes:
        return self.read(_OUTPUT)


def decompressor(kind: str, raw: Reader, what: str = "data") -> Decompressed | Plain:
    """A reader of the plain bytes of `raw`. Raises HostLacks when this host has nothing that reads `kind`."""
    if kind == NONE:
        return Plain(raw)
    makers: dict[str, Callable[[], Decoder]] = {
        GZIP: _Gzip,
        BZIP2: _bzip2,
        XZ: _xz,
        ZSTD: _zstd,
    }
    if kind not in makers:
        raise BadInput(f"decompress {what}", f"{kind!r} is not one of {', '.join(KINDS)}")
    return Decompressed(raw, makers[kind](), what)


class _Whole:
    """A decoder that keeps nothing back at the end."""

    def end(self) -> bytes:
        return b""


def gzipping() -> ModuleType:
    """zlib, or what is used like it where the distribution has its module (python3-isal): ISA-L inflates twice as fast,
    and its levels are 0 to 3."""
    return optional("isal.isal_zlib") or zlib


class _Gzip(_Whole):
    """Members one after the other (RFC 1952, 2.2)."""

    def __init__(self) -> None:
        self._library = gzipping()
        self._stream = self._library.decompressobj(wbits=31)
        self._held = b""
        self.hungry = True
        self.complete = False

    def feed(self, data: bytes) -> bytes:
        data = self._held + data if self._held else data
        if self._stream.eof:
            if not data:
                return b""
            self._stream = self._library.decompressobj(wbits=31)
        self.complete = False
        try:
            out: bytes = self._stream.decompress(data, _OUTPUT)
        except self._library.error as error:
            raise ValueError(str(error)) from error
        if self._stream.eof:
            self._held = self._stream.unused_data
            self.complete = self.hungry = not self._held
        else:
            self._held = self._stream.unconsumed_tail
            # A full output buffer may hide more, even when all input is taken in.
            self.hungry = not self._held and len(out) < _OUTPUT
        return out


class _Std(_Whole):
    """bz2, lzma and Python 3.14's zstd share one shape of decoder."""

    def __init__(self, new: Callable[[], object]) -> None:
        self._new = new
        self._stream = new()
        self._held = b""
        self.hungry = True
        self.complete = False

    def feed(self, data: bytes) -> bytes:
        stream = self._stream
        if stream.eof:  # type: ignore[attr-defined]
            data = self._held + data
            if not data:
                return b""
            self._held = b""
            self._stream = stream = self._new()
        self.complete = False
        out: bytes = stream.decompress(data, _OUTPUT)  # type: ignore[attr-defined]
        if stream.eof:  # type: ignore[attr-defined]
            self._held = stream.unused_data  # type: ignore[attr-defined]
            self.complete = not self._held
            self.hungry = not self._held
        else:
            self.hungry = bool(stream.needs_input)  # type: ignore[attr-defined]
        return out


def _bzip2() -> Decoder:
    import bz2

    return _Std(bz2.BZ2Decompressor)


def _xz() -> Decoder:
    import lzma

    class _Quiet(_Std):
        def feed(self, data: bytes) -> bytes:
            try:
                return super().feed(data)
            except lzma.LZMAError as error:
                raise ValueError(str(error)) from error

    return _Quiet(lambda: lzma.LZMADecompressor(lzma.FORMAT_XZ, memlimit=1 << 30))


def _zstd() -> Decoder:
    for maker in (_zstd_standard, _zstd_library, _zstd_module, _zstd_program):
        decoder = maker()
        if decoder is not None:
            return decoder
    raise HostLacks(
        "decompress zstd",
        "neither libzstd nor the zstd program nor Python's zstandard module is on this host",
        "Install `zstd`",
    )


def _zstd_standard() -> Decoder | None:
    try:
        from compression import zstd  # type: ignore[import-not-found,unused-ignore]
    except ImportError:
        return None

    class _Quiet(_Std):
        def feed(self, data: bytes) -> bytes:
            try:
                return super().feed(data)
            except zstd.ZstdError as error:
                raise ValueError(str(error)) from error

    return _Quiet(zstd.ZstdDecompressor)


def _zstd_module() -> Decoder | None:
    module = optional("zstandard")
    return None if module is None else _ZstdModule(module)


class _ZstdModule(_Whole):
    """The zstandard package; its decompressobj has no output bound, so input is cut small instead."""

    def __init__(self, module: object) -> None:
        self._module = module
        self._stream = module.ZstdDecompressor(max_window_size=1 << 27).decompressobj()  # type: ignore[attr-defined]
        self.hungry = True
        self.complete = False

    def feed(self, data: bytes) -> bytes:
        parts = []
        try:
            while data:
                if self._stream.eof:
                    self._stream = self._module.ZstdDecompressor(  # type: ignore[attr-defined]
                        max_window_size=1 << 27
                    ).decompressobj()
                self.complete = False
                parts.append(self._stream.decompress(data))
                data = self._stream.unused_data if self._stream.eof else b""
        except self._module.ZstdError as error:  # type: ignore[attr-defined]
            raise ValueError(str(error)) from error
        self.complete = self._stream.eof
        return b"".join(parts)


def _zstd_library() -> Decoder | None:
    from . import libzstd

    try:
        return libzstd.Stream()
    except (OSError, AttributeError):
        return None


def _zstd_program() -> Decoder | None:
    from .programs import find

    path = find("zstd")
    return _ZstdProgram(path) if path else None


class _ZstdProgram:
    """`zstd -dc` with a pipe on either side, fed and drained in turn so that neither fills up."""

    def __init__(self, path: str) -> None:
        import os

        from .process import LinuxRunner

        theirs_in, self._in = os.pipe2(os.O_CLOEXEC)
        self._out, theirs_out = os.pipe2(os.O_CLOEXEC)
        try:
            self._child = LinuxRunner().spawn([path, "-q", "-d", "-c"], stdin=theirs_in, stdout=theirs_out)
        finally:
            os.close(theirs_in)
            os.close(theirs_out)
        os.set_blocking(self._in, False)
        self._held = b""
        self.hungry = True
        self.complete = False

    def __del__(self) -> None:
        if getattr(self, "_child", None) is not None:
            self._close(self._in)
            self._close(self._out)
            self._child.kill()
            self._child.wait()

    @staticmethod
    def _close(fd: int) -> None:
        import os

        if fd >= 0:
            os.close(fd)

    def feed(self, data: bytes) -> bytes:
        import os
        import select

        self._held += data
        while self._held:
            poll = select.poll()
            poll.register(self._in, select.POLLOUT)
            poll.register(self._out, select.POLLIN)
            ready = dict(poll.poll())
            if self._out in ready:
                self.hungry = False
                out = os.read(self._out, _OUTPUT)
                if not out:
                    raise ValueError("zstd: the data is damaged")
                return out
            try:
                self._held = self._held[os.write(self._in, self._held) :]
            except BlockingIOError:
                continue
        self.hungry = True
        return b""

    def end(self) -> bytes:
        import os

        self._close(self._in)
        self._in = -1
        out = os.read(self._out, _OUTPUT) if self._out >= 0 else b""
        if not out and self._out >= 0:
            self.complete = self._child.wait() == 0
            self._close(self._out)
            self._out = -1
        return out
