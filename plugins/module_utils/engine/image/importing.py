# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image from the tar of a root file system, or the one that an earlier import of the same made."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base.errors import Corrupt, EngineError
from ..base.jsonval import table, tables, text, texts
from ..base.tuples import NamedTuple
from ..plan.change import Plan, Step
from ..registry.places import Place
from ..spec import reference
from .load import Archive
from .lookup import finder
from .options import PullOptions

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..registry.root_tree import Recipe
    from ..session.session import Session
    from ..store.records import ImageRecord

_NAMELESS = "an image without a name"


class Wish(NamedTuple):
    """``name`` may be empty. ``shown`` is what the source is called; ``checksum`` its digest as a file, if known."""

    name: str
    shown: str
    recipe: Recipe
    checksum: str = ""

    @property
    def stored_name(self) -> str:
        return reference.stored_name(self.name) if self.name else ""


def present(session: Session, wish: Wish) -> ImageRecord | None:
    """The image that importing a file of the wish's checksum would only repeat; None when that is not known."""
    return _fitting(session, wish, "", wish.checksum) if wish.checksum else None


class Import:
    """A file that was read once, so that it is known whether its image is there. close() it."""

    def __init__(self, session: Session, path: str, wish: Wish) -> None:
        options = PullOptions(platform=wish.recipe.platform)
        self._session = session
        self._wish = wish
        self._archive = Archive(session, Place("tar", path), options, wish.recipe)
        if wish.checksum and wish.checksum != self._archive.given:
            self._archive.close()
            raise Corrupt(f"import {wish.shown}", f"it is {self._archive.given}, not {wish.checksum}")
        self.present = _fitting(session, wish, str(self._archive.chosen.config.diff_ids[0]), "")

    def store(self) -> str:
        """The id of the image, which is in the store now."""
        name = self._wish.stored_name
        return self._archive.store(self._session, (name,) if name else ()).id

    def close(self) -> None:
        self._archive.close()


def plan(session: Session, wish: Wish, found: ImageRecord | None) -> Plan:
    """What has to be done where ``found`` is the image that is there already."""
    name = wish.stored_name or _NAMELESS
    deed = f"import {wish.shown}"
    if found is not None:
        return Plan(deed)
    held = finder(session)(wish.stored_name) if wish.stored_name else None
    before: Json = {"name": name, "state": "absent"}
    if held is not None:
        before = {"name": name, "state": "present", "id": held.id}
    after: Json = {"name": name, "state": "present", "source": wish.shown}
    return Plan(deed, (Step("import image", f"{wish.shown} as {name}"),), (), before, after)


def _fitting(session: Session, wish: Wish, diff_id: str, blob: str) -> ImageRecord | None:
    """The image of that name, or without a name any, that has this one layer and the wish's config."""
    name = wish.stored_name
    for record in session.store.images():
        if record.top_layer and (not name or name in record.names) and _fits(session, record, wish, diff_id, blob):
            return record
    return None


def _fits(session: Session, record: ImageRecord, wish: Wish, diff_id: str, blob: str) -> bool:
    layer = session.store.layer(record.top_layer)
    if layer is None or layer.parent or (diff_id or blob) not in (layer.diff_digest, layer.compressed_digest):
        return False
    try:
        config = json.loads(session.store.image_config_bytes(record))
    except (EngineError, ValueError):
        return False
    return _describes(config, wish.recipe) and texts(table(config, "rootfs"), "diff_ids") == [layer.diff_digest]


def _describes(config: Json, recipe: Recipe) -> bool:
    """Whether an image's config is what the recipe makes, but for times."""
    platform, history = recipe.platform, tables(config, "history")
    same = (text(config, "os"), text(config, "architecture"), text(config, "variant"))
    if same != (platform.os, platform.architecture, platform.variant):
        return False
    if len(history) != 1 or text(history[0], "comment") != recipe.comment:
        return False
    return table(config, "config") == dict(recipe.config)
