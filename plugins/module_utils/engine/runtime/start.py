# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Let a created container run its program."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .program import Call, Runtime, call

if TYPE_CHECKING:
    from ..host.process import Runner


def start(runner: Runner, runtime: Runtime, cid: str, name: str) -> None:
    """Returns when the program has been executed. Raises EngineError with the runtime's cause."""
    call(runner, runtime, Call(f"start container {name}", ("start", cid)))
