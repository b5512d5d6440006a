# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing what the planner decided."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import Damaged
from ..base.steps import reached
from ..libpod.events import Event
from . import naming, planner
from .incoming import Incoming

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..plan.change import Plan
    from ..session.session import Session
    from .load import Archive
    from .observed import Observed


def apply(
    session: Session,
    plan: Plan,
    observed: Observed,
    source: Archive | Incoming,
    remove_container: Callable[[str], None],
) -> str:
    """Take the steps in order; the id of the image that is there now, "" when it went.

    ``remove_container`` is called with the name of each container that has to go first: containers are a floor above.
    """
    identity = observed.local.id if observed.local else ""
    for step in plan.steps:
        if step.name == planner.PULL and isinstance(source, Incoming):
            identity = source.store().id
        elif step.name in (planner.LOAD, planner.IMPORT) and observed.offer and not isinstance(source, Incoming):
            identity = source.store(session, (observed.offer.name,)).id
        elif step.name == naming.NAME:
            naming.give(session, identity, [step.detail])
        elif step.name == planner.REMOVE_CONTAINER:
            remove_container(step.detail)
            reached("image-user-removed")
        elif step.name == naming.UNNAME:
            naming.take(session, identity, [step.detail])
        elif step.name == planner.REMOVE:
            session.store.remove_image(identity)
            session.emit(Event("image", "remove", id=identity, name=step.detail))
            identity = ""
            reached("image-removed")
        elif step.name == planner.REMOVE_PARENT:
            session.store.remove_image(step.detail)
            session.emit(Event("image", "remove", id=step.detail))
        else:
            raise Damaged(plan.deed, f"the step {step.name!r} has nothing to work on")
    return identity
