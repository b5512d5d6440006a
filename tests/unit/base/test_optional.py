"""Modules beside the standard library are found with and without the directories that the distribution adds."""

from __future__ import annotations

import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base import optional


@pytest.fixture(autouse=True)
def nothing_found_yet(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setattr(optional, "_found", {})
    (tmp_path / "beside_the_library.py").write_text("answer = 42\n")
    monkeypatch.setattr("site.getsitepackages", lambda: [str(tmp_path)])
    monkeypatch.delitem(sys.modules, "beside_the_library", raising=False)


@pytest.mark.parametrize(("no_site", "found"), [(1, True), (0, False)])
def test_where_it_is_looked_for(monkeypatch: pytest.MonkeyPatch, no_site: int, found: bool) -> None:
    before = list(sys.path)
    stand_in = SimpleNamespace(flags=SimpleNamespace(no_site=no_site), path=sys.path)
    monkeypatch.setattr(optional, "sys", stand_in)
    module = optional.optional("beside_the_library")
    assert (module is not None) is found
    assert optional.optional("beside_the_library") is module
    assert sys.path == before


def test_what_no_host_has_is_none() -> None:
    assert optional.optional("of_no_host_at_all") is None
    assert optional.optional("of_no_package.either") is None
