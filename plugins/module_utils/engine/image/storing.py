# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Copying into a store: one platform, layers unpacked, the manifest as it came or in another format."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.digest import digest_of
from ..base.errors import BadInput, Refused
from ..spec import manifest, reference
from . import convert, transfer
from .convert import Made
from .copy import ALL, Copied

if TYPE_CHECKING:
    from ..registry.source import ImageSource
    from ..store.store import Store
    from .copy import CopyOptions
    from .transfer import Chosen
    from .transports import End
    from .trust import Gate


class StoreCopy:
    """An image on its way into a store: what it will be there is known, nothing is stored yet."""

    def __init__(self, store: Store, end: End, source: ImageSource, options: CopyOptions, gate: Gate) -> None:
        self._store = store
        self._source = source
        self.name = _name(end)
        deed = f"copy to {end}"
        if options.which == ALL or len(options.platforms) > 1:
            raise BadInput(deed, "a store takes the image of one platform at a time")
        if options.compression not in ("", "none") or options.level is not None:
            raise BadInput(deed, "a store keeps layers unpacked", "Leave the compression out")
        owner = os.stat(store.options.graph_root).st_uid if os.path.isdir(store.options.graph_root) else None
        if owner is not None and owner != os.geteuid():
            raise BadInput(deed, "the store belongs to another user", "Run the task as that user, with become_user")
        platform = options.platforms[0] if options.platforms else None
        found = transfer.choose(source, source.manifest(), platform, gate)
        self.chosen: Chosen = _converted(found, options)

    @property
    def there(self) -> bool:
        """Whether the store has it under the name, with this manifest."""
        record = self._store.image(self.name)
        if record is None or record.id != self.chosen.id:
            return False
        return self.chosen.documents[0][0] in record.digests

    def run(self) -> Copied:
        layers = self._store.chain_ids(self.chosen.config.diff_ids)
        missing = [n for n, layer in enumerate(layers) if self._store.layer(layer) is None]
        transfer.take(self._store, self._source, self.chosen, (self.name,))
        parsed = self.chosen.manifest
        digest, data = self.chosen.documents[0]
        sent = sum(parsed.layers[number].size for number in missing)
        return Copied(digest_of(data), parsed.media_type, data, len(missing), len(layers) - len(missing), sent)


def _name(end: End) -> str:
    ref = reference.parse(end.name).with_default_tag()
    if ref.digest is not None:
        raise BadInput(f"copy to {end}", "an image gets a name with a tag in a store")
    return str(ref)


def _converted(found: Chosen, options: CopyOptions) -> Chosen:
    if not options.format or convert.FORMATS[options.format][0] == found.manifest.media_type:
        return found
    kind = convert.FORMATS[options.format][0]
    digest, data = found.documents[0]
    if options.preserve_digests:
        raise Refused(
            f"store {digest}", f"the digest cannot be preserved in the format {options.format}", "Leave one of them out"
        )
    layers = [Made(layer.digest, layer.size, convert.kind_of(layer)) for layer in found.manifest.layers]
    convert.target_type(
        kind, options.format, bool, zstd=any(layer.kind == "zstd" for layer in layers), what="the store"
    )
    new = convert.image(data, found.manifest, kind, layers)
    parsed = manifest.parse(new, kind, digest)
    if isinstance(parsed, manifest.Index):
        raise BadInput(f"store {digest}", "a list of images is not converted")
    return found._replace(manifest=parsed, documents=((str(digest_of(new)), new),), signatures=())
