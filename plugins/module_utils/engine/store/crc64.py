# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CRC-64/ISO 3309 as Go's hash/crc64 has it (reflected, all ones before and after): tar-split's check of file bodies.

The generator x^64 + x^4 + x^3 + x + 1 is so sparse that squaring keeps it sparse: modulo it, x^(64k) equals
x^(4k) + x^(3k) + x^k + 1 for every power of two k. So a long message is reduced with a few shifts and additions of very
long polynomials instead of a table look-up per byte. libcrypto, which Python's own hashlib loads, has such a
reduction (BN_GF2m_mod_arr, absent from Red Hat's builds) and does it outside the interpreter lock;
Python's integers need half as long again and hold it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

if TYPE_CHECKING:
    import ctypes

_ONES = (1 << 64) - 1
_POLYNOMIAL = 0xD800000000000000  # bit-reversed
_BLOCK = 1 << 17  # bytes reduced at once: longer ones leave the processor's cache
_SHORT = 24  # bytes below which the table wins
_SONAMES = ("libcrypto.so.3", "libcrypto.so.1.1")

Update = Callable[[int, bytes], int]

_table: list[int] = []


def best() -> Update:
    """An update function (crc so far, further bytes) -> crc, the fastest this host has. Not to be shared by threads."""
    return by_libcrypto() or by_folding


def by_table(crc: int, data: bytes) -> int:
    """One look-up per byte: the definition."""
    if not _table:
        _table.extend(_row(index) for index in range(256))
    table = _table
    state = crc ^ _ONES
    for byte in data:
        state = table[(state ^ byte) & 0xFF] ^ (state >> 8)
    return state ^ _ONES


def _row(index: int) -> int:
    for _bit in range(8):
        index = (index >> 1) ^ (_POLYNOMIAL if index & 1 else 0)
    return index


def by_folding(crc: int, data: bytes) -> int:
    """With Python's integers: bit i of the little-endian integer is the coefficient of x^(n-1-i)."""
    for start in range(0, len(data), _BLOCK):
        crc = _fold(crc, data[start : start + _BLOCK])
    return crc


def _fold(crc: int, data: bytes) -> int:
    if len(data) < _SHORT:
        return by_table(crc, data)
    # 64 zero coefficients follow the message; the state so far is added to its first 64.
    bits = 8 * len(data) + 64
    value = int.from_bytes(data, "little") ^ crc ^ _ONES
    k = 1 << ((bits // 64).bit_length() - 2)
    while bits > 64:
        if 64 * k >= bits:
            k >>= 1
            continue
        # The highest degrees are the low bits; each is 64k, 63k, 61k and 60k above the places it is added to.
        high = min(bits - 64 * k, 60 * k)
        part = value & ((1 << high) - 1)
        value >>= high
        value ^= part << (64 * k - high)
        value ^= part << (63 * k - high)
        value ^= part << (61 * k - high)
        value ^= part << (60 * k - high)
        bits -= high
    return value ^ _ONES


def by_libcrypto() -> Update | None:
    """On OpenSSL's polynomials over GF(2), or None where the library or the function is missing."""
    try:
        return _Libcrypto().update
    except (ImportError, OSError, AttributeError):
        return None


def _library() -> ctypes.CDLL:
    import ctypes

    for name in _SONAMES[:-1]:
        try:
            return ctypes.CDLL(name)
        except OSError:
            continue
    return ctypes.CDLL(_SONAMES[-1])


class _Libcrypto:
    """Two BIGNUMs of libcrypto and the functions on them. Raises OSError or AttributeError where they are missing."""

    def __init__(self) -> None:
        import ctypes

        library = _library()
        pointer, size, text = ctypes.c_void_p, ctypes.c_int, ctypes.c_char_p
        self._reduce = library.BN_GF2m_mod_arr
        self._reduce.argtypes = [pointer, pointer, pointer]
        self._from_bytes = library.BN_bin2bn
        self._from_bytes.argtypes, self._from_bytes.restype = [text, size, pointer], pointer
        self._to_bytes = library.BN_bn2binpad
        self._to_bytes.argtypes = [pointer, text, size]
        library.BN_new.restype = pointer
        self._free = library.BN_free
        self._free.argtypes = [pointer]
        self._message = library.BN_new()
        self._rest = library.BN_new()
        self._out = ctypes.create_string_buffer(8)
        # With k = 64 every exponent is a multiple of the machine word: libcrypto then shifts nothing.
        self._coarse = (size * 6)(4096, 256, 192, 64, 0, -1)
        self._fine = (size * 6)(64, 4, 3, 1, 0, -1)
        self._mirror = bytes(int(f"{byte:08b}"[::-1], 2) for byte in range(256))
        if self.update(0, b"check of the library: 123456789") != by_table(0, b"check of the library: 123456789"):
            raise OSError("libcrypto reduces polynomials in another way")

    def __del__(self) -> None:
        for number in (getattr(self, "_message", None), getattr(self, "_rest", None)):
            if number:
                self._free(number)

    def update(self, crc: int, data: bytes) -> int:
        if len(data) < _SHORT:
            return by_table(crc, data)
        if len(data) > _BLOCK:
            for start in range(0, len(data), _BLOCK):
                crc = self.update(crc, data[start : start + _BLOCK])
            return crc
        head = (int.from_bytes(data[:8], "little") ^ crc ^ _ONES).to_bytes(8, "little")
        # OpenSSL reads big-endian numbers, so only the bits within each byte need turning.
        message = b"".join((head, data[8:], bytes(8))).translate(self._mirror)
        self._from_bytes(message, len(message), self._message)
        self._reduce(self._rest, self._message, self._coarse)
        self._reduce(self._message, self._rest, self._fine)
        self._to_bytes(self._message, self._out, 8)
        return int.from_bytes(self._out.raw.translate(self._mirror), "little") ^ _ONES
