# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pushing to what is no registry: directories, archives, layouts and Docker's engine."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, Damaged
from ..base.tuples import NamedTuple
from ..spec import manifest as manifests
from ..spec.manifest import Manifest
from . import convert, transports
from .copy import CopyOptions, copy, no_room, room_for_signatures
from .store_source import StoreSource
from .transports import Side, Transports

if TYPE_CHECKING:
    from ..registry.source import ImageSource
    from ..session.session import Session


#: Where a push compresses when nothing is said, as podman's does.
_COMPRESSED = ("oci", "oci-archive")


class Found(NamedTuple):
    """What the place has: digest and image id ("" for nothing), and whether a push would leave the same."""

    digest: str = ""
    id: str = ""
    same: bool = False


class Elsewhere:
    """One place, by its name with the transport in front.  close() it."""

    def __init__(self, session: Session, to: str, options: CopyOptions) -> None:
        self._session = session
        end = transports.parse(to)
        if end.transport in _COMPRESSED and not options.compression:
            options = options._replace(compression="gzip")
        self._options = options.checked()
        if end.transport == transports.STORAGE:
            raise BadInput(f"push to {to}", "an image of a store is copied, not pushed, to another", "Use image_copy")
        self._side = Side(end)
        self._opened = Transports(session)

    def look(self, identity: str) -> Found:
        """``identity`` may be of an image that is still to come.  Raises BadInput, Refused, and as the place does."""
        options = self._options
        self._destination = to = self._opened.destination(self._side)
        if options.format:
            wanted = convert.FORMATS[options.format][0]
            convert.target_type(wanted, options.format, to.accepts, zstd=options.compression == "zstd", what=to.what)
        convert.check_compression(options.compression, to.layers, to.what)
        there = self._opened.there(self._side)
        record = self._session.store.image(identity)
        found = self._found(there, identity) if there is not None else Found()
        if record is None:
            return found
        source = StoreSource(self._session.store, record)
        if there is not None:
            from .compare import Ends

            found = found._replace(same=Ends(source, there, to, options).same())
        unsigned = found.same or options.remove_signatures or room_for_signatures(to) is not None
        if not unsigned and source.signatures():
            raise no_room(source, to)
        return found

    def _found(self, there: ImageSource, identity: str) -> Found:
        """By the config alone, for an image that is not here yet."""
        top = there.manifest()
        parsed = manifests.parse(top.data, top.media_type, there.what)
        if not isinstance(parsed, Manifest):
            return Found(str(top.digest))
        same = parsed.config.digest.hex == identity
        if self._options.format:
            same = same and parsed.media_type == convert.FORMATS[self._options.format][0]
        if self._options.compression:
            same = same and all(convert.kind_of(layer) == self._options.compression for layer in parsed.layers)
        return Found(str(top.digest), parsed.config.digest.hex, same)

    def send(self, identity: str) -> str:
        """Push the image of the store after look(); the digest that it has there."""
        record = self._session.store.image(identity)
        if record is None:
            raise Damaged(f"push image {identity[:12]}", "it was removed again by somebody else")
        return str(copy(StoreSource(self._session.store, record), self._destination, self._options).digest)

    def close(self) -> None:
        self._opened.close()
