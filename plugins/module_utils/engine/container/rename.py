# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Giving a container another name, in libpod's tables and in storage."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.steps import reached
from .events import event
from .holding import held

if TYPE_CHECKING:
    from ..session.session import Session
    from .model import Container


def rename(session: Session, container: Container, name: str) -> None:
    """Raises Conflict when a container or pod has the name. Repeating it after an interruption completes it."""
    from ..spec.names import check_name

    check_name(name, "container")
    with held(session, container, "rename") as current:
        if current.name != name:
            session.database.rename(current.id, name)
        reached("renamed-in-database")
        session.store.rename_container(current.id, name)
    event(session, container, "rename")
