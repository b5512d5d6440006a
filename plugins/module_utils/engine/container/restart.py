# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stop, then start."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .start import start
from .stop import stop

if TYPE_CHECKING:
    from ..session.session import Session
    from .model import Container


def restart(session: Session, container: Container, timeout: int | None = None) -> None:
    """A container that does not run is started."""
    stop(session, container, timeout)
    start(session, container)
