# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Putting right what killed tasks left behind, from the journal of unfinished deeds and from a reboot's report."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import EngineError, NotFound
from . import lookup, parts, stillness
from .create import undo
from .remove import finish_removal, remove

if TYPE_CHECKING:
    from ..session.session import Session
    from .journal import Entry


def sweep(session: Session) -> list[str]:
    """Finish or undo every deed whose author is gone; what was done, for people. Called before anything is changed.

    A deed that cannot be put right now stays in the journal and becomes a warning, so that one broken container does
    not keep all others from being managed.
    """
    done: list[str] = []
    found = False
    for entry in parts.journal(session).abandoned():
        found = True
        try:
            text = _DEEDS.get(entry.text("deed"), _nothing)(session, entry)
        except EngineError as error:
            entry.leave()
            session.warn(f"An interrupted task could not be put right: {error}")
            continue
        entry.end()
        if text:
            done.append(text)
    if found:
        session.store.repair()  # whatever storage was in the middle of
    done += _after_boot(session)
    return done


def _nothing(session: Session, entry: Entry) -> str:
    return ""


def _number(entry: Entry, name: str) -> int:
    value = entry.notes.get(name, -1)
    return value if isinstance(value, int) else -1


def _create(session: Session, entry: Entry) -> str:
    """Without rows in the database the container never came to be: its storage and lock go."""
    if lookup.by_id(session, entry.key) is not None:
        return ""
    undo(session, entry)
    return f"removed the half-made container {entry.text('name')}"


def _import(session: Session, entry: Entry) -> str:
    """As `_create`, with the volumes that came out of the archive."""
    if lookup.by_id(session, entry.key) is not None:
        return ""
    from .checkpoint_import import undo as undo_import

    undo_import(session, entry)
    return f"removed the half-imported container {entry.text('name')}"


def _remove(session: Session, entry: Entry) -> str:
    if not finish_removal(session, entry.key, _number(entry, "lock"), entry.text("volumes").split()):
        return ""
    return f"finished removing container {entry.key[:12]}"


def _replace(session: Session, entry: Entry) -> str:
    from .recreate import settle_interrupted

    return settle_interrupted(session, entry)


_DEEDS = {
    "create": _create,
    "import": _import,
    "remove": _remove,
    "replace": _replace,
    stillness.DEED: stillness.repair,
}


def _after_boot(session: Session) -> list[str]:
    """Containers that were to vanish when they end, and did not because the host went down."""
    report = session.after_boot
    if report is None:
        return []
    session.after_boot = None
    done = []
    for cid in report.to_remove:
        container = lookup.by_id(session, cid)
        if container is None:
            continue
        try:
            remove(session, container, force=True, volumes=True)
        except NotFound:
            continue
        except EngineError as error:
            session.warn(f"Container {container.name} could not be removed after the reboot: {error}")
            continue
        done.append(f"removed container {container.name}, which ended with the last boot")
    return done
