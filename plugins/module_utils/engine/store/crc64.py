# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""CRC-64/ISO 3309 as Go's hash/crc64 has it (reflected, all ones before and after): tar-split's check of file bodies.

The generator x^64 + x^4 + x^3 + x + 1 is so sparse that squaring keeps it sparse: modulo it, x^(64k) equals
x^(4k) + x^(3k) + x^k + 1 for every power of two k. So a long message is reduced with a few shifts and additions of very
long polynomials instead of a table look-up per byte. Python's integers add some 600 MB in a second. GNU MP, which
coreutils bring onto nearly every host, adds words in place, where k is so large that nothing need be shifted, and is
six times as fast; calling it pays from a few kibibytes on.
"""

from __future__ import annotations

import sys
from functools import lru_cache
from typing import TYPE_CHECKING, Callable, Union

if TYPE_CHECKING:
    import ctypes

    Plan = tuple[tuple[int, int, int, int], ...]

_ONES = (1 << 64) - 1
_POLYNOMIAL = 0xD800000000000000  # bit-reversed
_BLOCK = 1 << 15  # bytes that integers reduce at once
_SHORT = 24  # bytes below which the table wins
_LONG = 8_192  # bytes from which GNU MP wins
_PLACE = 1 << 18  # bytes that it reduces at once: more would leave the processor's cache
_SONAME = "libgmp.so.10"

Data = Union[bytes, memoryview]
Update = Callable[[int, Data], int]

_table: list[int] = []


def best() -> Update:
    """An update function (crc so far, further bytes) -> crc, the fastest this host has. Not to be shared by threads."""
    return by_gmp() or by_folding


def by_table(crc: int, data: Data) -> int:
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


def by_folding(crc: int, data: Data) -> int:
    """With Python's integers: bit i of the little-endian integer is the coefficient of x^(n-1-i)."""
    if len(data) <= _BLOCK:
        return _fold(crc, data)
    for start in range(0, len(data), _BLOCK):
        crc = _fold(crc, data[start : start + _BLOCK])
    return crc


def _fold(crc: int, data: Data) -> int:
    size = len(data)
    if size < _SHORT:
        return by_table(crc, data)
    up, plan = _fit(size)
    # 64 zero coefficients follow the message; the state so far is added to its first 64.
    return _reduced((int.from_bytes(data, "little") ^ crc ^ _ONES) << up, plan) ^ _ONES


@lru_cache(4_096)
def _fit(size: int) -> tuple[int, Plan]:
    """How far up a message of so many bytes goes to end with its 64 zeros, and the plan."""
    words = _rounded((size + 7) // 8 + 1)
    return 64 * (words - 1) - 8 * size, _plan(words)


def _rounded(words: int) -> int:
    """Upwards, to one of sixteen lengths for each power of two, so that there are few plans; zeros in front count for
    nothing."""
    step = 1 << max(0, words.bit_length() - 5)
    return -(-words // step) * step


@lru_cache(None)
def _plan(words: int) -> Plan:
    """The steps of folding: low bits to take off, how far down the rest goes, k, how far up they go."""
    return tuple(_steps(words))


def _reduced(value: int, plan: Plan) -> int:
    for mask, off, k, up in plan:
        # The highest degrees are the low bits; each is 64k, 63k, 61k and 60k above the places it is added to, and
        # x^4 + x^3 + x + 1 is (x^3 + 1)(x + 1).
        part = value & mask
        value = value >> off if up else (value ^ part) >> off
        part ^= part << k
        value ^= (part ^ (part << (3 * k))) << up
    return value


def _steps(words: int) -> list[tuple[int, int, int, int]]:
    """Each takes off all above 64k; what is more than 60k lands above 64k again. As few steps as can be, and of these
    the ones that leave least."""
    steps = []
    bits = 64 * words
    powers = [1 << each for each in range(words.bit_length())]
    reach = [64]  # by number of steps, the bits that they can bring down to 64
    while reach[-1] < bits:
        reach.append(reach[-1] + 60 * max(k for k in powers if 64 * k <= reach[-1]))
    for most in reversed(reach[:-1]):
        choices = ((max(64 * k, bits - 60 * k), k) for k in powers if 64 * k < bits)
        left, k = min(choice for choice in choices if choice[0] <= most)
        high = bits - 64 * k
        steps.append(((1 << high) - 1, min(high, 60 * k), k, max(0, 60 * k - high)))
        bits = left
    return steps


def by_gmp() -> Update | None:
    """With GNU MP, or None where the library is missing or its words are not of 64 bits, the lowest first."""
    try:
        return _Gmp().update
    except (ImportError, OSError, AttributeError, ValueError):
        return None


def _library() -> ctypes.PyDLL:
    """Its calls are too short to be worth a release of the interpreter lock."""
    import ctypes

    return ctypes.PyDLL(_SONAME)


class _Gmp:
    """A place for a block, and mpn_xor_n (gmp manual, "Low-level Functions"). Raises OSError and AttributeError where
    they are missing, ValueError where words are of another kind."""

    def __init__(self) -> None:
        import ctypes

        library = _library()
        if ctypes.c_int.in_dll(library, "__gmp_bits_per_limb").value != 64 or sys.byteorder != "little":
            raise ValueError("words of another kind")
        # By index, since two underscores before a name mean something else in a class.
        self._add = library["__gmpn_xor_n"]
        self._add.argtypes = [ctypes.c_void_p, ctypes.c_void_p, ctypes.c_void_p, ctypes.c_long]
        self._add.restype = None
        self._place = ctypes.create_string_buffer(_PLACE + 16)
        self._start = ctypes.addressof(self._place)
        self._bytes = memoryview(self._place).cast("B")

    def update(self, crc: int, data: Data) -> int:
        size = len(data)
        if size < _LONG:
            return _fold(crc, data)
        if size > _PLACE:
            for start in range(0, size, _PLACE):
                crc = self.update(crc, data[start : start + _PLACE])
            return crc
        place = self._bytes
        lead = -size % 8  # zeros in front fill up the first word
        end = lead + size
        place[:8] = bytes(8)
        place[lead:end] = data
        place[lead : lead + 8] = (int.from_bytes(data[:8], "little") ^ crc ^ _ONES).to_bytes(8, "little")
        place[end : end + 8] = bytes(8)
        at, words = self._thin(end // 8 + 1)
        return _reduced(int.from_bytes(place[8 * at : 8 * (at + words)], "little"), _plan(words)) ^ _ONES

    def _thin(self, words: int) -> tuple[int, int]:
        """Fold the first words upon later ones until 256 are left; where they begin, and how many they are."""
        add, at, k = self._add, 0, 256
        while words > 256:
            if 64 * k >= words:
                k >>= 2
                continue
            count = min(words - 64 * k, 60 * k)
            source = self._start + 8 * at
            for distance in (60 * k, 61 * k, 63 * k, 64 * k):
                target = source + 8 * distance
                add(target, target, source, count)
            at += count
            words -= count
        return at, words
