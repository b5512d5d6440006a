# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Freeze every process of a container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .program import Call, Runtime, call

if TYPE_CHECKING:
    from ..host.process import Runner


def pause(runner: Runner, runtime: Runtime, cid: str, name: str) -> None:
    """Needs a cgroup of its own (CgroupFacts.can_create). Raises EngineError with the runtime's cause."""
    call(runner, runtime, Call(f"pause container {name}", ("pause", cid)))
