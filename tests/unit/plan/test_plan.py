"""The change model and its comparisons."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.plan.change import (
    REFUSED,
    Change,
    Plan,
    Step,
    narrowed,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.plan.compare import satisfied


def test_a_plan_changes_something_when_it_has_steps():
    assert not Plan("x").changed
    assert not Plan("x", (), (Change("a", 1, 2, REFUSED, "no"),)).changed
    assert Plan("x", (Step("start"),)).changed
    assert Plan("x", (Step("start", "web"),)).has("start")


def test_rendering():
    plan = Plan(
        "x",
        (Step("recreate"),),
        (
            Change("memory", 1, 2),
            Change("env", {"A": "1", "B": "2"}, {"A": "1", "B": "3"}),
            Change("c", 1, 2, REFUSED, "no"),
        ),
        {"state": "exited"},
        {"state": "running"},
    )
    assert plan.render() == {
        "before": {"state": "exited", "memory": 1, "env": {"B": "2"}},
        "after": {"state": "running", "memory": 2, "env": {"B": "3"}},
    }
    assert [change.option for change in plan.refused] == ["c"]


def test_of_two_mappings_only_the_difference_is_shown():
    assert narrowed({"a": 1, "b": 2}, {"b": 2, "c": 3}) == ({"a": 1}, {"c": 3})
    assert narrowed([1], [2]) == ([1], [2])


@pytest.mark.parametrize(
    ("before", "after", "mode", "expected"),
    [
        (1, 1, "strict", True),
        (1, 2, "strict", False),
        (1, 2, "ignore", True),
        ({"a": 1, "b": 2}, {"a": 1}, "strict", False),
        ({"a": 1, "b": 2}, {"a": 1}, "subset", True),
        ({"a": 1}, {"a": 1, "b": 2}, "subset", False),
        ({"a": 1}, {"a": 2}, "subset", False),
        ([1, 2, 3], [3, 1], "subset", True),
        ([1, 2], [1, 1], "subset", False),
        (1, 2, "subset", False),
    ],
)
def test_comparisons(before, after, mode, expected):
    assert satisfied(before, after, mode) is expected


def test_steps_read_as_words():
    assert str(Step("pull image", "web:1")) == "pull image web:1"
    assert str(Step("start")) == "start"
