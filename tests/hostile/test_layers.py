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
sys.path.insert(0, str(Path(__file__).parents[1] / "lab"))

import hostile_layers
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Corrupt, HostLacks
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.values import Limits
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layer_trees import DIR, HARD, LINK, M, look, store_at, tar, unpack
from reachable import reachable

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="makes devices, and namespaces for another user")

AS_NOBODY = ("setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", "unshare", "--user", "--map-root-user")


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
    script = str(Path(hostile_layers.__file__))
    argv = reachable([*AS_NOBODY, "/usr/bin/python3", "-B", script, str(scratch)])
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=True, timeout=120)
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


@pytest.mark.parametrize(
    "entries", [100_000, pytest.param(1_000_000, marks=[pytest.mark.slow, pytest.mark.timeout(3000)])]
)
@pytest.mark.parametrize("user", [False, pytest.param(True, marks=AS_ROOT)], ids=["root", "user"])
def test_many_entries(scratch: Path, entries: int, user: bool) -> None:
    """Whatever their number, memory is for their names only: less than 400 bytes for each."""
    argv = ["/usr/bin/python3", "-B", str(Path(hostile_layers.__file__)), str(scratch), str(entries)]
    if user:
        os.chown(scratch, 65534, 65534)
        argv = reachable([*AS_NOBODY, *argv])
    done = subprocess.run(argv, stdout=subprocess.PIPE, check=True, timeout=2900)
    size, memory = map(int, done.stdout.split())
    assert size == 512 * entries + 1024
    assert memory < entries * 400 >> 10, f"{memory} KiB"


def test_one_more_than_the_limit_is_refused(scratch: Path) -> None:
    store = store_at(scratch, limits=Limits(members=999))
    with pytest.raises(Corrupt, match="more than 999 members"):
        store.stage_layer(hostile_layers.Endless(1000))
    assert os.listdir(scratch / "root/overlay/staging") == []
    assert store_at(scratch, limits=Limits(members=1000)).stage_layer(hostile_layers.Endless(1000)).diff_size == 513_024
