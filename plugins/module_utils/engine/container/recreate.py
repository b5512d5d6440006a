# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Replacing a container by one with other settings, as a transaction.

    preparing   the new one is being made under a name of its own
    prepared    the new one is complete; the old one has not been touched
    stopping    the old one is being stopped
    swapped     both have changed names; the new one is being started
    confirmed   the new one runs (or need not run): what remains is to remove the old one

Up to `confirmed` every failure and every interruption ends with the old container back as it was.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import EngineError
from ..base.ids import new_id
from ..base.steps import reached
from . import lookup, parts
from .remove import remove
from .start import start
from .stop import stop

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..session.session import Session
    from .journal import Entry
    from .model import Container

    Make = Callable[[str, Entry], Container]

_CONFIRMED = "confirmed"


def replace(session: Session, old: Container, make: Make, *, run: bool, timeout: int | None = None) -> Container:
    """Put the container that `make(name, entry)` creates in the place of `old`; it is started when `run` is true.

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
        "running": old.running,
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
        _swap(session, entry, old, new, run, timeout)
    except EngineError as error:
        _roll_back(session, entry, error)
        raise
    fresh = lookup.find(session, name)
    try:
        _finish(session, entry)
    except EngineError as error:
        entry.leave()  # the new one runs; the next task removes the old one
        session.warn(f"The replaced container could not be removed yet: {error}")
    return fresh


def _swap(session: Session, entry: Entry, old: Container, new: Container, run: bool, timeout: int | None) -> None:
    name = entry.text("name")
    reached("replacement-prepared")
    entry.note(phase="stopping")
    stop(session, old, timeout)
    reached("replaced-stopped")
    entry.note(phase="swapped")
    _rename_both(session, (old.id, entry.text("retired")), (new.id, name))
    reached("names-swapped")
    if run:
        start(session, lookup.find(session, name))
    reached("replacement-started")
    entry.note(phase=_CONFIRMED)


def _rename_both(session: Session, leaving: tuple[str, str], taking: tuple[str, str]) -> None:
    """Both (id, new name) at once in libpod's tables; in storage, whose names nobody compares, one after the other."""
    session.database.swap_names([leaving, taking])
    reached("names-swapped-in-database")
    for cid, name in (leaving, taking):
        session.store.rename_container(cid, name)


def _finish(session: Session, entry: Entry) -> None:
    old = lookup.by_id(session, entry.text("old"))
    if old is not None:
        remove(session, old, force=True, timeout=0)
    entry.end()


def _roll_back(session: Session, entry: Entry, error: EngineError) -> None:
    try:
        restored = _restore(session, entry)
    except EngineError as failure:
        entry.leave()
        error.add_cleanup_failure(str(failure))
        return
    entry.end()
    error.hint = f"{error.hint.rstrip('.')}. {restored}".lstrip(". ")


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
            _rename_both(session, (new.id, spare), (old.id, name))
        else:
            session.database.rename(old.id, name)
            session.store.rename_container(old.id, name)
    if new is not None:
        remove(session, new, force=True, timeout=0)
    if old is None:
        return ""
    if entry.notes.get("running") is True:
        start(session, lookup.find(session, name))
        return f"The container as it was before runs again under the name {name}"
    return f"The container as it was before is still there under the name {name}"


def settle_interrupted(session: Session, entry: Entry) -> str:
    """Finish or take back a replacement whose task was killed."""
    name = entry.text("name")
    if entry.text("phase") == _CONFIRMED:
        old = lookup.by_id(session, entry.text("old"))
        if old is not None:
            remove(session, old, force=True, timeout=0)
        return f"finished replacing container {name}"
    _restore(session, entry)
    return f"took back the interrupted replacement of container {name}"
