# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What conmon's exit command does: clean up after a container that ended, with nobody there, and obey its policy."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..base import clock, jsonval
from ..base.errors import EngineError, NotFound
from ..base.steps import reached
from ..libpod.rows import EXITED, STOPPED
from . import health_watch, lookup
from .holding import held, save
from .settle import settle

if TYPE_CHECKING:
    from ..session.session import Session
    from .model import Container

_FIRST_DELAY = 0.1
_LONGEST_DELAY = 60.0
_STEADY_NS = 10_000_000_000  # one that ran for ten seconds starts over with the shortest delay, as Docker does


def cleanup(session: Session, cid: str, *, remove: bool = False, ended_only: bool = False) -> None:
    """Release what the ended container held, then restart it or remove it as it was made to be.

    A container that runs again, or is gone, is left alone; with `ended_only` also one that was initialized since.
    """
    container = lookup.by_id(session, cid)
    if container is None:
        return
    try:
        with held(session, container, "clean up") as current:
            if ended_only and current.waits:
                return
            current = settle(session, current)
    except NotFound:
        return
    reached("cleaned-up")
    if current.running:
        return
    health_watch.end(session, current)  # podman may have cleaned up already, and does not know of it
    if restart_wanted(current):
        _restart(session, current)
    elif (remove or current.auto_remove) and not jsonval.flag(current.state, "checkpointed"):
        from .remove import remove as remove_container

        try:
            remove_container(session, current, force=True, volumes=True)
        except NotFound:
            pass
        _leave_pod(session, current)
        if current.auto_remove_image:
            remove_image(session, current)
    else:
        _leave_pod(session, current)


def _leave_pod(session: Session, container: Container) -> None:
    if container.pod_id:
        from .pod_group import leave

        leave(session, container)


def remove_image(session: Session, container: Container) -> None:
    """The image of a container that is gone, under the name that it was made from (podman-run(1), --rmi).

    One that others use, or that cannot be removed, stays.
    """
    from ..libpod.events import Event

    image = session.store.image(container.image_id) if container.image_id else None
    if image is None:
        return
    name = jsonval.text(container.config, "rootfsImageName")
    try:
        if name in image.names and len(image.names) > 1:
            session.store.remove_names(image.id, [name])
            session.emit(Event("image", "untag", id=image.id, name=name))
        else:
            session.store.remove_image(image.id)
            session.emit(Event("image", "remove", id=image.id, name=name))
    except EngineError:
        return


def restart_wanted(container: Container) -> bool:
    """Whether its policy asks for another start now (podman-run(1), --restart)."""
    if container.code != EXITED or jsonval.flag(container.state, "stoppedByUser"):
        return False
    if jsonval.flag(container.state, "checkpointed"):  # its memory waits to be restored
        return False
    policy = container.restart_policy
    if policy in ("always", "unless-stopped"):
        return True
    if policy != "on-failure" or container.exit_code == 0:
        return False
    limit = jsonval.number(container.config, "restart_retries")
    return limit == 0 or container.restart_count < limit


def restart_pending(container: Container) -> bool:
    """Whether it is going to be started again: its clean-up waits to do so, or has not even come to that yet."""
    if restart_wanted(container):
        return True
    ended = container.ended_unseen or (container.code == STOPPED and not jsonval.flag(container.state, "stoppedByUser"))
    return ended and container.restart_policy in ("always", "unless-stopped", "on-failure")


def delay_seconds(container: Container) -> float:
    """How long to wait before the next start: doubled each time, none of it for one that had run steadily."""
    started, finished = container.started_at, container.finished_at
    if not clock.is_zero(started) and clock.parse(finished) - clock.parse(started) >= _STEADY_NS:
        return _FIRST_DELAY
    return float(min(_FIRST_DELAY * 2 ** min(container.restart_count, 20), _LONGEST_DELAY))


def _restart(session: Session, container: Container) -> None:
    """Wait without the lock, and start unless somebody stopped, started, changed or removed it meanwhile.

    A start that fails counts as a try: the policy goes on until its limit or until somebody stops it.
    """
    from .start import start_held

    while True:
        time.sleep(delay_seconds(container))
        try:
            with held(session, container, "restart") as current:
                if not restart_wanted(current) or current.finished_at != container.finished_at:
                    return
                count = current.restart_count + 1
                current = save(session, current, restartPolicyMatch=True, restartCount=count)
                try:
                    start_held(session, current, restarted=True)
                    return
                except NotFound:
                    return
                except EngineError:
                    container = lookup.by_id(session, current.id) or current
        except NotFound:
            return
