# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding and removing what is damaged in the storage, with the containers that stand on it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple
from ..plan.change import Plan, Step
from . import lookup
from .remove import remove as remove_container

if TYPE_CHECKING:
    from ..session.session import Session
    from ..store.check import Problem

GARBAGE, CONTAINER, IMAGE, LAYER = "remove leftovers", "remove container", "remove image", "remove layer"


class Wish(NamedTuple):
    """`full` reads every layer. `repair` removes garbage and damaged images, `force` also containers on them."""

    full: bool = True
    repair: bool = False
    force: bool = False
    unused_age: int = 86400


class Found(NamedTuple):
    """Problems, and what a repair takes away."""

    problems: tuple[Problem, ...]
    garbage: tuple[Problem, ...] = ()
    layers: tuple[str, ...] = ()
    images: tuple[str, ...] = ()
    containers: tuple[str, ...] = ()


def look(session: Session, wish: Wish) -> Found:
    """Changes nothing."""
    store = session.store
    problems = store.check(wish.unused_age, wish.full)
    if not (wish.repair or wish.force):
        return Found(tuple(problems))
    layers, images, containers = store.affected(problems)
    if not wish.force:
        # What a container stands on stays until its removal is asked for.
        used = {record.image for record in store.containers()}
        held = {layer for record in store.containers() for layer in _chain(session, record.layer)}
        images, layers, containers = images - used, layers - held, set()
    garbage = tuple(problem for problem in problems if problem.repairable)
    return Found(tuple(problems), garbage, *(tuple(sorted(ids)) for ids in (layers, images, containers)))


def _chain(session: Session, top: str) -> list[str]:
    found = []
    while top:
        found.append(top)
        layer = session.store.layer(top)
        top = layer.parent if layer is not None else ""
    return found


def plan(found: Found) -> Plan:
    """The removals, one step each."""
    steps = [Step(GARBAGE, f"{problem.kind} {problem.id}") for problem in found.garbage]
    steps += [Step(CONTAINER, identity) for identity in found.containers]
    steps += [Step(IMAGE, identity) for identity in found.images]
    steps += [Step(LAYER, identity) for identity in found.layers]
    before = {"findings": [f"{problem.kind} {problem.id}: {problem.detail}" for problem in found.problems]}
    return Plan("check the store", tuple(steps), (), before, {"removed": [str(step) for step in steps]})


def apply(session: Session, found: Found, wish: Wish) -> None:
    """Containers first, then images with their layers, then garbage. Raises what removing a container raises."""
    for identity in found.containers:
        container = lookup.by_id(session, identity)
        if container is not None:
            remove_container(session, container, force=True)
        session.store.remove_container(identity)
    if found.images or found.layers:
        session.store.drop_damaged(set(found.images), set(found.layers))
    if found.garbage:
        session.store.repair(wish.unused_age)
