# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is: the local image under a name, who uses it, and what the registry or file would give instead."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, EngineError, NotFound
from ..base.tuples import NamedTuple
from . import lookup
from .incoming import Incoming
from .pull import here, holds

if TYPE_CHECKING:
    from ..session.session import Session
    from ..store.records import ImageRecord
    from .desired import ImageDesired
    from .load import Archive
    from .view import ImageView


class Local(NamedTuple):
    """The image here: ``matched`` is the name it was found by ("" for an id), ``users`` are containers made from it.

    ``parents`` are nameless images that nothing but this one stands on, the nearest first.
    """

    id: str
    names: tuple[str, ...]
    digests: tuple[str, ...]
    matched: str
    users: tuple[str, ...] = ()
    parents: tuple[str, ...] = ()


class Offer(NamedTuple):
    """What a pull or load would bring: under which name, with which digest; ``same`` when it is the local image.

    ``names`` are those that an image of this id has here already.
    """

    name: str
    digest: str
    id: str = ""
    same: bool = False
    names: tuple[str, ...] = ()
    digests: tuple[str, ...] = ()


class Observed(NamedTuple):
    """``offer`` is None where the desire did not call for asking, ``unreachable`` why asking led nowhere."""

    local: Local | None
    offer: Offer | None = None
    unreachable: str = ""


def observe(session: Session, desired: ImageDesired, source: Archive | Incoming) -> Observed:
    """Look; asks the registry only where the answer matters.  Raises what looking up and asking raise."""
    if not isinstance(source, Incoming):
        return _with_archive(session, desired, source)
    found = lookup.find_record(session, desired.name, lists=not desired.present)
    if not desired.present:
        if found is None:
            return Observed(None)
        record, matched = found
        users = tuple(
            user.names[0] if user.names else user.id for user in session.store.containers() if user.image == record.id
        )
        local = Local(record.id, record.names, record.digests, matched, users)
        return Observed(local._replace(parents=parents_of(session, record)) if _goes(local) else local)
    image = here(session, desired.name, desired.options) if found else None
    return _with_registry(session, desired, image, source)


def _goes(local: Local) -> bool:
    """Whether the image loses its last name, and so parents may go with it."""
    return not local.names or local.names == (local.matched,) or (local.matched not in local.names)


def parents_of(session: Session, record: ImageRecord) -> tuple[str, ...]:
    """As `podman rmi` prunes them: one after the other, up to the first that has a name, a user or another child."""
    from .catalogue import Catalogue

    catalogue = Catalogue(session.store)
    gone = {record.id}
    found: list[str] = []
    parent = catalogue.parent(record)
    while parent is not None and not parent.readonly:
        if not catalogue.without(gone).is_dangling(parent) or catalogue.users(parent):
            break
        found.append(parent.id)
        gone.add(parent.id)
        parent = catalogue.parent(parent)
    return tuple(found)


def _local(image: ImageView) -> Local:
    return Local(image.id, image.names, image.record.digests, image.matched)


def _with_registry(session: Session, desired: ImageDesired, image: ImageView | None, incoming: Incoming) -> Observed:
    local = _local(image) if image else None
    policy = "always" if desired.force and desired.policy != "never" else desired.policy
    if image is not None and not image.matched:
        if policy == "always":
            raise BadInput(f"pull {desired.name}", "it is the id of a local image, which cannot be pulled")
        return Observed(local)
    if policy == "never":
        if local is None:
            raise NotFound(f"find image {desired.name}", "it is not on this host, and pulling is turned off")
        return Observed(local)
    if policy == "missing" and local is not None:
        return Observed(local)
    same = False
    try:
        if image is not None:
            found, digest = incoming.head()
            same = holds(image, digest, desired.options.platform)
            if same:
                incoming.confirm(found, image, policy)
                return Observed(local, Offer(str(found), str(digest), image.id, same=True, names=image.names))
        name, chosen = incoming.open()
    except EngineError as err:
        if policy == "newer" and local is not None and not same:
            return Observed(local, unreachable=str(err))
        raise
    digests = tuple(digest for digest, _data in chosen.documents)
    return Observed(local, Offer(str(name), digests[-1], chosen.id, False, _names(session, chosen.id), digests))


def _names(session: Session, identity: str) -> tuple[str, ...]:
    return next((record.names for record in session.store.images() if record.id == identity), ())


def _with_archive(session: Session, desired: ImageDesired, archive: Archive) -> Observed:
    name = archive.name_for(desired)
    found = lookup.find(session, name)
    chosen = archive.chosen
    same = found is not None and (found.id == chosen.id or _same_tree(found, archive))
    offer = Offer(name, chosen.documents[0][0], chosen.id, same, _names(session, chosen.id), (chosen.documents[0][0],))
    return Observed(_local(found) if found else None, offer)


def _same_tree(found: ImageView, archive: Archive) -> bool:
    """An imported root tree carries its file's time; the same content with a newer time stamp is no change."""
    if archive.place.transport != "tar":
        return False
    ours, theirs = (config._replace(created="", history=()) for config in (found.config, archive.chosen.config))
    return ours == theirs
