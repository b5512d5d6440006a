"""A killed process leaves finished layers; the next one goes on from them, having verified them."""

from __future__ import annotations

import io
import os
import signal
import time
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.digest import digest_of
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host import libc, mounts
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.values import Wanted
from layer_trees import DIR, HARD, LINK, M, look, store_at, tar

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="owners are set")
LAYER = tar(M("d/", type=DIR, mode=0o750), M("d/f", b"x" * 5000, uid=7), M("l", type=LINK, link="d"), M("h", type=HARD, link="d/f"))  # fmt: skip # noqa: E501
WANTED = Wanted(diff_id=digest_of(LAYER))


def kill_after_staging(path: Path, *layers: bytes) -> None:
    """A process that stages layers, whole or broken off, and is killed."""
    child = os.fork()
    if not child:
        try:
            store = store_at(path)
            for layer in layers:
                store.stage_layer(io.BytesIO(layer))
        finally:
            os.kill(os.getpid(), signal.SIGKILL)
    os.waitpid(child, 0)


def staging(path: Path) -> list[str]:
    return sorted(os.listdir(path / "root/overlay/staging"))


def test_the_next_one_goes_on(tmp_path: Path) -> None:
    kill_after_staging(tmp_path, LAYER)
    (left,) = staging(tmp_path)
    before = look(tmp_path / "root/overlay/staging" / left / "dir")
    store = store_at(tmp_path)
    store.sweep_staging()
    assert staging(tmp_path) == [left]
    staged = store.resume_layer(WANTED)
    assert staged is not None and staged.diff_id == digest_of(LAYER)
    assert left not in staging(tmp_path)
    assert look(staged.tree) == before
    (layer,) = store.commit_layers([staged])
    assert store.layer_tar(layer.id).read() == LAYER
    assert staging(tmp_path) == [] and store.check() == []


def test_by_the_blob_it_came_from(tmp_path: Path) -> None:
    kill_after_staging(tmp_path, LAYER)
    staged = store_at(tmp_path).resume_layer(Wanted(source=digest_of(LAYER)))
    assert staged is not None and (staged.source, staged.source_size) == (digest_of(LAYER), len(LAYER))


def test_another_layer_is_none_of_it(tmp_path: Path) -> None:
    kill_after_staging(tmp_path, LAYER)
    store = store_at(tmp_path)
    assert store.resume_layer(Wanted(diff_id=digest_of(b"other"))) is None
    assert store.resume_layer(Wanted(source=digest_of(b"other"))) is None
    assert store.resume_layer(Wanted()) is None
    assert len(staging(tmp_path)) == 1


@pytest.mark.parametrize("damage", ["content", "shorter", "missing", "split", "no tree", "link"])
def test_what_was_damaged_meanwhile_does_not_count(tmp_path: Path, damage: str) -> None:
    kill_after_staging(tmp_path, LAYER)
    (left,) = staging(tmp_path)
    place = tmp_path / "root/overlay/staging" / left
    if damage == "content":
        (place / "dir/d/f").write_bytes(b"y" * 5000)
    elif damage == "shorter":
        os.truncate(place / "dir/d/f", 4096)
    elif damage == "missing":
        (place / "dir/d/f").unlink()
    elif damage == "split":
        os.truncate(place / "tar-split.gz", 60)
    elif damage == "no tree":
        os.rename(place / "dir", tmp_path / "elsewhere")
    else:
        os.rename(place / "dir/d/f", tmp_path / "f")
        os.symlink(tmp_path / "f", place / "dir/d/f")
    store = store_at(tmp_path)
    mine = store.new_staging()
    assert store.resume_layer(WANTED, mine) is None
    assert staging(tmp_path) == [os.path.basename(mine.path)]
    staged = store.stage_layer(io.BytesIO(LAYER), WANTED, mine)  # the place is fit for use
    store.commit_layers([staged])
    assert staging(tmp_path) == [] and store.check() == []


def test_owner_and_mode_come_from_the_tar(tmp_path: Path) -> None:
    kill_after_staging(tmp_path, LAYER)
    (left,) = staging(tmp_path)
    os.chmod(tmp_path / "root/overlay/staging" / left / "dir/d/f", 0o4777)
    staged = store_at(tmp_path).resume_layer(WANTED)
    assert staged is not None and os.stat(f"{staged.tree}/d/f").st_mode & 0o7777 == 0o644


def test_what_somebody_works_on_is_left_alone(tmp_path: Path) -> None:
    busy = store_at(tmp_path)
    busy.stage_layer(io.BytesIO(LAYER))
    assert store_at(tmp_path).resume_layer(WANTED) is None
    assert len(staging(tmp_path)) == 1


def test_half_done_and_old_ones_go_at_the_next_write(tmp_path: Path) -> None:
    kill_after_staging(tmp_path, LAYER, tar(M("a", b"1")), LAYER[:700])
    notes = sorted((tmp_path / "root/overlay/staging").glob("*/layer.json"))
    assert len(notes) == 2 and len(staging(tmp_path)) == 2  # the broken one was refused, and cleaned up, before
    old = time.time() - 2 * 86400
    os.utime(notes[0], (old, old))
    store_at(tmp_path).stage_layer(io.BytesIO(tar(M("b"))))
    assert not notes[0].exists() and notes[1].exists()


def test_repair_takes_all(tmp_path: Path) -> None:
    kill_after_staging(tmp_path, LAYER)
    store = store_at(tmp_path)
    assert [problem.kind for problem in store.check()] == ["leftover"]
    store.repair()
    assert staging(tmp_path) == [] and store.check() == []


@pytest.mark.parametrize("note", ["", "[]", "{}", '{"diff-digest":1}', "[" * 5000, '{"compression":"lz4"}'])
def test_a_note_that_makes_no_sense(tmp_path: Path, note: str) -> None:
    kill_after_staging(tmp_path, LAYER)
    (left,) = staging(tmp_path)
    (tmp_path / "root/overlay/staging" / left / "layer.json").write_text(note)
    assert store_at(tmp_path).resume_layer(WANTED) is None


def test_a_layer_that_is_mounted_goes_all_the_same(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    staged = store.stage_layer(io.BytesIO(LAYER))
    child = os.fork()
    if not child:
        code = 1
        try:
            libc.unshare(libc.CLONE_NEWNS)
            libc.mount("", "/", "", libc.MS_REC | libc.MS_PRIVATE)
            mounts.tmpfs(os.path.join(staged.tree, "d"), "mode=0700")
            Path(staged.tree, "d", "file").touch()
            store.discard_staged([staged])
            code = 0
        finally:
            os._exit(code)
    assert os.waitpid(child, 0)[1] == 0
    assert staging(tmp_path) == []
