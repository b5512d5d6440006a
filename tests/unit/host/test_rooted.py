"""Paths in hostile trees: by openat2 and by the walk alike, nothing leads out."""

from __future__ import annotations

import os
import stat
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Corrupt
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host import rooted
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.rooted import Root, read_file, remove_tree
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st


@pytest.fixture(params=["openat2", "walk"])
def tree(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Root]:
    """A tree in a directory of its own, with a secret beside it."""
    monkeypatch.setattr(rooted, "_have_openat2", request.param == "openat2")
    (tmp_path / "secret").write_text("outside")
    top = tmp_path / "tree"
    (top / "etc").mkdir(parents=True)
    (top / "etc/passwd").write_text("inside")
    (top / "up").symlink_to("../secret")
    (top / "far").symlink_to("../../../../../../../../etc")
    (top / "abs").symlink_to("/etc/passwd")
    (top / "dir").symlink_to("/etc")
    (top / "deep").symlink_to("dir/../abs")
    (top / "loop").symlink_to("loop")
    (top / "proc").symlink_to("/proc/self/root")
    with Root.of(top) as root:
        yield root


def content(root: Root, path: str | bytes) -> str:
    fd = root.open(path)
    try:
        return os.read(fd, 100).decode()
    finally:
        os.close(fd)


@pytest.mark.parametrize(
    "path", ["etc/passwd", "/etc/passwd", "abs", "dir/passwd", "far/passwd", "deep", "../../etc/passwd",
             "etc/../../../etc/passwd", "./etc//passwd", b"dir/passwd"]
)  # fmt: skip
def test_links_and_dots_work_inside(tree: Root, path: str) -> None:
    assert content(tree, path) == "inside"


@pytest.mark.parametrize(
    "path, error",
    [
        ("up", FileNotFoundError),
        ("../secret", FileNotFoundError),
        ("etc/../../secret", FileNotFoundError),
        ("proc/etc/passwd", OSError),
        ("loop", OSError),
        ("loop/x", OSError),
        ("etc/passwd/x", NotADirectoryError),
        ("nothing", FileNotFoundError),
    ],
)
def test_nothing_leads_out(tree: Root, path: str, error: type[OSError]) -> None:
    with pytest.raises(error):
        tree.open(path)


def test_magic_links_of_a_proc_inside_are_not_followed(tmp_path: Path) -> None:
    with Root.of("/") as root:
        with pytest.raises(OSError):
            os.close(root.open("proc/self/root/etc"))


def test_stat_and_readlink_are_of_the_entry_or_its_end(tree: Root) -> None:
    assert stat.S_ISLNK(tree.lstat("abs").st_mode) and stat.S_ISREG(tree.stat("abs").st_mode)
    assert tree.readlink("dir/../abs") == b"/etc/passwd"
    assert tree.exists("abs") and not tree.exists("up")
    with pytest.raises(OSError):
        tree.lstat("nothing")


def test_new_files_stay_inside(tree: Root, tmp_path: Path) -> None:
    for path in ("dir/new", "far/newer", "../newest"):
        os.close(tree.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o640))
    assert sorted(os.listdir(tmp_path / "tree/etc")) == ["new", "newer", "passwd"]
    assert "newest" in os.listdir(tmp_path / "tree") and sorted(os.listdir(tmp_path)) == ["secret", "tree"]


def test_mkdirs_follows_links_inside_and_makes_the_rest(tree: Root, tmp_path: Path) -> None:
    os.close(tree.mkdirs("far/a/b", 0o711))
    assert stat.S_IMODE((tmp_path / "tree/etc/a/b").stat().st_mode) == 0o711
    os.close(tree.mkdirs("far/a/b", 0o700))
    assert stat.S_IMODE((tmp_path / "tree/etc/a/b").stat().st_mode) == 0o711
    os.close(tree.mkdirs("../../x/../y"))
    assert (tmp_path / "tree/y").is_dir() and not (tmp_path / "y").exists()
    for path in ("etc/passwd", "abs/x", "loop/x"):
        with pytest.raises(OSError):
            tree.mkdirs(path)


@pytest.mark.parametrize("flags", [os.O_RDONLY, os.O_PATH, os.O_PATH | os.O_NOFOLLOW, os.O_RDONLY | os.O_DIRECTORY,
                                   os.O_RDONLY | os.O_NOFOLLOW])  # fmt: skip
@pytest.mark.parametrize(
    "path", ["etc", "etc/passwd", "abs", "dir", "dir/", "deep", "loop", "up", "etc/", ".", "..", "nothing"]
)
def test_the_walk_answers_as_the_kernel_does(tree: Root, path: str, flags: int) -> None:
    def answer(way: Callable[[bytes, int], int]) -> object:
        try:
            fd = way(path.encode(), flags)
        except OSError as error:
            return type(error), error.errno
        try:
            info = os.fstat(fd)
            return info.st_ino, info.st_mode
        finally:
            os.close(fd)

    if path.endswith("/") and flags & os.O_NOFOLLOW:
        pytest.skip("a trailing slash follows in the kernel")
    assert answer(tree.walk) == answer(tree.open)


def test_a_directory_swapped_for_a_link_never_shows_the_outside(tmp_path: Path) -> None:
    """Another thread swaps a directory of the tree for a link to the outside, thousands of times."""
    (tmp_path / "out").mkdir()
    (tmp_path / "out/file").write_text("outside")
    top = tmp_path / "tree"
    (top / "d").mkdir(parents=True)
    (top / "d/file").write_text("inside")
    (top / "l").symlink_to(tmp_path / "out")
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            os.rename(top / "d", top / "x")
            os.rename(top / "l", top / "d")
            os.rename(top / "d", top / "l")
            os.rename(top / "x", top / "d")

    thread = threading.Thread(target=swap)
    thread.start()
    seen = set()
    try:
        with Root.of(top) as root:
            end, turn = time.monotonic() + 20, 0
            while turn < 4000 or (not seen and time.monotonic() < end):  # on a busy machine it may be away each time
                turn += 1
                try:
                    fd = (root.open if turn % 2 else root.walk)(b"d/file", os.O_RDONLY)
                except OSError:
                    continue
                seen.add(os.read(fd, 20))
                os.close(fd)
    finally:
        stop.set()
        thread.join()
    assert seen == {b"inside"}


def test_read_file_takes_small_regular_files_only(tree: Root, tmp_path: Path) -> None:
    top = tmp_path / "tree"
    os.mkfifo(top / "pipe")
    assert read_file(tree, "/etc/passwd") == b"inside"
    for path in ("pipe", "etc", "up", "nothing", "loop", "etc/passwd/x"):
        assert read_file(tree, path) is None
    if os.geteuid() == 0:
        os.mknod(top / "zero", 0o666 | stat.S_IFCHR, os.makedev(1, 5))
        assert read_file(tree, "zero") is None
    (top / "long").write_bytes(b"x" * 5000)
    with pytest.raises(Corrupt, match="longer than 4999"):
        read_file(tree, "long", 4999)
    assert read_file(tree, "long", 5000) == b"x" * 5000


def test_remove_tree(tmp_path: Path) -> None:
    (tmp_path / "keep").mkdir()
    (tmp_path / "keep/file").write_text("1")
    top = tmp_path / "doomed"
    for number in range(30):
        (top / f"a{number}/b/c").mkdir(parents=True)
        (top / f"a{number}/b/f").write_text("1")
    (top / "link").symlink_to("../keep")
    (top / "a1/b/link").symlink_to("../../../keep")
    (top / "a2").chmod(0)
    with Root.of(tmp_path) as root:
        remove_tree(root.fd, "doomed")
        remove_tree(root.fd, "doomed")
        assert sorted(os.listdir(tmp_path)) == ["keep"] and os.listdir(tmp_path / "keep") == ["file"]
        (tmp_path / "link").symlink_to("keep")
        remove_tree(root.fd, "link")
        assert sorted(os.listdir(tmp_path)) == ["keep"]


PARTS = st.sampled_from([b"..", b".", b"", b"etc", b"passwd", b"up", b"far", b"abs", b"dir", b"deep", b"loop", b"x"])


@settings(
    max_examples=300,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(st.lists(PARTS, max_size=8).map(b"/".join))
def test_any_path_is_the_same_both_ways_and_inside(tmp_path_factory: pytest.TempPathFactory, path: bytes) -> None:
    top = tmp_path_factory.getbasetemp() / "any"
    if not top.exists():
        (top / "etc").mkdir(parents=True)
        (top / "etc/passwd").write_text("inside")
        for name, target in (("up", ".."), ("far", "../../../etc"), ("abs", "/etc/passwd"), ("dir", "/etc"),
                             ("deep", "dir/../abs"), ("loop", "loop")):  # fmt: skip
            (top / name).symlink_to(target)
    inside = {os.stat(top / name).st_ino for name in (".", "etc", "etc/passwd")}
    answers = []
    with Root.of(top) as root:
        for way in (root.open, root.walk):
            try:
                fd = way(path, os.O_PATH)
            except OSError as error:
                answers.append(error.errno)
                continue
            answers.append(os.fstat(fd).st_ino)
            assert answers[-1] in inside
            os.close(fd)
    assert answers[0] == answers[1]
