# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Containers that have ended or never ran, and what builds left behind; and removing them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import clock
from ..base.filters import by_label_and_age, refuse_others
from ..host.sizes import tree_bytes
from ..plan.pruning import BUILD, CONTAINER, EXTERNAL, Doomed
from . import lookup, strangers
from .remove import remove as remove_container

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..base.filters import Filter
    from ..session.session import Session
    from ..store.records import ContainerRecord
    from .model import Container

_AT_REST = ("created", "exited", "stopped")
_KEYS = ("label", "until")


def unused(session: Session, filters: Sequence[Filter]) -> list[Doomed]:
    """Containers at rest outside of pods, those that others need after the others. Raises BadInput."""
    refuse_others(filters, _KEYS, "containers to remove")
    left = {
        container.id: container
        for container in lookup.all_containers(session)
        if container.status in _AT_REST and not container.pod_id and _fits(container, filters)
    }
    found: list[Doomed] = []
    while left:
        free = [one for one in left.values() if not _needed(session, one.id, found)]
        if not free:
            break  # a container that stays needs the rest
        for container in free:
            del left[container.id]
            size = bytes_written(session, session.store.container(container.id))
            found.append(Doomed(CONTAINER, container.id, (container.name,), size))
    return found


def _fits(container: Container, filters: Sequence[Filter]) -> bool:
    return by_label_and_age(filters, container.labels, clock.parse_or_zero(container.created))


def _needed(session: Session, identity: str, gone: list[Doomed]) -> bool:
    return bool(set(session.database.dependents(identity)) - {one.id for one in gone})


def bytes_written(session: Session, record: ContainerRecord | None) -> int:
    """What the removal of its writable layer gives back."""
    return tree_bytes(session.store.home.diff(record.layer)) if record is not None else 0


def of_builds(session: Session) -> list[Doomed]:
    """Working containers that builds of podman and buildah left in the storage."""
    return [
        Doomed(BUILD, record.id, record.names, bytes_written(session, record))
        for record in session.store.containers()
        if strangers.is_of_build(session.store, record)
    ]


def of_others(session: Session) -> dict[str, list[Doomed]]:
    """Containers in the storage that no podman knows of, by the id of their image; without those that are mounted."""
    found: dict[str, list[Doomed]] = {}
    known = {container.id for container in lookup.all_containers(session)}
    for record in strangers.records(session.store, known):
        if not session.store.mounted(record.id)[1]:
            one = Doomed(EXTERNAL, record.id, record.names, bytes_written(session, record))
            found.setdefault(record.image, []).append(one)
    return found


def remove(session: Session, doomed: Doomed) -> None:
    """Raises InUse, Refused when somebody started it meanwhile, NotFound when it is gone."""
    if doomed.kind in (BUILD, EXTERNAL):
        session.store.remove_container(doomed.id)
        return
    remove_container(session, lookup.find(session, doomed.id))
