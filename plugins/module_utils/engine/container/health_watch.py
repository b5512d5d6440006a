# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who runs a container's health checks while it runs, with nobody of ours staying for it.

Where systemd runs, a transient timer of its, named as podman names it, so that podman takes it away as well. Elsewhere
a shell beside the container that sleeps between two checks: some hundred kilobytes of its own, one per container with a
check. It ends when a check finds that the container does not run, and is ended by whoever cleans up after it.
"""

from __future__ import annotations

import os
import signal
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import EngineError
from ..base.files import atomic_write, read_bytes
from ..base.steps import reached
from ..host import programs
from ..host.boot import systemd_runs
from . import health_log
from .holding import save

if TYPE_CHECKING:
    from ..session.session import Session
    from .model import Container

_PID_FILE = "health.pid"
#: Exit code by which a check tells the shell that its container is gone.
GONE = 3
_LOOP = f'while :; do "$3" healthcheck run --scheduled "$1"; [ $? -ne {GONE} ] || exit 0; sleep "$2"; done'
_NAME = "daemonless-health"


def begin(session: Session, container: Container) -> None:
    """Have it checked from now on, the first time at once; also where that was so already, by what it asks for now.

    The caller holds the container's lock. What keeps it from being checked is a warning.
    """
    end(session, container)
    seconds = _interval(container)
    if seconds <= 0:
        return
    if session.command is None:
        session.warn(f"Nothing checks the health of container {container.name}: no command is installed on this host")
        return
    unit = _timer(session, container, seconds)
    if unit:
        save(session, container, hcUnitName=unit)
        return
    child = session.runner.spawn(
        ("/bin/sh", "-c", _LOOP, _NAME, container.id, f"{seconds:g}", session.command),
        env=_environment(session),
        cwd="/",
        new_session=True,
    )
    atomic_write(os.path.join(container.run_dir, _PID_FILE), str(child.pid).encode(), durable=False)
    reached("health-watched")


def end(session: Session, container: Container) -> None:
    """Nobody checks it any more. Harmless where nobody did."""
    unit = jsonval.text(container.state, "hcUnitName")
    if unit and systemd_runs():
        _systemctl(session, "stop", f"{unit}.timer")
        if not _inside(f"{unit}.service"):
            _systemctl(session, "stop", f"{unit}.service")
            _systemctl(session, "reset-failed", f"{unit}.service")
    pid = watcher(container)
    if pid > 0:
        try:
            os.killpg(pid, signal.SIGKILL)  # it and its sleep; a check under way is in a session of its own
        except (ProcessLookupError, PermissionError):
            pass
    if container.run_dir:
        try:
            os.unlink(os.path.join(container.run_dir, _PID_FILE))
        except OSError:
            pass


def watcher(container: Container) -> int:
    """The process that checks it; 0 when there is none, whatever the file says."""
    if not container.run_dir:
        return 0
    try:
        text = read_bytes(os.path.join(container.run_dir, _PID_FILE), 32).strip()
        words = read_bytes(f"/proc/{int(text)}/cmdline", 65536).split(b"\0")
    except (OSError, ValueError, EngineError):
        return 0
    return int(text) if _NAME.encode() in words and container.id.encode() in words else 0


def lost(session: Session, container: Container) -> bool:
    """Whether it should be checked and nobody does so: what checked it was killed.

    Two files are read, and only for a running container with a check.
    """
    if not container.running or _interval(container) <= 0 or session.command is None:
        return False
    if jsonval.text(container.state, "hcUnitName") and systemd_runs():
        return False
    return watcher(container) == 0


def mend(session: Session, container: Container) -> bool:
    """Have it checked again where that was lost."""
    from .holding import held

    if not lost(session, container):
        return False
    with held(session, container, "check the health of") as current:
        if not lost(session, current):
            return False
        begin(session, current)
    return True


def _interval(container: Container) -> float:
    """Seconds between two checks, those of the startup check until it has passed; 0 where none runs by itself."""
    regular = health_log.check_of(container)
    if regular and health_log.in_startup(container):
        return jsonval.number(health_log.startup_of(container), "Interval") / 1e9
    return jsonval.number(regular, "Interval") / 1e9


def _environment(session: Session) -> dict[str, str]:
    """What conmon's exit command gets as well: enough to find the same user's store and namespaces."""
    from ..runtime.monitor import kept_environment
    from .parts import monitor

    return {**kept_environment(), **dict(monitor(session).env)}


# -- systemd ----------------------------------------------------------------------------------------------------------


def _timer(session: Session, container: Container, seconds: float) -> str:
    """The name of a new timer that runs; "" where systemd is not there or refuses."""
    program = programs.find("systemd-run") if systemd_runs() else None
    if program is None or session.command is None:
        return ""
    mark = os.urandom(8).hex().lstrip("0") or "0"
    part = "-startup" if health_log.in_startup(container) else ""
    unit = f"{container.id}{part}-{mark}"
    argv = [program, *_bus(session), "--quiet", "--unit", unit, f"--on-unit-inactive={seconds:g}s"]
    argv += ["--property=LogLevelMax=notice", "--property=StartLimitIntervalSec=0", "--timer-property=AccuracySec=1s"]
    argv += [f"--setenv={name}={value}" for name, value in sorted(_environment(session).items())]
    argv += [session.command, "healthcheck", "run", "--ignore-result", container.id]
    try:
        made = session.runner.run(argv, timeout=10)
    except EngineError:
        return ""
    if made.rc != 0 or not _systemctl(session, "start", "--no-block", f"{unit}.service"):
        _systemctl(session, "stop", f"{unit}.timer")
        return ""
    return unit


def _inside(unit: str) -> bool:
    """Whether we are the very check that the unit runs: it ends when we do."""
    try:
        return unit.encode() in read_bytes("/proc/self/cgroup", 65536)
    except (OSError, EngineError):
        return False


def _bus(session: Session) -> list[str]:
    return ["--user"] if session.identity.rootless else []


def _systemctl(session: Session, *words: str) -> bool:
    program = programs.find("systemctl")
    if program is None:
        return False
    try:
        return session.runner.run([program, *_bus(session), *words], timeout=10).rc == 0
    except EngineError:
        return False
