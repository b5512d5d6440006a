"""Filters of list and prune commands."""

from __future__ import annotations

import time

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base import filters
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.filters import Filter


def test_of_a_command_line_and_of_a_task() -> None:
    assert filters.parse(["label=a=b", "label!=c", "until=10m"]) == (
        Filter("label", "a=b"),
        Filter("label", "c", True),
        Filter("until", "10m"),
    )
    assert filters.given({"label!": ["a", "b=c"], "dangling": True, "until": 3}) == (
        Filter("label", "a", True),
        Filter("label", "b=c", True),
        Filter("dangling", "true"),
        Filter("until", "3"),
    )
    assert filters.given(None) == ()
    assert str(Filter("label", "c", True)) == "label!=c"
    for wrong in ("label", "=x", "!=x"):
        with pytest.raises(BadInput):
            filters.parse([wrong])


@pytest.mark.parametrize(
    ("one", "fits"),
    [
        (Filter("label", "a"), True),
        (Filter("label", "a=1"), True),
        (Filter("label", "a=2"), False),
        (Filter("label", "b"), False),
        (Filter("label", "b", True), True),
        (Filter("label", "a=1", True), False),
        (Filter("label", "io.*.kind"), True),
        (Filter("label", "io.*.kind=y"), False),
    ],
    ids=str,
)
def test_labels(one: Filter, fits: bool) -> None:
    assert filters.label_fits(one, {"a": "1", "io.x.kind": "z"}) is fits


def test_moments() -> None:
    assert filters.moment("1700000000") == filters.moment("2023-11-14T22:13:20Z") == 1_700_000_000_000_000_000
    assert filters.moment("1700000000.5") == 1_700_000_000_500_000_000
    assert abs(filters.moment("1h") - (time.time_ns() - 3_600_000_000_000)) < 60_000_000_000
    local = int(time.mktime((2023, 11, 14, 0, 0, 0, 0, 0, -1))) * 1_000_000_000
    assert filters.moment("2023-11-14") == filters.moment("2023-11-14T00:00") == local
    with pytest.raises(BadInput):
        filters.moment("whenever")
    assert filters.moment_or_none("") is None
    assert filters.moment_or_none("2026-11-23T18:47:01Z") == filters.moment("1795459621") == 1_795_459_621_000_000_000


def test_label_and_age() -> None:
    old = Filter("until", "2023-11-14T22:13:20Z")
    assert filters.by_label_and_age([old], {}, 1)
    assert not filters.by_label_and_age([old], {}, 1_700_000_000_000_000_000)
    assert not filters.by_label_and_age([old, Filter("label", "a")], {}, 1)
    assert filters.by_label_and_age([old, Filter("label", "a", True)], {}, 1)


def test_truth_and_keys() -> None:
    assert filters.truth(Filter("dangling", "True")) and not filters.truth(Filter("dangling", "1", True))
    for wrong in (lambda: filters.truth(Filter("a", "x")), lambda: filters.refuse_others([Filter("a", "x")], "b", "c")):
        with pytest.raises(BadInput):
            wrong()
