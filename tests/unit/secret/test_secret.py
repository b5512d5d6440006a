"""Secrets: the plan as a table, and the store on podman's files."""

from __future__ import annotations

import json
import os
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput, Conflict, Damaged
from ansible_collections.daemonless.oci.plugins.module_utils.engine.secret import deeds, planner
from ansible_collections.daemonless.oci.plugins.module_utils.engine.secret.desired import (
    SecretDesired,
    check_driver,
    check_name,
    check_value,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.secret.planner import Mode, plan
from ansible_collections.daemonless.oci.plugins.module_utils.engine.secret.store import Secret, SecretStore

THERE = Secret({"name": "a", "id": "1" * 25, "labels": {"k": "v"}, "driver": "file"})
WISH = SecretDesired("a", b"x")


@pytest.mark.parametrize(
    ("wish", "found", "same", "mode", "verdict"),
    [
        (WISH, None, False, Mode(), planner.CREATE),
        (WISH, THERE, True, Mode(), planner.KEEP),
        (WISH, THERE, False, Mode(), planner.REPLACE),
        (WISH, THERE, False, Mode(skip_existing=True), planner.KEEP),
        (WISH, THERE, True, Mode(force=True), planner.KEEP),
        (WISH._replace(labels={"k": "v"}), THERE, True, Mode(), planner.KEEP),
        (WISH._replace(labels={}), THERE, True, Mode(), planner.RELABEL),
        (WISH._replace(labels={"k": "w"}), THERE, False, Mode(), planner.REPLACE),
        (WISH, THERE, True, Mode(present=False), planner.REMOVE),
        (WISH, None, False, Mode(present=False), planner.KEEP),
    ],
)
def test_plan(wish: SecretDesired, found: Secret | None, same: bool, mode: Mode, verdict: str) -> None:
    made = plan(wish, found, same, mode)
    assert made.verdict == verdict
    assert made.plan.changed is (verdict != planner.KEEP)


def test_no_value_in_words() -> None:
    assert "geheim" not in repr(SecretDesired("a", b"geheim"))
    assert "geheim" not in str(plan(SecretDesired("a", b"geheim"), THERE, False, Mode()).plan.render())


@pytest.mark.parametrize("name", ["", "a/b", "a=b", "a,b", "a\0", "a\nb", "x" * 254])
def test_names_refused(name: str) -> None:
    with pytest.raises(BadInput):
        check_name(name)


def test_refusals() -> None:
    for value in (b"", b"x" * 512000):
        with pytest.raises(BadInput, match="512000"):
            check_value("a", value)
    check_value("a", b"x" * 511999)
    with pytest.raises(BadInput, match="driver 'pass'"):
        check_driver("a", "pass", {}, "/d")
    with pytest.raises(BadInput, match="leave driver_opts out"):
        check_driver("a", "", {"path": "/elsewhere"}, "/d")
    check_driver("a", "file", {"path": "/d/"}, "/d")


def test_store(tmp_path: Path) -> None:
    store = SecretStore(str(tmp_path / "secrets"))
    assert store.all() == []
    first = store.add("one", b"\xff\x00bytes", {"k": "v"})
    second = store.add("two", b"2", {})
    assert [secret.name for secret in store.all()] == ["one", "two"]
    assert store.value(first) == b"\xff\x00bytes"
    assert store.find(first.id[:8]) == store.find("one") == store.get("one") == first
    assert store.find("") is None
    with pytest.raises(Conflict):
        store.add("one", b"x", {})
    replaced = store.add("one", b"x", first.labels, replace=True)
    assert (replaced.created, replaced.labels) == (first.created, {"k": "v"})
    assert replaced.id != first.id
    assert not deeds.has_value(store, replaced, b"y")
    assert deeds.has_value(store, replaced, b"x")
    assert store.relabel("one", {}).labels == {}
    values = json.loads((tmp_path / "secrets/filedriver/secretsdata.json").read_text())
    assert set(values) == {replaced.id, second.id}
    for path in ("secrets/secrets.json", "secrets/filedriver/secretsdata.json"):
        assert os.stat(tmp_path / path).st_mode & 0o777 == 0o600
    assert store.remove(second.id)
    assert not store.remove(second.id)
    assert set(json.loads((tmp_path / "secrets/filedriver/secretsdata.json").read_text())) == {replaced.id}


def test_errors_quote_no_value(tmp_path: Path) -> None:
    store = SecretStore(str(tmp_path))
    made = store.add("one", b"geheim", {})
    (tmp_path / "filedriver/secretsdata.json").write_text('{"geheim": geheim')
    with pytest.raises(Damaged) as caught:
        store.value(made)
    assert "geheim" not in str(caught.value)
    assert caught.value.__cause__ is None
