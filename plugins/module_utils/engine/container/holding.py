# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holding a container: its libpod lock, and its rows as they are now that nobody else can change them."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.errors import NotFound
from . import lookup
from .model import Container

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..base.jsonval import Json
    from ..session.session import Session

_TRIES = 8


@contextmanager
def held(session: Session, container: Container, deed: str) -> Iterator[Container]:
    """The container with its lock held and its rows read again. Raises NotFound when it was removed meanwhile.

    A lock number read without the lock may be stale (a reboot or `podman system renumber` gives out new ones), so it
    is compared again once held.
    """
    for _turn in range(_TRIES):
        with session.locks.hold(container.lock_id):
            fresh = lookup.by_id(session, container.id)
            if fresh is not None and fresh.after(container).lock_id == container.lock_id:
                yield fresh
                return
        if fresh is None:
            break
        container = fresh
    raise NotFound(f"{deed} container {container.name}", "it was removed meanwhile")


def save(session: Session, container: Container, **changes: object) -> Container:
    """Write changed fields of the state of a held container; None drops a field. Returns it as it is now."""
    return _saved(session, container, None, changes)


def save_end(session: Session, container: Container, code: int, **changes: object) -> Container:
    """As `save`, and records how the container ended, in one transaction: also for those who wait for it after its
    removal.
    """
    return _saved(session, container, code, changes)


def _saved(session: Session, container: Container, ended: int | None, changes: Json) -> Container:
    state: Json = {**container.state, **changes}
    state = {key: value for key, value in state.items() if value is not None}
    session.database.save_state(container.id, state, ended)
    fresh = lookup.by_id(session, container.id)
    if fresh is None:
        raise NotFound(f"save container {container.name}", "it was removed meanwhile")
    return fresh.after(container)
