"""Layers become trees, and bytes again: by table, and for any tree that hypothesis thinks of."""

from __future__ import annotations

import io
import os
import shutil
import stat
import tarfile
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.digest import digest_of
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Corrupt
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.rooted import Root, remove_tree
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.conf import StoreOptions
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.pack import pack
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.store import Store
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.values import Limits, Wanted
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from layer_trees import BLOCK, CHAR, DIR, EPOCH, FIFO, HARD, LINK, M, look, outcome, store_at, tar, unpack

AS_ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="owners and devices take root")


def rebuilt(path: Path, data: bytes) -> bytes:
    store = store_at(path)
    layer = store.commit_layers([store.stage_layer(io.BytesIO(data))])[-1]
    reader = store.layer_tar(layer.id)
    try:
        return reader.read()
    finally:
        reader.close()


@AS_ROOT
def test_what_a_header_says_is_what_the_tree_has(tmp_path: Path) -> None:
    layer = unpack(
        tmp_path,
        tar(
            M("d/", type=DIR, mode=0o2750, uid=1, gid=2, mtime=5),
            M("d/file", b"content", mode=0o4755, uid=3, gid=4, mtime=1.25),
            M("d/again", type=HARD, link="d/file"),
            M("link", type=LINK, link="/etc/passwd", uid=5),
            M("pipe", type=FIFO, mode=0o644, gid=6),
            M("null", type=CHAR, major=1, minor=3, mode=0o666),
            M("disk", type=BLOCK, major=8, minor=300, mode=0o660),
        ),
    )
    seen = look(layer.tree)
    assert seen[b"d"][:5] == (stat.S_IFDIR | 0o2750, 1, 2, 0, 5_000_000_000)
    assert seen[b"d/file"][:5] == (stat.S_IFREG | 0o4755, 3, 4, 0, 1_250_000_000)
    assert seen[b"d/file"][6] == b"content"
    assert seen[b"d/file"][5] == seen[b"d/again"][5]
    assert seen[b"link"][:3] == (stat.S_IFLNK | 0o777, 5, 0) and seen[b"link"][6] == b"/etc/passwd"
    assert seen[b"pipe"][:3] == (stat.S_IFIFO | 0o644, 0, 6)
    assert seen[b"null"][3] == os.makedev(1, 3) and seen[b"disk"][3] == os.makedev(8, 300)
    assert layer.uids == (0, 1, 3, 5) and layer.gids == (0, 2, 4, 6)


@AS_ROOT
@pytest.mark.parametrize(
    "members, opaque, whiteouts",
    [
        ((M("d/.wh.x"),), [], [b"d/x"]),
        ((M("d/", type=DIR), M("d/.wh..wh..opq")), [b"d"], []),
        ((M("d/.wh..wh..opq"),), [b"d"], []),
        ((M(".wh.x"), M("x/", type=DIR)), [b"x"], []),
        ((M("x/", type=DIR), M(".wh.x")), [b"x"], []),
        ((M(".wh.x"), M("x/y", b"1")), [b"x"], []),
        ((M(".wh.x"), M("x", b"1")), [], []),
        ((M("x", b"1"), M(".wh.x")), [], []),
        ((M(".wh.x"), M("x/.wh.y")), [], [b"x"]),
        ((M(".wh.x"), M("x/.wh..wh..opq")), [], [b"x"]),
        ((M(".wh..wh.plnk/", type=DIR), M(".wh..wh.aufs")), [], []),
    ],
)
def test_whiteouts(tmp_path: Path, members: tuple[M, ...], opaque: list[bytes], whiteouts: list[bytes]) -> None:
    seen = look(unpack(tmp_path, tar(*members)).tree)
    assert [path for path, entry in seen.items() if entry[7].get("trusted.overlay.opaque") == b"y"] == opaque
    assert [path for path, entry in seen.items() if stat.S_ISCHR(entry[0]) and entry[3] == 0] == whiteouts


@AS_ROOT
def test_attributes_that_steer_overlayfs_or_label_files_stay_out(tmp_path: Path) -> None:
    pax = {
        f"SCHILY.xattr.{key}": "y"
        for key in ("user.mine", "trusted.mine", "trusted.overlay.opaque", "trusted.overlay.redirect",
                    "user.overlay.opaque", "security.selinux")
    }  # fmt: skip
    seen = look(unpack(tmp_path, tar(M("f", b"1", pax=pax), M("d/", type=DIR, pax=pax))).tree)
    assert seen[b"f"][7] == seen[b"d"][7] == {"user.mine": b"y", "trusted.mine": b"y"}


def test_a_capability_survives_owner_and_content(tmp_path: Path) -> None:
    if os.geteuid():
        pytest.skip("capabilities on files take root")
    capability = "\x01\x00\x00\x02\x00\x04" + "\x00" * 14
    layer = unpack(tmp_path, tar(M("ping", b"1", uid=7, pax={"SCHILY.xattr.security.capability": capability})))
    assert look(layer.tree)[b"ping"][7] == {"security.capability": capability.encode()}


@AS_ROOT
def test_a_default_acl_and_set_gid_do_not_touch_what_is_below(tmp_path: Path) -> None:
    acl = b"\x02\x00\x00\x00" + b"".join(
        bytes([tag, 0, perm, 0]) + identity
        for tag, perm, identity in (
            (1, 7, b"\xff" * 4), (2, 7, b"\x05\0\0\0"), (4, 0, b"\xff" * 4), (16, 7, b"\xff" * 4), (32, 0, b"\xff" * 4)
        )
    )  # fmt: skip
    pax = {"SCHILY.xattr.system.posix_acl_default": acl.decode("utf-8", "surrogateescape")}
    header = M("d/", type=DIR, mode=0o2755, gid=9, pax=pax)
    seen = look(unpack(tmp_path, tar(header, M("d/f", b"1", mode=0o640), M("d/e/", type=DIR, mode=0o700))).tree)
    assert seen[b"d/f"][:3] == (stat.S_IFREG | 0o640, 0, 0) and seen[b"d/e"][:3] == (stat.S_IFDIR | 0o700, 0, 0)
    assert seen[b"d/f"][7] == seen[b"d/e"][7] == {}


@pytest.mark.parametrize(
    "members, cause",
    [
        ((M("a", b"1"), M("./a", b"2")), "appears twice"),
        ((M("a", b"1"), M("/a", b"2")), "appears twice"),
        ((M("d/", type=DIR), M("d", type=DIR)), "appears twice"),
        ((M("d/.wh."),), "cannot name"),
        ((M("d/.wh.."),), "cannot name"),
        ((M("d/.wh..."),), "cannot name"),
        ((M("b", type=HARD, link="a"),), "which this layer does not have"),
        ((M("a/", type=DIR), M("b", type=HARD, link="a")), "which this layer does not have"),
        ((M("b", type=HARD, link="b"),), "to itself"),
        ((M("a", type=LINK, link=""),), "to nowhere"),
        ((M("a/b", b"1"), M("a", b"2")), "replaces a directory"),
        ((M("a", b"1"), M("a/b", b"2")), "Not a directory"),
        ((M("s", type=LINK, link="/nowhere"), M("s/f", b"1")), "No such file"),
        ((M("s", type=LINK, link="s"), M("s/f", b"1")), "symbolic link"),
        ((M("a" * 256, b"1"),), "File name too long"),
        ((M("a/" * 2050 + "f", b"1"),), "longer than 4096"),
        ((M("a", b"1", type=b"V"),), "unknown member type"),
        ((M("a", b"1", type=b"7"),), "unknown member type"),
        ((M("a", b"1" * 512, type=b"S"),), "old GNU sparse"),
        ((M("a", b"1", pax={"GNU.sparse.major": "1"}),), "sparse"),
        ((M("a", b"1", pax={"uid": "-1"}),), "no number"),
        ((M("a", b"1", pax={"uid": "4294967295"}),), "which no system can store"),
        ((M("a", b"1", pax={"gid": str(1 << 60)}),), "which no system can store"),
        ((M("a", b"1", pax={"size": "99999999999999999999"}),), "no number"),
        ((M(".", b"1"),), "not a directory"),
    ],
)
def test_what_no_archive_may_hold(tmp_path: Path, members: tuple[M, ...], cause: str) -> None:
    said = outcome(lambda: unpack(tmp_path, tar(*members)))
    assert said.startswith("Corrupt") and cause in said, said
    assert os.listdir(tmp_path / "root/overlay/staging") == []


FILE = tar(M("a", b"x" * 700))


@pytest.mark.parametrize(
    "data, cause",
    [
        (FILE[:300], "ends in a header"),
        (FILE[:600], "ends in the content"),
        (b"B" + FILE[1:], "checksum"),
        (FILE[:1536] + bytes(512) + FILE[:1536], "block of zeros"),
        (b"not a tar at all" * 100, "not a tar"),
        (tar(M("a" * 200, b"1"))[:700], "ends in an extended header"),
    ],
)
def test_broken_archives(tmp_path: Path, data: bytes, cause: str) -> None:
    said = outcome(lambda: unpack(tmp_path, data))
    assert said.startswith("Corrupt") and cause in said, said


@pytest.mark.parametrize("data", [b"", bytes(512), bytes(1024), FILE[:1536], FILE[:1536] + bytes(512), FILE[:1212],
                                  FILE + b"junk" * 500])  # fmt: skip
def test_odd_ends_are_kept(tmp_path: Path, data: bytes) -> None:
    assert rebuilt(tmp_path, data) == data


@pytest.mark.parametrize("format", [tarfile.USTAR_FORMAT, tarfile.GNU_FORMAT, tarfile.PAX_FORMAT])
@pytest.mark.parametrize(
    "members",
    [
        (M("d/", type=DIR), M("d/f", b"1"), M("l", type=LINK, link="d/f"), M("h", type=HARD, link="d/f")),
        (M("x" * 90 + "/" + "y" * 90, b"1"),),
        (M("n\udcff", b"1"), M('<&>é\u2028"\\\t', b"2")),
        (M("p/q/r", b""), M("p/", type=DIR)),
        (M("s", type=LINK, link="real"), M("real/", type=DIR), M("s/f", b"through a link")),
        (M("../up", b"1"), M("/abs", b"2"), M("a/../b", b"3")),
    ],
)
def test_the_very_bytes_come_back(tmp_path: Path, format: int, members: tuple[M, ...]) -> None:
    data = tar(*members, format=format)
    assert rebuilt(tmp_path, data) == data


def test_long_names_and_links_of_gnu_and_pax(tmp_path: Path) -> None:
    for number, format in enumerate((tarfile.GNU_FORMAT, tarfile.PAX_FORMAT)):
        name = "/".join(["é" * 60] * 12)
        data = tar(M(name, b"deep"), M("l", type=LINK, link="w" * 1000), format=format)
        seen = look(unpack(tmp_path / str(number), data).tree)
        assert seen[name.encode()][6] == b"deep" and seen[b"l"][6] == b"w" * 1000


def test_a_deep_path_costs_neither_descriptors_nor_recursion(tmp_path: Path) -> None:
    name = "d/" * 1500 + "f"
    data = tar(M(name, b"1"), M("h", type=HARD, link=name))
    before = len(os.listdir("/proc/self/fd"))
    assert rebuilt(tmp_path, data) == data
    assert len(os.listdir("/proc/self/fd")) <= before
    with Root.of(tmp_path) as root:
        remove_tree(root.fd, "root")
    assert os.listdir(tmp_path) == []


def test_a_global_header_is_passed_over_but_kept(tmp_path: Path) -> None:
    data = tar(M("a", b"1"), M("b", b"2"), pax_headers={"comment": "hello", "mtime": "55"})
    assert look(unpack(tmp_path, data).tree)[b"a"][4] == EPOCH * 10**9
    assert rebuilt(tmp_path, data) == data


@pytest.mark.parametrize("mtime, shown", [(-5, 0), (1 << 40, 0), (1.123456789, 1_123_456_789)])
def test_times_out_of_range_are_1970(tmp_path: Path, mtime: float, shown: int) -> None:
    pax = {"mtime": "1.123456789"} if mtime == 1.123456789 else None
    assert look(unpack(tmp_path, tar(M("a", b"1", mtime=mtime, pax=pax))).tree)[b"a"][4] == shown


@pytest.mark.parametrize(
    "limits, cause",
    [
        (Limits(members=2), "more than 2 members"),
        (Limits(bytes=5000), "more than 5000 bytes"),
        (Limits(ratio=2, free_bytes=10), "times its compressed size"),
    ],
)
def test_limits(tmp_path: Path, limits: Limits, cause: str) -> None:
    import gzip

    data = gzip.compress(tar(M("a", b"1"), M("b", b"2" * 9000), M("c", b"3")))
    refused = outcome(lambda: unpack(tmp_path, data, limits=limits))
    assert cause in refused and "in the table [daemonless] of containers.conf" in refused
    assert unpack(tmp_path, data).diff_size > 0


def test_what_the_blob_should_be_is_held_against_it(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    right = digest_of(FILE)
    cases = [
        (Wanted(digest_of(b"other"), len(FILE)), "has digest"),
        (Wanted(right, len(FILE) - 1), "longer than"),
        (Wanted(right, len(FILE) + 1), "ended after"),
        (Wanted(right, len(FILE), digest_of(b"other")), "the image's config says"),
    ]
    for wanted, cause in cases:
        with pytest.raises(Corrupt, match=cause):
            store.stage_layer(io.BytesIO(FILE), wanted)
    staged = store.stage_layer(io.BytesIO(FILE), Wanted(right, len(FILE), right))
    assert (staged.diff_id, staged.diff_size, staged.source_size) == (right, len(FILE), len(FILE))
    assert os.listdir(tmp_path / "root/overlay/staging") == [os.path.basename(staged.path)]
    store.discard_staged([staged])
    assert os.listdir(tmp_path / "root/overlay/staging") == []


def test_a_long_blob_takes_a_thread_and_its_failures_arrive(tmp_path: Path) -> None:
    import gzip
    import random

    content = random.Random(1).randbytes(6 << 20)
    data = gzip.compress(tar(M("big", content)), 1)
    store = store_at(tmp_path)
    staged = store.stage_layer(io.BytesIO(data), Wanted(digest_of(data), len(data)))
    assert (Path(staged.tree) / "big").read_bytes() == content
    for broken, cause in (
        (data[:-9000], "too early"),
        (data[: 5 << 20] + bytes(100) + data[(5 << 20) + 100 :], "decompress|checksum|content"),
    ):
        with pytest.raises(Corrupt, match=cause):
            store.stage_layer(io.BytesIO(broken), Wanted(None, len(data)))

    class Failing(io.BytesIO):
        def read(self, size: int = -1) -> bytes:  # type: ignore[override]
            if self.tell() > 1 << 20:
                raise ConnectionResetError("the registry went away")
            return super().read(size)

    with pytest.raises(ConnectionResetError):
        store.stage_layer(Failing(data), Wanted(None, len(data)))
    assert os.listdir(tmp_path / "root/overlay/staging") == [os.path.basename(staged.path)]


# ---- any tree

NAMES = st.text(
    st.characters(blacklist_characters="/\0", blacklist_categories=("Cs",)), min_size=1, max_size=12
).filter(lambda name: name not in (".", "..") and not name.startswith(".wh.") and len(name.encode()) < 200)
PATHS = st.lists(NAMES, min_size=1, max_size=4).map(tuple)
FILES = st.tuples(st.just("file"), st.binary(max_size=2000), st.integers(0, 0o7777))
LINKS = st.tuples(st.just("link"), NAMES, st.just(0))
DIRS = st.tuples(st.just("dir"), st.just(b""), st.integers(0, 0o7777))
PIPES = st.tuples(st.just("fifo"), st.just(b""), st.integers(0, 0o777))
TREES = st.dictionaries(PATHS, st.one_of(FILES, LINKS, DIRS, PIPES), max_size=12)


@pytest.fixture(scope="module")
def scratch() -> Iterator[Path]:
    path = Path(tempfile.mkdtemp(dir="/dev/shm"))
    yield path
    shutil.rmtree(path)


def plant(top: Path, wanted: dict[tuple[str, ...], tuple[str, object, int]]) -> None:
    """Make a tree on the disk; what does not fit beside what is there is left out."""
    top.mkdir()
    placed: list[tuple[Path, int]] = []
    for number, (parts, (kind, content, mode)) in enumerate(sorted(wanted.items())):
        path = top.joinpath(*parts)
        try:
            path.parent.mkdir(parents=True, exist_ok=True)
            if kind == "dir":
                path.mkdir()
            elif kind == "fifo":
                os.mkfifo(path)
            elif kind == "link":
                path.symlink_to(str(content))
            else:
                path.write_bytes(content)  # type: ignore[arg-type]
                os.setxattr(path, "user.number", str(number).encode())
                if number % 3 == 0:
                    os.link(path, top / f"hard{number}")
        except OSError:
            continue
        if kind != "link":
            placed.append((path, mode))
    for path, mode in reversed(placed):
        if os.geteuid() == 0:
            os.chown(path, mode % 5, mode % 3)
        path.chmod(mode | (0o500 if path.is_dir() and os.geteuid() else 0))
    for directory, names, files in os.walk(top, topdown=False):
        for name in names + files:
            os.utime(os.path.join(directory, name), ns=(10**18, 10**18 + len(name)), follow_symlinks=False)


@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(TREES)
@AS_ROOT
def test_unpacking_what_was_packed_gives_the_same_tree_and_the_same_bytes(scratch: Path, wanted: dict) -> None:  # type: ignore[type-arg]
    base = Path(tempfile.mkdtemp(dir=scratch))
    try:
        plant(base / "tree", wanted)
        with Root.of(str(base / "tree")) as tree:
            data = b"".join(pack(tree))
        with tarfile.open(fileobj=io.BytesIO(data)) as archive:
            archive.getmembers()
        layer = unpack(base / "store", data)
        assert look(layer.tree) == look(base / "tree")
        with Root.of(layer.tree) as tree:
            assert b"".join(pack(tree)) == data
        assert rebuilt(base / "again", data) == data
    finally:
        shutil.rmtree(base)


@AS_ROOT
def test_whiteouts_and_opaque_directories_pack_to_what_they_came_from(tmp_path: Path) -> None:
    data = tar(M("d/", type=DIR), M("d/.wh..wh..opq"), M("d/.wh.gone"), M(".wh.old"), M("d/new", b"1"))
    layer = unpack(tmp_path, data)
    with Root.of(layer.tree) as tree:
        data = b"".join(pack(tree))
    with tarfile.open(fileobj=io.BytesIO(data)) as packed:
        names = sorted(packed.getnames())
    assert names == [".wh.old", "d", "d/.wh..wh..opq", "d/.wh.gone", "d/new"]
    assert look(unpack(tmp_path / "b", tar(*[M(n) for n in ()])).tree) == {}


def test_stores_of_fuse_overlayfs_keep_whiteouts_as_files(tmp_path: Path) -> None:
    (tmp_path / "root/overlay").mkdir(parents=True)
    (tmp_path / "root/overlay/.has-mount-program").write_text("true")
    data = tar(M("d/.wh.gone"), M("d/.wh..wh..opq"))
    assert sorted(look(unpack(tmp_path, data).tree)) == [b"d", b"d/.wh..wh..opq", b"d/.wh.gone"]


def test_a_user_with_one_id_keeps_everything(tmp_path: Path) -> None:
    store = Store(StoreOptions(str(tmp_path / "root"), str(tmp_path / "run"), ignore_chown_errors=True), True)
    layer = store.stage_layer(
        io.BytesIO(tar(M("d/", type=DIR, uid=5), M("f", b"1", uid=6), M("l", type=LINK, link="x", gid=7)))
    )
    assert {entry[1:3] for entry in look(layer.tree).values()} == {(os.geteuid(), os.getegid())}
