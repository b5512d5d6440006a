from __future__ import annotations

import random

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store import crc64
from hypothesis import given
from hypothesis import strategies as st

# The table in Go's hash/crc64 tests
GO = {"": 0x0, "a": 0x3420000000000000, "ab": 0x36C4200000000000, "abc": 0x3776C42000000000}
LIBRARY = crc64.by_gmp()


def slow(crc: int, data: bytes) -> int:
    """Bit by bit, from the polynomial alone."""
    crc ^= (1 << 64) - 1
    for byte in data:
        crc ^= byte
        for _bit in range(8):
            crc = (crc >> 1) ^ (0xD800000000000000 if crc & 1 else 0)
    return crc ^ (1 << 64) - 1


@pytest.mark.parametrize("text", ["", "a", "ab", "abc"])
def test_as_go_sums(text: str) -> None:
    assert crc64.by_table(0, text.encode()) == GO[text] == slow(0, text.encode())


@given(st.binary(max_size=4000), st.binary(max_size=300))
def test_every_way_sums_alike_and_in_pieces(first: bytes, second: bytes) -> None:
    whole = crc64.by_table(0, first + second)
    assert crc64.by_folding(crc64.by_folding(0, first), second) == whole
    if LIBRARY:
        assert LIBRARY(LIBRARY(0, first), second) == whole


@pytest.mark.parametrize(
    "size", [23, 24, 8_191, 8_192, 8_193, 16_384, 32_767, 32_769, 131_071, 262_144, 262_145, 300_001]
)
def test_around_the_block_size(size: int) -> None:
    data = random.Random(size).randbytes(size)
    whole = crc64.by_table(0, data)
    assert crc64.by_folding(0, data) == whole
    if LIBRARY:
        assert LIBRARY(0, data) == whole


def test_every_short_length() -> None:
    data = random.Random(3).randbytes(1_100)
    for size in range(len(data)):
        assert crc64.by_folding(5, data[:size]) == crc64.by_table(5, data[:size]), size


def test_bit_by_bit() -> None:
    data = bytes(range(256))
    assert crc64.by_table(0, data) == slow(0, data)


def test_gnu_mp_goes_on_where_it_left_off() -> None:
    if LIBRARY is None:
        pytest.skip("no GNU MP on this host")
    data = random.Random(1).randbytes(50_000)
    first = LIBRARY(0, data[:20_003])
    assert LIBRARY(first, data[20_003:]) == crc64.by_table(0, data)


def test_without_gnu_mp_integers_do_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(crc64, "_SONAME", "libnothing-of-that-name.so.1")
    assert crc64.by_gmp() is None
    assert crc64.best() is crc64.by_folding
