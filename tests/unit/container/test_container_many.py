"""The order of many containers."""

from __future__ import annotations

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import BadInput
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container import many, params, together
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container.desired import ContainerFlags
from ansible_collections.daemonless.oci.plugins.module_utils.engine.container.reconcile import Task


def tasks(**references: str) -> list[Task]:
    """Containers by name, each in the network of another one, or of none ("")."""
    wishes = [{"name": name, **({"network": [f"container:{to}"]} if to else {})} for name, to in references.items()]
    return [Task(params.parse(wish, {}), ContainerFlags(), None) for wish in wishes]


@pytest.mark.parametrize(
    ("references", "order"),
    [
        ({}, []),
        ({"a": "", "b": "", "c": ""}, [0, 1, 2]),
        ({"a": "b", "b": "c", "c": ""}, [2, 1, 0]),
        ({"a": "elsewhere", "b": "a"}, [0, 1]),
    ],
)
def test_each_after_what_it_refers_to(references: dict[str, str], order: list[int]) -> None:
    assert many.in_order(tasks(**references)) == order


@pytest.mark.parametrize("references", [{"a": "a"}, {"a": "b", "b": "a"}, {"x": "", "a": "b", "b": "c", "c": "a"}])
def test_circles_are_refused(references: dict[str, str]) -> None:
    with pytest.raises(BadInput, match="circle"):
        many.in_order(tasks(**references))


@pytest.mark.parametrize(
    ("numbers", "before", "waves"),
    [
        ([], {}, []),
        ([0, 1, 2], {}, [[0, 1, 2]]),
        ([0, 1, 2], {0: [1], 1: [2]}, [[2], [1], [0]]),
        ([0, 1, 2], {0: [2], 1: [2]}, [[2], [0, 1]]),
        ([0, 1], {0: [7]}, [[0, 1]]),
        ([0, 1], {0: [1], 1: [0]}, [[0, 1]]),
    ],
)
def test_waves(numbers: list[int], before: dict[int, list[int]], waves: list[list[int]]) -> None:
    assert together.waves(numbers, lambda number: before.get(number, [])) == waves
