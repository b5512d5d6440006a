# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The change model: what a task is about to do, as a value.

A planner makes a Plan from what is and what is wanted; check mode shows it, a real run does its steps. Nothing is
decided anywhere else, so what is shown and what is done cannot drift apart.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

IN_PLACE, RECREATE, REFUSED = "in_place", "recreate", "refused"


class Step(NamedTuple):
    """One deed, in words: `name` is what the room that does it looks for, `detail` is for people."""

    name: str
    detail: str = ""

    def __str__(self) -> str:
        return f"{self.name} {self.detail}".strip()


class Change(NamedTuple):
    """One option that differs, and how it is brought about: in_place, recreate, or refused for a `reason`."""

    option: str
    before: object
    after: object
    how: str = IN_PLACE
    reason: str = ""


class Plan(NamedTuple):
    """`deed` names the whole ("container web started"); `before` and `after` are what a diff shows beside `changes`."""

    deed: str
    steps: tuple[Step, ...] = ()
    changes: tuple[Change, ...] = ()
    before: Mapping[str, object] = {}
    after: Mapping[str, object] = {}

    @property
    def changed(self) -> bool:
        return bool(self.steps)

    @property
    def refused(self) -> tuple[Change, ...]:
        return tuple(change for change in self.changes if change.how == REFUSED)

    def has(self, name: str) -> bool:
        return any(step.name == name for step in self.steps)

    def render(self) -> dict[str, object]:
        """Ansible's diff: before and after, option by option; of a mapping only the entries that differ."""
        before, after = dict(self.before), dict(self.after)
        for change in self.changes:
            if change.how != REFUSED:
                before[change.option], after[change.option] = narrowed(change.before, change.after)
        return {"before": before, "after": after}


def narrowed(before: object, after: object) -> tuple[object, object]:
    """Of two mappings what differs between them; anything else as it is."""
    if not isinstance(before, dict) or not isinstance(after, dict):
        return before, after
    return (
        {key: value for key, value in before.items() if key not in after or after[key] != value},
        {key: value for key, value in after.items() if key not in before or before[key] != value},
    )
