# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Layers on their way through the controller."""

from __future__ import annotations

import os

from ..module_utils.engine.base.errors import NotFound
from ..module_utils.engine.image.parcels import Parcel


def in_words(parcel):
    """As the module's stages know it."""
    return {"diff_id": parcel.diff_id, "digest": parcel.digest, "size": parcel.size}


class Carrier:
    """Brings layers from an origin to the receiving host, in pieces, none of them twice."""

    #: Bytes that travel between two questions to the receiving host; what an interruption can cost.
    PIECE = 32 * 1024 * 1024
    FILES = 16

    def __init__(self, origin, target, folder):
        self._origin = origin
        self._target = target
        self._folder = folder
        self._waiting = []
        self.count = 0

    def carry(self, missing, held):
        """Have these layers there, whole; what is held already, wholly or in part, is not sent again."""
        known = {words["diff_id"]: Parcel.checked(**words) for words in held}
        sent = []
        for number, diff_id in enumerate(missing):
            parcel = known.get(diff_id)
            if parcel is None or not parcel.whole:
                parcel = self._send(diff_id, parcel, os.path.join(self._folder, f"layer{number}"))
            sent.append(in_words(parcel))
        self._flush()
        return sent

    def _send(self, diff_id, begun, path):
        parcel = self._origin.give(diff_id, path)
        at = begun.at if begun is not None and begun.digest == parcel.digest else 0
        if not at and parcel.size <= self.PIECE:
            self._add(parcel, 0, path)
            return parcel
        with open(path, "rb") as file:
            while at < parcel.size:
                file.seek(at)
                piece = f"{path}.piece"
                with open(piece, "wb") as part:
                    part.write(file.read(self.PIECE))
                self._add(parcel, at, piece)
                self._flush()
                at += self.PIECE
        os.unlink(path)
        return parcel

    def _add(self, parcel, offset, path):
        size = os.path.getsize(path)
        if sum(entry[3] for entry in self._waiting) + size > self.PIECE or len(self._waiting) == self.FILES:
            self._flush()
        self._waiting.append((parcel, offset, path, size))

    def _flush(self):
        if not self._waiting:
            return
        files = []
        for number, (parcel, offset, path, size) in enumerate(self._waiting):
            remote = self._target.put(path, f"piece{number}")
            files.append({**in_words(parcel), "offset": offset, "path": remote})
            self.count += size
            os.unlink(path)
        answer = self._target.ask(do="keep", files=files)
        for (parcel, offset, _path, size), here in zip(self._waiting, answer.get("at", [])):
            if here < offset + size:
                deed = f"send layer {parcel.diff_id}"
                raise NotFound(deed, "it was cleared away while it was sent", "Run the task again")
        self._waiting = []
