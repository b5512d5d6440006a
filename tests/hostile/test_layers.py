"""No layer gets out of its tree: a corpus of tricks as root and as a plain user, in any order, with any damage."""

from __future__ import annotations

import io
import json
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))

import hostile_layers
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Corrupt, HostLacks
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layer_trees import DIR, HARD, LINK, M, look, store_at, tar, unpack

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="makes devices, and namespaces for another user")


@pytest.fixture
def scratch() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(prefix="hostile-", dir="/dev/shm"))
    path.chmod(0o755)
    yield path
    shutil.rmtree(path)


def judge(results: dict[str, str]) -> None:
    wrong = {what: result for what, result in results.items() if not result.startswith(("refused", "taken"))}
    assert wrong == {}
    assert len(results) > 90
    assert {"refused", "taken"} <= set(results.values())


@AS_ROOT
def test_the_corpus_as_root(scratch: Path) -> None:
    judge(hostile_layers.run(scratch, False))


@AS_ROOT
def test_the_corpus_in_a_user_namespace(scratch: Path) -> None:
    os.chown(scratch, 65534, 65534)
    argv = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "unshare", "--user", "--map-root-user"]
    script = str(Path(hostile_layers.__file__))
    done = subprocess.run(
        [*argv, "/usr/bin/python3", "-B", script, str(scratch)], stdout=subprocess.PIPE, check=True, timeout=120
    )
    results = json.loads(done.stdout)
    judge(results)
    assert results["devices"] == "taken"  # left out, as podman does


def test_the_canary_sings(scratch: Path) -> None:
    """The corpus would notice: a plain extraction by tarfile escapes."""
    import tarfile

    canary = hostile_layers.plant_canary(scratch)
    before = hostile_layers.outside(scratch)
    (scratch / "root/tree").mkdir(parents=True)
    members = dict(hostile_layers.escapes(str(canary)))["link to directory absolute"]
    with tarfile.open(fileobj=io.BytesIO(tar(*members))) as archive:
        for member in archive:
            archive.extract(
                member, scratch / "root/tree", **({"filter": "fully_trusted"} if sys.version_info >= (3, 12) else {})
            )
    assert hostile_layers.outside(scratch) != before


POOL = [
    M("a/", type=DIR), M("a", b"file"), M("a", type=LINK, link="/canary"), M("a", type=LINK, link=".."),
    M("a/b", b"file"), M("a/b/", type=DIR), M("a/b", type=LINK, link="../../.."), M("a/b/c", b"file"),
    M("b", type=LINK, link="a"), M("b", type=HARD, link="a"), M("b", type=HARD, link="a/b"), M("b/x", b"file"),
    M(".wh.a"), M("a/.wh.b"), M("a/.wh..wh..opq"), M(".wh.b"), M("b/.wh.x"), M("../a/x", b"file"), M("b/../../c", b"1"),
    M("c", type=LINK, link="b/../../../canary"), M("c/file", b"evil"), M("c/dir/file", b"evil"), M("c/.wh.file"),
    M("d", type=HARD, link="c/file"), M("d", type=HARD, link="c"), M("d", b"evil"), M("d/file", b"evil"),
]  # fmt: skip


@AS_ROOT
@settings(max_examples=400, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(st.lists(st.sampled_from(POOL), min_size=1, max_size=10))
def test_any_order_stays_inside_and_what_is_taken_can_be_given_back(members: list[M]) -> None:
    base = Path(tempfile.mkdtemp(prefix="hostile-", dir="/dev/shm"))
    try:
        canary = hostile_layers.plant_canary(base)
        real = [member._replace(link=member.link.replace("/canary", str(canary))) for member in members]
        before = hostile_layers.outside(base)
        data = tar(*real)
        store = store_at(base)
        try:
            staged = store.stage_layer(io.BytesIO(data))
        except Corrupt:
            assert os.listdir(base / "root/overlay/staging") == []
        else:
            lost = any(member.data and member.name.rpartition("/")[2].startswith(".wh.") for member in real)
            (layer,) = store.commit_layers([staged])
            if not lost and not _replaced(real):
                assert store.layer_tar(layer.id).read() == data
        assert hostile_layers.outside(base) == before
    finally:
        shutil.rmtree(base)


def _replaced(members: list[M]) -> bool:
    """Whether two members may have met at one place under different names; podman's export fails then as well."""
    return any(member.type == LINK for member in members)


BASE = tar(M("d/", type=DIR), M("d/f", b"content" * 50), M("x" * 120, b"long"), M("l", type=LINK, link="w" * 150), M("h", type=HARD, link="d/f"))  # fmt: skip # noqa: E501


@settings(max_examples=600, deadline=None)
@given(st.lists(st.tuples(st.integers(0, len(BASE) - 1), st.integers(0, 255)), min_size=1, max_size=6), st.booleans())
def test_damaged_bytes_are_refused_or_harmless(damage: list[tuple[int, int]], mended: bool) -> None:
    """With headers' checksums put right again, too: then the damage reaches the fields."""
    data = bytearray(BASE)
    for at, value in damage:
        data[at] = value
    if mended:
        _mend(data)
    base = Path(tempfile.mkdtemp(prefix="hostile-", dir="/dev/shm"))
    try:
        try:
            layer = unpack(base, bytes(data))
        except (Corrupt, HostLacks):
            return
        look(layer.tree)
    finally:
        subprocess.run(["rm", "-rf", str(base)], check=True)


def _mend(data: bytearray) -> None:
    for start in range(0, len(data) - 511, 512):
        if data[start + 257 : start + 262] == b"ustar":
            block = bytes(data[start : start + 148]) + b" " * 8 + bytes(data[start + 156 : start + 512])
            data[start + 148 : start + 156] = b"%06o\0 " % sum(block)


@settings(max_examples=200, deadline=None)
@given(st.binary(max_size=3000))
def test_noise_is_refused(noise: bytes) -> None:
    base = Path(tempfile.mkdtemp(prefix="hostile-", dir="/dev/shm"))
    try:
        unpack(base, noise)
    except (Corrupt, HostLacks):
        pass
    finally:
        shutil.rmtree(base)


@pytest.mark.slow
def test_a_million_entries(scratch: Path) -> None:
    """Within minutes and within memory; and one more than the limit is refused."""
    import resource
    from itertools import islice

    def archive() -> Iterator[bytes]:
        from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.pack import Entry, header

        for number in range(1_000_000):
            yield header(Entry(b"d%d/f%d" % (number // 1000, number), b"0", 0o644))
        yield bytes(1024)

    class Stream:
        def __init__(self) -> None:
            self._pieces = archive()
            self._rest = b""

        def read(self, size: int = -1) -> bytes:
            parts = [self._rest]
            while sum(map(len, parts)) < size:
                piece = b"".join(islice(self._pieces, 256))
                if not piece:
                    break
                parts.append(piece)
            data = b"".join(parts)
            self._rest = data[size:]
            return data[:size]

    staged = store_at(scratch).stage_layer(Stream())
    assert staged.diff_size == 512 * 1_000_000 + 1024
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss < 600 << 10
