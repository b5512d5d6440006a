# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signal a container."""

from __future__ import annotations

import signal as signals
from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import NotFound
from .liveness import Init, is_alive
from .program import Call, Runtime, call

if TYPE_CHECKING:
    from ..host.process import Runner

_HIGHEST = 64
_NAME = patterns.compile(r"(?:SIG)?([A-Z][A-Z0-9]*)([+-]\d{1,2})?$", patterns.ASCII)


def kill(runner: Runner, runtime: Runtime, cid: str, name: str, signal: int) -> None:
    """Signal every process of the container, for those whose pid namespace is not their own.

    Raises NotFound when the runtime does not know it, EngineError when it has ended.
    """
    call(runner, runtime, Call(f"kill container {name}", ("kill", "--all", cid, str(signal))))


def signal_init(init: Init, signal: int) -> bool:
    """Signal the first process without starting a program; False when it has ended.

    The descriptor is taken before the process is recognised, so a reused pid is never hit. Raises PermissionError as
    kill(2) does.
    """
    import os

    try:
        fd = os.pidfd_open(init.pid)
    except ProcessLookupError:
        return False
    except OSError:  # before Linux 5.3, or a seccomp profile without it
        return _plain(init, signal)
    try:
        if not is_alive(init):
            return False
        signals.pidfd_send_signal(fd, signal)
    except ProcessLookupError:
        return False
    finally:
        os.close(fd)
    return True


def _plain(init: Init, signal: int) -> bool:
    import os

    if not is_alive(init):
        return False
    try:
        os.kill(init.pid, signal)
    except ProcessLookupError:
        return False
    return True


def number(text: str) -> int:
    """15 of `15`, `TERM`, `SIGTERM`, `sigterm`, `RTMIN+3`. Raises NotFound for a word that is no signal."""
    word = text.strip().upper()
    if word.isdigit() and 0 < int(word) <= _HIGHEST:
        return int(word)
    parts = _NAME.match(word)
    found = getattr(signals, f"SIG{parts.group(1)}", None) if parts else None
    if parts and isinstance(found, signals.Signals):
        value = int(found) + int(parts.group(2) or 0)
        if not parts.group(2) or (parts.group(1) in ("RTMIN", "RTMAX") and signals.SIGRTMIN <= value <= _HIGHEST):
            return value
    raise NotFound(f"find signal {text}", "there is no such signal")
