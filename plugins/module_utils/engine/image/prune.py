# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that nobody uses, and removing them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.filters import Filter
from ..base.jsonval import tables, text
from ..base.steps import reached
from ..libpod.events import Event
from ..plan.pruning import IMAGE, Doomed
from . import usage
from .catalogue import Catalogue
from .filters import matching
from .lookup import finder

if TYPE_CHECKING:
    from collections.abc import Iterable

    from ..session.session import Session


def unused(
    session: Session, filters: Iterable[Filter], *, every: bool = False, gone: Iterable[str] = ()
) -> list[Doomed]:
    """What a prune would take: images without a name, or with ``every`` all, that no container was made from.

    Every container counts, stopped ones and those of other programs as well; ``gone`` are ids of containers that will
    not be there any more.  Raises BadInput, NotFound for filters.
    """
    wanted = list(filters)
    if not every and not any(one.key == "dangling" for one in wanted):
        wanted.append(Filter("dangling", "true"))
    catalogue = Catalogue(session.store, ignoring=frozenset(gone))
    used = _used(session, catalogue, frozenset(gone))
    find = finder(session)
    found: list[Doomed] = []
    while True:
        batch = [one for one in matching(catalogue, wanted, find) if not one.readonly and one.id not in used]
        if not batch:
            return found
        for image in batch:  # what the next of them frees depends on which went before
            found.append(Doomed(IMAGE, image.id, image.names, usage.freed(catalogue, [image])))
            catalogue = catalogue.without({image.id})


def _used(session: Session, catalogue: Catalogue, gone: frozenset[str]) -> set[str]:
    """Ids of images that a container was made from, or mounts."""
    used = {container.image for container in catalogue.containers}
    find = finder(session)
    for row in session.database.containers():
        if row.id in gone:
            continue
        used.add(text(row.config, "rootfsImageID"))
        for volume in tables(row.config, "ctrImageVolumes"):
            mounted = find(text(volume, "source"))
            if mounted is not None:
                used.add(mounted.id)
    return used


def remove(session: Session, doomed: Doomed) -> None:
    """Raises InUse when a container was made from it meanwhile."""
    session.store.remove_image(doomed.id)
    reached("image-pruned")
    session.emit(Event("image", "remove", id=doomed.id, name=doomed.names[0] if doomed.names else doomed.id))
