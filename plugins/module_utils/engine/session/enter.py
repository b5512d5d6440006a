# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Entering a plain user's namespaces before anything else is opened."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..host import userns
from ..libpod.conf import session_bus
from ..libpod.paths import state_directory
from ..libpod.survivors import still_runs

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..host.identity import Identity
    from .session import Session


def enter(session: Session) -> Identity:
    """Join or make the namespaces, and give the programs below us the surroundings that podman gives them.

    Raises HostLacks; see userns.enter.
    """
    identity = session.identity
    os.environ["XDG_RUNTIME_DIR"] = identity.runtime_dir
    os.environ["HOME"] = identity.home
    bus = session_bus(identity)
    if bus is not None:
        os.environ["DBUS_SESSION_BUS_ADDRESS"] = bus

    def monitors() -> Iterator[int]:
        try:
            yield from _monitors(session)
        finally:
            session.close()  # what was opened outside must not be used inside

    return userns.enter(identity, lambda: session.runner, state_directory(identity), monitors)


def _monitors(session: Session) -> Iterator[int]:
    """conmon processes of containers that the database believes running."""
    for row in session.database.containers():
        pid = row.state.get("conmonPid")
        if isinstance(pid, int) and still_runs(row.id, row.state):
            yield pid
