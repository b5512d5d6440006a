# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Events, so that `podman events` tells of our containers too."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.files import dump_json

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..session.session import Session
    from .model import Container


def health_event(session: Session, container: Container, document: Json) -> None:
    """Tell how a health check went; with the last of its log where the container wants that in the events."""
    from ..libpod.events import Event, Health

    last = jsonval.tables(document, "Log")[-1:]
    wants_log = jsonval.text(container.config, "healthLogDestination") == "events_logger"
    text = dump_json(last[0]).decode() if last and wants_log else ""
    health = Health(jsonval.text(document, "Status"), jsonval.number(document, "FailingStreak"), text)
    session.emit(
        Event(
            "container",
            "health_status",
            id=container.id,
            name=container.name,
            image=container.image_name,
            pod_id=container.pod_id,
            attributes=container.labels,
            health=health,
        )
    )


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
