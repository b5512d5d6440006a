"""Compressed archives are what they are without, and no small file fills a disk."""

from __future__ import annotations

import bz2
import gzip
import hashlib
import lzma
import os
import shutil
import subprocess
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, Corrupt
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.limits import USUAL, Limits
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry import places
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.root_tree import Recipe
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec.platform import Platform
from images import tar

TREE = tar({"etc": None, "etc/hostname": "x\n", "big": "\n" * 300_000})
TIGHT = Limits(bytes=200_000)
STEEP = Limits(ratio=3, free_bytes=100_000)


def zstd(data: bytes) -> bytes:
    if not shutil.which("zstd"):
        pytest.skip("no zstd here")
    return subprocess.run(["zstd", "-q", "-c"], input=data, stdout=subprocess.PIPE, check=True).stdout


PACKERS = {"gzip": gzip.compress, "bzip2": bz2.compress, "xz": lzma.compress, "zstd": zstd}


@pytest.fixture(autouse=True)
def scratch(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Where archives are unpacked; nothing has a name there, at any time."""
    folder = tmp_path / "scratch"
    folder.mkdir()
    monkeypatch.setenv("TMPDIR", str(folder))
    return folder


def root_tree(path: Path, limits: Limits = USUAL):  # type: ignore[no-untyped-def]
    return places.open_place(places.Place("tar", str(path)), Recipe(Platform("linux", "amd64")), limits)


@pytest.mark.parametrize("kind", PACKERS)
def test_a_root_tree_is_the_same_in_any_compression(tmp_path: Path, scratch: Path, kind: str) -> None:
    path = tmp_path / "tree"
    path.write_bytes(PACKERS[kind](TREE))
    source = root_tree(path)
    try:
        assert str(source.diff_id) == f"sha256:{hashlib.sha256(TREE).hexdigest()}"
        assert str(source.given) == f"sha256:{hashlib.sha256(path.read_bytes()).hexdigest()}"
        (layer,) = places_layers(source)
        blob = source.blob(layer).read()
        assert (len(blob), hashlib.sha256(blob).hexdigest()) == (layer.size, layer.digest.hex)
        assert blob == (path.read_bytes() if kind in ("gzip", "zstd") else TREE)
        assert layer.media_type.endswith({"gzip": "+gzip", "zstd": "+zstd"}.get(kind, ".tar"))
    finally:
        source.close()
    assert os.listdir(scratch) == []


def places_layers(source):  # type: ignore[no-untyped-def]
    from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import manifest

    found = source.manifest()
    return manifest.parse(found.data, found.media_type, source.what).layers


@pytest.mark.parametrize("limits, cause", [(TIGHT, "more than 200000 bytes"), (STEEP, "more than 3 times")])
@pytest.mark.parametrize("kind", PACKERS)
def test_what_unpacks_to_too_much_is_refused(
    tmp_path: Path, scratch: Path, kind: str, limits: Limits, cause: str
) -> None:
    path = tmp_path / "bomb"
    path.write_bytes(PACKERS[kind](TREE))
    with pytest.raises(Corrupt, match=cause) as root:
        root_tree(path, limits)
    for transport in ("docker-archive", "oci-archive"):
        with pytest.raises(Corrupt, match=cause) as refused:
            places.open_place(places.Place(transport, str(path)), limits=limits)
        assert refused.value.hint == root.value.hint and "[daemonless] of containers.conf" in refused.value.hint
    assert os.listdir(scratch) == []


@pytest.mark.parametrize("kind", PACKERS)
def test_what_a_file_is_costs_no_disk(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, kind: str) -> None:
    """Not even of a bomb: it is told by its first names."""
    monkeypatch.setenv("TMPDIR", "/nowhere")
    path = tmp_path / "file"
    for names, transport in (
        (["etc/passwd"], "tar"),
        (["oci-layout", "blobs/sha256/" + "a" * 64, "index.json"], "oci-archive"),
        (["a" * 64 + ".json", "repositories", "manifest.json"], "docker-archive"),
    ):
        path.write_bytes(PACKERS[kind](tar(dict.fromkeys(names, "x"))))
        assert places.guess(str(path)).transport == transport
    path.write_bytes(PACKERS[kind](b"no tar at all" * 100))
    with pytest.raises(BadInput, match="not a tar archive"):
        places.guess(str(path))
