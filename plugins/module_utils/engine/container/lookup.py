# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finding containers: one consistent read of the tables, no lock, no process."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import NotFound
from .model import Container

if TYPE_CHECKING:
    from ..session.session import Session


def find(session: Session, text: str, deed: str = "find container") -> Container:
    """By name, id or unique beginning of an id. Raises NotFound, BadInput when several ids begin so."""
    found = lookup(session, text)
    if found is None:
        raise NotFound(f"{deed} {text}".strip(), "there is no container with this name or id")
    return found


def lookup(session: Session, text: str) -> Container | None:
    row = session.database.container(text)
    return None if row is None else Container(row)


def by_name(session: Session, name: str) -> Container | None:
    row = session.database.container_by_name(name)
    return None if row is None else Container(row)


def by_id(session: Session, cid: str) -> Container | None:
    row = session.database.container_by_id(cid)
    return None if row is None else Container(row)


def latest(session: Session) -> Container:
    """The one created last. Raises NotFound when there is none."""
    everything = all_containers(session)
    if not everything:
        raise NotFound("find the latest container", "there are no containers")
    return max(everything, key=lambda container: container.created)


def all_containers(session: Session) -> list[Container]:
    """Every container, the oldest first."""
    return [Container(row) for row in session.database.containers()]
