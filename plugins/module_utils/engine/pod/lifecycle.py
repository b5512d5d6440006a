# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting, stopping, killing, pausing a pod: the same for each of its containers, in the order of their needs."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import EngineError, Refused
from ..base.steps import reached
from ..container import lookup
from ..container.kill import kill as kill_container
from ..container.pause import pause as pause_container
from ..container.pause import unpause as unpause_container
from ..container.remove import remove as remove_container
from ..container.start import start as start_container
from ..container.stop import stop as stop_container
from ..container.together import side_by_side, waves
from . import model
from .events import event

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..container.model import Container
    from ..session.session import Session
    from .model import Pod

    Deed = Callable[[Session, Container], object]


def start(session: Session, pod: Pod, *, every: bool = False) -> None:
    """Start what does not run: the infra container, then the init containers one after the other, then all others;
    those that have run to a good end by themselves while the pod is up only with `every`.

    Raises the failure of the first container that cannot be started, after the others have been tried.
    """
    infra = pod.infra
    fresh = infra is None or not infra.running
    if infra is not None:
        start_container(session, infra)
        reached("infra-started")
    rest = [one for one in pod.members if not init_kind(one)]
    if fresh or not any(one.running for one in rest):
        _run_inits(session, pod)
    wanted = [one for one in rest if not one.running and (every or fresh or not is_done(one))]
    _each(session, wanted, start_container, needed_first=True)
    event(session, pod.id, pod.name, "start", pod.labels)


def init_kind(container: Container) -> str:
    """`once`, `always`, or "" for one that is no init container."""
    return jsonval.text(container.config, "init_container_type")


def is_done(container: Container) -> bool:
    """Whether it has run to a good end by itself, and nothing is to start it again; who was frozen has not."""
    asked = jsonval.flag(container.state, "stoppedByUser") or jsonval.flag(container.state, "checkpointed")
    ended = container.status in ("exited", "stopped") and not asked
    return ended and container.exit_code == 0 and container.restart_policy in ("no", "on-failure")


def _run_inits(session: Session, pod: Pod) -> None:
    from ..container.wait import wait

    for container in pod.members:
        kind = init_kind(container)
        if not kind:
            continue
        start_container(session, container)
        code = wait(session, container)
        if code:
            raise Refused(
                f"start pod {pod.name}", f"init container {container.name} ended with exit code {code}"
            )
        if kind == "once":
            found = lookup.by_id(session, container.id)
            if found is not None:
                remove_container(session, found, force=True, volumes=True)
        reached("init-container-done")


def stop(session: Session, pod: Pod, timeout: int | None = None) -> None:
    """Members before those they need; the infra container, which holds what they share, at last."""
    _each(session, list(pod.members), lambda own, one: stop_container(own, one, timeout), needed_first=False)
    reached("members-stopped")
    if pod.infra is not None:
        stop_container(session, pod.infra, timeout)
    event(session, pod.id, pod.name, "stop", pod.labels)


def restart(session: Session, pod: Pod, timeout: int | None = None) -> None:
    stop(session, pod, timeout)
    start(session, model.find(session, pod.id))


def kill(session: Session, pod: Pod, signal: int) -> None:
    """Send `signal` to the first process of every container that runs."""
    for container in pod.containers:
        if container.running:
            kill_container(session, container, signal)
    event(session, pod.id, pod.name, "kill", pod.labels)


def pause(session: Session, pod: Pod) -> None:
    running = [one for one in pod.containers if one.status == "running"]
    for container in running:
        pause_container(session, container)
    event(session, pod.id, pod.name, "pause", pod.labels)


def unpause(session: Session, pod: Pod) -> None:
    for container in pod.containers:
        if container.status == "paused":
            unpause_container(session, container)
    event(session, pod.id, pod.name, "unpause", pod.labels)


def in_waves(session: Session, containers: Sequence[Container], *, needed_first: bool) -> list[list[int]]:
    numbers = {one.id: number for number, one in enumerate(containers)}
    ask = session.database.dependencies if needed_first else session.database.dependents
    return waves(
        range(len(containers)),
        lambda number: [numbers[other] for other in ask(containers[number].id) if other in numbers],
    )


def _each(session: Session, containers: list[Container], deed: Deed, *, needed_first: bool) -> None:
    failures: list[EngineError] = []

    def job(own: Session, number: int) -> tuple[EngineError | None, list[str]]:
        known = len(own.warnings)
        try:
            deed(own, containers[number])
        except EngineError as error:
            return error, own.warnings[known:]
        return None, own.warnings[known:]

    for wave in in_waves(session, containers, needed_first=needed_first):
        if len(wave) == 1:
            ends = {wave[0]: job(session, wave[0])}
        else:
            ends = side_by_side(session, wave, job, 3 * (os.cpu_count() or 1))
        for number in wave:
            error, warnings = ends[number]
            for text in warnings:
                session.warn(text)
            if error is not None:
                failures.append(error)
    if failures:
        for other in failures[1:]:
            failures[0].add_cleanup_failure(str(other))
        raise failures[0]
