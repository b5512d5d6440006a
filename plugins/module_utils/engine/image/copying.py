# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The deed of copying an image from one end to another: look, plan, do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.tuples import NamedTuple
from ..libpod.events import Event
from ..plan.change import Plan, Step
from ..spec import reference
from . import transports
from .compare import Ends
from .copy import Copied, CopyOptions, chosen, copy, no_room, room_for_signatures
from .store_source import StoreSource
from .storing import StoreCopy
from .transports import Side, Transports

if TYPE_CHECKING:
    from ..registry.source import ImageSource
    from ..session.session import Session

COPY = "copy image"


class CopyDesired(NamedTuple):
    """From where to where, and what may change on the way."""

    source: Side
    destination: Side
    options: CopyOptions


class Copying:
    """Both ends, looked at.  close() it."""

    def __init__(self, session: Session, desired: CopyDesired) -> None:
        self._session = session
        self._desired = desired
        self._options = desired.options.checked()
        self._opened = Transports(session)
        try:
            self._look()
        except BaseException:
            self._opened.close()
            raise

    def _look(self) -> None:
        self._source, self._gate = self._opened.source(self._desired.source)
        self._store: StoreCopy | None = None
        to = self._desired.destination
        self.before = self.offered = ""
        if to.end.transport == transports.STORAGE:
            self._store = StoreCopy(self._opened.store(to.end), to.end, self._source, self._options, self._gate)
            self.same = self._store.there
            self.offered = self._store.chosen.documents[0][0]
            return
        self._destination = self._opened.destination(to, _siblings(self._source, self._desired.source))
        top = chosen(self._source, self._options)[0]
        self.offered = str(top.digest)
        there = self._opened.there(to)
        self.same = False
        if there is not None:
            self.same = Ends(self._source, there, self._destination, self._options).same()
            self.before = str(there.manifest().digest)
        unsigned = self.same or self._options.remove_signatures
        if not unsigned and room_for_signatures(self._destination) is None and self._source.signatures(top.digest):
            raise no_room(self._source, self._destination)

    def plan(self) -> Plan:
        """One step, or none when the image is there."""
        to = str(self._desired.destination.end)
        deed = f"copy of {self._desired.source.end} to {to}"
        before: dict[str, object] = {"image": to, "state": "present" if self.before else "absent"}
        if self.before:
            before["digest"] = self.before
        if self.same:
            return Plan(deed, (), (), before, before)
        options = self._options
        after: dict[str, object] = {"image": to, "state": "present", "copy_of": self.offered}
        for key, value in (("format", options.format), ("compression", options.compression)):
            if value:
                after[key] = value
        return Plan(deed, (Step(COPY, f"{self._desired.source.end} to {to}"),), (), before, after)

    def run(self) -> Copied:
        """Raises as both ends do."""
        if self._store is None:
            return copy(self._source, self._destination, self._options, self._gate)
        done = self._store.run()
        if not self._desired.destination.end.store:
            name = self._store.name
            self._session.emit(Event("image", "pull", id=self._store.chosen.id, name=name))
        return done

    def close(self) -> None:
        self._opened.close()


def _siblings(source: ImageSource, side: Side) -> tuple[str, ...]:
    """Names of repositories that may have the source's blobs: its own, or those that a stored image came from."""
    if side.end.transport == transports.DOCKER:
        return (reference.parse(side.end.name).name,)
    if side.end.transport != transports.STORAGE:
        return ()
    found = []
    for name in source.related() if isinstance(source, StoreSource) else ():
        try:
            found.append(reference.parse(name).name)
        except BadInput:
            continue
    return tuple(found)
