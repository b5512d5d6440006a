"""Whose tables we may use."""

from __future__ import annotations

import sqlite3
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, Damaged
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.identity import Identity
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod import conf, gates
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.database import Database
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.paths import LibpodPaths, Roots

ROOT = Identity(0, 0, "root", "/root", "/run", False, False)
JOE = Identity(1000, 1000, "joe", "/home/joe", "/run/user/1000", True, False)
A = "aa" * 32


class Host:
    def __init__(self, top: Path) -> None:
        self.roots = Roots(str(top / "graph"), str(top / "run"))
        self.graph = top / "graph"
        self.conf = conf.load(ROOT, {}, str(top / "nothing"))

    def choose(self, who: Identity = ROOT, **settings: str) -> tuple[LibpodPaths, Database]:
        return gates.choose(self.conf._replace(**settings), self.roots, who)

    def bolt(self) -> None:
        (self.graph / "libpod").mkdir(parents=True, exist_ok=True)
        (self.graph / "libpod/bolt_state.db").touch()


@pytest.fixture
def host(tmp_path: Path) -> Host:
    return Host(tmp_path)


def fill(database: Database) -> None:
    database.add_container({"id": A, "name": "web"}, {"state": 1})


def test_podmans_places_for_root(host: Host) -> None:
    paths, database = host.choose()
    assert paths == LibpodPaths(
        static_dir=f"{host.graph}/libpod",
        tmp_dir="/run/libpod",
        volume_path=f"{host.graph}/volumes",
        graph_root=str(host.graph),
        run_root=host.roots.run_root,
        database=f"{host.graph}/db.sql",
        shm_lock="/dev/shm/libpod_lock",
        alive="/run/libpod/alive",
    )
    assert not host.graph.exists()
    assert database.settings == paths.settings()


def test_podmans_places_for_a_user(host: Host) -> None:
    paths, _database = host.choose(JOE)
    assert (paths.tmp_dir, paths.shm_lock) == ("/run/user/1000/libpod/tmp", "/dev/shm/libpod_rootless_lock_1000")
    assert paths.alive == "/run/user/1000/libpod/tmp/alive"


def test_configured_places(host: Host) -> None:
    paths, _database = host.choose(static_dir="/s", tmp_dir="/t/", volume_path="/v", events_logfile_path="/e/log")
    assert (paths.static_dir, paths.tmp_dir, paths.volume_path) == ("/s", "/t", "/v")
    assert (paths.database, paths.events_log) == ("/s/db.sql", "/e/log")


def test_transient_store_keeps_its_tables_in_run(host: Host) -> None:
    host.roots = host.roots._replace(transient=True)
    assert host.choose()[0].database == f"{host.roots.run_root}/db.sql"


def test_what_the_database_says_wins_over_later_configuration(host: Host) -> None:
    fill(host.choose()[1])
    paths, _database = host.choose(tmp_dir="/elsewhere", volume_path="/elsewhere")
    assert (paths.tmp_dir, paths.alive, paths.volume_path) == (
        "/run/libpod",
        "/run/libpod/alive",
        f"{host.graph}/volumes",
    )


def test_empty_storage_columns_mean_the_default(host: Host) -> None:
    database = host.choose()[1]
    fill(database)
    database.query("UPDATE DBConfig SET GraphRoot = '', RunRoot = ''")
    paths, _again = host.choose()
    assert (paths.graph_root, paths.run_root) == (str(host.graph), host.roots.run_root)


def test_a_bolt_store_is_left_alone(host: Host) -> None:
    host.bolt()
    paths, database = host.choose()
    assert paths.own and "bolt_state.db" in paths.reason
    assert paths.database == f"{host.graph}/daemonless/db.sql"
    assert (paths.tmp_dir, paths.shm_lock) == ("/run/daemonless", "/dev/shm/daemonless_lock_0")
    fill(database)
    assert not (host.graph / "db.sql").exists()
    again, same = host.choose()
    assert again == paths and same.container("web") is not None


def test_containers_made_apart_do_not_vanish_with_the_reason(host: Host) -> None:
    host.bolt()
    fill(host.choose()[1])
    (host.graph / "libpod/bolt_state.db").unlink()
    paths, database = host.choose()
    assert paths.own and "still are containers" in paths.reason
    database.remove_container(A)
    database.close()
    assert not host.choose()[0].own


def test_our_containers_stay_when_a_bolt_store_appears(host: Host) -> None:
    fill(host.choose()[1])
    host.bolt()
    paths, database = host.choose()
    assert paths.own and database.container("web") is not None
    assert paths.exits == "/run/libpod/exits"  # where running monitors write
    assert (paths.shm_lock, paths.alive) == ("/dev/shm/daemonless_lock_0", "/run/libpod/alive-daemonless")


def test_an_empty_database_beside_bolt_is_not_used(host: Host) -> None:
    host.choose()[1].create()
    host.bolt()
    assert host.choose()[0].database.endswith("daemonless/db.sql")


def test_explicit_backends(host: Host) -> None:
    host.bolt()
    assert not host.choose(database_backend="sqlite")[0].own
    assert host.choose(database_backend="boltdb")[0].own
    with pytest.raises(BadInput, match="postgres"):
        host.choose(database_backend="postgres")


def test_an_unknown_schema_is_left_alone(host: Host) -> None:
    database = host.choose()[1]
    fill(database)
    database.query("UPDATE DBConfig SET SchemaVersion = 7")
    database.close()
    before = Path(database.path).read_bytes()
    paths, own = host.choose()
    assert paths.own and "schema version is 7" in paths.reason
    fill(own)
    assert Path(database.path).read_bytes() == before


def test_a_file_that_is_no_database_is_an_error(host: Host) -> None:
    host.graph.mkdir()
    (host.graph / "db.sql").write_bytes(b"x" * 5000)
    with pytest.raises(Damaged):
        host.choose()


def test_a_database_without_settings_is_podmans(host: Host) -> None:
    """podman makes the tables in one transaction and the row in another."""
    database = host.choose()[1]
    fill(database)
    sqlite3.connect(database.path, isolation_level=None).execute("DELETE FROM DBConfig")
    database.close()
    paths, again = host.choose()
    assert not paths.own
    again.add_exit_code(A, 0)
    assert again.stored_settings() == paths.settings()
