# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a container to end, or for another condition (podman-wait(1))."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Conflict, Damaged, NotFound, TimedOut
from ..libpod.rows import CONFIGURED, CREATED
from ..runtime import exits
from . import lookup
from .settle import exit_paths

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..session.session import Session
    from .model import Container

_UNKNOWN_EXIT = 255
#: What podman prints where there is no exit code: for conditions of running containers, and for a missing one.
UNMET = -1
ENDS = ("exited", "stopped")
HEALTH = ("healthy", "unhealthy")
#: A condition, and the words of `Container.status` that meet it.
_MET = {
    "configured": ("created",),
    "created": ("created",),
    "initialized": ("initialized",),
    "exited": ("exited",),
    "paused": ("paused",),
    "removing": ("removing",),
    "running": ("running",),
    "stopped": ("stopped", "exited"),
    "stopping": ("stopping",),
}
CONDITIONS = tuple(sorted((*_MET, *HEALTH)))
_INTERVAL = 0.25


def wait(session: Session, container: Container, timeout: float | None = None) -> int:
    """The exit code, once it has ended; of one that has already ended, at once.

    One that never ran is waited for. Raises TimedOut after `timeout` seconds.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    paths = exit_paths(session, container.id)
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if container.running:
            try:
                ended = exits.wait(paths, container.init, container.name, left)
            except Damaged:
                return _UNKNOWN_EXIT
            if ended is not None:
                return ended.code
        code = _recorded(session, container)
        if code is not None:
            return code
        if left == 0.0:
            raise TimedOut(f"wait for container {container.name}", f"it has not ended after {timeout:g} s")
        time.sleep(0.05)
        fresh = lookup.by_id(session, container.id)
        if fresh is None:
            code = session.database.exit_code(container.id)
            if code is not None:
                return code
            raise NotFound(f"wait for container {container.name}", "it was removed meanwhile")
        container = fresh


def wait_for(
    session: Session,
    container: Container,
    conditions: Sequence[str],
    timeout: float | None = None,
    *,
    once: bool = False,
    interval: float = _INTERVAL,
) -> int | None:
    """Wait until one of the conditions holds: the exit code for those of an end, else UNMET.

    With `once` it is looked at and not waited for: None where none holds. Raises BadInput for a condition that nobody
    knows or that the container can never meet, TimedOut, NotFound when it is removed meanwhile.
    """
    deed = f"wait for container {container.name} to be {' or '.join(conditions)}"
    check(container, conditions)
    if not once and set(conditions) <= set(ENDS):
        return wait(session, container, timeout)
    end = None if timeout is None else time.monotonic() + timeout
    current: Container | None = container
    while current is not None:
        met = [word for word in conditions if _holds(session, current, word)]
        if met:
            code = _recorded(session, current) if set(met) & set(ENDS) else None
            return UNMET if code is None else code
        if once:
            return None
        if end is not None and time.monotonic() >= end:
            raise TimedOut(deed, f"it is {current.status} after {timeout:g} s{_health_words(current, conditions)}")
        time.sleep(interval)
        current = lookup.by_id(session, container.id)
    gone = session.database.exit_code(container.id)
    if set(conditions) & {*ENDS, "removing"} and gone is not None:
        return gone
    raise NotFound(deed, "it was removed meanwhile")


def until_healthy(session: Session, container: Container, seconds: float) -> None:
    """Raises TimedOut with the last check's words, Conflict when the container ends and does not come back."""
    from . import health_log
    from .cleanup import restart_pending

    end = time.monotonic() + seconds
    while True:
        left = max(0.0, end - time.monotonic())
        wait_for(session, container, ("healthy", *ENDS), left)
        fresh = lookup.by_id(session, container.id)
        if fresh is not None and fresh.running and health_log.status(fresh) == "healthy":
            return
        if fresh is None or not (fresh.running or restart_pending(fresh)):
            what = "it was removed" if fresh is None else f"it has ended with {fresh.exit_code}"
            last = health_log.told(container)
            raise Conflict(f"wait for container {container.name} to be healthy", f"{what}{last}")
        time.sleep(_INTERVAL)


def check(container: Container, conditions: Sequence[str]) -> None:
    """Raises BadInput for a condition that nobody knows or that the container can never meet."""
    for word in conditions:
        if word not in CONDITIONS:
            raise BadInput("read condition", f"{word[:40]!r} is none of {', '.join(CONDITIONS)}")
    if set(conditions) & set(HEALTH):
        from . import health_log

        health_log.require(container, f"wait for container {container.name}")


def _holds(session: Session, container: Container, condition: str) -> bool:
    if condition not in HEALTH:
        return container.status in _MET[condition]
    from . import health_log

    return container.running and health_log.status(container) == condition


def _health_words(container: Container, conditions: Sequence[str]) -> str:
    if not set(conditions) & set(HEALTH):
        return ""
    from . import health_log

    return health_log.told(container)


def _recorded(session: Session, container: Container) -> int | None:
    if container.code in (CONFIGURED, CREATED) or container.running:
        return None
    if container.ended_unseen:
        found = exits.read(exit_paths(session, container.id), container.id)
        return found.code if found else session.database.exit_code(container.id)
    return container.exit_code
