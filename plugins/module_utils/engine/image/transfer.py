# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a source into the store: choose the platform, fetch what is missing, verify, publish whole or not at all."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import Corrupt, NotFound
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..registry.source import open_blob
from ..spec import image_config, manifest
from ..spec.manifest import Index, Manifest
from ..store.records import ImageDraft
from .staging import stage_all
from .view import host

if TYPE_CHECKING:
    from ..base.digest import Digest
    from ..registry.signatures.blob import Signature
    from ..registry.source import Fetched, ImageSource
    from ..spec.descriptor import Descriptor
    from ..spec.image_config import ImageConfig
    from ..spec.platform import Platform
    from ..store.staging import StagedLayer
    from ..store.store import Store
    from .trust import Gate


class Chosen(NamedTuple):
    """The one image that is wanted: its manifest, verified config, and all documents in the order they are stored."""

    manifest: Manifest
    config: ImageConfig
    config_bytes: bytes
    documents: tuple[tuple[str, bytes], ...]
    signatures: tuple[Signature, ...] = ()

    @property
    def id(self) -> str:
        return self.manifest.config.digest.hex


def choose(source: ImageSource, top: Fetched, platform: Platform | None, gate: Gate) -> Chosen:
    """Read manifest and config, of an index those for the platform, with nothing between the manifest and the gate.

    Raises NotFound, Corrupt, Denied, and as sources do.
    """
    deed = f"pull {source.what}"
    parsed = manifest.parse(top.data, top.media_type, source.what)
    documents = [(str(top.digest), top.data)]
    instance = top
    if isinstance(parsed, Index):
        wanted = platform or host()
        entry = parsed.choose(wanted)
        if entry is None:
            offers = ", ".join(parsed.platforms) or "none"
            raise NotFound(deed, f"it has no image for {wanted}; it has: {offers}")
        inner = source.manifest(entry.digest)
        if len(inner.data) != entry.size:
            raise Corrupt(
                deed, f"the manifest {entry.digest} is {len(inner.data)} bytes long, its index says {entry.size}"
            )
        parsed = manifest.parse(inner.data, inner.media_type or entry.media_type, source.what)
        if isinstance(parsed, Index) or parsed.media_type != entry.media_type:
            raise Corrupt(deed, f"the manifest {entry.digest} is not of the type that its index says")
        documents.insert(0, (str(inner.digest), inner.data))
        instance = inner
    signatures = gate.admit(source, instance)
    data = config_bytes(source, parsed.config, deed)
    config = image_config.parse(data)
    if len(config.diff_ids) != len(parsed.layers):
        raise Corrupt(deed, f"the manifest has {len(parsed.layers)} layers, the config {len(config.diff_ids)}")
    return Chosen(parsed, config, data, tuple(documents), signatures)


def config_bytes(source: ImageSource, entry: Descriptor, deed: str) -> bytes:
    """The whole config, verified.  Raises Corrupt, and as sources do."""
    if entry.digest.algorithm != "sha256":
        raise Corrupt(deed, f"the config's digest is {entry.digest.algorithm}, from which no image id can be made")
    if entry.size > image_config.MAX_BYTES:
        raise Corrupt(deed, f"the config is {entry.size} bytes long, more than {image_config.MAX_BYTES}")
    reader = open_blob(source, entry)
    parts: list[bytes] = []
    while True:
        part = reader.read(1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)


def take(store: Store, source: ImageSource, chosen: Chosen, names: tuple[str, ...]) -> str:
    """Bring the image into the store under the names (other images lose them); returns its id.

    Layers that the store has, in this chain or in another, are not fetched.  Whatever fails, nothing of the image is
    published: layers lie in staging until all are verified.
    """
    diff_ids = chosen.config.diff_ids
    chain = store.chain_ids(diff_ids)
    there = [store.layer(identity) is not None for identity in chain]
    missing = [number for number, known in enumerate(there) if not known]
    staged = stage_all(store, source, chosen, missing)
    reached("image-layers-staged")
    layers: list[StagedLayer | Digest] = [staged.get(number, diff_id) for number, diff_id in enumerate(diff_ids)]
    draft = ImageDraft(
        id=chosen.id,
        names=names,
        top_layer="",
        config=chosen.config_bytes,
        manifests=chosen.documents,
        created=chosen.config.created,
        signatures=_kept(chosen),
    )
    store.commit_image(layers, draft)
    reached("image-saved")
    return chosen.id


def _kept(chosen: Chosen) -> tuple[tuple[str, tuple[bytes, ...]], ...]:
    if not chosen.signatures:
        return ()
    return ((chosen.documents[0][0], tuple(signature.blob() for signature in chosen.signatures)),)
