# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image in a file of the controller, told and packed as the image of another host would be."""

from __future__ import annotations

import os

from ..module_utils.engine.base.errors import BadInput
from ..module_utils.engine.image import transfer
from ..module_utils.engine.image.parcels import pack
from ..module_utils.engine.image.travel import Travelling
from ..module_utils.engine.image.trust import Gate
from ..module_utils.engine.registry import places
from ..module_utils.engine.registry.policy import Ruling
from ..module_utils.engine.registry.source import open_blob
from ..module_utils.engine.spec import manifest, platform, reference

#: What the controller may carry: everything. Whether it comes in is decided by the policy of the receiving host.
_AT_THE_OTHER_END = Gate(Ruling("the controller", ()), None, None)


def place_of(text, find):
    """The place that ``path`` names; ``find`` makes an absolute path of a relative one."""
    transport, colon, rest = text.partition(":")
    if not colon or transport not in places.TRANSPORTS:
        return _portable(places.guess(os.path.realpath(find(text))), text)
    path, ref = (rest, "") if transport in ("dir", "tar") else rest.partition(":")[::2]
    return _portable(places.Place(transport, os.path.realpath(find(path)), ref), text)


def _portable(place, text):
    if place.transport == "tar":
        raise BadInput(
            f"transfer {text}", "it is a root file system, not an image", "Make an image of it first, as by image"
        )
    return place


class FileOrigin:
    """Opened until close(); ``host_platform`` is asked for only when the file has several images."""

    def __init__(self, place, wanted, host_platform):
        self._place = place
        self._source = places.open_place(place)
        try:
            top = self._source.manifest()
            chosen = platform.parse(wanted) if wanted else None
            if chosen is None and isinstance(manifest.parse(top.data, top.media_type, str(place)), manifest.Index):
                chosen = platform.parse(host_platform())
            self._chosen = transfer.choose(self._source, top, chosen, _AT_THE_OTHER_END)
        except BaseException:
            self._source.close()
            raise
        self._layers = dict(zip(map(str, self._chosen.config.diff_ids), self._chosen.manifest.layers))

    def offer(self):
        travelling = Travelling(self._chosen, self._names(), self._place.policy_transport, str(self._place))
        layers = [[diff_id, layer.size] for diff_id, layer in self._layers.items()]
        return {**travelling.words(), "layers": layers}

    def _names(self):
        found = []
        for tag in getattr(self._source, "tags", None) or (self._source.name,):
            try:
                found.append(str(reference.parse(tag).with_default_tag()))
            except BadInput:
                continue
        return tuple(found)

    def give(self, diff_id, path):
        """Pack the layer into the file, verified by what the manifest says of it."""
        return pack(open_blob(self._source, self._layers[diff_id]), path, diff_id)

    def close(self):
        self._source.close()
