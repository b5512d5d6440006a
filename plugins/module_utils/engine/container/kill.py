# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signalling a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import Conflict
from ..runtime import kill as runtime_kill
from .events import event

if TYPE_CHECKING:
    from ..session.session import Session
    from .model import Container


def kill(session: Session, container: Container, signal: int) -> None:
    """Send `signal` to the first process. Raises Conflict when the container does not run."""
    if not container.running or not runtime_kill.signal_init(container.init, signal):
        raise Conflict(f"kill container {container.name}", f"it is not running but {container.status}")
    event(session, container, "kill", signal=str(signal))
