# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Running a container's health check once: the program, the verdict, the log, and what follows from it.

The verdicts are those of podman-healthcheck-run(1), so that either program goes on with what the other wrote.
"""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

from ..base import clock, jsonval
from ..base.errors import Conflict, EngineError, NotFound, TimedOut
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..spec.healthcheck import ON_FAILURE_NAMES
from . import health_log, health_watch, lookup
from .events import health_event
from .execute import ExecRequest, execute
from .health_log import HEALTHY, STARTING, STOPPED, UNHEALTHY
from .holding import held, save

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..session.session import Session
    from .model import Container

_LIMIT = 4 << 20  # what is kept of a check's output where the container sets no limit


class Checked(NamedTuple):
    """`word` is the verdict on this check (healthy, unhealthy, starting, stopped), `status` that on the container;
    `action` what was done to a container that has become unhealthy.
    """

    word: str
    status: str
    code: int
    output: str
    action: str = ""


class _Ran(NamedTuple):
    start: str
    end: str
    code: int
    output: str


def check(session: Session, container: Container) -> Checked:
    """Run it now. Raises BadInput for a container without one, Conflict when the container does not run."""
    deed = f"check the health of container {container.name}"
    health_log.require(container, deed)
    if not container.running or container.paused:
        raise Conflict(deed, f"it is not running but {container.status}")
    startup = health_log.in_startup(container)
    ran = _run(session, container, startup)
    reached("health-checked")
    try:
        with held(session, container, "check the health of") as current:
            checked, restart = _judge(session, current, ran, startup)
    except NotFound:
        return Checked(STOPPED, STOPPED, ran.code, ran.output)
    reached("health-recorded")
    if restart:
        return checked._replace(action=_act(session, container, "restart"))
    if checked.status == UNHEALTHY and not startup:
        number = jsonval.number(container.config, "healthcheck_on_failure_action")
        return checked._replace(action=_act(session, container, ON_FAILURE_NAMES.get(number, "none")))
    return checked


def command_of(test: list[str]) -> tuple[str, ...]:
    """What runs in the container for a `Test`."""
    if test[0] == "CMD":
        return tuple(test[1:])
    if test[0] == "CMD-SHELL":
        return ("/bin/sh", "-c", " ".join(test[1:]))
    return tuple(test)


def _run(session: Session, container: Container, startup: bool) -> _Ran:
    regular = health_log.check_of(container)
    wanted = health_log.startup_of(container) if startup else regular
    seconds = (jsonval.number(wanted, "Timeout") or jsonval.number(regular, "Timeout")) / 1e9
    request = ExecRequest(argv=command_of(jsonval.texts(wanted, "Test")), seconds=seconds or None, quiet=True)
    start = clock.now()
    try:
        done = execute(session, container, request)
        code, output = (1 if done.rc else 0), (done.stdout + done.stderr).decode("utf-8", "replace")
    except TimedOut:
        code, output = -1, f"the health check did not end within {seconds:g} s"
    except EngineError as error:
        code, output = 1, error.cause
    limit = jsonval.number(container.config, "healthMaxLogSize", 500) or _LIMIT
    return _Ran(start, clock.now(), code, output[:limit])


def _judge(session: Session, container: Container, ran: _Ran, startup: bool) -> tuple[Checked, bool]:
    """Under the lock: count, write the log, tell. Also whether a startup check has failed so often that the container
    is to be restarted.
    """
    restart = False
    word = HEALTHY if ran.code == 0 else UNHEALTHY
    stopped = ran.code != 0 and not container.running
    if startup and container.running:
        restart = _count_startup(session, container, passed=ran.code == 0)
        word = HEALTHY if ran.code == 0 else STARTING
    if stopped:
        word = STOPPED
    before = health_log.read(container)
    excused = startup or _in_start_period(container)
    document = judged(before, ran.code, stopped=stopped, excused=excused, limits=container.config)
    document["Log"] = _appended(before, ran, jsonval.number(container.config, "healthMaxLogCount", 5))
    health_log.write(container, document)
    status = jsonval.text(document, "Status")
    health_event(session, container, document)
    return Checked(word, status, ran.code, ran.output), restart and ran.code != 0


def judged(before: Json, code: int, *, stopped: bool, excused: bool, limits: Json) -> Json:
    """Status and failing streak after one more check. `excused` failures do not count: those of the start period."""
    streak, status = jsonval.number(before, "FailingStreak"), jsonval.text(before, "Status")
    if code == 0:
        return {"Status": HEALTHY, "FailingStreak": 0}
    status = status or HEALTHY
    if stopped:
        return {"Status": STOPPED, "FailingStreak": streak}
    if not excused:
        streak += 1
        if streak >= jsonval.number(jsonval.table(limits, "healthcheck"), "Retries", 3):
            status = UNHEALTHY
    return {"Status": status, "FailingStreak": streak}


def _appended(before: Json, ran: _Ran, most: int) -> list[Json]:
    log = jsonval.tables(before, "Log")
    log.append({"Start": ran.start, "End": ran.end, "ExitCode": ran.code, "Output": ran.output})
    return log[-most:] if most > 0 else log


def _in_start_period(container: Container) -> bool:
    period = jsonval.number(health_log.check_of(container), "StartPeriod")
    if period <= 0 or clock.is_zero(container.started_at):
        return False
    return time.time_ns() < clock.parse(container.started_at) + period


def _count_startup(session: Session, container: Container, *, passed: bool) -> bool:
    """True when the container has failed too often; once it has passed, the regular check begins at once."""
    wanted, state = health_log.startup_of(container), container.state
    if jsonval.flag(state, "startupHCPassed"):
        return False
    if not passed:
        failures = jsonval.number(state, "startupHCFailureCount") + 1
        save(session, container, startupHCFailureCount=failures)
        limit = jsonval.number(wanted, "Retries")
        return 0 < limit <= failures
    successes = jsonval.number(state, "startupHCSuccessCount") + 1
    if successes < jsonval.number(wanted, "Successes"):
        save(session, container, startupHCSuccessCount=successes)
        return False
    changes = {"startupHCPassed": True, "startupHCSuccessCount": None, "startupHCFailureCount": None}
    health_watch.begin(session, save(session, container, **changes))
    return False


def _act(session: Session, container: Container, action: str) -> str:
    """What the container's failure action says; what has been done to it meanwhile by others stays."""
    fresh = lookup.by_id(session, container.id)
    if fresh is None or not fresh.running or action not in ("kill", "restart", "stop"):
        return ""
    if action == "kill":
        from .kill import kill

        kill(session, fresh, signal.SIGKILL)
    elif action == "stop":
        from .stop import stop

        stop(session, fresh)
    else:
        from .start import start
        from .stop import stop

        if not stop(session, fresh):
            return ""  # somebody else has stopped it
        start(session, lookup.find(session, container.id))
    return action
