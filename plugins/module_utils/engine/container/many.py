# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Many containers made to be what one task wants: one look at all of them, then only those that differ, side by side.

All are planned before anything is done, so that a mistake in the last one stops the task before the first is touched.
Images come first, then what is no longer listed goes, then containers are made in the order of their references. Each
is the work of `reconcile`, in a process of its own: what holds for one container holds for each of them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, EngineError
from ..base.tuples import NamedTuple
from . import lookup, planner
from .desired import ABSENT, ContainerDesired, ContainerFlags
from .reconcile import Outcome, Task, View, look, outcome_of, put_right, reconcile, settled
from .surroundings import Peer
from .together import side_by_side, waves

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from ..session.session import Session

    Jobs = Callable[[Session, int], "Ended"]


class Ended(NamedTuple):
    """What became of one container: an outcome, or the error, in words and by kind (`NotFound`)."""

    name: str
    outcome: Outcome | None = None
    error: str = ""
    kind: str = ""


class Ways(NamedTuple):
    """How to go about it: `purge` is a label (`key` or `key=value`) of which only the listed containers stay;
    `parallel` the most that are worked on at once; `check` to look only.
    """

    purge: str = ""
    parallel: int = 4
    check: bool = False


def reconcile_all(session: Session, tasks: Sequence[Task], ways: Ways) -> tuple[Ended, ...]:
    """In the order of `tasks`, those that were purged after them.

    Raises BadInput for names given twice and references that go round in a circle, and whatever looking at a container
    raises: then nothing has been done. What fails later is told in its `Ended`, and what refers to it is not tried.
    """
    _check_names(tasks)
    tasks = [*tasks, *_purged(session, tasks, ways.purge)]
    order = in_order(tasks)
    if not ways.check:
        put_right(session)
    views = _look_at_all(session, tasks, order)
    if ways.check or not any(view.plan.changed for view in views.values()):
        seen = [settled(session, task, views[n], check=ways.check) for n, task in enumerate(tasks)]
        return tuple(Ended(task.desired.name, outcome) for task, outcome in zip(tasks, seen))
    changed = [number for number in order if views[number].plan.changed]
    done = _carried_out(session, tasks, views, changed, ways.parallel)
    return tuple(
        done[number]._replace(name=task.desired.name)
        if number in done
        else Ended(task.desired.name, settled(session, task, views[number]))
        for number, task in enumerate(tasks)
    )


def in_order(tasks: Sequence[Task]) -> list[int]:
    """Numbers of the tasks, each after those that it refers to by name. Raises BadInput for a circle."""
    numbers = {task.desired.name: number for number, task in enumerate(tasks)}
    order: list[int] = []
    under_way: list[int] = []

    def visit(number: int) -> None:
        if number in under_way:
            names = [tasks[other].desired.name for other in (*under_way[under_way.index(number) :], number)]
            raise BadInput("put the containers in order", f"they refer to each other in a circle: {' -> '.join(names)}")
        if number in order:
            return
        under_way.append(number)
        for name in tasks[number].desired.references():
            if name in numbers:
                visit(numbers[name])
        under_way.pop()
        order.append(number)

    for number in range(len(tasks)):
        visit(number)
    return order


def _check_names(tasks: Iterable[Task]) -> None:
    seen: set[str] = set()
    for task in tasks:
        if task.desired.name in seen:
            raise BadInput("read the list of containers", f"the name {task.desired.name} is there twice")
        seen.add(task.desired.name)


def _purged(session: Session, tasks: Sequence[Task], label: str) -> list[Task]:
    """Removals of the containers that carry the label and are not listed."""
    if not label:
        return []
    key, equals, value = label.partition("=")
    listed = {task.desired.name for task in tasks}
    found = lookup.all_containers(session)
    return [
        Task(ContainerDesired(name=container.name), ContainerFlags(state=ABSENT), None)
        for container in found
        if container.name not in listed and key in container.labels and (not equals or container.labels[key] == value)
    ]


def _look_at_all(session: Session, tasks: Sequence[Task], order: Sequence[int]) -> dict[int, View]:
    """A container that refers to one which is yet to be made is planned against what that one will be."""
    planned: dict[str, Peer] = {}
    views: dict[int, View] = {}
    for number in order:
        task = tasks[number]
        try:
            view = views[number] = look(session, task, planned)
        except EngineError as error:
            if task.desired.name not in error.deed:
                error.deed = f"container {task.desired.name}: {error.deed}"
            raise
        if view.container is None and view.around is not None and view.plan.changed:
            planned[task.desired.name] = planner.peer_of(task.desired, view.around)
    return views


def _carried_out(
    session: Session, tasks: Sequence[Task], views: Mapping[int, View], changed: Sequence[int], parallel: int
) -> dict[int, Ended]:
    pulls = _side_by_side(session, _distinct_pulls(tasks, views, changed), _pull(tasks), parallel)
    failed = {number: ended for number, ended in pulls.items() if ended.error}
    if failed:  # nothing has been touched yet, and nothing will be
        return {n: failed.get(n) or Ended(tasks[n].desired.name, error=_NOT_TRIED, kind="NotTried") for n in changed}
    done: dict[int, Ended] = {}
    removals = [number for number in changed if tasks[number].flags.state == ABSENT]
    others = [number for number in changed if number not in removals]
    for wave in waves(removals, _dependents(session, views)) + waves(others, _references(tasks)):
        for number in wave:
            cause = _blocked(tasks, number, done)
            if cause:
                done[number] = Ended(tasks[number].desired.name, error=cause, kind="NotTried")
        ready = [number for number in wave if number not in done]
        done.update(_side_by_side(session, ready, _reconcile(tasks, views), parallel))
    return done


_NOT_TRIED = "not tried, because an image that the task needs could not be pulled"


def _references(tasks: Sequence[Task]) -> Callable[[int], list[int]]:
    numbers = {task.desired.name: number for number, task in enumerate(tasks)}
    return lambda number: [numbers[name] for name in tasks[number].desired.references() if name in numbers]


def _dependents(session: Session, views: Mapping[int, View]) -> Callable[[int], list[int]]:
    """The containers that depend on one are removed before it."""
    numbers = {view.container.id: number for number, view in views.items() if view.container is not None}

    def dependents(number: int) -> list[int]:
        container = views[number].container
        found = session.database.dependents(container.id) if container is not None else ()
        return [numbers[identity] for identity in found if identity in numbers]

    return dependents


def _blocked(tasks: Sequence[Task], number: int, done: Mapping[int, Ended]) -> str:
    failed = {tasks[other].desired.name for other, ended in done.items() if ended.error}
    for name in tasks[number].desired.references():
        if name in failed:
            return f"not tried, because it refers to container {name}, which failed"
    return ""


def _distinct_pulls(tasks: Sequence[Task], views: Mapping[int, View], changed: Sequence[int]) -> list[int]:
    """One task for each image that has to be fetched."""
    found: dict[tuple[object, ...], int] = {}
    for number in changed:
        task = tasks[number]
        if views[number].plan.has(planner.PULL):
            found.setdefault((task.desired.image, task.pull), number)
    return list(found.values())


def _pull(tasks: Sequence[Task]) -> Jobs:
    def work(session: Session, number: int) -> Ended:
        from ..image.pull import resolve_for

        task = tasks[number]
        if task.desired.image is not None:
            resolve_for(session, task.desired.image, task.flags.pull, task.pull)
        return Ended(task.desired.name)

    return work


def _reconcile(tasks: Sequence[Task], views: Mapping[int, View]) -> Jobs:
    """What differs is told as the plan for all of them has it: as check mode does, which knows no ids yet."""

    def work(session: Session, number: int) -> Ended:
        task = tasks[number]
        done = reconcile(session, *task[:3], check=False)
        if done.changed:
            planned = outcome_of(session, views[number], None)
            done = done._replace(before=planned.before, after=planned.after)
        return Ended(task.desired.name, done)

    return work


def _side_by_side(session: Session, numbers: Sequence[int], job: Jobs, parallel: int) -> dict[int, Ended]:
    """Every number's end; an error of one leaves the others alone."""

    def work(own: Session, number: int) -> Ended:
        try:
            return job(own, number)
        except EngineError as error:
            return Ended("", error=str(error), kind=type(error).__name__)
        except OSError as error:
            return Ended("", error=str(error), kind="OSError")

    return side_by_side(session, numbers, work, parallel)
