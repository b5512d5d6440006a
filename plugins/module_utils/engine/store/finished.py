# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Finished layers that a killed process left in overlay/staging, for the next one to go on from.

Beside a tree that was unpacked whole lies a note of what it is. Who wants that layer next rebuilds its tar from the
tree and tar-split and stages it anew: every byte, owner and mode is verified as if it had come from a registry, and
nothing that happened to the tree meanwhile (a power cut, another program) can get into an image.
"""

from __future__ import annotations

import json
import os
import time
from typing import TYPE_CHECKING

from ..base.digest import Digest
from ..base.errors import BadInput, Corrupt, Damaged
from ..base.files import read_bytes
from ..base.tuples import NamedTuple
from ..host.compression import GZIP, decompressor
from ..host.rooted import Root
from .records import COMPRESSIONS
from .tarsplit import Rebuilt

if TYPE_CHECKING:
    from .overlay import Staging
    from .values import StagedLayer, Wanted

_NOTE = "layer.json"
#: How long a finished layer may wait for its next pull, in seconds; podman and our repair clear it earlier.
KEPT_FOR = 86400


class Note(NamedTuple):
    """What a finished layer is, and the blob that it came from."""

    diff_id: Digest
    source: Digest
    source_size: int
    compression: str

    def fits(self, wanted: Wanted) -> bool:
        if wanted.diff_id is not None:
            return wanted.diff_id == self.diff_id
        return wanted.source is not None and wanted.source == self.source


def leave_note(place: Staging, layer: StagedLayer) -> None:
    """The tree is whole. Best effort: without a note the layer is only fetched again."""
    content = {
        "diff-digest": str(layer.diff_id),
        "compressed-diff-digest": str(layer.source),
        "compressed-size": layer.source_size,
        "compression": layer.compression,
    }
    path = os.path.join(place.path, _NOTE)
    try:
        with open(path + ".new", "x", encoding="ascii") as file:
            json.dump(content, file)
        os.rename(path + ".new", path)
    except OSError:
        pass


def note_of(path: str) -> Note | None:
    """The note in a child of overlay/staging; None where there is none that makes sense."""
    try:
        content = json.loads(read_bytes(os.path.join(path, _NOTE), 4096))
        note = Note(
            Digest.parse(str(content["diff-digest"])),
            Digest.parse(str(content["compressed-diff-digest"])),
            int(content["compressed-size"]),
            str(content["compression"]),
        )
    except (OSError, ValueError, LookupError, TypeError, RecursionError, BadInput, Corrupt):
        return None
    return note if note.compression in COMPRESSIONS else None


def waits(path: str) -> bool:
    """Whether a finished layer is there that the next pull may still want."""
    try:
        age = time.time() - os.stat(os.path.join(path, _NOTE)).st_mtime
    except OSError:
        return False
    return -KEPT_FOR < age < KEPT_FOR


def tar_of(place: Staging, what: str) -> Rebuilt:
    """The tar that a finished layer was unpacked from. Raises Damaged."""
    try:
        tree = Root.of(place.tree)
    except OSError as error:
        raise Damaged(f"go on with {what}", f"its tree is gone ({error.strerror})") from None
    try:
        file = open(place.split, "rb")  # noqa: SIM115  the reader closes it
    except OSError as error:
        tree.close()
        raise Damaged(f"go on with {what}", f"its tar-split is gone ({error.strerror})") from None
    return Rebuilt(decompressor(GZIP, file, f"the tar-split of {what}"), (file, tree), what)
