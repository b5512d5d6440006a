# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Stopping: the container's own signal first, SIGKILL when its time is over."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import EngineError, TimedOut
from ..base.handover import taken_over
from ..base.steps import reached
from ..libpod.rows import EXITED, STOPPING
from ..runtime import exits
from ..runtime import kill as runtime_kill
from ..runtime import resume as runtime_resume
from .events import event
from .holding import held, save
from .parts import runtime_of
from .settle import exit_paths, settle

if TYPE_CHECKING:
    from ..session.session import Session
    from .model import Container

_KILL_SECONDS = 15.0


def stop(session: Session, container: Container, timeout: int | None = None) -> bool:
    """Stop it and release what it held. False when it was not running.

    `timeout` in seconds overrides the container's own stop timeout. A restart that its policy was about to make is
    called off. Raises TimedOut when even SIGKILL does not end it.
    """
    with held(session, container, "stop") as current:
        current = settle(session, current)
        if not current.running:
            if current.code == EXITED and not jsonval.flag(current.state, "stoppedByUser"):
                save(session, current, stoppedByUser=True)
            return False
        if current.paused:
            runtime_resume.resume(session.runner, runtime_of(session, current.config), current.id, current.name)
        current = save(session, current, state=STOPPING, stoppedByUser=True)
    reached("stop-marked")
    with taken_over(current.run_dir):
        # Not under the lock: podman ps and the exit command must not wait for a container that takes its time.
        _end(session, current, _seconds(current, timeout))
        with held(session, current, "stop") as current:
            settle(session, current)
    event(session, container, "stop")
    return True


def _seconds(container: Container, timeout: int | None) -> float:
    return float(jsonval.number(container.config, "stopTimeout") if timeout is None else timeout)


def _end(session: Session, container: Container, seconds: float) -> None:
    wanted = jsonval.number(container.config, "stopSignal", signal.SIGTERM) or signal.SIGTERM
    paths = exit_paths(session, container.id)
    if seconds > 0 and runtime_kill.signal_init(container.init, wanted):
        try:
            exits.wait(paths, container.init, container.name, seconds)
            return
        except TimedOut:
            pass
    if not _shares_pids(container):
        runtime_kill.signal_init(container.init, signal.SIGKILL)
    else:
        try:
            runtime = runtime_of(session, container.config)
            runtime_kill.kill(session.runner, runtime, container.id, container.name, signal.SIGKILL)
        except EngineError:
            runtime_kill.signal_init(container.init, signal.SIGKILL)
    try:
        exits.wait(paths, container.init, container.name, _KILL_SECONDS)
    except TimedOut as error:
        raise TimedOut(
            f"stop container {container.name}",
            f"process {container.pid} does not end even after SIGKILL",
            "It waits in the kernel, for a device or a network file system",
        ) from error


def _shares_pids(container: Container) -> bool:
    """Without a pid namespace of its own, killing the first process leaves the others."""
    spaces = jsonval.tables(jsonval.table(container.spec, "linux"), "namespaces")
    return not any(space.get("type") == "pid" and not space.get("path") for space in spaces)
