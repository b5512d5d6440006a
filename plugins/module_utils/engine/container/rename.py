# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Giving a container another name, in libpod's tables and in storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import Conflict
from ..base.steps import reached
from . import lookup
from .events import event
from .holding import held

if TYPE_CHECKING:
    from ..session.session import Session
    from .model import Container


def wanted(session: Session, text: str, name: str) -> tuple[Container, bool]:
    """The container that is to have `name`, and whether it has yet to be renamed: one that is not there any more under
    `text`, but is under `name`, has been renamed already.

    Raises NotFound, BadInput for what is no name, Conflict when another container has it.
    """
    from ..spec.names import check_name

    check_name(name, "container")
    holder = lookup.by_name(session, name)
    found = lookup.lookup(session, text)
    if found is None:
        return holder or lookup.find(session, text, "rename container"), False
    if holder is not None and holder.id != found.id:
        raise Conflict(f"rename container {found.name} to {name}", f"container {holder.id[:12]} has this name")
    return found, found.name != name


def rename(session: Session, container: Container, name: str) -> None:
    """Raises Conflict when a container or pod has the name. Repeating it after an interruption completes it."""
    from ..spec.names import check_name

    check_name(name, "container")
    with held(session, container, "rename") as current:
        if current.name != name:
            session.database.rename(current.id, name)
        reached("renamed-in-database")
        session.store.rename_container(current.id, name)
    event(session, lookup.by_id(session, container.id) or container, "rename")
