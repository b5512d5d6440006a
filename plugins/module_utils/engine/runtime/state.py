# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the runtime itself knows of a container."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..base.errors import NotFound
from ..base.files import parse_json
from .program import Call, Runtime, call

if TYPE_CHECKING:
    from ..host.process import Runner


class RuntimeState(NamedTuple):
    """`status`: creating, created, running, paused or stopped; `pid` 0 when stopped."""

    status: str
    pid: int


def state(runner: Runner, runtime: Runtime, cid: str, name: str) -> RuntimeState | None:
    """None when the runtime does not know it. Costs a process: liveness.py answers most questions without."""
    try:
        done = call(runner, runtime, Call(f"ask for the state of container {name}", ("state", cid), deadline=10.0))
    except NotFound:
        return None
    found = parse_json(done.stdout, f"state of container {name}")
    if not isinstance(found, dict):
        return None
    pid = found.get("pid")
    return RuntimeState(str(found.get("status", "")), pid if isinstance(pid, int) else 0)
