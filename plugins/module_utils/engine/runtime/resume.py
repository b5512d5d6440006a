# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Thaw the processes of a paused container."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .program import Call, Runtime, call

if TYPE_CHECKING:
    from ..host.process import Runner


def resume(runner: Runner, runtime: Runtime, cid: str, name: str) -> None:
    call(runner, runtime, Call(f"unpause container {name}", ("resume", cid)))
