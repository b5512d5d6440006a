"""The state database as a file: what is written is read, by the same rules as podman's."""

from __future__ import annotations

import json
import sqlite3
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import (
    BadInput,
    Conflict,
    Damaged,
    InUse,
    NotFound,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod import rows
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.database import Database
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.schema import Settings

SETTINGS = Settings("/g/libpod", "/run/libpod", "/g", "/r", "", "/g/volumes")
A, B, C = "aa" * 32, "ab" * 32, "cc" * 32


@pytest.fixture
def database(tmp_path: Path) -> Database:
    return Database(str(tmp_path / "store" / "db.sql"), SETTINGS)


def add(database: Database, id: str, name: str, **more: object) -> None:
    database.add_container({"id": id, "name": name, "lockID": 0}, {"state": rows.CONFIGURED}, **more)  # type: ignore[arg-type]


def names(database: Database) -> dict[str, str]:
    return {row.id[:2]: row.name for row in database.containers()}


def test_reading_creates_nothing(database: Database, tmp_path: Path) -> None:
    assert database.containers() == []
    assert database.container("web") is None
    assert database.volume("data") is None
    assert database.pods() == []
    assert database.exit_code(A) is None
    assert database.stored_settings() is None
    assert list(tmp_path.iterdir()) == []


def test_first_write_makes_tables_and_settings(database: Database) -> None:
    add(database, A, "web")
    assert database.stored_settings() == SETTINGS
    tables = sqlite3.connect(database.path)
    found = {row[0] for row in tables.execute("SELECT name FROM sqlite_master WHERE type = 'table'")}
    assert found == {
        "DBConfig",
        "IDNamespace",
        "ContainerConfig",
        "ContainerState",
        "ContainerExecSession",
        "ContainerDependency",
        "ContainerVolume",
        "ContainerExitCode",
        "PodConfig",
        "PodState",
        "VolumeConfig",
        "VolumeState",
    }
    assert tables.execute("PRAGMA foreign_key_check").fetchall() == []


def test_row_comes_back(database: Database) -> None:
    add(database, A, "web")
    row = database.container("web")
    assert row is not None
    assert (row.id, row.name, row.pod_id, row.config, row.state) == (
        A,
        "web",
        None,
        {"id": A, "name": "web", "lockID": 0},
        {"state": 1},
    )


@pytest.mark.parametrize(
    ("text", "found"),
    [
        ("web", A),
        (A, A),
        ("aa", A),
        ("ab", B),
        ("c", C),
        ("deadbeef", C),
        ("dead", None),
        ("nothing", None),
        ("A", None),
    ],
)
def test_look_up(database: Database, text: str, found: str | None) -> None:
    for id, name in ((A, "web"), (B, "db"), (C, "deadbeef")):
        add(database, id, name)
    row = database.container(text)
    assert (row.id if row else None) == found


def test_ambiguous_prefix_names_both(database: Database) -> None:
    add(database, A, "web")
    add(database, B, "db")
    with pytest.raises(BadInput, match=r"web \(aaaaaaaaaaaa\), db \(abababababab\)"):
        database.container("a")


def test_percent_is_no_wildcard(database: Database) -> None:
    add(database, A, "web")
    assert database.container("%") is None
    assert database.container("_" * 64) is None


def test_a_name_that_is_the_prefix_of_another_id_wins(database: Database) -> None:
    add(database, A, "cc")
    add(database, C, "other")
    row = database.container("cc")
    assert row is not None and row.id == A


def test_names_are_one_space_for_containers_and_pods(database: Database) -> None:
    database.add_pod({"id": B, "name": "app"}, {})
    with pytest.raises(Conflict, match="taken by pod abababababab"):
        add(database, A, "app")
    add(database, A, "web")
    with pytest.raises(Conflict, match="taken by container"):
        database.add_pod({"id": C, "name": "web"}, {})
    with pytest.raises(Conflict, match="taken by pod"):
        database.rename(A, "app")
    assert names(database) == {"aa": "web"}


def test_an_id_is_taken_only_once(database: Database) -> None:
    add(database, A, "web")
    with pytest.raises(Conflict, match="id aaaaaaaaaaaa is taken"):
        add(database, A, "other")


def test_a_refused_insert_leaves_nothing(database: Database) -> None:
    with pytest.raises(NotFound, match="volume data"):
        add(database, A, "web", volumes=["data"])
    with pytest.raises(NotFound, match="container bbbb"):
        add(database, A, "web", depends=["b" * 64])
    assert database.containers() == []
    assert database.query("SELECT * FROM IDNamespace") == []
    add(database, A, "web")


def test_save(database: Database) -> None:
    add(database, A, "web")
    database.save_state(A, {"state": rows.RUNNING, "pid": 7})
    database.save_config(A, {"id": A, "name": "web", "labels": {"ä": "ö"}})
    row = database.container_by_id(A)
    assert row is not None
    assert row.state == {"state": 3, "pid": 7}
    assert row.config["labels"] == {"ä": "ö"}


@pytest.mark.parametrize("deed", ["state", "config", "rename"])
def test_changing_a_removed_container_says_so(database: Database, deed: str) -> None:
    add(database, A, "web")
    database.remove_container(A)
    with pytest.raises(NotFound):
        if deed == "state":
            database.save_state(A, {})
        elif deed == "config":
            database.save_config(A, {"name": "web"})
        else:
            database.rename(A, "other")


def test_save_config_never_undoes_a_rename(database: Database) -> None:
    add(database, A, "web")
    row = database.container_by_id(A)
    assert row is not None
    stale = row.config
    database.rename(A, "new")
    with pytest.raises(NotFound):
        database.save_config(A, stale)


def test_rename_changes_the_configuration_too(database: Database) -> None:
    add(database, A, "web")
    database.rename(A, "new")
    row = database.container("new")
    assert row is not None and row.config["name"] == "new"
    assert database.container("web") is None


def test_names_are_exchanged_at_once(database: Database) -> None:
    add(database, A, "web")
    add(database, B, "web-new")
    database.swap_names([(A, "web-new"), (B, "web")])
    assert names(database) == {"aa": "web-new", "ab": "web"}


def test_failed_exchange_changes_no_name(database: Database) -> None:
    for id, name in ((A, "web"), (B, "web-new"), (C, "db")):
        add(database, id, name)
    with pytest.raises(Conflict):
        database.swap_names([(A, "web-old"), (B, "db")])
    assert names(database) == {"aa": "web", "ab": "web-new", "cc": "db"}


def test_dependencies_hold_a_container_back(database: Database) -> None:
    add(database, A, "web")
    add(database, B, "side", depends=[A, A])
    assert database.dependents(A) == [B]
    assert database.dependencies(B) == [A]
    with pytest.raises(InUse, match="needed by side"):
        database.remove_container(A)
    database.remove_container(B)
    database.remove_container(A)
    database.remove_container(A)
    assert database.containers() == []


def test_volumes_know_their_users(database: Database) -> None:
    database.add_volume({"name": "data"}, {"mountCount": 0})
    add(database, A, "web", volumes=["data", "data"])
    assert database.volume_users("data") == [A]
    with pytest.raises(InUse, match="mounted by web"):
        database.remove_volume("data")
    with pytest.raises(Conflict):
        database.add_volume({"name": "data"}, {})
    database.remove_container(A)
    database.save_volume_state("data", {"mountCount": 1})
    volume = database.volume("data")
    assert volume is not None and volume.state == {"mountCount": 1}
    database.remove_volume("data")
    database.remove_volume("data")
    with pytest.raises(NotFound):
        database.save_volume_state("data", {})


def test_pods_keep_their_members(database: Database) -> None:
    database.add_pod({"id": C, "name": "app"}, {"cgroupPath": ""})
    database.add_container({"id": A, "name": "web", "pod": C}, {"state": 1})
    assert [row.name for row in database.pod_members(C)] == ["web"]
    with pytest.raises(InUse, match="still has web"):
        database.remove_pod(C)
    database.remove_container(A)
    database.remove_pod(C)
    assert database.pods() == []


def test_exit_codes_outlive_their_container(database: Database) -> None:
    add(database, A, "web")
    database.add_exit_code(A, 3)
    database.remove_container(A)
    assert database.exit_code(A) == 3
    database.query("UPDATE ContainerExitCode SET Timestamp = Timestamp - 400")
    add(database, B, "other")
    database.add_exit_code(B, 0)
    assert (database.exit_code(A), database.exit_code(B)) == (None, 0)


def test_exec_sessions(database: Database) -> None:
    add(database, A, "web")
    database.add_exec_session("s1", A)
    assert database.exec_session("s1") == A
    database.remove_exec_session("s1")
    database.remove_exec_session("s1")
    assert database.exec_session("s1") is None
    database.add_exec_session("s2", A)
    database.remove_container(A)
    assert database.exec_session("s2") is None


def test_columns_that_podman_bound_as_blobs_are_read(database: Database) -> None:
    add(database, A, "web")
    database.add_volume({"name": "data"}, {})
    tables = sqlite3.connect(database.path)
    for table in ("ContainerConfig", "ContainerState", "VolumeConfig", "VolumeState"):
        tables.execute(f"UPDATE {table} SET JSON = CAST(JSON AS BLOB)")
    tables.commit()
    row, volume = database.container("web"), database.volume("data")
    assert row is not None and volume is not None
    assert (row.config["name"], row.state["state"], volume.config["name"]) == ("web", 1, "data")
    database.rename(A, "new")
    assert names(database) == {"aa": "new"}


def test_before_write_runs_once_and_not_for_reading(database: Database) -> None:
    calls: list[int] = []
    database.before_write = lambda: calls.append(1)
    database.containers()
    assert calls == []
    add(database, A, "web")
    add(database, B, "db")
    assert calls == [1]


def test_a_failed_boot_check_stops_every_write(database: Database) -> None:
    def fail() -> None:
        raise NotFound("check", "no")

    database.before_write = fail
    for _turn in range(2):
        with pytest.raises(NotFound):
            add(database, A, "web")
    assert not database.exists


def test_unknown_schema_is_named(database: Database) -> None:
    add(database, A, "web")
    database.query("UPDATE DBConfig SET SchemaVersion = 2")
    fresh = Database(database.path, SETTINGS)
    with pytest.raises(Damaged, match="schema version is 2"):
        fresh.stored_settings()


def test_a_file_that_is_no_database_is_named(tmp_path: Path) -> None:
    path = tmp_path / "db.sql"
    path.write_bytes(b"not a database at all" * 100)
    with pytest.raises(Damaged, match="db.sql"):
        Database(str(path), SETTINGS).containers()


def test_a_row_that_is_no_object_is_named(database: Database) -> None:
    add(database, A, "web")
    database.query("UPDATE ContainerState SET JSON = '[1]'")
    row = database.container("web")
    assert row is not None
    with pytest.raises(Damaged, match="state of container web"):
        row.state  # noqa: B018


def test_an_empty_file_counts_as_no_database(tmp_path: Path) -> None:
    path = tmp_path / "db.sql"
    path.touch()
    database = Database(str(path), SETTINGS)
    assert database.containers() == []
    add(database, A, "web")
    assert database.stored_settings() == SETTINGS


def test_numbers_and_text_survive_a_round_trip(database: Database) -> None:
    value = {
        "name": "web",
        "id": A,
        "n": 2**53 + 1,
        "text": 'q"\\\n\u2028\U0001f600',
        "none": None,
        "deep": [{"a": [1]}],
    }
    database.add_container(json.loads(json.dumps(value)), {"state": 1})
    row = database.container("web")
    assert row is not None and row.config == value
