# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a destination has already what a copy would bring: by manifests alone, nothing is written or unpacked."""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import convert
from .blobs import delivers_plain
from .copy import ALL, CHOSEN, chosen, image_of, index_of, instance, selected, target
from .store_source import StoreSource

if TYPE_CHECKING:
    from ..registry.destination import ImageDestination
    from ..registry.source import Fetched, ImageSource
    from ..spec.manifest import Index
    from .copy import CopyOptions


class Ends:
    """Both ends of a copy; ``there`` reads what is at the destination now."""

    def __init__(
        self, source: ImageSource, there: ImageSource, destination: ImageDestination, options: CopyOptions
    ) -> None:
        self.source = source
        self.there = there
        self.destination = destination
        self.options = options

    def same(self) -> bool:
        """Whether a copy would change nothing that counts.

        Where a copy keeps manifests as they are, the digests decide; where it converts, the configs (so the ids and
        the content of all layers), the format and the compression do.  Raises as both ends do.
        """
        options = self.options
        if options.which == ALL and not options.format and not options.compression:
            wanted = _digest(self.source)
            if wanted is not None and wanted == _digest(self.there):
                return True
        top, parsed = chosen(self.source, options)
        present = self.there.manifest()
        listed = index_of(present, self.there.what)
        if parsed is None or listed is None:
            return parsed is None and listed is None and self._image(top, present)
        return self._index(top, parsed, present, listed)

    def _index(self, top: Fetched, parsed: Index, present: Fetched, listed: Index) -> bool:
        entries = selected(self.source, parsed, self.options)
        if self.options.which == CHOSEN and self.options.sparse:
            there = [entry for entry in listed.instances if entry.platform in {one.platform for one in entries}]
        else:
            there = list(listed.instances)
        if len(entries) != len(there) or [one.platform for one in entries] != [one.platform for one in there]:
            return False
        pairs = zip(entries, there)
        return all(self._image(instance(self.source, one), instance(self.there, two)) for one, two in pairs)

    def _image(self, wanted: Fetched, present: Fetched) -> bool:
        ours, theirs = image_of(wanted, self.source.what), image_of(present, self.there.what)
        if ours is None or theirs is None:
            return wanted.digest == present.digest
        goal = target(self.source, self.destination, ours, self.options)
        plain = delivers_plain(self.source)
        kept = goal.media_type == ours.media_type and all(
            kind == ("none" if plain else convert.kind_of(layer)) for kind, layer in zip(goal.kinds, ours.layers)
        )
        if wanted.digest == present.digest:
            # The manifest of a docker archive is made up by its reader, and its plain layers are called compressed.
            return kept or delivers_plain(self.there)
        if self.options.preserve_digests or (kept and not plain and not isinstance(self.source, StoreSource)):
            return False
        kinds = tuple("none" if delivers_plain(self.there) else convert.kind_of(layer) for layer in theirs.layers)
        return ours.config.digest == theirs.config.digest and (goal.media_type, goal.kinds) == (
            theirs.media_type,
            kinds,
        )


def _digest(source: ImageSource) -> object:
    """By one HEAD request where the source is a registry."""
    ask = getattr(source, "digest", None)
    return ask() if ask is not None else source.manifest().digest
