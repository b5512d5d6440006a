# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A local image as the other nouns see it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import Corrupt, EngineError
from ..base.tuples import NamedTuple
from ..spec import image_config

if TYPE_CHECKING:
    from ..spec.image_config import ImageConfig
    from ..spec.manifest import Index, Manifest
    from ..spec.platform import Platform
    from ..store.records import ImageRecord
    from ..store.store import Store


class ImageView(NamedTuple):
    """An image of the store with its config.

    ``digest`` is that of its default manifest ("" when it has none), ``matched`` the name by which it was found ("" for
    an id or digest).
    """

    id: str
    names: tuple[str, ...]
    digest: str
    config: ImageConfig
    record: ImageRecord
    matched: str = ""

    @property
    def name(self) -> str:
        """What to call it: the name it was found by, its first name, or its id."""
        return self.matched or (self.names[0] if self.names else self.id)


def host() -> Platform:
    """The platform that containers of this host run on."""
    from ..spec.platform import host_platform

    return host_platform(os.uname().machine)


def view(store: Store, record: ImageRecord, matched: str = "") -> ImageView:
    """Raises Corrupt when the image's config cannot be read; Damaged when it is not there."""
    config = image_config.parse(store.image_config_bytes(record))
    return ImageView(record.id, record.names, record.digest, config, record, matched)


def instance_of(store: Store, record: ImageRecord) -> ImageRecord | None:
    """The record itself, or for a manifest list the local image of it that runs here."""
    if record.top_layer:
        return record
    from ..spec.manifest import Index

    parsed = parsed_manifest(store, record)
    if not isinstance(parsed, Index):
        return record
    chosen = parsed.choose(host())
    if chosen is None:
        return None
    return next((other for other in store.images() if str(chosen.digest) in other.digests and other.top_layer), None)


def parsed_manifest(store: Store, record: ImageRecord) -> Manifest | Index | None:
    """The default manifest, None for an image that has none or one that is not understood."""
    from ..spec import manifest

    try:
        return manifest.parse(store.image_manifest(record), "", record.id)
    except (Corrupt, EngineError):
        return None
