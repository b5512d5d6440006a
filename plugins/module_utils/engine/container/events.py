# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events, so that `podman events` tells of our containers too."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..session.session import Session
    from .model import Container


def event(session: Session, container: Container, status: str, *, exit_code: int | None = None, **details: str) -> None:
    """Tell of one event about a container; its labels come along, as podman has it."""
    from ..libpod.events import Event

    session.emit(
        Event(
            "container",
            status,
            id=container.id,
            name=container.name,
            image=container.image_name,
            pod_id=container.pod_id,
            exit_code=exit_code,
            attributes={**container.labels, **details},
        )
    )
