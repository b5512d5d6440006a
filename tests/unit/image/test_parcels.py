"""Layers that wait for the rest of their image."""

from __future__ import annotations

import gzip
import hashlib
import io
import os
import zlib
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, NotFound
from ansible_collections.daemonless.oci.plugins.module_utils.engine.image.parcels import Parcel, Parcels, pack

CONTENT = b"the tar of a layer " * 1000


def digest(data: bytes) -> str:
    return f"sha256:{hashlib.sha256(data).hexdigest()}"


def parcel(data: bytes = CONTENT) -> Parcel:
    return Parcel(digest(b"content of " + data), digest(data), len(data))


@pytest.fixture
def parcels(tmp_path: Path) -> Parcels:
    (tmp_path / "store").mkdir()
    return Parcels(str(tmp_path / "store/libpod/waiting"))


def keep(parcels: Parcels, wanted: Parcel, offset: int, data: bytes, tmp_path: Path) -> int:
    (tmp_path / "piece").write_bytes(data)
    return parcels.keep(wanted, offset, str(tmp_path / "piece"))


def test_packing(tmp_path: Path) -> None:
    first, second = (pack(io.BytesIO(CONTENT), str(tmp_path / name), "sha256:" + "a" * 64) for name in "ab")
    assert first == second, "the same layer gives the same bytes each time"
    packed = (tmp_path / "a").read_bytes()
    assert first == Parcel("sha256:" + "a" * 64, digest(packed), len(packed), len(packed))
    assert gzip.decompress(packed) == CONTENT
    assert len(packed) < len(CONTENT) / 10
    assert (tmp_path / "a").stat().st_mode & 0o777 == 0o600


@pytest.mark.parametrize("data", [gzip.compress(CONTENT), b"\x28\xb5\x2f\xfd" + CONTENT, b"BZh9" + CONTENT])
def test_what_is_compressed_travels_as_it_is(tmp_path: Path, data: bytes) -> None:
    assert pack(io.BytesIO(data), str(tmp_path / "a"), "sha256:" + "a" * 64).digest == digest(data)


def test_an_empty_layer(tmp_path: Path) -> None:
    pack(io.BytesIO(b""), str(tmp_path / "a"), "sha256:" + "a" * 64)
    assert zlib.decompress((tmp_path / "a").read_bytes(), 31) == b""


def test_pieces(parcels: Parcels, tmp_path: Path) -> None:
    wanted = parcel()
    assert parcels.held([wanted.diff_id]) == []
    assert keep(parcels, wanted, 0, CONTENT[:100], tmp_path) == 100
    assert parcels.held([wanted.diff_id]) == [wanted._replace(at=100)]
    with pytest.raises(NotFound, match=r"100 of 19000 bytes are here. Run the task again"):
        parcels.open(wanted)
    assert keep(parcels, wanted, 500, CONTENT[500:], tmp_path) == 100, "no hole"
    assert keep(parcels, wanted, 50, CONTENT[50:200], tmp_path) == 200, "a piece twice does no harm"
    assert keep(parcels, wanted, 200, CONTENT[200:], tmp_path) == len(CONTENT)
    assert parcels.held([wanted.diff_id])[0].whole
    assert parcels.open(wanted).read() == CONTENT
    assert parcels.read(wanted, 18990, 100) == CONTENT[18990:]


def test_more_than_declared(parcels: Parcels, tmp_path: Path) -> None:
    with pytest.raises(BadInput, match="more than its 19000 bytes"):
        keep(parcels, parcel(), 10, CONTENT, tmp_path)


def test_the_one_that_came_farthest_is_held(parcels: Parcels, tmp_path: Path) -> None:
    one, two = parcel(), parcel(CONTENT + b"x")._replace(diff_id=parcel().diff_id)
    keep(parcels, one, 0, CONTENT[:10], tmp_path)
    keep(parcels, two, 0, CONTENT[:20], tmp_path)
    assert parcels.held([one.diff_id]) == [two._replace(at=20)]


def test_dropping(parcels: Parcels, tmp_path: Path) -> None:
    done, other, old = (parcel(data) for data in (b"done", b"other", b"old"))
    for entry, data in ((done, b"done"), (other, b"other"), (old, b"old")):
        keep(parcels, entry, 0, data, tmp_path)
    os.utime(parcels.path(old), (0, 0))
    parcels.drop([done.diff_id])
    assert parcels.held([entry.diff_id for entry in (done, other, old)]) == [other._replace(at=5)]
    parcels.drop([other.diff_id])
    assert not (tmp_path / "store/libpod/waiting").exists()
    parcels.drop([other.diff_id])


@pytest.mark.parametrize(
    ("words", "reason"),
    [
        (("../../etc/passwd", digest(b""), 0), "digest"),
        ((digest(b""), "sha512:" + "a" * 128, 0), "not a sha256"),
        ((digest(b""), digest(b""), -1), "makes no sense"),
        ((digest(b""), digest(b""), 5, 6), "makes no sense"),
    ],
)
def test_words_of_another_host(words: tuple, reason: str) -> None:
    with pytest.raises(BadInput, match=reason):
        Parcel.checked(*words)


def test_a_link_in_the_place_of_a_file(parcels: Parcels, tmp_path: Path) -> None:
    victim = tmp_path / "victim"
    victim.write_bytes(b"mine")
    os.symlink(victim, parcels.path(parcel()))
    with pytest.raises(OSError, match="symbolic"):
        keep(parcels, parcel(), 0, CONTENT, tmp_path)
    assert victim.read_bytes() == b"mine"
    assert parcels.held([parcel().diff_id]) == []
