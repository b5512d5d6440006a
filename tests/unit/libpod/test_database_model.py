"""Any sequence of deeds leaves the database as a plain table of names would be, refusals included."""

from __future__ import annotations

import tempfile
from pathlib import Path

from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Conflict, InUse, NotFound
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.database import Database
from ansible_collections.daemonless.oci.plugins.module_utils.engine.libpod.schema import Settings
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

IDS = st.sampled_from([digit * 64 for digit in "0123"])
NAMES = st.sampled_from(["web", "db", "0", "111", "app"])


class Tables(RuleBasedStateMachine):
    def __init__(self) -> None:
        super().__init__()
        self.directory = tempfile.TemporaryDirectory()
        path = str(Path(self.directory.name, "db.sql"))
        self.database = Database(path, Settings("/s", "/t", "/g", "/r", "", "/v"))
        self.names: dict[str, str] = {}
        self.needs: dict[str, str] = {}
        self.pods: dict[str, str] = {}

    def teardown(self) -> None:
        self.database.close()
        self.directory.cleanup()

    def taken(self, name: str) -> bool:
        return name in self.names.values() or name in self.pods.values()

    @rule(id=IDS, name=NAMES, needed=st.none() | IDS)
    def add(self, id: str, name: str, needed: str | None) -> None:
        depends = [needed] if needed and needed != id else []
        try:
            self.database.add_container({"id": id, "name": name}, {"state": 1}, depends=depends)
        except Conflict:
            assert self.taken(name) or id in self.names or id in self.pods
        except NotFound:
            assert depends and depends[0] not in self.names
        else:
            assert not self.taken(name) and id not in self.names
            self.names[id] = name
            if depends:
                self.needs[id] = depends[0]

    @rule(id=IDS, name=NAMES)
    def add_pod(self, id: str, name: str) -> None:
        try:
            self.database.add_pod({"id": id, "name": name}, {})
        except Conflict:
            assert self.taken(name) or id in self.names or id in self.pods
        else:
            self.pods[id] = name

    @rule(pairs=st.lists(st.tuples(IDS, NAMES), min_size=1, max_size=3, unique_by=lambda pair: pair[0]))
    def swap(self, pairs: list[tuple[str, str]]) -> None:
        wanted = {**self.names, **dict(pairs)}
        clash = len(set(wanted.values())) < len(wanted) or any(name in self.pods.values() for _id, name in pairs)
        try:
            self.database.swap_names(pairs)
        except NotFound:
            assert any(id not in self.names for id, _name in pairs)
        except Conflict:
            assert clash
        else:
            assert not clash
            self.names.update(pairs)

    @rule(id=IDS)
    def remove(self, id: str) -> None:
        try:
            self.database.remove_container(id)
        except InUse:
            assert id in self.needs.values()
        else:
            assert id not in self.needs.values()
            self.names.pop(id, None)
            self.needs.pop(id, None)

    @rule(id=IDS)
    def remove_pod(self, id: str) -> None:
        self.database.remove_pod(id)
        self.pods.pop(id, None)

    @invariant()
    def tables_are_whole(self) -> None:
        found = self.database.containers()
        assert {row.id: row.name for row in found} == self.names
        assert all(row.config["name"] == row.name for row in found)
        assert {row.id: row.name for row in self.database.pods()} == self.pods
        assert self.database.query("PRAGMA foreign_key_check") == []
        ids = {str(row[0]) for row in self.database.query("SELECT ID FROM IDNamespace")}
        assert ids == set(self.names) | set(self.pods)


TestTables = Tables.TestCase
TestTables.settings = settings(max_examples=25, stateful_step_count=20, deadline=None)
