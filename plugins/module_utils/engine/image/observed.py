# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is: the local image under a name, who uses it, and what the registry or file would give instead."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..base.errors import BadInput, EngineError, NotFound
from . import lookup
from .pull import here, holds, look_up

if TYPE_CHECKING:
    from ..session.session import Session
    from .desired import ImageDesired
    from .load import Archive
    from .view import ImageView


class Local(NamedTuple):
    """The image here: ``matched`` is the name it was found by ("" for an id), ``users`` are containers made from it."""

    id: str
    names: tuple[str, ...]
    digests: tuple[str, ...]
    matched: str
    users: tuple[str, ...] = ()


class Offer(NamedTuple):
    """What a pull or load would bring: under which name, with which digest; ``same`` when it is the local image."""

    name: str
    digest: str
    id: str = ""
    same: bool = False


class Observed(NamedTuple):
    """``offer`` is None where the desire did not call for asking, ``unreachable`` why asking led nowhere."""

    local: Local | None
    offer: Offer | None = None
    unreachable: str = ""


def observe(session: Session, desired: ImageDesired, archive: Archive | None = None) -> Observed:
    """Look; asks the registry only where the answer matters.  Raises what looking up and asking raise."""
    if archive is not None:
        return _with_archive(session, desired, archive)
    found = lookup.find_record(session, desired.name, lists=not desired.present)
    if not desired.present:
        if found is None:
            return Observed(None)
        record, matched = found
        users = tuple(
            user.names[0] if user.names else user.id for user in session.store.containers() if user.image == record.id
        )
        return Observed(Local(record.id, record.names, record.digests, matched, users))
    image = here(session, desired.name, desired.options) if found else None
    return _with_registry(session, desired, image)


def _local(image: ImageView) -> Local:
    return Local(image.id, image.names, image.record.digests, image.matched)


def _with_registry(session: Session, desired: ImageDesired, image: ImageView | None) -> Observed:
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
    try:
        found, digest = look_up(session, desired.name, desired.options)
    except EngineError as err:
        if policy == "newer" and local is not None:
            return Observed(local, unreachable=str(err))
        raise
    same = image is not None and holds(image, digest, desired.options.platform)
    return Observed(local, Offer(str(found), str(digest), same=same))


def _with_archive(session: Session, desired: ImageDesired, archive: Archive) -> Observed:
    name = archive.name_for(desired)
    found = lookup.find(session, name)
    chosen = archive.chosen
    same = found is not None and (found.id == chosen.id or _same_tree(found, archive))
    offer = Offer(name, chosen.documents[0][0], chosen.id, same)
    return Observed(_local(found) if found else None, offer)


def _same_tree(found: ImageView, archive: Archive) -> bool:
    """An imported root tree carries its file's time; the same content with a newer time stamp is no change."""
    if archive.place.transport != "tar":
        return False
    ours, theirs = (config._replace(created="", history=()) for config in (found.config, archive.chosen.config))
    return ours == theirs
