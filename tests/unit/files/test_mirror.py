"""What a tree has to send so that another becomes its mirror."""

from __future__ import annotations

import os
import time

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Corrupt
from ansible_collections.daemonless.oci.plugins.module_utils.engine.files import mirror
from ansible_collections.daemonless.oci.plugins.module_utils.engine.files.end import End


def end(path):
    return End(os.open(path, os.O_RDONLY | os.O_DIRECTORY))


def index(path):
    opened = end(path)
    try:
        return mirror.read_index(mirror.index(opened))
    finally:
        opened.close()


def compared(source, target, since=0):
    opened = end(source)
    try:
        return mirror.compare(opened, index(target) if target else {}, since)
    finally:
        opened.close()


@pytest.fixture
def trees(tmp_path):
    """Two that look the same, times of files included."""
    made = tmp_path / "one", tmp_path / "two"
    for tree in made:
        (tree / "d" / "deep").mkdir(parents=True)
        (tree / "d" / "file").write_text("text")
        (tree / "d" / "deep" / "x").write_text("x")
        (tree / "a").write_text("linked")
        os.link(tree / "a", tree / "d" / "b")
        (tree / "link").symlink_to("a")
        for name in ("d/file", "d/deep/x", "a"):
            os.utime(tree / name, (1000, 1000))
    return made


def test_equal_trees_send_nothing(trees):
    found = compared(*trees)
    assert (found.send, found.changed, found.gone, found.size) == ((), (), (), 0)


def test_a_tree_that_is_missing_gets_all(trees):
    found = compared(trees[0], None)
    assert found.changed == (b"", b"a", b"d", b"d/b", b"d/deep", b"d/deep/x", b"d/file", b"link")
    assert found.send == found.changed
    assert found.size == len("linked") + len("x") + len("text")


@pytest.mark.parametrize(
    ("change", "changed", "send"),
    [
        (lambda one, _two: (one / "d/deep/x").write_text("y"), [b"d/deep/x"], [b"", b"d", b"d/deep", b"d/deep/x"]),
        (lambda one, _two: os.utime(one / "d/file", ns=(5, 1000 * 10**9 + 1)), [b"d/file"], [b"", b"d", b"d/file"]),
        (lambda one, _two: (one / "d").chmod(0o700), [b"d"], [b"", b"d"]),
        (lambda one, _two: os.utime(one / "d"), [], []),
        (lambda _one, two: (two / "a").chmod(0o600), [b"a", b"d/b"], [b"", b"a", b"d", b"d/b"]),
        (lambda one, _two: ((one / "link").unlink(), (one / "link").symlink_to("b")), [b"link"], [b"", b"link"]),
    ],
    ids=["content", "time", "mode", "a directory's time is none", "all names of a file", "link"],
)
def test_what_differs_goes_with_all_that_it_is_in(trees, change, changed, send):
    change(*trees)
    found = compared(*trees)
    assert (list(found.changed), list(found.send)) == (changed, send)


def test_one_name_of_a_file_that_is_new_takes_the_others_along(trees):
    os.link(trees[0] / "a", trees[0] / "c")
    found = compared(*trees)
    assert found.changed == (b"c",)
    assert found.send == (b"", b"a", b"c", b"d", b"d/b")


def test_what_is_beyond_is_named_once_and_only_where_its_directory_stays(trees):
    one, two = trees
    (two / "more" / "deep").mkdir(parents=True)
    (two / "d" / "extra").write_text("")
    (one / "d" / "deep" / "x").unlink()
    (one / "d" / "deep").rmdir()
    (one / "d" / "deep").symlink_to("/etc")
    found = compared(*trees)
    assert found.gone == (b"d/extra", b"more"), "what was in d/deep goes with it, and never through the link"


def test_what_was_written_since_is_sent_though_it_looks_the_same(trees):
    since = time.time_ns()
    time.sleep(0.02)  # the kernel's coarse clock
    path = trees[0] / "d" / "file"
    path.write_text("TEXT")
    os.utime(path, (1000, 1000))
    assert compared(*trees).changed == ()
    assert compared(*trees, since).changed == (b"d/file",)


def test_names_that_are_no_text(trees):
    for tree in trees:
        (tree / os.fsdecode(b"\xff\n")).write_text("")
        os.utime(tree / os.fsdecode(b"\xff\n"), (1, 1))
    assert compared(*trees).send == ()
    assert b"\xff\n" in index(trees[0])


def test_an_index_that_is_none():
    for data in (b"", b"x", mirror.zlib.compress(b"1\n"), mirror.zlib.compress(b'["a"]\n'), mirror.zlib.compress(b"{")):
        with pytest.raises(Corrupt):
            mirror.read_index(data)


def test_paths_are_deleted_inside_alone(tmp_path):
    root, outside = tmp_path / "root", tmp_path / "outside"
    (root / "etc" / "full").mkdir(parents=True)
    outside.mkdir()
    for path in (root / "etc" / "passwd", root / "etc" / "full" / "x", outside / "passwd"):
        path.write_text("here")
    (root / "out").symlink_to(outside)
    (root / "up").symlink_to("../outside")
    paths = ["/out/passwd", "/up/passwd", "/../outside/passwd", "/../../outside", "/", "..", "", "/none/x", "/out"]
    mirror.delete(str(root), map(os.fsencode, [*paths, "/etc/full"]), "a test")
    assert (outside / "passwd").read_text() == "here"
    assert not (root / "out").is_symlink()
    assert sorted(entry.name for entry in (root / "etc").iterdir()) == ["passwd"]
