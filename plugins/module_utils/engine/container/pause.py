# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Freezing and thawing."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import Conflict
from ..libpod.rows import PAUSED, RUNNING
from ..runtime import pause as runtime_pause
from ..runtime import resume as runtime_resume
from .events import event
from .holding import held, save
from .parts import runtime_of

if TYPE_CHECKING:
    from ..session.session import Session
    from .model import Container


def pause(session: Session, container: Container) -> bool:
    """False when it was paused already. Raises Conflict when it does not run."""
    with held(session, container, "pause") as current:
        if current.paused:
            return False
        if not current.running:
            raise Conflict(f"pause container {current.name}", f"it is not running but {current.status}")
        runtime_pause.pause(session.runner, runtime_of(session, current.config), current.id, current.name)
        save(session, current, state=PAUSED)
    event(session, container, "pause")
    return True


def unpause(session: Session, container: Container) -> bool:
    """False when it was not paused."""
    with held(session, container, "unpause") as current:
        if not current.paused:
            return False
        runtime_resume.resume(session.runner, runtime_of(session, current.config), current.id, current.name)
        save(session, current, state=RUNNING)
    event(session, container, "unpause")
    return True
