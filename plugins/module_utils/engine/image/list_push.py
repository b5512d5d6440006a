# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pushing a manifest list: its images first, from wherever they are, then the list that names what became of them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base.digest import Digest
from ..base.errors import NotFound
from ..base.jsonval import number, tables, text
from ..base.steps import reached
from ..plan.change import Plan, Step
from ..spec import image_list, manifest, reference
from ..spec.image_list import Entry
from ..spec.manifest import Manifest
from . import listing
from .listing import Found

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..base.streams import Reader
    from ..registry.destination import Flow
    from ..registry.docker_push import RegistryDestination
    from ..registry.signatures.blob import Signature
    from ..registry.source import Fetched, ImageSource
    from ..session.session import Session
    from ..spec.descriptor import Descriptor
    from ..spec.reference import Reference
    from .remote import Remote

    Json = dict[str, object]

PUSH = "push manifest list"


class ListPush:
    """``everything`` sends images as well; without it they have to be in the repository already.

    Their signatures go along, unless ``unsigned``: where they cannot, the push is refused.
    """

    def __init__(
        self, session: Session, remote: Remote, to: Reference, *, everything: bool = True, unsigned: bool = False
    ) -> None:
        self._session = session
        self._remote = remote
        self._to = to
        self._everything = everything
        self._unsigned = unsigned

    def plan(self, wanted: Found) -> Plan:
        """Decided by the digest of the list, else by platforms and configs: pushed layers may be compressed anew."""
        where = f"docker://{self._to}"
        same, there = self._there(wanted)
        if same:
            return Plan(f"manifest list at {where}")
        before = {"pushed": {where: {} if there is None else there.shown}}
        return Plan(f"manifest list at {where}", (Step(PUSH, where),), (), before, {"pushed": {where: wanted.shown}})

    def _there(self, wanted: Found) -> tuple[bool, Found | None]:
        """Whether the registry has the same, and what it has."""
        source = self._remote.own(self._to)
        try:
            top = source.manifest()
        except NotFound:
            return False, None
        same = top.data == wanted.data or (self._everything and self._alike(source, top, wanted))
        return same, Found(top.data, {})

    def _alike(self, source: ImageSource, top: Fetched, wanted: Found) -> bool:
        ours, theirs = json.loads(wanted.data), json.loads(top.data)
        if not isinstance(theirs, dict) or ours["mediaType"] != theirs.get("mediaType"):
            return False
        if (ours.get("annotations") or {}) != (theirs.get("annotations") or {}):
            return False
        one, two = tables(ours, "manifests"), tables(theirs, "manifests")
        if len(one) != len(two):
            return False
        for mine, other in zip(one, two):
            for key in ("platform", "annotations"):
                if (mine.get(key) or {}) != (other.get(key) or {}):
                    return False
            if mine["digest"] != other.get("digest") and self._config(mine, wanted) != _config(source, other):
                return False
        return True

    def _config(self, entry: Json, wanted: Found) -> str:
        digest = str(entry["digest"])
        source, _top, _place = listing.open_member(self._session, self._remote, _name(wanted.places[digest]))
        return _config(source, entry)

    def apply(self, wanted: Found) -> str:
        """The digest of the list at the registry."""
        siblings = tuple(_bare(place) for place in wanted.places.values() if place.startswith("docker://"))
        destination = self._remote.destination(self._to, siblings)
        raw = json.loads(wanted.data)
        entries = [self._send(entry, wanted, destination) for entry in tables(raw, "manifests")]
        annotations = raw.get("annotations") or {}
        data = image_list.render(entries, raw["mediaType"], annotations)
        destination.put_manifest(data, raw["mediaType"], instance=False)
        destination.commit()
        reached("manifest-list-pushed")
        from ..base.digest import digest_of

        return str(digest_of(data))

    def _send(self, entry: Json, wanted: Found, destination: RegistryDestination) -> Entry:
        raw = entry.get("platform")
        platform = image_list.platform(raw if isinstance(raw, dict) else {})
        notes = entry.get("annotations")
        annotations = {str(key): str(value) for key, value in notes.items()} if isinstance(notes, dict) else {}
        digest = str(entry["digest"])
        kept = Entry(text(entry, "mediaType"), digest, number(entry, "size"), platform, annotations)
        if not self._everything:
            return kept
        from .copy import ALL, CopyOptions, copy

        source, _top, _place = listing.open_member(self._session, self._remote, _name(wanted.places[digest]))
        place = wanted.places[digest]
        if place.startswith("docker://"):
            gate = self._remote.allowed(reference.parse(place))
            gate.admit(source, source.manifest(Digest.parse(digest)))
        options = CopyOptions(which=ALL, remove_signatures=self._unsigned)
        copied = copy(_pinned(source, Digest.parse(digest)), _Instance(destination), options)
        return kept._replace(media_type=copied.media_type, digest=str(copied.digest), size=len(copied.manifest))


def _config(source: ImageSource, entry: Json) -> str:
    fetched = source.manifest(Digest.parse(text(entry, "digest")))
    parsed = manifest.parse(fetched.data, text(entry, "mediaType"), source.what)
    return str(parsed.config.digest) if isinstance(parsed, Manifest) else ""


def _name(place: str) -> str:
    """The member's name as it was found, from the place that podman writes."""
    if place.startswith("containers-storage:"):
        return place.rpartition("]")[2].lstrip("@")
    return place


def _bare(place: str) -> str:
    return place[len("docker://") :]


def _pinned(source: ImageSource, digest: Digest) -> ImageSource:
    """The source with one of its images as the top document; the rest stays as it is, its kind included."""
    import copy as copying

    pinned = copying.copy(source)
    whole = source.manifest

    def only(wanted: Digest | None = None) -> Fetched:
        return whole(wanted or digest)

    setattr(pinned, "manifest", only)  # noqa: B010 - mypy forbids assigning to a method
    return pinned


class _Instance:
    """A destination that takes an image as one of a list: nothing is published by it."""

    def __init__(self, destination: RegistryDestination) -> None:
        self._destination = destination
        self.what = destination.what
        self.layers = destination.layers

    def accepts(self, media_type: str) -> bool:
        return self._destination.accepts(media_type)

    def put_signatures(self, signatures: Sequence[Signature], digest: Digest) -> None:
        self._destination.put_signatures(signatures, digest)

    def put_flow(self, flow: Flow) -> None:
        self._destination.put_flow(flow)

    def fork(self) -> _Instance:
        self._destination = self._destination.fork()
        return self

    def has_blob(self, digest: Digest, size: int) -> bool:
        return self._destination.has_blob(digest, size)

    def put_blob(self, descriptor: Descriptor, reader: Reader) -> None:
        self._destination.put_blob(descriptor, reader)

    def put_manifest(self, data: bytes, media_type: str, *, instance: bool, digest: Digest | None = None) -> None:
        self._destination.put_manifest(data, media_type, instance=True, digest=digest)

    def commit(self) -> None:
        """The list is committed, not its images."""

    def close(self) -> None:
        """The destination is closed by who opened it."""
