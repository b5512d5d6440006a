# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `container_healthcheck`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "str", "required": True},
    "ignore_result": {"type": "bool", "default": False},
    "executable": EXECUTABLE,
}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("health", OPTIONS, check, reads=True))


def check(request: Request) -> Result:
    """In check mode nothing is run in the container: what the last check found is told."""
    from ..container import health, health_log, lookup

    session = request.session()
    container = lookup.find(session, request.text("name"), "check the health of container")
    if request.check:
        health_log.require(container, f"check the health of container {container.name}")
        found = health_log.read(container)
        return Result(found, changed=False, extra={"status": found["Status"], "result": "", "output": ""})
    done = health.check(session, container)
    fresh = lookup.by_id(session, container.id) or container
    good = done.word == health_log.HEALTHY or request.flag("ignore_result")
    failure = "" if good else f"container {container.name} is {done.word}{health_log.told(fresh)}"
    return Result(
        health_log.read(fresh),
        changed=bool(done.action),
        extra={"status": done.status, "result": done.word, "output": done.output, "action": done.action},
        failure=failure,
    )
