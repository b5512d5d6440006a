from __future__ import annotations

import bz2
import gzip
import io
import lzma
import random
import subprocess
import sys
from types import ModuleType

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base import optional
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, Corrupt, HostLacks
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host import compression, gzipping, libzstd
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.compression import decompressor, peek, sniff

WORDS = random.Random(7)
PLAIN = b"".join(WORDS.choice([b"layer ", b"blob ", WORDS.randbytes(5)]) for _number in range(200_000))
ZEROS = bytes(9 << 20)


def zstd(data: bytes) -> bytes:
    compressor = libzstd.Compressor()
    return compressor.compress(data) + compressor.flush()


ENCODERS = {"none": bytes, "gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstd}


@pytest.fixture(params=["zlib", "isal"])
def inflater(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> None:
    """What unpacks gzip: the standard library, or what some distributions have beside it."""
    monkeypatch.setattr(optional, "_found", {"isal.isal_zlib": None} if request.param == "zlib" else {})
    found = compression.gzipping().__name__
    assert found == ("zlib" if request.param == "zlib" else "isal.isal_zlib")


class Dribble:
    """Gives few bytes at a time."""

    def __init__(self, data: bytes, most: int) -> None:
        self._data = io.BytesIO(data)
        self._most = most

    def read(self, size: int = -1) -> bytes:
        return self._data.read(min(self._most, size) if size >= 0 else self._most)


@pytest.mark.usefixtures("inflater")
@pytest.mark.parametrize("kind", ENCODERS)
@pytest.mark.parametrize("data", [b"", b"x", PLAIN, ZEROS], ids=["empty", "byte", "words", "zeros"])
def test_round(kind: str, data: bytes) -> None:
    packed = ENCODERS[kind](data)
    head, raw = peek(io.BytesIO(packed))
    assert sniff(head) == kind
    reader = decompressor(kind, raw)
    assert reader.read() == data
    assert reader.read(10) == b""
    assert reader.consumed == len(packed)


@pytest.mark.usefixtures("inflater")
@pytest.mark.parametrize("kind", [kind for kind in ENCODERS if kind != "none"])
def test_streams_one_after_the_other(kind: str) -> None:
    encode = ENCODERS[kind]
    parts = [b"first", PLAIN[:70_000], b"", ZEROS[: 1 << 18], b"last"]
    packed = b"".join(map(encode, parts))
    for most in (1 << 20, 4096, 1 if len(packed) < 100_000 else 7):
        assert decompressor(kind, Dribble(packed, most)).read() == b"".join(parts)


@pytest.mark.usefixtures("inflater")
@pytest.mark.parametrize("kind", [kind for kind in ENCODERS if kind != "none"])
def test_cut_or_damaged_streams_are_corrupt(kind: str) -> None:
    packed = ENCODERS[kind](PLAIN[:50_000])
    for end in (1, 5, len(packed) // 2, len(packed) - 1):
        with pytest.raises(Corrupt):
            decompressor(kind, io.BytesIO(packed[:end])).read()
    middle = len(packed) // 2
    with pytest.raises(Corrupt):
        decompressor(kind, io.BytesIO(packed[:middle] + b"\xa5" * 64 + packed[middle + 64 :])).read()
    with pytest.raises(Corrupt):
        decompressor(kind, io.BytesIO(packed + b"not another stream")).read()


@pytest.mark.usefixtures("inflater")
def test_memory_stays_small_whatever_the_ratio() -> None:
    packed = gzip.compress(ZEROS)
    reader = decompressor("gzip", io.BytesIO(packed))
    assert max(map(len, iter(reader.piece, b""))) <= 1 << 20


def test_a_skippable_frame_is_zstd() -> None:
    assert sniff(b"\x50\x2a\x4d\x18\x04\0\0\0") == "zstd"
    packed = b"\x50\x2a\x4d\x18\x04\0\0\0toc!" + zstd(b"content")
    assert decompressor("zstd", io.BytesIO(packed)).read() == b"content"


def test_unknown_kinds() -> None:
    with pytest.raises(BadInput, match="lz4"):
        decompressor("lz4", io.BytesIO(b""))


def test_the_zstd_program_serves_where_no_library_is(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(libzstd, "_SONAME", "libzstd.so.of-another-host")
    monkeypatch.setattr(optional, "_found", {"zstandard": None})
    monkeypatch.setitem(sys.modules, "compression", ModuleType("compression"))
    data = PLAIN + ZEROS[: 1 << 20]
    packed = subprocess.run(["zstd", "-qc"], input=data, stdout=subprocess.PIPE, check=True).stdout
    assert decompressor("zstd", io.BytesIO(packed)).read() == data
    with pytest.raises(Corrupt):
        decompressor("zstd", io.BytesIO(packed[: len(packed) // 2])).read()
    monkeypatch.setenv("PATH", "/nowhere")
    monkeypatch.setattr(compression, "_zstd_program", lambda: None)
    with pytest.raises(HostLacks, match="Install `zstd`"):
        decompressor("zstd", io.BytesIO(packed))


@pytest.mark.parametrize(
    "data",
    [b"", b"x", PLAIN, ZEROS, WORDS.randbytes(1_700_000), bytes(1 << 19), PLAIN[:700_000] + WORDS.randbytes(1_500_000)],
    ids=["empty", "byte", "words", "zeros", "noise", "one block", "words and noise"],
)
def test_gzip_by_threads(data: bytes, monkeypatch: pytest.MonkeyPatch) -> None:
    """One member that anybody reads, the same however the input is cut and however many threads there are."""

    def pack(step: int) -> bytes:
        made = gzipping.Gzip(5)
        return b"".join(made.compress(data[at : at + step]) for at in range(0, len(data), step)) + made.flush()

    packed = pack(200_000)
    assert gzip.decompress(packed) == data
    unpacked = subprocess.run(["gzip", "-dc"], input=packed, stdout=subprocess.PIPE, check=True)
    assert unpacked.stdout == data
    assert compression.decompressor("gzip", io.BytesIO(packed)).read() == data
    monkeypatch.setattr("os.sched_getaffinity", lambda pid: set(range(5)))
    assert pack(777_777) == packed
    assert len(packed) < len(data) * 1.001 + 50
    if data in (PLAIN, ZEROS):
        assert len(packed) < len(gzip.compress(data, 5)) * 1.02 + 1000
