# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network that containers of a pod share, held still while some of them are frozen or come back.

CRIU drops all packets of a network namespace whose processes it freezes, and leaves it so. That is right when all of a
pod is frozen, since the connections between its containers, and those to others, live on then; what runs again, or goes
on running, gets the network back here. A file in the run directory of the infra container says that it may be still.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.errors import HostLacks, ToolFailed
from ..base.files import atomic_write
from ..base.locks import FileLock
from ..base.steps import reached
from ..netavark import gate
from ..spec import start_spec
from . import lookup, parts

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..session.session import Session
    from .journal import Entry
    from .model import Container

DEED = "still"
_MARK = "network-still"


def owner_of(session: Session, container: Container) -> Container | None:
    """Whose network it shares; None for one that has its own, the host's or none."""
    other = start_spec.container_ids(container.config).get("network")
    return lookup.by_id(session, other) if other else None


@contextmanager
def around(session: Session, owner: Container | None) -> Iterator[None]:
    """Freeze or bring back containers of its network within.

    Afterwards the network goes on if any of them runs, and stays still otherwise. A kill in between is put right by the
    next task. Raises as gate.open_again.
    """
    if owner is None or not owner.running:
        yield
        return
    with parts.journal(session).begin(owner.id, DEED):
        atomic_write(_mark(owner), b"", durable=False)
        try:
            yield
        finally:
            _settle(session, owner)


def shut(session: Session, owner: Container | None) -> None:
    """Within around(), before the first of several comes back: drop packets until then."""
    if owner is not None and owner.running:
        _shut(session, _netns(owner))
        reached("network-still")


@contextmanager
def own(session: Session, netns: str) -> Iterator[None]:
    """The same for a network that nobody shares. After an error it stays still: it is taken away then."""
    still = _shut(session, netns)
    yield
    if still:
        gate.open_again(session.runner, netns)


def _shut(session: Session, netns: str) -> bool:
    """Without it, all comes back but connections that somebody uses meanwhile."""
    try:
        gate.shut(session.runner, netns)
    except (HostLacks, ToolFailed) as error:
        session.warn(f"Connections may be cut off by packets that come before they are restored: {error}")
        return False
    return True


def go_on(session: Session, container: Container) -> None:
    """Before a start: others of its network may have been frozen, and have left it still."""
    found = owner_of(session, container)
    if found is not None and found.running and os.path.exists(_mark(found)):
        _open(session, found)


def repair(session: Session, entry: Entry) -> str:
    """After a kill within around(): what is done now, for people, or ""."""
    found = lookup.by_id(session, entry.key)
    if found is None or not found.running or not _settle(session, found):
        return ""
    return f"the network of container {found.name}, which was held still, goes on"


def _settle(session: Session, owner: Container) -> bool:
    """Let the network go on if anything of it runs; whether it does."""
    others = (lookup.by_id(session, other) for other in session.database.dependents(owner.id))
    runs = any(one is not None and one.running for one in others)
    if runs:
        _open(session, owner)
    return runs


def _open(session: Session, owner: Container) -> None:
    """Containers that are started side by side may all want to."""
    with FileLock(f"{_mark(owner)}.lock", mode=0o600):
        if os.path.exists(_mark(owner)):
            gate.open_again(session.runner, _netns(owner))
            os.unlink(_mark(owner))


def _netns(owner: Container) -> str:
    return f"/proc/{owner.pid}/ns/net"


def _mark(owner: Container) -> str:
    return os.path.join(owner.run_dir, _MARK)
