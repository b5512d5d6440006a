# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What goes into the staging of a layer and what comes out: apart, so that naming it does not load the unpacker."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.limits import Limits
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from ..base.digest import Digest


class StagedLayer(NamedTuple):
    """An unpacked layer outside the store's tables.

    `source` and `source_size` describe the blob as it came; `compression` is what it really was. Pickles well: a
    worker process may return it and the parent commit it. `path` is its child of overlay/staging.
    """

    path: str
    diff_id: Digest
    diff_size: int
    source: Digest
    source_size: int
    compression: str
    uids: tuple[int, ...]
    gids: tuple[int, ...]

    @property
    def tree(self) -> str:
        return os.path.join(self.path, "dir")

    @property
    def split(self) -> str:
        return os.path.join(self.path, "tar-split.gz")


class Wanted(NamedTuple):
    """What a blob is known to be before it is read; None where it is not known."""

    source: Digest | None = None
    source_size: int | None = None
    diff_id: Digest | None = None
    what: str = "layer"


class UnpackOptions(NamedTuple):
    """How this store keeps its layers: `rootless` for one made in a user namespace, `overlay_whiteouts` false where
    fuse-overlayfs wants the archive's own whiteout files, `ignore_chown` for a user who has one id only."""

    rootless: bool = False
    overlay_whiteouts: bool = True
    ignore_chown: bool = False
    limits: Limits = Limits()
