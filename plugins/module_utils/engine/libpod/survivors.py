# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Telling a reboot from a boot mark that was only lost: the monitors of running containers are still there."""

from __future__ import annotations

from ..base.files import read_bytes
from .rows import Json


def still_runs(id: str, state: Json) -> bool:
    """Whether the conmon that this state names lives and is this container's: its command line holds the full id."""
    pid = state.get("conmonPid")
    if not isinstance(pid, int) or pid <= 1:
        return False
    try:
        return id.encode() in read_bytes(f"/proc/{pid}/cmdline", 1 << 20).split(b"\0")
    except OSError:
        return False
