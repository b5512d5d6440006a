"""What the roles have to keep, whatever they do."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
import yaml

ROLES = sorted(Path(__file__).parents[3].glob("roles/*"))


def _tasks(items: object) -> Iterator[dict[str, object]]:
    for item in items if isinstance(items, list) else []:
        yield item
        for part in ("block", "rescue", "always"):
            yield from _tasks(item.get(part))


@pytest.mark.parametrize("role", ROLES, ids=lambda role: role.name)
def test_no_variable_of_a_task_is_called_as_a_fact(role: Path) -> None:
    """A fact comes before the variables of tasks, and one that an earlier run of the role has set is there still."""
    facts: set[str] = set()
    variables: set[str] = set()
    for path in (role / "tasks").glob("*.yml"):
        for task in _tasks(yaml.safe_load(path.read_text())):
            facts.update(task.get("ansible.builtin.set_fact") or ())  # type: ignore[call-overload]
            facts.update([str(task["register"])] if "register" in task else ())
            variables.update(task.get("vars") or ())  # type: ignore[call-overload]
    assert facts & variables == set()
