"""Copies between trees: what is decided, what is done, and that neither leaves its tree."""

from __future__ import annotations

import os
import stat
import threading
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import (
    BadInput,
    Conflict,
    EngineError,
    Refused,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.files.apply import apply
from ansible_collections.daemonless.oci.plugins.module_utils.engine.files.decide import Wish, decide, plan
from ansible_collections.daemonless.oci.plugins.module_utils.engine.files.end import End
from ansible_collections.daemonless.oci.plugins.module_utils.engine.files.pairs import look
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.rooted import Root
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec import file_modes

WISH = Wish(owner=lambda _uid, _gid: (os.geteuid(), os.getegid()))


def end(path: Path, name: str = "", follow: Root | None = None) -> End:
    fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY)
    return End(fd, name.encode(), (follow, b"") if follow else None)


def copy(source: End, target: End, wish: Wish = WISH, move: bool = False) -> list[str]:
    works = decide(look(source, target), wish, "there")
    apply(works, source, target, "there", move=move)
    return [str(step) for step in plan("copy", works, "/t").steps]


@pytest.fixture
def trees(tmp_path: Path) -> tuple[Path, Path]:
    source, target = tmp_path / "source", tmp_path / "target"
    (source / "d/e").mkdir(parents=True)
    target.mkdir()
    (source / "d/f").write_text("content")
    (source / "d/e/g").write_text("deep")
    os.link(source / "d/f", source / "d/same")
    (source / "d/l").symlink_to("/nowhere")
    os.mkfifo(source / "d/p")
    os.truncate(source / "d/e/g", 1 << 20)
    (source / "d/e").chmod(0o500)
    return source, target


def test_a_tree_arrives_whole_and_once(trees: tuple[Path, Path]) -> None:
    source, target = trees
    assert copy(end(source, "d"), end(target, "d")) == [
        "create directory /t", "create directory /t/e", "create file /t/e/g", "create file /t/f", "create link /t/l",
        "create fifo /t/p", "link file /t/same",
    ]  # fmt: skip
    assert (target / "d/f").read_text() == "content" and (target / "d/f").stat().st_ino == (
        target / "d/same"
    ).stat().st_ino
    assert (target / "d/e/g").stat().st_size == 1 << 20 and (target / "d/e/g").stat().st_blocks <= 16
    assert stat.S_IMODE((target / "d/e").stat().st_mode) == 0o500
    assert os.readlink(target / "d/l") == "/nowhere"
    assert (target / "d/f").stat().st_mtime_ns == (source / "d/f").stat().st_mtime_ns
    assert copy(end(source, "d"), end(target, "d")) == []
    (source / "d/f").write_text("CONTENT")
    (target / "d/e/g").chmod(0o600)
    assert copy(end(source, "d"), end(target, "d")) == [
        *("adjust file /t/e/g", "write file /t/f", "link file /t/same")
    ]
    (source / "d/e").chmod(0o700)
    (target / "d/e").chmod(0o700)


def test_a_file_of_several_names_stays_one_when_it_is_written_again(trees: tuple[Path, Path]) -> None:
    source, target = trees
    copy(end(source, "d"), end(target, "d"))
    (source / "d/f").write_text("CONTENT")
    assert copy(end(source, "d"), end(target, "d")) == ["write file /t/f", "link file /t/same"]
    assert (target / "d/same").read_text() == "CONTENT"
    assert (target / "d/f").samefile(target / "d/same")
    assert copy(end(source, "d"), end(target, "d")) == []


def test_contents_leave_the_top_alone(trees: tuple[Path, Path]) -> None:
    source, target = trees
    target.chmod(0o711)
    copy(end(source / "d"), end(target), WISH._replace(keep_top=True))
    assert stat.S_IMODE(target.stat().st_mode) == 0o711 and (target / "f").exists()
    assert copy(end(source / "d"), end(target), WISH._replace(keep_top=True)) == []


def test_moved_instead_of_copied(trees: tuple[Path, Path]) -> None:
    source, target = trees
    number = (source / "d/f").stat().st_ino
    copy(end(source, "d"), end(target, "d"), move=True)
    assert (target / "d/f").stat().st_ino == number and not (source / "d/f").exists()


@pytest.mark.parametrize("directory", [True, False])
def test_a_directory_and_a_file_give_way_only_when_told(tmp_path: Path, directory: bool) -> None:
    for name, is_directory in (("s", directory), ("t", not directory)):
        (tmp_path / name).mkdir()
        if is_directory:
            (tmp_path / name / "x/y").mkdir(parents=True)
        else:
            (tmp_path / name / "x").write_text("1")
    with pytest.raises(Refused, match="overwrite"):
        copy(end(tmp_path / "s"), end(tmp_path / "t"))
    copy(end(tmp_path / "s"), end(tmp_path / "t"), WISH._replace(overwrite=True))
    assert (tmp_path / "t/x").is_dir() is directory


def test_set_id_bits_go_where_they_mean_something_else(trees: tuple[Path, Path]) -> None:
    source, target = trees
    (source / "d/f").chmod(0o6755)
    copy(end(source / "d", "f"), end(target, "f"), WISH._replace(set_ids=False))
    assert stat.S_IMODE((target / "f").stat().st_mode) == 0o755


def test_a_link_in_the_way_is_not_followed(trees: tuple[Path, Path], tmp_path: Path) -> None:
    source, target = trees
    (tmp_path / "outside").mkdir()
    (tmp_path / "canary").write_text("untouched")
    (target / "d").symlink_to(tmp_path / "outside")
    (target / "f").symlink_to(tmp_path / "canary")
    with pytest.raises(Refused):
        copy(end(source, "d"), end(target, "d"))
    copy(end(source, "d"), end(target, "d"), WISH._replace(overwrite=True))
    copy(end(source / "d", "f"), end(target, "f"))
    assert list((tmp_path / "outside").iterdir()) == [] and (tmp_path / "canary").read_text() == "untouched"
    assert (target / "d/f").read_text() == "content" and not (target / "f").is_symlink()


def test_a_link_is_followed_inside_its_root(trees: tuple[Path, Path], tmp_path: Path) -> None:
    """usr-merged images: /lib is a link, and what is copied to /lib belongs behind it."""
    source, target = trees
    (target / "usr/lib").mkdir(parents=True)
    (target / "d").symlink_to("/usr/lib")
    with Root.of(target) as root:
        copy(end(source, "d"), end(target, "d", follow=root))
        assert (target / "d").is_symlink() and (target / "usr/lib/f").read_text() == "content"
        (tmp_path / "outside").mkdir()
        (target / "d").unlink()
        (target / "d").symlink_to("../outside")
        with pytest.raises(Refused):  # in here that leads to nothing, and so it is a link
            copy(end(source, "d"), end(target, "d", follow=root))
    assert list((tmp_path / "outside").iterdir()) == []


def test_directories_swapped_for_links_lead_nobody_out(trees: tuple[Path, Path], tmp_path: Path) -> None:
    source, target = trees
    canary = tmp_path / "canary"
    canary.mkdir()
    (target / "d").mkdir()
    stop = threading.Event()

    def swap() -> None:
        while not stop.is_set():
            try:
                (target / "d").rename(target / "kept")
                (target / "d").symlink_to(canary)
                (target / "d").unlink()
                (target / "kept").rename(target / "d")
            except OSError:
                for name in ("d", "kept"):
                    path = target / name
                    if path.is_symlink():
                        path.unlink()

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for turn in range(60):
            (source / "d/f").write_text(f"{turn}")
            try:
                copy(end(source, "d"), end(target, "d"))
            except EngineError:
                continue
    finally:
        stop.set()
        thread.join()
    assert list(canary.iterdir()) == []


def test_a_source_that_changes_its_kind_is_no_source(tmp_path: Path) -> None:
    (tmp_path / "t").mkdir()
    (tmp_path / "f").write_text("1")
    source, target = end(tmp_path, "f"), end(tmp_path / "t", "f")
    works = decide(look(source, target), WISH, "there")
    (tmp_path / "f").unlink()
    os.mkfifo(tmp_path / "f")
    with pytest.raises(Conflict):
        apply(works, source, target, "there")
    assert list((tmp_path / "t").iterdir()) == []


def test_too_deep(tmp_path: Path) -> None:
    fd = os.open(tmp_path, os.O_RDONLY)
    for _turn in range(450):
        os.mkdir("d", dir_fd=fd)
        below = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = below
    os.close(fd)
    (tmp_path / "t").mkdir()
    with pytest.raises(BadInput, match="deep"):
        copy(end(tmp_path, "d"), end(tmp_path / "t", "d"))


@pytest.mark.parametrize(
    ("text", "file", "directory"),
    [
        ("0640", 0o640, 0o640),
        ("640", 0o640, 0o640),
        ("0o1777", 0o1777, 0o1777),
        ("u=rw,g=r,o=", 0o640, 0o640),
        ("a+X", 0o644, 0o755),
        ("go-r", 0o600, 0o600),
        ("u+s,g=u", 0o4664, 0o4664),
        ("=", 0, 0),
        ("u=rwx,go=u-w", 0o755, 0o755),
        ("+t", 0o1644, 0o1644),
    ],
)
def test_modes(text: str, file: int, directory: int) -> None:
    mode = file_modes.parse(text)
    assert (oct(mode(0o644, False)), oct(mode(0o644, True))) == (oct(file), oct(directory))


@pytest.mark.parametrize("text", ["", "rw", "9", "77777", "u", "u=q", "0x1", "u=r,,g=r"])
def test_no_modes(text: str) -> None:
    with pytest.raises(BadInput):
        file_modes.parse(text)


@pytest.mark.parametrize(
    ("path", "found"),
    [
        ("/etc/passwd", "etc passwd"),
        ("etc/new", "etc new"),
        ("/etc", "etc "),
        ("/etc/.", "etc "),
        ("/", " "),
        ("/link", "etc passwd"),
        ("/dangling", "etc nothing"),
        ("/up/passwd", "etc passwd"),
        ("/no/such", None),
        ("/etc/passwd/x", None),
    ],
)
def test_where_a_path_ends(tmp_path: Path, path: str, found: str | None) -> None:
    top = tmp_path / "top"
    (top / "etc").mkdir(parents=True)
    (top / "etc/passwd").write_text("")
    (top / "link").symlink_to("/etc/passwd")
    (top / "dangling").symlink_to("../../../etc/nothing")
    (top / "up").symlink_to("../../etc")
    with Root.of(top) as root:
        if found is None:
            with pytest.raises(OSError):
                root.locate(path)
            return
        fd, name = root.locate(path)
        directory = os.readlink(f"/proc/self/fd/{fd}")
        os.close(fd)
    assert f"{os.path.relpath(directory, top).replace('.', '')} {name.decode()}" == found
