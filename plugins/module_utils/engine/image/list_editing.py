# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One manifest list changed by hand: images added, removed, described otherwise, as `podman manifest` does it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Damaged, NotFound
from ..base.jsonval import text_map
from ..base.tuples import NamedTuple
from ..spec import image_list
from . import listing, lookup
from .listing import Found, ListWish, Member

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..session.session import Session
    from ..spec.image_list import Entry
    from ..store.records import ImageRecord
    from .remote import Remote


class Held(NamedTuple):
    """A list of this store."""

    name: str
    record: ImageRecord
    found: Found


def find(session: Session, text: str) -> Held:
    """By name or id.  Raises NotFound, Damaged, and BadInput for an image."""
    deed = f"find manifest list {text}"
    known = lookup.find_record(session, text, lists=True)
    if known is None:
        raise NotFound(deed, "there is no list with this name or id")
    record, matched = known
    if record.top_layer:
        raise BadInput(deed, "it is an image, not a list")
    name = matched or (record.names[0] if record.names else "")
    observed = listing.observe(session, name) if name else (None, None)
    if observed[1] is None:
        raise Damaged(deed, "what the store has of it cannot be read")
    return Held(name, record, observed[1])


def added(session: Session, remote: Remote, found: Found | None, wish: ListWish) -> Found:
    """The list with the wished members besides; those that are there already take the new description."""
    new = listing.resolve(session, remote, wish)
    if found is None:
        return new
    entries = {entry.digest: entry for entry in (*listing.members_of(found), *listing.members_of(new))}
    annotations = {**_annotations(found), **(wish.annotations or {})}
    return _made(list(entries.values()), annotations, {**found.places, **new.places})


def removed(found: Found, digest: str) -> Found:
    """Raises NotFound."""
    member(found, digest)
    entries = [entry for entry in listing.members_of(found) if entry.digest != digest]
    return _made(entries, _annotations(found), {key: place for key, place in found.places.items() if key != digest})


def described(found: Found, digest: str, platform: Mapping[str, object], annotations: Mapping[str, str]) -> Found:
    """The list with more said about one of its images; about itself, for no digest.  Raises NotFound."""
    if not digest:
        return _made(listing.members_of(found), {**_annotations(found), **annotations}, found.places)
    changed = member(found, digest)
    told = image_list.platform({**changed.platform, **platform})
    changed = changed._replace(platform=told, annotations={**changed.annotations, **annotations})
    entries = [changed if entry.digest == digest else entry for entry in listing.members_of(found)]
    return _made(entries, _annotations(found), found.places)


def member(found: Found, digest: str) -> Entry:
    """Raises NotFound."""
    for entry in listing.members_of(found):
        if entry.digest == digest:
            return entry
    raise NotFound(f"find the image {digest}", "it is not in the list")


def digest_of(session: Session, remote: Remote, found: Found, image: str) -> str:
    """The digest of a member that is named by digest or as an image.  Raises NotFound."""
    if image.startswith("sha256:"):
        return member(found, image).digest
    resolved = listing.resolve(session, remote, ListWish("", (Member(image),)))
    return member(found, listing.members_of(resolved)[0].digest).digest


def store(session: Session, name: str, record: ImageRecord | None, found: Found | None, wanted: Found) -> str:
    """The id."""
    made = listing.plan(record, found, wanted, name)
    return listing.apply(session, made, record, wanted, name)


def _annotations(found: Found) -> Mapping[str, str]:
    raw = json.loads(found.data)
    return text_map(raw, "annotations") if isinstance(raw, dict) and raw.get("annotations") else {}


def _made(entries: Sequence[Entry], annotations: Mapping[str, str], places: Mapping[str, str]) -> Found:
    kind = image_list.kind(entries, annotations)
    return Found(image_list.render(entries, kind, annotations), places)
