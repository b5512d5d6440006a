# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a wish for a secret comes to. Pure, and without any value: whether values differ is told by the caller."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple
from ..plan.change import Change, Plan, Step

if TYPE_CHECKING:
    from .desired import SecretDesired
    from .store import Secret

KEEP, CREATE, REPLACE, RELABEL, REMOVE = "keep", "create", "replace", "relabel", "remove"


class SecretPlan(NamedTuple):
    verdict: str
    plan: Plan


class Mode(NamedTuple):
    """`skip_existing`: one that exists is good as it is. `force`: one of another driver is replaced."""

    present: bool = True
    skip_existing: bool = False
    force: bool = False


def plan(desired: SecretDesired, found: Secret | None, same_value: bool, mode: Mode) -> SecretPlan:
    """`same_value`: the secret's value is the one wished for."""
    name = desired.name
    if not mode.present:
        if found is None:
            return SecretPlan(KEEP, Plan(f"remove secret {name}"))
        return _one(REMOVE, name, Change("state", "present", "absent"))
    if found is None:
        return _one(CREATE, name, Change("state", "absent", "present"))
    if mode.skip_existing:
        return SecretPlan(KEEP, Plan(f"secret {name}"))
    changes: list[Change] = []
    if not same_value:
        changes.append(Change("value", "<secret>", "<different-secret>"))
    if desired.labels is not None and dict(desired.labels) != found.labels:
        changes.append(Change("labels", found.labels, dict(desired.labels)))
    if not changes:
        return SecretPlan(KEEP, Plan(f"secret {name}"))
    return _one(RELABEL if same_value else REPLACE, name, *changes)


def _one(verdict: str, name: str, *changes: Change) -> SecretPlan:
    deed = f"{verdict} secret"
    return SecretPlan(verdict, Plan(f"{deed} {name}", (Step(deed, name),), changes))
