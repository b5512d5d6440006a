# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image on its way from one host to another: what it is, what of it is missing here, and taking it in.

The image travels as its documents (manifest, config, the index it came by) word for word and those layers that the
receiving store lacks. Whatever the sender says is held against digests before anything of it counts.
"""

from __future__ import annotations

from base64 import b64decode, b64encode
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.digest import Digest, digest_of
from ..base.errors import BadInput, Corrupt, NotFound
from ..base.tuples import NamedTuple
from ..registry import policy
from ..registry.signatures import blob
from ..registry.signatures.judging import Subject
from ..registry.source import Fetched
from ..spec import image_config, manifest, reference
from . import lookup, trust
from .parcels import Parcel, Parcels
from .transfer import Chosen

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from ..base.jsonval import Json
    from ..base.streams import Reader
    from ..registry.signatures.blob import Signature
    from ..session.session import Session
    from ..spec.descriptor import Descriptor
    from .view import ImageView


class Travelling(NamedTuple):
    """``names`` to be had at the other end; ``transport`` and ``origin`` are what policy.json there is asked about."""

    chosen: Chosen
    names: tuple[str, ...]
    transport: str
    origin: str

    @property
    def diff_ids(self) -> tuple[str, ...]:
        return tuple(str(diff_id) for diff_id in self.chosen.config.diff_ids)

    def words(self) -> Json:
        """As JSON, for the other end."""
        return {
            "config": b64encode(self.chosen.config_bytes).decode(),
            "documents": [
                {"digest": digest, "data": b64encode(data).decode()} for digest, data in self.chosen.documents
            ],
            "signatures": [b64encode(entry.blob()).decode() for entry in self.chosen.signatures],
            "names": list(self.names),
            "transport": self.transport,
            "origin": self.origin,
        }


def parse(words: Json) -> Travelling:
    """What another host says it sends.  Raises BadInput, Corrupt."""
    origin = jsonval.text(words, "origin")
    deed = f"take the image of {origin}"
    documents = []
    for entry in jsonval.tables(words, "documents"):
        data = _bytes(entry, "data", deed)
        digest = Digest.parse(jsonval.text(entry, "digest"))
        if digest_of(data) != digest:
            raise Corrupt(deed, f"a document is {digest_of(data)}, not {digest}")
        documents.append((str(digest), data))
    if not documents:
        raise BadInput(deed, "it has no manifest")
    top = manifest.parse(documents[0][1], "", origin)
    if isinstance(top, manifest.Index):
        raise BadInput(deed, "an index is not an image of one platform")
    config = _bytes(words, "config", deed)
    if digest_of(config) != top.config.digest:
        raise Corrupt(deed, f"its config is {digest_of(config)}, not {top.config.digest}")
    for digest_text, data in documents[1:]:
        _check_index(data, documents[0][0], digest_text, deed)
    parsed = image_config.parse(config)
    if len(parsed.diff_ids) != len(top.layers):
        raise Corrupt(deed, f"the manifest has {len(top.layers)} layers, the config {len(parsed.diff_ids)}")
    names = tuple(str(reference.parse(name).with_default_tag()) for name in jsonval.texts(words, "names"))
    chosen = Chosen(top, parsed, config, tuple(documents), _signatures(words, deed))
    return Travelling(chosen, names, jsonval.text(words, "transport"), origin)


def _signatures(words: Json, deed: str) -> tuple[Signature, ...]:
    found = []
    for text in jsonval.texts(words, "signatures"):
        found.append(blob.parse(_bytes({"signature": text}, "signature", deed), deed))
    return tuple(found)


def name_for(wanted: str, offered: Sequence[str]) -> str:
    """The name to store it under: one of its own that a short name may stand for, else the wanted one, below localhost
    when it names no registry."""
    if not reference.is_short(wanted):
        return str(reference.parse(wanted).with_default_tag())
    local = str(reference.join("localhost", wanted).with_default_tag())
    ending = local[len("localhost") :]
    return next((name for name in offered if name.endswith(ending)), local)


def _check_index(data: bytes, instance: str, digest: str, deed: str) -> None:
    """By an index's digest the image can be found: it must be one that really lists it."""
    listed = manifest.parse(data, "", digest)
    if not isinstance(listed, manifest.Index) or instance not in {str(entry.digest) for entry in listed.instances}:
        raise Corrupt(deed, f"the document {digest} is no index of the image")


def _bytes(words: Json, key: str, deed: str) -> bytes:
    try:
        return b64decode(jsonval.text(words, key), validate=True)
    except ValueError:
        raise BadInput(deed, f"its {key} is not base64")


def offer(session: Session, text: str) -> tuple[Travelling, list[int]]:
    """A local image as it would travel, and the sizes of its layers.  Raises NotFound, Damaged, BadInput."""
    found = lookup.find_record(session, text)
    if found is None:
        raise NotFound(f"find image {text}", "it is not on this host")
    record, matched = found
    store = session.store
    config = store.image_config_bytes(record)
    keys = [key for key in record.big_data_names if key.startswith("manifest-sha256:")]
    default = f"manifest-{record.digest}"
    if default not in keys:
        raise BadInput(f"send image {text}", "it has no manifest, so nothing could be checked at the other end")
    documents = []
    for key in (default, *(key for key in keys if key != default)):
        digest = key[len("manifest-") :]
        documents.append((digest, store.image_data(record, key)))
    parsed = manifest.parse(documents[0][1], "", text)
    if isinstance(parsed, manifest.Index) or parsed.config.digest != digest_of(config):
        raise BadInput(f"send image {text}", "its manifest does not name its config")
    indexes = [entry for entry in documents[1:] if _lists(entry[1], documents[0][0])]
    signatures = trust.stored(store, record)
    chosen = Chosen(parsed, image_config.parse(config), config, (documents[0], *indexes), signatures)
    sizes = [layer.diff_size for layer in store.layer_chain(record.top_layer)]
    names = (matched,) if matched else record.names[:1]
    return Travelling(chosen, names, "containers-storage", text), sizes


def _lists(data: bytes, instance: str) -> bool:
    try:
        _check_index(data, instance, "", "")
    except (Corrupt, BadInput):
        return False
    return True


class Needs(NamedTuple):
    """What is still to be done here: ``missing`` layers by diffID, ``names`` to be given, ``image`` unless recorded."""

    missing: tuple[str, ...]
    names: tuple[str, ...]
    image: bool

    @property
    def nothing(self) -> bool:
        return not (self.missing or self.names or self.image)


def needs(session: Session, travelling: Travelling) -> Needs:
    """Observe the receiving store.  Raises Denied, HostLacks when policy.json does not let the image in."""
    _allowed(session, travelling)
    store = session.store
    chosen = travelling.chosen
    diff_ids = travelling.diff_ids
    present = {layer.diff_digest for layer in store.layers()}
    missing = [diff_id for diff_id in dict.fromkeys(diff_ids) if diff_id not in present]
    record = store.image(chosen.id)
    chain = store.chain_ids(chosen.config.diff_ids)
    whole = all(store.layer(identity) is not None for identity in chain)
    known = record is not None and whole and {digest for digest, _data in chosen.documents} <= set(record.digests)
    held = record.names if record is not None else ()
    names = tuple(name for name in travelling.names if name not in held)
    return Needs(tuple(missing), names, not known)


def _allowed(session: Session, travelling: Travelling) -> None:
    """Hold the image against policy.json here, with the signatures that came along."""
    ruling = policy.load(session.identity).rule(travelling.transport, [], travelling.origin)
    chosen = travelling.chosen
    ruling.verify(Subject(travelling.origin, None, chosen.documents[0][1], lambda: chosen.signatures), session.runner)


class _Waiting:
    """The parcels of one image as an ImageSource: its layers only, for everything else travelled before."""

    def __init__(self, parcels: Parcels, sent: Mapping[str, Parcel], what: str) -> None:
        self._parcels = parcels
        self._sent = sent
        self.what = what

    def manifest(self, digest: Digest | None = None) -> Fetched:
        raise NotFound(f"read the manifest of {self.what}", "only layers wait here")

    def blob(self, descriptor: Descriptor) -> Reader:
        parcel = self._sent.get(str(descriptor.digest))
        if parcel is None:
            deed = f"store {descriptor.digest} of {self.what}"
            raise NotFound(deed, "it was there and is gone", "Run the task again")
        return self._parcels.open(parcel)

    def signatures(self, digest: Digest | None = None) -> tuple[Signature, ...]:
        return ()  # they travelled with the documents

    def fork(self) -> _Waiting:
        return self

    def close(self) -> None: ...


def commit(session: Session, travelling: Travelling, sent: Sequence[Parcel]) -> ImageView:
    """Store the image from what waits here, all of it verified, and clear that away.

    Raises Corrupt when a layer is not what it should be (it is cleared away too), NotFound when one is missing.
    """
    from ..libpod.events import Event
    from . import transfer
    from .pull import by_id

    _allowed(session, travelling)
    parcels = Parcels.of(session)
    by_content = {parcel.diff_id: parcel for parcel in sent}
    chosen = travelling.chosen
    layers = []
    for descriptor, diff_id in zip(chosen.manifest.layers, travelling.diff_ids):
        parcel = by_content.get(diff_id)
        if parcel is not None:
            descriptor = descriptor._replace(digest=Digest.parse(parcel.digest), size=parcel.size)
        layers.append(descriptor)
    arriving = chosen._replace(manifest=chosen.manifest._replace(layers=tuple(layers)))
    source = _Waiting(parcels, {parcel.digest: parcel for parcel in sent}, travelling.origin)
    try:
        identity = transfer.take(session.store, source, arriving, travelling.names)
    except Corrupt:
        parcels.drop(by_content)
        raise
    parcels.drop(by_content)
    name = travelling.names[0] if travelling.names else ""
    session.emit(Event("image", "loadfromarchive", id=identity, name=travelling.origin))
    return by_id(session, identity, name)
