# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images from files into the store, under the name in the file or a given one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..libpod.events import Event
from ..registry import places, policy
from ..session.below import layer_limits
from ..spec import reference
from . import transfer
from .options import PullOptions
from .pull import by_id
from .trust import Gate

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..registry.places import FileSource, Place
    from ..registry.root_tree import Recipe
    from ..session.session import Session
    from .desired import ImageDesired
    from .transfer import Chosen
    from .view import ImageView


class Archive:
    """An opened image file: what it holds is known, nothing is stored yet.  close() it."""

    def __init__(self, session: Session, place: Place, options: PullOptions, recipe: Recipe | None = None) -> None:
        self.place = place
        ruling = policy.load(session.identity).rule(place.policy_transport, place.scopes, str(place))
        self._source: FileSource = places.open_place(place, recipe, layer_limits(session))
        try:
            self.chosen: Chosen = transfer.choose(
                self._source, self._source.manifest(), options.platform, Gate(ruling, None, session.runner)
            )
        except BaseException:
            self._source.close()
            raise

    @property
    def names(self) -> tuple[str, ...]:
        """What the file itself calls the image, normalised; a name that is none is left out."""
        tags = getattr(self._source, "tags", None) or (self._source.name,)
        found = []
        for tag in tags:
            try:
                found.append(str(reference.parse(tag).with_default_tag()))
            except BadInput:
                continue
        return tuple(found)

    @property
    def given(self) -> str:
        """The digest of a root tree's file as it was given."""
        return str(getattr(self._source, "given", None) or "")

    def name_for(self, desired: ImageDesired) -> str:
        """The name to store it under: one of its own that the wanted short name may stand for, else the wanted one."""
        if reference.is_short(desired.name):
            short = str(desired.stored_name).partition("/")[2]
            for name in self.names:
                if name.endswith(f"/{short}"):
                    return name
        return desired.stored_name

    def foretold(self, names: Sequence[str]) -> dict[str, object]:
        """What inspect will tell of the image once it is stored."""
        from .foretold import foretold

        return foretold(self.chosen, names)

    def store(self, session: Session, names: tuple[str, ...]) -> ImageView:
        identity = transfer.take(session.store, self._source, self.chosen, names)
        session.emit(Event("image", "loadfromarchive", id=identity, name=str(self.place)))
        return by_id(session, identity, names[0] if names else "")

    def close(self) -> None:
        self._source.close()


def load(session: Session, place: Place, name: str, options: PullOptions) -> ImageView:
    """Store the image of a file under ``name``, or under its own names when that is empty."""
    archive = Archive(session, place, options)
    try:
        return archive.store(session, (name,) if name else archive.names)
    finally:
        archive.close()
