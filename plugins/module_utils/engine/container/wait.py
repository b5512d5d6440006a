# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Waiting for a container to end."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..base.errors import Damaged, NotFound, TimedOut
from ..libpod.rows import CONFIGURED, CREATED
from ..runtime import exits
from . import lookup
from .settle import exit_paths

if TYPE_CHECKING:
    from ..session.session import Session
    from .model import Container

_UNKNOWN_EXIT = 255


def wait(session: Session, container: Container, timeout: float | None = None) -> int:
    """The exit code, once it has ended; of one that has already ended, at once.

    One that never ran is waited for. Raises TimedOut after `timeout` seconds.
    """
    deadline = None if timeout is None else time.monotonic() + timeout
    paths = exit_paths(session, container.id)
    while True:
        left = None if deadline is None else max(0.0, deadline - time.monotonic())
        if container.running:
            try:
                ended = exits.wait(paths, container.init, container.name, left)
            except Damaged:
                return _UNKNOWN_EXIT
            if ended is not None:
                return ended.code
        code = _recorded(session, container)
        if code is not None:
            return code
        if left == 0.0:
            raise TimedOut(f"wait for container {container.name}", f"it has not ended after {timeout:g} s")
        time.sleep(0.05)
        fresh = lookup.by_id(session, container.id)
        if fresh is None:
            code = session.database.exit_code(container.id)
            if code is not None:
                return code
            raise NotFound(f"wait for container {container.name}", "it was removed meanwhile")
        container = fresh


def _recorded(session: Session, container: Container) -> int | None:
    if container.code in (CONFIGURED, CREATED) or container.running:
        return None
    if container.ended_unseen:
        found = exits.read(exit_paths(session, container.id), container.id)
        return found.code if found else session.database.exit_code(container.id)
    return container.exit_code
