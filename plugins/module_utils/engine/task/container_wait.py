# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `container_wait`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import commands
from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "list", "elements": "str", "required": True},
    "condition": {
        "type": "list",
        "elements": "str",
        "default": ["stopped"],
        "choices": [
            "configured",
            "created",
            "exited",
            "healthy",
            "initialized",
            "paused",
            "removing",
            "running",
            "stopped",
            "stopping",
            "unhealthy",
        ],
    },
    "timeout": {"type": "float", "default": 300.0},
    "ignore": {"type": "bool", "default": False},
    "executable": EXECUTABLE,
}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("exit_codes", OPTIONS, look, reads=True))


def look(request: Request) -> Result:
    """In check mode it looks once: what would bring the condition about may not have been done."""
    import time

    from ..container import lookup
    from ..container.wait import UNMET, wait_for

    conditions = request.texts("condition")
    seconds = commands.seconds(request)
    session = request.session()
    end = time.monotonic() + (seconds or 0.0)
    codes: dict[str, int | None] = {}
    for name in request.texts("name"):
        container = lookup.lookup(session, name)
        if container is None and request.flag("ignore"):
            codes[name] = UNMET
            continue
        container = container or lookup.find(session, name, "wait for container")
        left = max(0.0, end - time.monotonic())
        codes[name] = wait_for(session, container, conditions, left, once=request.check)
    return Result(codes, changed=False, extra={"exit_code": list(codes.values())[-1] if codes else None})
