# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing a container, in an order in which every interruption leaves something the next removal finishes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import EngineError, InUse, Refused
from ..base.steps import reached
from ..libpod.rows import CONFIGURED, EXITED, REMOVING
from ..runtime import exits
from . import health_log, health_watch, lookup
from .events import event
from .holding import held, save
from .model import volume_names
from .parts import journal
from .settle import exit_paths, holds_something, release, settle
from .stop import stop

if TYPE_CHECKING:
    from ..session.session import Session
    from .model import Container


_TRIES = 5


class _Started(Refused):
    """It was started between its end and its removal."""


def remove(
    session: Session,
    container: Container,
    *,
    force: bool = False,
    volumes: bool = False,
    timeout: int | None = None,
    infra: bool = False,
) -> None:
    """Remove it; `force` stops a running one first, `volumes` takes its anonymous volumes along. The infra container
    of a pod only goes with `infra`, which the pod's own room says.

    Raises Refused when it runs and `force` is false, InUse when other containers need it.
    """
    if container.infra and container.pod_id and not infra:
        _refuse_infra(session, container)
    _stopped(session, container, timeout, force=force)
    for turn in range(_TRIES):
        try:
            _remove(session, container, volumes=volumes)
            return
        except _Started as error:  # by its health check, or by somebody else
            if not force or turn + 1 == _TRIES:
                raise Refused(error.deed, error.cause) from error
            _stopped(session, lookup.by_id(session, container.id) or container, timeout, force=force)


def _refuse_infra(session: Session, container: Container) -> None:
    row = session.database.pod(container.pod_id)
    if row is not None and jsonval.text(row.state, "InfraContainerID") == container.id:
        raise Refused(
            f"remove container {container.name}", f"it is the infra container of pod {row.name}", "Remove the pod"
        )


def _stopped(session: Session, container: Container, timeout: int | None, *, force: bool) -> None:
    if not container.running:
        return
    if not force:
        raise Refused(
            f"remove container {container.name}",
            "it is running",
            "Stop it first, or remove it with force",
        )
    stop(session, container, timeout)


def _remove(session: Session, container: Container, *, volumes: bool) -> None:
    _refuse_needed(session, container)
    with held(session, container, "remove") as current:
        named = volume_names(current.config)
        along = " ".join(named) if volumes else ""
        entry = journal(session).begin(current.id, "remove", lock=current.lock_id, volumes=along)
        try:
            _remove_held(session, current)
        except BaseException:
            entry.end()
            raise
    session.locks.free(container.lock_id)
    reached("lock-freed")
    remove_anonymous(session, along.split())
    event(session, container, "remove")
    entry.end()  # last: who waits for the removal waits for this


def _refuse_needed(session: Session, container: Container) -> None:
    needed = [lookup.by_id(session, cid) for cid in session.database.dependents(container.id)]
    names = ", ".join(other.name for other in needed if other is not None)
    if names:
        raise InUse(f"remove container {container.name}", f"it is needed by {names}", "Remove those first")


def _remove_held(session: Session, container: Container) -> None:
    container = settle(session, container)
    if container.running:
        raise _Started(f"remove container {container.name}", "somebody started it meanwhile")
    unknown = container.code not in (CONFIGURED, EXITED)  # a removal that was cut off, for one
    container = save(session, container, state=REMOVING)
    reached("removing-recorded")
    if unknown or holds_something(container):
        container = release(session, container, in_runtime=unknown)
    else:
        health_watch.end(session, container)
    health_log.forget(container)
    session.store.remove_container(container.id)
    reached("storage-removed")
    session.database.remove_container(container.id)
    reached("rows-removed")
    exits.forget(exit_paths(session, container.id), container.id)


def remove_anonymous(session: Session, names: list[str]) -> None:
    """Those of the volumes that were made for one container alone and that nobody uses any more."""
    for name in names:
        row = session.database.volume(name)
        if row is None or not jsonval.flag(row.config, "isAnon") or session.database.volume_users(name):
            continue
        from ..volume.steps import remove as remove_volume

        try:
            remove_volume(session, name)
        except InUse:
            continue


def finish_removal(session: Session, cid: str, lock: int, volumes: list[str]) -> bool:
    """What is left to do when a removal was killed: see journal `remove`. False when it had not begun."""
    container = lookup.by_id(session, cid)
    if container is not None:
        if container.code != REMOVING:
            return False
        with held(session, container, "remove") as current:
            _remove_held(session, current)
        session.locks.free(lock)
    else:
        if session.store.container(cid) is not None:
            session.store.remove_container(cid)
        free_unused(session, lock)
    remove_anonymous(session, volumes)
    return True


def free_unused(session: Session, lock: int) -> None:
    """Free a lock number that no container, pod or volume has."""
    if lock < 0 or lock in used_locks(session):
        return
    try:
        session.locks.free(lock)
    except EngineError:
        return


def used_locks(session: Session) -> set[int]:
    database = session.database
    numbers = {row.lock_id for row in database.containers()}
    numbers.update(jsonval.number(row.config, "lockID", -1) for row in database.volumes())
    numbers.update(jsonval.number(row.config, "lockID", -1) for row in database.pods())
    return numbers
