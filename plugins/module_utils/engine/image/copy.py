# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From any source to any destination: what is there is not sent again, what need not change stays byte for byte."""

from __future__ import annotations

import io
from typing import TYPE_CHECKING, cast

from ..base.errors import BadInput, Corrupt, Refused
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..registry import destination as destinations
from ..registry.destination import Rereadable
from ..spec import descriptor as descriptors
from ..spec import image_config, manifest, strict_json
from ..spec.descriptor import DOCKER_MANIFEST, Descriptor
from ..spec.manifest import Index, Manifest
from . import convert
from .blobs import Blobs, Wish, delivers_plain, refused
from .convert import Member, Target
from .store_source import StoreSource
from .transfer import config_bytes
from .view import host

if TYPE_CHECKING:
    from ..base.digest import Digest
    from ..registry.destination import ImageDestination, KeepsSignatures
    from ..registry.signatures.blob import Signature
    from ..registry.source import Fetched, ImageSource
    from ..spec.platform import Platform
    from .trust import Gate

THIS, ALL, CHOSEN = "this", "all", "chosen"


class CopyOptions(NamedTuple):
    """What a copy may change.

    ``which`` images of an index go: the one for ``platforms[0]`` (this host's when empty) alone, ALL with the index,
    or those CHOSEN by ``platforms`` with an index that lists just them (all, when ``sparse``).  ``format`` is one of
    convert.FORMATS, ``compression`` none, gzip or zstd; empty leaves both to source and destination.  Signatures go
    along, unless ``remove_signatures``; what cannot keep them is refused.
    """

    which: str = THIS
    platforms: tuple[Platform, ...] = ()
    sparse: bool = False
    format: str = ""
    compression: str = ""
    level: int | None = None
    preserve_digests: bool = False
    remove_signatures: bool = False

    def checked(self) -> CopyOptions:
        """Itself; raises BadInput when it makes no sense."""
        from ..host.compressing import check_level

        if self.compression or self.level is not None:
            check_level(self.compression or "gzip", self.level)
        if self.format and self.format not in convert.FORMATS:
            raise BadInput("read the format", f"{self.format!r} is not one of {', '.join(convert.FORMATS)}")
        if self.which == CHOSEN and not self.platforms:
            raise BadInput("read the platforms", "none is named")
        if self.compression == "zstd" and self.format == "v2s2":
            raise BadInput("read the format", "v2s2 has no layers compressed with zstd", "Use format oci")
        return self


class Copied(NamedTuple):
    """What is at the destination now; ``copied`` and ``skipped`` count blobs, ``bytes`` those that were sent."""

    digest: Digest
    media_type: str
    manifest: bytes
    copied: int
    skipped: int
    bytes: int


def copy(source: ImageSource, destination: ImageDestination, options: CopyOptions, gate: Gate | None = None) -> Copied:
    """Copy and commit; neither end is closed.  Every image passes the gate before a blob of it is read.

    Raises Refused where no digest can be kept, Denied, else as both ends do.
    """
    run = _Run(source, destination, options.checked(), gate)
    top, parsed = chosen(source, options)
    member, data = run.index(top, parsed) if isinstance(parsed, Index) else run.image(top)
    reached("image-blobs-copied")
    digest = top.digest if data == top.data else None
    destination.put_manifest(data, member.media_type, instance=False, digest=digest)
    run.sign(top)
    destination.commit()
    reached("image-copied")
    return Copied(member.digest, member.media_type, data, run.blobs.copied, run.blobs.skipped, run.blobs.bytes)


def chosen(source: ImageSource, options: CopyOptions) -> tuple[Fetched, Index | None]:
    """The document to copy, and its parsed form when it is an index.  Raises NotFound, Corrupt, as sources do."""
    top = source.manifest()
    parsed = index_of(top, source.what)
    if parsed is None or options.which != THIS:
        return top, parsed
    wanted = options.platforms[0] if options.platforms else host()
    entry = parsed.choose(wanted)
    if entry is None:
        raise _no_image(source, wanted, parsed)
    return instance(source, entry), None


def index_of(found: Fetched, what: str) -> Index | None:
    """The parsed index; None when the document is none."""
    raw = strict_json.loads_object(found.data, f"read the manifest of {what}", manifest.MAX_BYTES)
    if "manifests" not in raw:
        return None
    parsed = manifest.parse(found.data, found.media_type, what)
    return parsed if isinstance(parsed, Index) else None


def instance(source: ImageSource, entry: Descriptor) -> Fetched:
    """A manifest below an index, of the length and type that the index says.  Raises Corrupt."""
    found = source.manifest(entry.digest)
    if len(found.data) != entry.size:
        what = f"{entry.digest} is {len(found.data)} bytes long, its index says {entry.size}"
        raise Corrupt(f"copy {source.what}", what)
    return found._replace(media_type=entry.media_type)


def selected(source: ImageSource, parsed: Index, options: CopyOptions) -> tuple[Descriptor, ...]:
    """The entries of an index that go.  Raises NotFound."""
    if options.which == ALL:
        return parsed.instances
    found = []
    for platform in options.platforms:
        entry = parsed.choose(platform)
        if entry is None:
            raise _no_image(source, platform, parsed)
        found.append(entry)
    return tuple(entry for entry in parsed.instances if entry in found)


def _no_image(source: ImageSource, wanted: Platform, parsed: Index) -> Exception:
    from ..base.errors import NotFound

    offers = ", ".join(parsed.platforms) or "none"
    return NotFound(f"copy {source.what}", f"it has no image for {wanted}; it has: {offers}")


def image_of(found: Fetched, what: str) -> Manifest | None:
    """The parsed manifest; None for an artifact or attestation, which is copied as it is."""
    try:
        parsed = manifest.parse(found.data, found.media_type, what)
    except Corrupt:
        if descriptors.is_manifest(found.media_type or descriptors.OCI_MANIFEST):
            return None
        raise
    return parsed if isinstance(parsed, Manifest) else None


def target(source: ImageSource, destination: ImageDestination, parsed: Manifest, options: CopyOptions) -> Target:
    """What the image becomes there.  Raises BadInput when it cannot."""
    mode = destination.layers
    convert.check_compression(options.compression, mode, destination.what)
    zstd = options.compression == "zstd"
    media_type = convert.target_type(
        parsed.media_type, options.format, destination.accepts, zstd=zstd, what=destination.what
    )
    kinds = []
    for layer in parsed.layers:
        now = "none" if delivers_plain(source) else convert.kind_of(layer)
        kinds.append(_kind(now, media_type, source, mode, options))
    return Target(media_type, tuple(kinds))


def _kind(now: str, media_type: str, source: ImageSource, mode: str, options: CopyOptions) -> str:
    if mode == destinations.PLAIN:
        return "none"
    if options.compression:
        return options.compression
    if now == "zstd" and media_type == DOCKER_MANIFEST:
        return "gzip"
    if options.preserve_digests:
        return now
    if mode == destinations.COMPRESS and now == "none":
        return "gzip"
    if mode == destinations.KEEP and isinstance(source, StoreSource):
        return "none"
    return now


def room_for_signatures(destination: ImageDestination) -> KeepsSignatures | None:
    """The destination as one that keeps signatures; None when it does not."""
    return cast("KeepsSignatures", destination) if hasattr(destination, "put_signatures") else None


def no_room(source: ImageSource, destination: ImageDestination) -> Refused:
    """The error of a signed image on its way to a format that keeps no signatures."""
    return Refused(f"copy {source.what} to {destination.what}", "it is signed, and that keeps no signatures", _UNSIGNED)


_UNSIGNED = "Set remove_signatures to copy it without them"


class _Run:
    """One copy: counts, and the layers that were converted already."""

    def __init__(
        self, source: ImageSource, destination: ImageDestination, options: CopyOptions, gate: Gate | None
    ) -> None:
        self._source = source
        self._destination = destination
        self._options = options
        self._gate = gate
        self.blobs = Blobs(source, destination, level=options.level, preserve=options.preserve_digests)
        self._room = room_for_signatures(destination)
        self._signatures: dict[Digest, tuple[Signature, ...]] = {}  # those that go along

    def index(self, top: Fetched, parsed: Index) -> tuple[Member, bytes]:
        """All chosen instances, then the index itself."""
        self._take_along(top, self._source.signatures(top.digest))
        entries = selected(self._source, parsed, self._options)
        to = self._destination
        media_type = convert.target_type(parsed.media_type, self._options.format, to.accepts, zstd=False, what=to.what)
        members: dict[Digest, Member] = {}
        for entry in entries:
            if entry.digest not in members:
                members[entry.digest] = self._instance(entry)
        strip = self._options.which == CHOSEN and not self._options.sparse
        oci = media_type == descriptors.OCI_INDEX or any(
            member.media_type == descriptors.OCI_MANIFEST and not to.accepts(descriptors.DOCKER_LIST)
            for member in members.values()
        )
        media_type = descriptors.OCI_INDEX if oci else media_type
        data = convert.index(top.data, media_type, members, strip=strip)
        self._hold(top, data, "its list of images would be another one")
        self._still_signed(top, data)
        return Member(_digest(top, data), len(data), media_type), data

    def _instance(self, entry: Descriptor) -> Member:
        found = instance(self._source, entry)
        nested = index_of(found, self._source.what)
        if nested is not None:
            raise BadInput(f"copy {self._source.what}", f"its entry {entry.digest} is an index again")
        member, data = self.image(found)
        digest = found.digest if data == found.data else None
        self._destination.put_manifest(data, member.media_type, instance=True, digest=digest)
        self.sign(found)
        reached("image-instance-copied")
        return member

    def image(self, found: Fetched) -> tuple[Member, bytes]:
        """Blobs of one image; the manifest is for the caller to put."""
        gate, source = self._gate, self._source
        self._take_along(found, source.signatures(found.digest) if gate is None else gate.admit(source, found))
        parsed = image_of(found, self._source.what)
        if parsed is None:
            return self._verbatim(found)
        options = self._options
        goal = target(source, self._destination, parsed, options)
        if options.preserve_digests and goal.media_type != parsed.media_type:
            raise refused(
                self._source, self._destination, f"{self._destination.what} takes it as {goal.media_type} only"
            )
        data = config_bytes(source, parsed.config, f"copy {source.what}")
        diff_ids = image_config.parse(data).diff_ids
        if len(diff_ids) != len(parsed.layers):
            what = f"the manifest has {len(parsed.layers)} layers, the config {len(diff_ids)}"
            raise Corrupt(f"copy {source.what}", what)
        made = self.blobs.layers([Wish(*each) for each in zip(parsed.layers, diff_ids, goal.kinds)])
        self.blobs.put(parsed.config, io.BytesIO(data))
        document = convert.image(found.data, parsed, goal.media_type, made)
        self._hold(found, document, "its layers cannot be had in the compression that they were in")
        self._still_signed(found, document)
        return Member(_digest(found, document), len(document), goal.media_type), document

    def sign(self, found: Fetched) -> None:
        """Give the signatures of a manifest that was put."""
        signatures = self._signatures.get(found.digest)
        if signatures and self._room is not None:
            self._room.put_signatures(signatures, found.digest)
            reached("image-signatures-copied")

    def _take_along(self, found: Fetched, signatures: tuple[Signature, ...]) -> None:
        if signatures and not self._options.remove_signatures:
            if self._room is None:
                raise no_room(self._source, self._destination)
            self._signatures[found.digest] = signatures

    def _still_signed(self, found: Fetched, data: bytes) -> None:
        if found.digest in self._signatures and data != found.data:
            raise Refused(
                f"copy {self._source.what} to {self._destination.what}",
                "its manifest would be another one, which its signatures do not sign",
                _UNSIGNED,
            )

    def _verbatim(self, found: Fetched) -> tuple[Member, bytes]:
        """An artifact: every blob it names, as it is."""
        deed = f"copy {self._source.what}"
        raw = strict_json.loads_object(found.data, deed, manifest.MAX_BYTES)
        media_type = found.media_type or strict_json.text(raw, "mediaType", deed, descriptors.OCI_MANIFEST)
        if not self._destination.accepts(media_type):
            raise BadInput(f"copy to {self._destination.what}", "it holds container images only, and this is none")
        for entry in (strict_json.obj(raw, "config", deed), *strict_json.objects(raw, "layers", deed)):
            blob = descriptors.parse(entry, deed)
            if not blob.foreign:
                self.blobs.put(blob, Rereadable(lambda blob=blob: self._source.blob(blob)))  # type: ignore[misc]
        return Member(found.digest, len(found.data), media_type), found.data

    def _hold(self, found: Fetched, data: bytes, why: str) -> None:
        if self._options.preserve_digests and data != found.data:
            raise refused(self._source, self._destination, why)


def _digest(found: Fetched, data: bytes) -> Digest:
    from ..base.digest import digest_of

    return found.digest if data == found.data else digest_of(data)
