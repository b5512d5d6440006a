# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Manifest lists in the store, as podman keeps them: what is wanted, what is, and the way between.

A list is an image record without a layer, whose manifest is the index; ``instances.json`` tells where each image is.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base import clock
from ..base.errors import BadInput, Conflict, Damaged, EngineError, NotFound
from ..base.jsonval import number, tables, text, text_map
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..libpod.events import Event
from ..plan.change import Change, Plan, Step
from ..spec import image_config, image_list, manifest
from ..spec import platform as platforms
from ..spec.descriptor import DOCKER_LIST
from ..spec.image_list import Entry
from ..spec.manifest import Index, Manifest
from . import lookup, transfer
from .view import host

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..registry.source import Fetched, ImageSource
    from ..session.session import Session
    from ..store.records import ImageRecord
    from .remote import Remote

    Json = dict[str, object]

CREATE, CHANGE, REMOVE = "create manifest list", "change manifest list", "remove manifest list"


class Member(NamedTuple):
    """One wanted image: by name, id or digest, here or at a registry.  ``platform`` overrides keys of the platform.

    ``every`` takes all images of an index, else the one that ``choice`` or this host wants.
    """

    image: str
    every: bool = False
    choice: platforms.Platform | None = None
    platform: Mapping[str, object] = {}
    annotations: Mapping[str, str] = {}


class ListWish(NamedTuple):
    """``name`` in full; ``members`` None leaves those of an existing list alone."""

    name: str
    members: tuple[Member, ...] | None = None
    annotations: Mapping[str, str] | None = None
    format: str = ""
    present: bool = True


class Found(NamedTuple):
    """A list that is wanted or there: its document, and by digest where its images are."""

    data: bytes
    places: Mapping[str, str]

    @property
    def shown(self) -> Json:
        raw = json.loads(self.data)
        entries = tables(raw, "manifests") if isinstance(raw, dict) else []
        by_digest = {str(entry.get("digest")): entry.get("platform") or {} for entry in entries}
        return {digest: _platform_text(by_digest[digest]) for digest in by_digest}


def _platform_text(raw: object) -> str:
    values = raw if isinstance(raw, dict) else {}
    parts = [str(values.get(key) or "") for key in ("os", "architecture", "variant")]
    return "/".join(part for part in parts if part)


def resolve(session: Session, remote: Remote, wish: ListWish) -> Found:
    """Look every member up.  Raises NotFound, and as registries do."""
    entries: dict[str, Entry] = {}
    places: dict[str, str] = {}
    for member in wish.members or ():
        for entry, place in _entries(session, remote, member):
            entries[entry.digest] = entry
            places[entry.digest] = place
    annotations = wish.annotations or {}
    media_type = image_list.kind(list(entries.values()), annotations, wish.format)
    if media_type == DOCKER_LIST and (annotations or any(entry.annotations for entry in entries.values())):
        raise BadInput(f"make the list {wish.name}", "lists of format v2s2 have no annotations", "Use format oci")
    return Found(image_list.render(list(entries.values()), media_type, annotations), places)


def annotated(found: Found, wish: ListWish) -> Found:
    """The list that is there, with the annotations and the format that are wanted."""
    if wish.annotations is None and not wish.format:
        return found
    raw, entries = _document(found.data), members_of(found)
    annotations = text_map(raw, "annotations") if wish.annotations is None else wish.annotations
    media_type = image_list.kind(entries, annotations, wish.format)
    return Found(image_list.render(entries, media_type, annotations), found.places)


def members_of(found: Found) -> list[Entry]:
    """The images of a list that is there, in its order."""
    entries = []
    for entry in tables(_document(found.data), "manifests"):
        told, notes = entry.get("platform"), text_map(entry, "annotations")
        platform = image_list.platform(told if isinstance(told, dict) else {})
        entries.append(Entry(text(entry, "mediaType"), text(entry, "digest"), number(entry, "size"), platform, notes))
    return entries


def _entries(session: Session, remote: Remote, member: Member) -> list[tuple[Entry, str]]:
    source, top, place = open_member(session, remote, member.image)
    parsed = manifest.parse(top.data, top.media_type, source.what)
    if not isinstance(parsed, Index):
        return [(_entry(source, top, parsed, member), place)]
    raw = {str(entry.get("digest")): entry for entry in tables(json.loads(top.data), "manifests")}
    if member.every:
        chosen = list(parsed.instances)
    else:
        wanted = member.choice or host()
        one = parsed.choose(wanted)
        if one is None:
            offers = ", ".join(parsed.platforms) or "none"
            raise NotFound(f"add {member.image}", f"it has no image for {wanted}; it has: {offers}")
        chosen = [one]
    found = []
    for instance in chosen:
        told = raw[str(instance.digest)].get("platform")
        platform = image_list.platform({**(told if isinstance(told, dict) else {}), **member.platform})
        annotations = {**instance.annotations, **member.annotations}
        found.append((Entry(instance.media_type, str(instance.digest), instance.size, platform, annotations), place))
    return found


def _entry(source: ImageSource, top: Fetched, parsed: Manifest, member: Member) -> Entry:
    config = image_config.parse(transfer.config_bytes(source, parsed.config, f"add {member.image}"))
    told = {"architecture": config.architecture, "os": config.os, "variant": config.variant}
    platform = image_list.platform({**told, **member.platform})
    return Entry(parsed.media_type, str(top.digest), len(top.data), platform, member.annotations)


def open_member(session: Session, remote: Remote, text: str) -> tuple[ImageSource, Fetched, str]:
    """The member's source, its document, and the place as podman writes it.  A name that is here is taken from here."""
    from .store_source import StoreSource

    bare = text[len("docker://") :] if text.startswith("docker://") else text
    if bare == text:
        found = lookup.find_record(session, text, lists=True)
        if found is not None:
            source = StoreSource(session.store, found[0])
            options = session.store.options
            name = found[1] or (found[0].names[0] if found[0].names else f"@{found[0].id}")
            place = f"containers-storage:[overlay@{options.graph_root}+{options.run_root}]{name}"
            return source, source.manifest(), place
        if text.startswith("containers-storage:"):
            raise NotFound(f"find {text}", "it is not on this host")
    failures: list[EngineError] = []
    for ref in remote.registries.pull_candidates(bare):
        try:
            opened, top = remote.manifest(ref)
            return opened, top, f"docker://{ref}"
        except EngineError as err:
            failures.append(err)
    from .remote import nothing_pulled

    raise nothing_pulled(text, failures)


def observe(session: Session, name: str) -> tuple[ImageRecord | None, Found | None]:
    """The record of that name and the list in it; without a list when it is damaged.  Raises Conflict for an image."""
    record = next((image for image in session.store.images() if name in image.names), None)
    if record is None:
        return None, None
    if record.top_layer:
        raise Conflict(f"make the list {name}", "an image has this name", "Remove or rename it first")
    try:
        data = session.store.image_manifest(record)
        places = json.loads(session.store.image_data(record, "instances.json"))
    except (NotFound, Damaged, ValueError):
        return record, None
    known = {digest: place for digest, place in text_map({"": places}, "").items() if digest}
    return record, Found(data, known)


def plan(record: ImageRecord | None, found: Found | None, wanted: Found | None, name: str) -> Plan:
    """Pure; ``wanted`` None is a list that is not to be there.  The order of images does not count."""
    deed = f"manifest list {name}"
    before: Json = {"name": name, "state": "absent" if record is None else "present"}
    if wanted is None:
        steps = (Step(REMOVE, name),) if record is not None else ()
        return Plan(deed, steps, (), before, {"name": name, "state": "absent"} if steps else before)
    after: Json = {"name": name, "state": "present"}
    if found is not None and _same(found.data, wanted.data):
        return Plan(deed, (), (), before, before)
    changes = [Change("images", found.shown if found else {}, wanted.shown)]
    old, new = _document(found.data if found else b"{}"), _document(wanted.data)
    for key in ("annotations", "mediaType"):
        if old.get(key) != new.get(key):
            changes.append(Change(key, old.get(key), new.get(key)))
    return Plan(deed, (Step(CREATE if record is None else CHANGE, name),), tuple(changes), before, after)


def _document(data: bytes) -> Json:
    raw = json.loads(data)
    return raw if isinstance(raw, dict) else {}


def _same(one: bytes, other: bytes) -> bool:
    def key(data: bytes) -> tuple[object, object, object]:
        raw = _document(data)
        entries = {str(entry.get("digest")): _entry_key(entry) for entry in tables(raw, "manifests")}
        return raw.get("mediaType"), raw.get("annotations") or {}, entries

    return key(one) == key(other)


def _entry_key(entry: Json) -> tuple[object, object]:
    raw = entry.get("platform")
    return image_list.platform(raw if isinstance(raw, dict) else {}), entry.get("annotations") or {}


def apply(session: Session, made: Plan, record: ImageRecord | None, wanted: Found | None, name: str) -> str:
    """The id of the list, "" when it is gone."""
    if made.has(REMOVE) and record is not None:
        if len(record.names) > 1:
            session.store.remove_names(record.id, [name])
        else:
            session.store.remove_image(record.id)
        session.emit(Event("image", "remove", id=record.id, name=name))
        return ""
    if wanted is None or not made.changed:
        return record.id if record else ""
    from ..base.ids import new_id
    from ..store.records import ImageDraft

    identity = record.id if record else new_id()
    places = {"": identity, **wanted.places} if wanted.places else {}
    data = (
        ("manifest", wanted.data),
        ("instances.json", json.dumps(places, separators=(",", ":")).encode()),
        ("artifacts.json", b"{}"),
    )
    names = record.names if record else (name,)
    session.store.put_image(ImageDraft(identity, names, "", b"", (), clock.now(), data=data))
    reached("manifest-list-written")
    return identity
