# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replacing a container by one with other settings, as a transaction.

    preparing   the new one is being made under a name of its own
    prepared    the new one is complete; the old one has not been touched
    stopping    the old one is being stopped
    swapped     both have changed names; the new one is being started
    confirmed   the new one runs (or need not run): what remains is to remove the old one

Where the new one is started first, there are two others in the place of the middle ones:

    starting    the new one is being started, under its own name; the old one has not been touched
    ready       the new one runs: the old one is being stopped, then both change names

Up to `confirmed` every failure ends with the old container back as it was. So does every interruption, but for one
that is found at `ready`: there the next task goes on to the end.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import EngineError
from ..base.ids import new_id
from ..base.steps import reached
from ..base.tuples import NamedTuple
from . import lookup, parts
from .cleanup import restart_pending
from .journal import roll_back
from .pause import pause
from .remove import remove
from .start import start
from .stop import stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..session.session import Session
    from .journal import Entry
    from .model import Container
    from .run import RunResult

    Make = Callable[[str, Entry], Container]
    Begin = Callable[[Container, Callable[[], None]], "RunResult | None"]

_CONFIRMED = "confirmed"
_READY = "ready"
_TOUCHED = ("stopping", "swapped", _READY)  # before, what has happened to the old one since was somebody else's doing


class Manner(NamedTuple):
    """How one is replaced: `begin(container, begun)` starts the new one, calls `begun` when it runs, and may stay until
    it ends (None: it is not started); `timeout` for stopping the old one, `volumes` whether its anonymous volumes go,
    `first` whether the new one is started before the old one is stopped.
    """

    begin: Begin | None
    timeout: int | None = None
    volumes: bool = False
    first: bool = False


def replace(session: Session, old: Container, make: Make, manner: Manner) -> RunResult | None:
    """Put the container that `make(name, entry)` creates in the place of `old`; what `begin` gave.

    `make` takes the entry's key as id and notes the lock it allocates.

    Raises the failure of whichever step failed, after the old container is back under its name and runs again if it
    ran before; the error says so.
    """
    name, mark = old.name, os.urandom(4).hex()
    spare = f"{name[:200]}-{mark}"
    facts: dict[str, str | int | bool] = {
        "old": old.id,
        "name": name,
        "spare": spare,
        "retired": f"{spare}-old",
        "running": old.running or restart_pending(old),
        "paused": old.paused,
        "volumes": manner.volumes,
        "phase": "preparing",
    }
    entry = parts.journal(session).begin(new_id(), "replace", **facts)
    try:
        new = make(spare, entry)
        entry.note(phase="prepared")
    except BaseException:
        entry.end()  # `make` has taken back what it did
        raise
    try:
        swap = _swap_running if manner.first else _swap
        result = swap(session, entry, old, new, manner)
    except EngineError as error:
        if entry.text("phase") == _CONFIRMED:  # it ran: what failed since is no reason to go back
            _finish(session, entry)
        else:
            roll_back(entry, error, lambda: _restore(session, entry))
        raise
    _finish(session, entry)
    return result


def _swap(session: Session, entry: Entry, old: Container, new: Container, manner: Manner) -> RunResult | None:
    name = entry.text("name")
    reached("replacement-prepared")
    entry.note(phase="stopping")
    stop(session, old, manner.timeout)
    reached("replaced-stopped")
    entry.note(phase="swapped")
    _rename_all(session, [(old.id, entry.text("retired")), (new.id, name)])
    reached("names-swapped")

    def begun() -> None:
        reached("replacement-begun")
        entry.note(phase=_CONFIRMED)
        reached("replacement-started")

    if manner.begin is not None:
        return manner.begin(lookup.find(session, name), begun)
    begun()
    return None


def _swap_running(session: Session, entry: Entry, old: Container, new: Container, manner: Manner) -> RunResult | None:
    """As `_swap`, with the new one running before the old one is stopped."""
    reached("replacement-prepared")
    entry.note(phase="starting")

    def begun() -> None:
        reached("replacement-begun")
        entry.note(phase=_READY)
        reached("replacement-ready")
        _take_over(session, entry, old, new, manner.timeout)
        reached("replacement-started")

    if manner.begin is None:
        begun()
        return None
    return manner.begin(new, begun)


def _take_over(session: Session, entry: Entry, old: Container | None, new: Container, timeout: int | None) -> None:
    """The old one stopped, and its name given to the new one, which runs. Repeating it completes it."""
    name = entry.text("name")
    if old is not None:
        stop(session, old, timeout)
    reached("replaced-stopped")
    leaving = [(old.id, entry.text("retired"))] if old is not None else []
    _rename_all(session, [*leaving, (new.id, name)], recorded=new.name == name)
    entry.note(phase=_CONFIRMED)
    reached("names-swapped")


def _rename_all(session: Session, names: list[tuple[str, str]], *, recorded: bool = False) -> None:
    """All (id, new name) at once in libpod's tables, unless that is `recorded` already; in storage, whose names nobody
    compares, one after the other."""
    if not recorded:
        session.database.swap_names(names)
    reached("names-swapped-in-database")
    for cid, name in names:
        session.store.rename_container(cid, name)


def _finish(session: Session, entry: Entry) -> None:
    try:
        _remove_old(session, entry)
    except EngineError as error:
        entry.leave()  # the new one is in its place; the next task removes the old one
        session.warn(f"The replaced container could not be removed yet: {error}")
        return
    entry.end()


def _remove_old(session: Session, entry: Entry) -> None:
    old = lookup.by_id(session, entry.text("old"))
    if old is not None:
        remove(session, old, force=True, volumes=entry.notes.get("volumes") is True, timeout=0)


def _restore(session: Session, entry: Entry) -> str:
    """The old container back under its name, running if it ran, and the new one gone. What that means, for people."""
    name, spare = entry.text("name"), entry.text("spare")
    old, new = lookup.by_id(session, entry.text("old")), lookup.by_id(session, entry.key)
    if new is None:
        from .create import undo

        undo(session, entry)
    else:
        stop(session, new, 0)
    if old is not None and old.name != name:
        if new is not None:
            _rename_all(session, [(new.id, spare), (old.id, name)])
        else:
            session.database.rename(old.id, name)
            session.store.rename_container(old.id, name)
    if new is not None:
        remove(session, new, force=True, timeout=0)
    if old is None:
        return ""
    if entry.notes.get("running") is not True or entry.text("phase") not in _TOUCHED:
        word = "still runs" if old.running else "is still there"
        return f"The container as it was before {word} under the name {name}"
    start(session, lookup.find(session, name))
    if entry.notes.get("paused") is True:
        pause(session, lookup.find(session, name))
    return f"The container as it was before runs again under the name {name}"


def settle_interrupted(session: Session, entry: Entry) -> str:
    """Finish or take back a replacement whose task was killed."""
    name = entry.text("name")
    if entry.text("phase") == _CONFIRMED:
        _remove_old(session, entry)
        return f"finished replacing container {name}"
    new = lookup.by_id(session, entry.key)
    if entry.text("phase") == _READY and new is not None:
        _take_over(session, entry, lookup.by_id(session, entry.text("old")), new, None)
        _remove_old(session, entry)
        return f"finished replacing container {name}"
    _restore(session, entry)
    return f"took back the interrupted replacement of container {name}"
