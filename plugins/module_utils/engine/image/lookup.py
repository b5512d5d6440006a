# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which local image a text means, exactly as podman decides it (libimage, "LookupImage").

In this order: an id written as such; the names that a short name may stand for; the beginning of an id; any image whose
repository ends in the short name.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput
from ..spec import reference
from .view import ImageView, instance_of, view

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..session.session import Session
    from ..spec.reference import Reference
    from ..store.records import ImageRecord

_HEX = patterns.compile(r"[0-9a-f]{1,64}\Z")


def find(session: Session, text: str) -> ImageView | None:
    """The image, None when there is none.  Raises BadInput when ``text`` can be no image at all."""
    found = find_record(session, text)
    if found is None:
        return None
    record, matched = found
    return view(session.store, record, matched)


def find_record(session: Session, text: str, *, lists: bool = False) -> tuple[ImageRecord, str] | None:
    """The record and the name that matched ("" for an id), without reading the image's config.

    A manifest list stands for its image of this host's platform, or with ``lists`` for itself.
    """
    text = text[len("containers-storage:") :] if text.startswith("containers-storage:") else text
    records = session.store.images()
    found = _by_full_id(records, text) if _is_full_id(text) else _by_name_or_prefix(session, records, text)
    if found is None or lists:
        return found
    chosen = instance_of(session.store, found[0])
    return (chosen, found[1]) if chosen is not None else None


def finder(session: Session) -> Callable[[str], ImageRecord | None]:
    """``find_record`` for those who want the record and nothing else, and take what is no name for no image."""

    def find_one(text: str) -> ImageRecord | None:
        try:
            entry = find_record(session, text)
        except BadInput:
            return None
        return entry[0] if entry is not None else None

    return find_one


def _is_full_id(text: str) -> bool:
    return text.startswith("sha256:") or bool(_HEX.match(text) and len(text) == 64)


def _by_full_id(records: list[ImageRecord], text: str) -> tuple[ImageRecord, str] | None:
    wanted = text[len("sha256:") :] if text.startswith("sha256:") else text
    if not (_HEX.match(wanted) and len(wanted) == 64):
        raise BadInput(f"find image {text}", "what follows sha256: must be 64 hexadecimal digits")
    return next(((record, "") for record in records if record.id == wanted), None)


def _by_name_or_prefix(session: Session, records: list[ImageRecord], text: str) -> tuple[ImageRecord, str] | None:
    try:
        bare = without_tag_beside_digest(text)
        candidates = _candidates(session, bare)
    except BadInput:
        if _HEX.match(text):
            return _by_id_prefix(records, text)
        raise
    by_name = {name: record for record in records for name in record.names}
    for candidate in candidates:
        record = by_name.get(str(candidate)) or _by_digest(records, candidate)
        if record is not None:
            return record, str(candidate)
    if _HEX.match(text):
        found = _by_id_prefix(records, text)
        if found is not None:
            return found
    return _by_ending(records, bare) if reference.is_short(bare) else None


def without_tag_beside_digest(text: str) -> str:
    """``name:tag@digest`` means ``name@digest``: the digest says it all."""
    parsed = reference.parse(text)
    if parsed.tag is None or parsed.digest is None:
        return text
    name = text.partition("@")[0]
    return f"{name[: -len(parsed.tag) - 1]}@{parsed.digest}"


def _candidates(session: Session, text: str) -> tuple[Reference, ...]:
    if not reference.is_short(text):
        return (reference.parse(text).with_default_tag(),)
    from ..registry import registries_conf  # only a short name needs it

    return registries_conf.load(session.identity).local_candidates(text)


def _by_digest(records: list[ImageRecord], wanted: Reference) -> ImageRecord | None:
    """An image pulled by tag does not carry its digest as a name: compare repository and manifests."""
    if wanted.digest is None:
        return None
    digest = str(wanted.digest)
    for record in records:
        if digest in record.digests and any(_repository(name) == wanted.name for name in record.names):
            return record
    return None


def _by_id_prefix(records: list[ImageRecord], text: str) -> tuple[ImageRecord, str] | None:
    fitting = [record for record in records if record.id.startswith(text)]
    return (fitting[0], "") if len(fitting) == 1 else None


def _by_ending(records: list[ImageRecord], text: str) -> tuple[ImageRecord, str] | None:
    """``app:1`` finds ``registry.example/team/app:1`` when no better match exists."""
    wanted = reference.parse(text).with_default_tag()
    short = text.partition("@")[0]
    short = short[: -len(wanted.tag) - 1] if wanted.tag is not None and short.endswith(f":{wanted.tag}") else short
    for record in records:
        for name in record.names:
            repository = _repository(name)
            if repository != short and not repository.endswith(f"/{short}"):
                continue
            if wanted.digest is not None:
                if str(wanted.digest) in record.digests:
                    return record, f"{repository}@{wanted.digest}"
            elif name == f"{repository}:{wanted.tag}":
                return record, name
    return None


def _repository(name: str) -> str:
    bare = name.partition("@")[0]
    slash, colon = bare.rfind("/"), bare.rfind(":")
    return bare[:colon] if colon > slash else bare
