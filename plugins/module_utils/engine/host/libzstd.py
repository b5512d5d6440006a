# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""zstd streams through the system's libzstd (zstd.h), which apt, dnf and systemd bring onto nearly every host."""

from __future__ import annotations

import ctypes

_SONAME = "libzstd.so.1"
_OUTPUT = 1 << 20
_END = 2  # ZSTD_e_end
_CONTINUE = 0  # ZSTD_e_continue
_LEVEL = 100  # ZSTD_c_compressionLevel
_CHECKSUM = 201  # ZSTD_c_checksumFlag


class _Buffer(ctypes.Structure):
    """ZSTD_inBuffer and ZSTD_outBuffer alike."""

    _fields_ = [("data", ctypes.c_void_p), ("size", ctypes.c_size_t), ("at", ctypes.c_size_t)]


def _library() -> ctypes.CDLL:
    """Raises OSError where there is none, AttributeError where it is older than 1.4."""
    library = ctypes.CDLL(_SONAME)
    for name in ("ZSTD_createDStream", "ZSTD_createCCtx"):
        getattr(library, name).restype = ctypes.c_void_p
    size, pointer = ctypes.c_size_t, ctypes.c_void_p
    library.ZSTD_freeDStream.argtypes = [pointer]
    library.ZSTD_freeCCtx.argtypes = [pointer]
    library.ZSTD_decompressStream.argtypes = [pointer, pointer, pointer]
    library.ZSTD_decompressStream.restype = size
    library.ZSTD_compressStream2.argtypes = [pointer, pointer, pointer, ctypes.c_int]
    library.ZSTD_compressStream2.restype = size
    library.ZSTD_CCtx_setParameter.argtypes = [pointer, ctypes.c_int, ctypes.c_int]
    library.ZSTD_CCtx_setParameter.restype = size
    library.ZSTD_isError.argtypes = [size]
    library.ZSTD_getErrorName.argtypes = [size]
    library.ZSTD_getErrorName.restype = ctypes.c_char_p
    return library


class Stream:
    """A decoder in the shape of host/compression. Windows above libzstd's default of 128 MiB are refused."""

    def __init__(self) -> None:
        self._library = _library()
        self._state = self._library.ZSTD_createDStream()
        self._out = ctypes.create_string_buffer(_OUTPUT)
        self._held = b""
        self.hungry = True
        self.complete = False

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._library.ZSTD_freeDStream(self._state)

    def feed(self, data: bytes) -> bytes:
        """Raises ValueError when the data is damaged."""
        data = self._held + data if self._held else data
        keep = ctypes.c_char_p(data)
        source = _Buffer(ctypes.cast(keep, ctypes.c_void_p), len(data), 0)
        sink = _Buffer(ctypes.cast(self._out, ctypes.c_void_p), _OUTPUT, 0)
        result = self._library.ZSTD_decompressStream(self._state, ctypes.byref(sink), ctypes.byref(source))
        if self._library.ZSTD_isError(result):
            raise ValueError(f"zstd: {self._library.ZSTD_getErrorName(result).decode()}")
        self._held = data[source.at :]
        self.complete = result == 0 and not self._held
        self.hungry = not self._held and (sink.at < _OUTPUT or result == 0)
        return ctypes.string_at(self._out, sink.at)

    def end(self) -> bytes:
        """Nothing is kept back."""
        return b""


class Compressor:
    """`compress(data)` and `flush()` as zlib's objects have them."""

    def __init__(self, level: int = 3) -> None:
        self._library = _library()
        self._state = self._library.ZSTD_createCCtx()
        self._library.ZSTD_CCtx_setParameter(self._state, _LEVEL, level)
        self._library.ZSTD_CCtx_setParameter(self._state, _CHECKSUM, 1)
        self._out = ctypes.create_string_buffer(_OUTPUT)

    def __del__(self) -> None:
        if getattr(self, "_state", None):
            self._library.ZSTD_freeCCtx(self._state)

    def compress(self, data: bytes) -> bytes:
        return self._run(data, _CONTINUE)

    def flush(self) -> bytes:
        return self._run(b"", _END)

    def _run(self, data: bytes, mode: int) -> bytes:
        keep = ctypes.c_char_p(data)
        source = _Buffer(ctypes.cast(keep, ctypes.c_void_p), len(data), 0)
        parts = []
        while True:
            sink = _Buffer(ctypes.cast(self._out, ctypes.c_void_p), _OUTPUT, 0)
            left = self._library.ZSTD_compressStream2(self._state, ctypes.byref(sink), ctypes.byref(source), mode)
            if self._library.ZSTD_isError(left):
                raise ValueError(f"zstd: {self._library.ZSTD_getErrorName(left).decode()}")
            parts.append(ctypes.string_at(self._out, sink.at))
            if source.at == len(data) and (left == 0 or mode == _CONTINUE):
                return b"".join(parts)
