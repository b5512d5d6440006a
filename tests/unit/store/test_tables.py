"""Lock files, tokens and the records behind them."""

from __future__ import annotations

import gzip
import io
import json
import os
import subprocess
import sys
import textwrap
from collections.abc import Callable
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.digest import digest_of
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import (
    BadInput,
    Conflict,
    Corrupt,
    Damaged,
    EngineError,
    InUse,
    NotFound,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.ids import new_id
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store import tables
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.conf import StoreOptions
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.images import big_data_file
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.records import (
    ContainerDraft,
    IdMap,
    ImageDraft,
    ImageRecord,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.store import Store
from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.tables import Table, TableFile
from layer_trees import M, store_at, tar

COLLECTIONS = Path(__file__).parents[3]


def table_at(path: Path) -> Table:
    return Table(str(path / "t/t.lock"), (TableFile(str(path / "t/t.json")), TableFile(str(path / "t/v.json"), True)))


def image(store: Store, *names: str, layers: int = 2, salt: str = "") -> ImageRecord:
    """A small image with layers of its own."""
    staged = [store.stage_layer(io.BytesIO(tar(M(f"{salt}{number}", b"1")))) for number in range(layers)]
    config = json.dumps({"salt": salt, "created": "2024-01-01T00:00:00Z"}).encode()
    manifest = json.dumps({"config": {"digest": str(digest_of(config))}}).encode()
    draft = ImageDraft(digest_of(config).hex, names, "", config, ((str(digest_of(manifest)), manifest),))
    return store.commit_image(staged, draft)


def test_reading_creates_nothing(tmp_path: Path) -> None:
    store = store_at(tmp_path / "s")
    assert (store.images(), store.layers(), store.containers(), store.image("x"), store.container("x")) == (
        [], [], [], None, None
    )  # fmt: skip
    assert store.check() == store.repair() == []
    assert not (tmp_path / "s").exists()


def test_a_read_without_change_parses_nothing(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    table = table_at(tmp_path)
    with table.writing() as writer:
        writer.put([{"id": "a"}])
    other = table_at(tmp_path)
    assert other.peek().find("a") == {"id": "a"}
    monkeypatch.setattr(tables, "_read", None)
    assert other.peek().find("a") == {"id": "a"}
    assert table.peek().find("a") == {"id": "a"}


def test_token_first_then_the_table(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    tokens = []
    for number in range(3):
        with table.writing() as writer:
            writer.put([{"id": str(number)}], volatile=number == 1)
        tokens.append((tmp_path / "t/t.lock").read_bytes())
    assert [len(token) for token in tokens] == [64] * 3 and len(set(tokens)) == 3
    assert int.from_bytes(tokens[2][16:20], "little") == os.getpid()
    assert json.loads((tmp_path / "t/t.json").read_text()) == [{"id": "0"}, {"id": "2"}]
    assert (tmp_path / "t/v.json").read_text() == '[{"id":"1"}]'
    assert [row["id"] for row in table_at(tmp_path).peek().all()] == ["0", "2", "1"]


def test_a_tool_that_forgets_the_token_is_seen_all_the_same(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    with table.writing() as writer:
        writer.put([{"id": "a"}])
    (tmp_path / "t/t.json").write_text('[{"id":"b"}]')
    assert table.peek().find("b")


def test_keys_we_do_not_know_survive(tmp_path: Path) -> None:
    table = table_at(tmp_path)
    with table.writing() as writer:
        writer.put([{"id": "a", "new-in-podman-9": {"x": 1}}, {"id": "b"}])
    with table.writing() as writer:
        writer.put([{**(writer.rows.find("a") or {}), "names": ["n"]}])
        writer.drop({"b"})
    assert table_at(tmp_path).peek().all() == [{"id": "a", "new-in-podman-9": {"x": 1}, "names": ["n"]}]


@pytest.mark.parametrize("text", ["{", "{}", '["x"]', '[{"names":[]}]', "[" * 100_000])
def test_a_damaged_table_is_named(tmp_path: Path, text: str) -> None:
    table = table_at(tmp_path)
    with table.writing() as writer:
        writer.put([{"id": "a"}])
    (tmp_path / "t/t.json").write_text(text)
    with pytest.raises(Damaged, match=r"t\.json"):
        table.peek()


@pytest.mark.parametrize("text", ["", "null", "[]"])
def test_an_empty_table_is_fine(tmp_path: Path, text: str) -> None:
    table = table_at(tmp_path)
    with table.writing() as writer:
        writer.put([{"id": "a"}])
    (tmp_path / "t/t.json").write_text(text)
    assert table.peek().all() == []


def test_many_processes_lose_nothing(tmp_path: Path) -> None:
    script = textwrap.dedent(
        f"""
        import sys
        sys.path.insert(0, {str(COLLECTIONS / "plugins/module_utils")!r})
        from engine.store.tables import Table, TableFile
        table = Table({str(tmp_path / "t/t.lock")!r}, (TableFile({str(tmp_path / "t/t.json")!r}, True),))
        for number in range(30):
            with table.writing() as writer:
                writer.put([{{"id": sys.argv[1] + str(number)}}])
        """
    )
    children = [subprocess.Popen([sys.executable, "-c", script, letter]) for letter in "abcd"]
    assert [child.wait() for child in children] == [0] * 4
    rows = json.loads((tmp_path / "t/t.json").read_text())
    assert sorted(row["id"] for row in rows) == sorted(f"{letter}{number}" for letter in "abcd" for number in range(30))


@pytest.mark.parametrize(
    "key, name",
    [
        ("manifest", "manifest"),
        ("sha256:ab", "=c2hhMjU2OmFi"),
        ("manifest-sha256:ab", "=bWFuaWZlc3Qtc2hhMjU2OmFi"),
        ("../../etc/passwd", "=Li4vLi4vZXRjL3Bhc3N3ZA=="),
        ("..", "=Li4="),
        (".", "=Lg=="),
        ("", "="),
        ("instances.json", "instances.json"),
    ],
)
def test_big_data_file_names(key: str, name: str) -> None:
    assert big_data_file(key) == name


def test_finding_an_image(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    one = image(store, "docker.io/library/one:1", "docker.io/library/one:2", salt="a")
    two = image(store, "localhost:5000/two:latest", salt="b")
    for text in (
        one.id,
        f"sha256:{one.id}",
        "docker.io/library/one:2",
        one.id[:10],
        f"docker.io/library/one@{one.digest}",
    ):
        assert store.image(text) == one, text
    assert store.image(f"localhost:5000/two@{two.digest}") == two
    for text in (
        "docker.io/library/one",
        "one",
        f"docker.io/library/two@{one.digest}",
        "docker.io/library/one:3",
        "",
        "zz",
    ):
        assert store.image(text) is None, text
    assert json.loads(store.image_config_bytes(one))["salt"] == "a"
    assert store.image_manifest(one) == store.image_data(one, f"manifest-{one.digest}")
    with pytest.raises(NotFound):
        store.image_data(one, "manifest-sha256:0")


def test_an_ambiguous_prefix_is_not_guessed(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    images = [image(store, salt=str(number), layers=1) for number in range(17)]
    first = {record.id[0] for record in images}
    double = next(letter for letter in sorted(first) if sum(record.id[0] == letter for record in images) > 1)
    with pytest.raises(BadInput, match="Give more digits"):
        store.image(double)


def test_a_name_moves(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    one = image(store, "l/a:1", "l/b:1", salt="a")
    two = image(store, "l/b:1", "l/c:1", salt="b")
    assert (store.image(one.id).names, two.names) == (("l/a:1",), ("l/b:1", "l/c:1"))
    assert store.image(one.id).names_history == ("l/a:1", "l/b:1")
    store.add_names(one.id, ["l/c:1", "l/d:1"])
    assert store.image(one.id).names == ("l/c:1", "l/d:1", "l/a:1")
    assert store.image(two.id).names == ("l/b:1",)
    store.remove_names(two.id, ["l/b:1", "l/none:1"])
    assert store.image(two.id).names == () and "names" not in store.image(two.id).row
    store.set_names(two.id, ["l/x:1", "l/x:1"])
    assert store.image(two.id).names == ("l/x:1",)
    with pytest.raises(NotFound):
        store.add_names("0" * 64, ["l/y:1"])


def test_putting_an_image_again_merges(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    one = image(store, "l/a:1", salt="a")
    listed = b'{"manifests":[]}'
    draft = ImageDraft(one.id, ("l/b:1",), one.top_layer, b"", ((one.digest, store.image_manifest(one)), (str(digest_of(listed)), listed)))  # fmt: skip # noqa: E501
    again = store.put_image(draft)
    assert again.names == ("l/b:1", "l/a:1") and again.digest == one.digest
    assert again.digests == (one.digest, str(digest_of(listed)))
    with pytest.raises(Corrupt, match="a manifest is"):
        store.put_image(draft._replace(manifests=(("sha256:" + "0" * 64, b"{}"),)))
    with pytest.raises(NotFound, match="is gone"):
        store.put_image(draft._replace(top_layer="0" * 64))
    with pytest.raises(BadInput):
        store.put_image(draft._replace(id="../../x"))


def test_layers_shared_by_images_stay_until_the_last(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    base = tar(M("base", b"1"))
    records = []
    for salt in "ab":
        config = salt.encode()
        staged = [store.stage_layer(io.BytesIO(data)) for data in (base, tar(M(salt, b"2")))]
        records.append(store.commit_image(staged, ImageDraft(digest_of(config).hex, (f"l/{salt}:1",), "", config, ())))
    assert len(store.layers()) == 3
    assert store.remove_image(records[0].id) == [records[0].top_layer]
    assert store.remove_image(records[0].id) == []
    assert [layer.id for layer in store.layer_chain(records[1].top_layer)] == [
        digest_of(base).hex,
        records[1].top_layer,
    ]
    assert len(store.remove_image(records[1].id)) == 2
    assert store.layers() == store.images() == store.check() == []


def test_a_layer_taken_for_present_and_gone(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    with pytest.raises(NotFound, match="Pull the image again"):
        store.commit_layers([digest_of(b"gone"), store.stage_layer(io.BytesIO(tar(M("a"))))])
    assert os.listdir(tmp_path / "root/overlay/staging") == [] and store.layers() == []


def test_a_layer_whose_staging_was_cleared(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    staged = store.stage_layer(io.BytesIO(tar(M("a"))))
    subprocess.run(["rm", "-r", staged.path], check=True)
    with pytest.raises(EngineError, match="cleared"):
        store.commit_layers([staged])
    assert store.layers() == []
    store.commit_layers([store.stage_layer(io.BytesIO(tar(M("a"))))])
    assert len(store.layers()) == 1 and [problem.kind for problem in store.check()] == []


ROOT = pytest.mark.skipif(os.geteuid() != 0, reason="top directories are chowned")


@ROOT
def test_a_container_and_what_holds_its_image(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    one = image(store, "l/a:1", salt="a")
    made = store.create_container(ContainerDraft(new_id(), ("web",), one.id, '{"name":"web"}'))
    assert store.container("web") == store.container(made.id[:12]) == made
    assert (made.image, made.podman_metadata) == (one.id, {"name": "web"})
    assert store.layer(made.layer).parent == one.top_layer
    assert os.path.isdir(store.container_dir(made.id)) and os.path.isdir(store.container_run_dir(made.id))
    assert oct(os.stat(store.diff_path("web")).st_mode) == oct(0o40555)
    with pytest.raises(Conflict, match="taken by container"):
        store.create_container(ContainerDraft(new_id(), ("web",), one.id))
    with pytest.raises(Conflict, match="of that id"):
        store.create_container(ContainerDraft(made.id, ("other",), one.id))
    assert len(store.layers()) == 3
    with pytest.raises(InUse, match="container web"):
        store.remove_image(one.id)
    other = store.create_container(ContainerDraft(new_id(), ("db",), one.id))
    with pytest.raises(Conflict):
        store.rename_container(other.id, "web")
    store.rename_container(made.id, "site")
    assert store.create_container(ContainerDraft(new_id(), ("web",), one.id)).names == ("web",)
    for name in ("site", "db", "web"):
        assert store.remove_container(store.container(name).id) is True
    assert store.remove_container(made.id) is False
    assert not os.path.exists(os.path.dirname(store.container_dir(made.id)))
    assert len(store.remove_image(one.id)) == 2 and store.check() == []


@ROOT
def test_forced_removal_keeps_what_containers_stand_on(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    one = image(store, "l/a:1", salt="a")
    store.create_container(ContainerDraft(new_id(), ("web",), one.id))
    assert store.remove_image(one.id, force=True) == []
    assert len(store.layers()) == 3 and store.images() == []


@ROOT
def test_volatile_records_and_id_maps(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    one = image(store, "l/a:1", salt="a")
    maps = (IdMap(0, 100000, 65536),)
    made = store.create_container(ContainerDraft(new_id(), ("web",), one.id, volatile=True, uid_map=maps, gid_map=maps))
    assert os.stat(store.diff_path("web")).st_uid == 100000
    assert made.volatile and not (tmp_path / "root/overlay-containers/containers.json").exists()
    rows = json.loads((tmp_path / "root/overlay-containers/volatile-containers.json").read_text())
    assert rows[0]["uidmap"] == [{"container_id": 0, "host_id": 100000, "size": 65536}]
    assert [row["id"] for row in json.loads((tmp_path / "root/overlay-layers/volatile-layers.json").read_text())] == [
        made.layer
    ]
    assert len(store_at(tmp_path).layers()) == 3
    store.remove_container(made.id)
    assert len(store.layers()) == 2


@ROOT
@pytest.mark.parametrize(
    "draft, error",
    [
        (ContainerDraft("short", ("a",), ""), BadInput),
        (ContainerDraft("0" * 64, ("a",), "1" * 64), NotFound),
        (ContainerDraft("0" * 64, ("a",), "", mount_label="x"), BadInput),
    ],
)
def test_bad_drafts(tmp_path: Path, draft: ContainerDraft, error: type[EngineError]) -> None:
    store = store_at(tmp_path)
    with pytest.raises(error):
        store.create_container(draft)
    assert store.layers() == store.containers() == []


@ROOT
def test_an_additional_store_is_read_and_built_upon(tmp_path: Path) -> None:
    theirs = store_at(tmp_path / "shared")
    shared = image(theirs, "l/shared:1", salt="s")
    before = (tmp_path / "shared/root/overlay-images/images.json").read_bytes()
    options = StoreOptions(
        str(tmp_path / "root"), str(tmp_path / "run"), additional_stores=(str(tmp_path / "shared/root"),)
    )
    store = Store(options, False)
    found = store.image("l/shared:1")
    assert found is not None and found.readonly and store.image_manifest(found) == theirs.image_manifest(shared)
    assert len(store.layer_chain(found.top_layer)) == 2
    made = store.create_container(ContainerDraft(new_id(), ("web",), found.id))
    assert (store.home.lower_names(made.layer)) == [f"l/{theirs.home.link_name(shared.top_layer)}",
                                                    *theirs.home.lower_names(shared.top_layer)]  # fmt: skip
    with pytest.raises(BadInput, match="read-only"):
        store.remove_image(found.id)
    store.add_names(found.id, ["l/mine:1"])
    assert store.image("l/mine:1").readonly is False and store.image("l/mine:1").id == shared.id
    again = [store.stage_layer(theirs.layer_tar(layer.id)) for layer in theirs.layer_chain(shared.top_layer)]
    assert [layer.id for layer in store.commit_layers(again)] == [
        layer.id for layer in store.layer_chain(shared.top_layer)
    ]
    assert [layer.id for layer in store.layers() if layer.root == str(tmp_path / "root")] == [made.layer]
    assert (tmp_path / "shared/root/overlay-images/images.json").read_bytes() == before
    assert store.check() == []


def test_what_is_wrong_is_found(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    one = image(store, "l/a:1", salt="a")
    root = tmp_path / "root"
    assert store.check() == []
    (root / "overlay" / ("0" * 64) / "diff").mkdir(parents=True)
    (root / "overlay-layers" / ("1" * 64 + ".tar-split.gz")).write_text("")
    (root / "overlay-images" / ("2" * 64)).mkdir()
    (root / "overlay/l/DANGLING").symlink_to("../nothing/diff")
    (root / "overlay/staging/dls-dead").mkdir()
    (root / "overlay/staging/podmans-own").mkdir()
    held = store.stage_layer(io.BytesIO(tar(M("a"))))
    kinds = [(problem.kind, problem.id) for problem in store.check()]
    assert sorted(kinds) == sorted(
        ("leftover", place) for place in ("overlay/" + "0" * 64, f"overlay-layers/{'1' * 64}.tar-split.gz",
                                          "overlay-images/" + "2" * 64, "overlay/l/DANGLING",
                                          "overlay/staging/dls-dead")
    )  # fmt: skip
    assert len(store.repair()) == 5 and store.check() == []
    assert sorted(os.listdir(root / "overlay/staging")) == sorted([os.path.basename(held.path), "podmans-own"])
    store.discard_staged([held])
    Path(store._images.data_path(one.id, "manifest")).write_text("other")
    Path(store._layers.split_path(one.top_layer)).unlink()
    kinds = [(problem.kind, problem.id, problem.repairable) for problem in store.check()]
    assert kinds == [("damaged-layer", one.top_layer, False), ("damaged-image", one.id, False)]
    store.repair()
    assert store.image(one.id) is not None and len(store.layers()) == 2
    with pytest.raises(Damaged, match="not what was stored"):
        store.image_manifest(one)
    with pytest.raises(Damaged, match="tar-split file is missing"):
        store.layer_tar(one.top_layer)


def test_a_file_changed_behind_our_back_is_not_exported(tmp_path: Path) -> None:
    store = store_at(tmp_path)
    (layer,) = store.commit_layers([store.stage_layer(io.BytesIO(tar(M("d/f", b"content"), M("g", b"g"))))])
    place = Path(store.home.diff(layer.id)) / "d/f"
    secret = tmp_path / "secret"
    secret.write_text("content")
    assert store.verify_layer(layer.id) == []
    for spoil in (
        lambda: place.write_text("cOntent"),
        lambda: place.write_text("cont"),
        lambda: (place.unlink(), place.symlink_to(secret)),
        lambda: (place.unlink(), os.mkfifo(place)),
        place.unlink,
    ):
        spoil()
        with pytest.raises(Damaged, match="d/f is not as it was unpacked"):
            store.layer_tar(layer.id).read()
        assert store.verify_layer(layer.id) == ["d/f is not as it was unpacked"]


@pytest.mark.parametrize(
    "spoil",
    [
        lambda data: data[:-30],
        lambda data: data[:40] + b"\0" * 40 + data[80:],
        lambda data: b"not gzip",
        lambda data: gzip.compress(b'{"type":9}\n'),
        lambda data: gzip.compress(b'{"type":2,"payload":"%%%"}\n'),
        lambda data: gzip.compress(b'{"type":1,"name_raw":"%%%","size":1,"payload":"AAAAAAAAAAA="}\n'),
        lambda data: gzip.compress(b'{"type":1,"name":"../../../etc/passwd","size":1,"payload":"AAAAAAAAAAA="}\n'),
        lambda data: gzip.compress(b"[" * 100_000),
        lambda data: gzip.compress(b"x" * (9 << 20)),
    ],
)
def test_a_damaged_tar_split_is_said_to_be(tmp_path: Path, spoil: Callable[[bytes], bytes]) -> None:
    store = store_at(tmp_path)
    (layer,) = store.commit_layers([store.stage_layer(io.BytesIO(tar(M("f", b"content"), M("g", b"g"))))])
    path = Path(store._layers.split_path(layer.id))
    path.write_bytes(spoil(path.read_bytes()))
    before = len(os.listdir("/proc/self/fd"))
    reader = store.layer_tar(layer.id)
    with pytest.raises(Damaged):
        reader.read()
    reader.close()
    assert len(os.listdir("/proc/self/fd")) <= before


@ROOT
def test_a_transient_store_keeps_containers_in_the_run_root(tmp_path: Path) -> None:
    store = Store(StoreOptions(str(tmp_path / "root"), str(tmp_path / "run"), transient=True), False)
    one = image(store, "l/a:1", salt="a")
    made = store.create_container(ContainerDraft(new_id(), ("web",), one.id))
    for table in ("layers", "containers"):
        rows = json.loads((tmp_path / f"run/overlay-{table}/volatile-{table}.json").read_text())
        assert [row["id"] for row in rows] == [made.layer if table == "layers" else made.id]
    assert store.remove_container(made.id) and len(store.layers()) == 2


@ROOT
def test_a_full_disk_is_said_and_leaves_a_store_that_works(tmp_path: Path) -> None:
    """On a file system of two megabytes, in a mount namespace of its own."""
    script = textwrap.dedent(
        f"""
        import io, os, subprocess, sys
        sys.path[:0] = [{str(COLLECTIONS / "tests")!r}, {str(COLLECTIONS / "tests/unit/store")!r}]
        import conftest
        from pathlib import Path
        from layer_trees import M, tar, store_at, outcome
        from ansible_collections.daemonless.oci.plugins.module_utils.engine.store.records import ImageDraft
        base = Path({str(tmp_path)!r})
        subprocess.run(["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(base)], check=True)
        store = store_at(base)
        said = outcome(lambda: store.stage_layer(io.BytesIO(tar(M("big", bytes(3 << 20))))))
        assert "No space left" in said and "Free space" in said, said
        assert os.listdir(base / "root/overlay/staging") == []
        filler = base / "filler"
        for left in range(0, 400_000, 20_000):
            staged = store.stage_layer(io.BytesIO(tar(M("f", os.urandom(90_000)))))
            filler.write_bytes(b"")
            with open(filler, "wb", buffering=0) as file:
                try:
                    while file.write(bytes(4096)):
                        pass
                except OSError:
                    pass
                os.ftruncate(file.fileno(), max(0, file.tell() - left))
            draft = ImageDraft("0" * 63 + "1", ("l/a:1",), "", b"{{}}", ())
            said = outcome(lambda: store.commit_image([staged], draft))
            filler.unlink()
            again = store_at(base)
            assert not said or "No space left" in said, said
            if not said:
                break
            assert again.images() == [], again.images()
            again.repair()
            assert [problem for problem in again.check() if problem.kind != "unused-layer"] == []
            again.commit_layers([again.stage_layer(io.BytesIO(tar(M("g", b"1"))))])
        assert left and not said
        """
    )
    subprocess.run(["unshare", "-m", "--propagation", "private", sys.executable, "-c", script], check=True)


def test_syncing_stores_sync_before_layers_count(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ansible_collections.daemonless.oci.plugins.module_utils.engine.host import libc

    seen: list[str] = []
    real = libc.syncfs

    def watched(fd: int) -> None:
        seen.append((tmp_path / "root/overlay-layers/layers.json").read_text())
        real(fd)

    monkeypatch.setattr(libc, "syncfs", watched)
    for sync, times in (("", 0), ("filesystem", 1)):
        store = Store(StoreOptions(str(tmp_path / "root"), str(tmp_path / "run"), sync=sync), False)
        store.commit_layers([store.stage_layer(io.BytesIO(tar(M(f"f{sync}", b"1"))))])
        assert len(seen) == times
    assert '"incomplete":true' in seen[0]
