# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container that must not be there yet: what a person means by `create` and `run`, unlike a task."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import Conflict
from ..base.values import replace as changed
from . import lookup
from .apply import apply
from .desired import CREATED
from .planner import START
from .reconcile import look, named_lock, put_right

if TYPE_CHECKING:
    from ..session.session import Session
    from .model import Container
    from .reconcile import Task

_FIRST = """
agile amber brave bright calm clever cosy daring eager fair fresh gentle glad golden happy honest jolly keen kind lively
lucky mellow merry mild modest neat noble patient plain polite proud quick quiet rapid ready round sharp shiny silent
simple smart smooth snappy solid spry steady still stout sunny swift tidy tough vivid warm wise witty young zesty
""".split()
_SECOND = """
acorn anchor badger basil beacon birch bison boulder brook cedar cinder clover comet coral crane cricket delta dune
elder ember falcon fern finch fjord fox glade grove harbor hazel heron island ivy jasper juniper lagoon lantern larch
lark lemon lotus lynx maple marten meadow meteor moss oak olive osprey otter pebble pine plover quail quartz raven reef
ridge robin rowan sable sparrow spruce stone swan thistle timber tulip walnut willow wren yarrow
""".split()


def free_name(session: Session) -> str:
    """A name for a container that was given none: two words, and a number where all else is taken."""
    tail = ""
    while True:
        for _turn in range(8):
            first, second = os.urandom(2)
            name = f"{_FIRST[first % len(_FIRST)]}_{_SECOND[second % len(_SECOND)]}{tail}"
            if lookup.by_name(session, name) is None:
                return name
        tail = str(int.from_bytes(os.urandom(3), "big"))


def make(session: Session, task: Task, *, replace: bool = False) -> Container:
    """Pull the image where its pull policy says so, and create the container. With `replace` it takes the place of
    one that has its name, which is gone only when the new one is complete.

    Raises Conflict when the name is taken, and what reconciling raises.
    """
    put_right(session)
    name = task.desired.name
    task = task._replace(flags=changed(task.flags, state=CREATED, recreate=replace))
    with named_lock(session, name):
        there = lookup.by_name(session, name)
        if there is not None and not replace:
            raise Conflict(
                f"create container {name}",
                f"the name is in use by {there.id}",
                "Remove that container, or use --replace to take its place",
            )
        view = look(session, task)
        steps = tuple(step for step in view.plan.steps if step.name != START)  # whoever asked starts it, attached
        apply(session, task, view._replace(plan=view.plan._replace(steps=steps)))
        return lookup.find(session, name)
