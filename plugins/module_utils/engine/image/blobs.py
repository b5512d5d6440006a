# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The blobs of a copy: what is there is not sent again, the rest is compressed on its way."""

from __future__ import annotations

import os
from contextlib import closing
from typing import TYPE_CHECKING, cast

from ..base.errors import Corrupt, Refused
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..registry.destination import Rereadable
from ..registry.source import open_blob
from ..spec.descriptor import Descriptor
from . import convert
from .convert import Made
from .spool import Squeezed, spool
from .store_source import StoreSource

if TYPE_CHECKING:
    from ..base.digest import Digest
    from ..base.streams import Reader
    from ..registry.destination import ImageDestination, TakesFlows
    from ..registry.source import ImageSource

#: More connections than this to one registry are rude.
_MOST_WORKERS = 6
_BLOCK = 1 << 20


def refused(source: ImageSource, destination: ImageDestination, why: str) -> Refused:
    """The error of a copy that was to keep its digest."""
    return Refused(
        f"copy {source.what} to {destination.what}",
        f"the digest cannot be preserved: {why}",
        "Leave preserve_digests out, or copy from where the image came from",
    )


def delivers_plain(source: ImageSource) -> bool:
    """Whether blobs of layers come uncompressed whatever the manifest says, as from Docker's archives."""
    return bool(getattr(source, "delivers_plain", False))


class Wish(NamedTuple):
    """A layer of the source, its content, and the compression that it is to have."""

    entry: Descriptor
    diff_id: Digest
    kind: str


class Blobs:
    """Brings blobs from one end to the other; ``preserve`` refuses other bytes than a manifest names."""

    def __init__(
        self, source: ImageSource, destination: ImageDestination, *, level: int | None = None, preserve: bool = False
    ) -> None:
        self._source = source
        self._destination = destination
        self._level = level
        self._preserve = preserve
        self._done: dict[tuple[Digest, str], Made] = {}
        self.copied = self.skipped = self.bytes = 0

    def layers(self, wishes: list[Wish]) -> list[Made]:
        """Every layer once, several at a time where both ends can."""
        new = {(wish.entry.digest, wish.kind): wish for wish in wishes}
        left = [key for key in new if key not in self._done]
        if len(left) > 1 and hasattr(self._destination, "fork"):
            self._done.update(self._in_workers({key: new[key] for key in left}))
        else:
            for key in left:
                self._done[key] = self._bring(new[key])
        return [self._done[wish.entry.digest, wish.kind] for wish in wishes]

    def _in_workers(self, wishes: dict[tuple[Digest, str], Wish]) -> dict[tuple[Digest, str], Made]:
        """By forked processes: putting a tar together again holds the interpreter lock."""
        from ..host.workers import Pool

        keys = sorted(wishes, key=lambda key: wishes[key].entry.size)

        def begin() -> None:
            self._source = self._source.fork()
            self._destination = cast("TakesFlows", self._destination).fork()

        def work(number: int) -> tuple[Made, int, int, int]:
            self.copied = self.skipped = self.bytes = 0
            return self._bring(wishes[keys[number]]), self.copied, self.skipped, self.bytes

        count = min(len(keys), _MOST_WORKERS, max(2, len(os.sched_getaffinity(0))))
        pool: Pool[tuple[Made, int, int, int]] = Pool(count, work, begin)
        try:
            done = pool.run(list(range(len(keys) - 1, -1, -1)))  # the longest first: the others fill its time
        except BaseException:
            pool.kill()
            raise
        pool.close()
        for _made, copied, skipped, sent in done.values():
            self.copied, self.skipped, self.bytes = self.copied + copied, self.skipped + skipped, self.bytes + sent
        return {keys[number]: result[0] for number, result in done.items()}

    def _bring(self, wish: Wish) -> Made:
        entry, diff_id, kind = wish
        stored = isinstance(self._source, StoreSource) and entry.digest != diff_id
        now = "none" if delivers_plain(self._source) else convert.kind_of(entry)
        if kind == now:
            if not stored:
                self.put(entry, Rereadable(lambda: self._source.blob(entry)))
                return Made(entry.digest, entry.size, kind)
            if self._destination.has_blob(entry.digest, entry.size):
                self.skipped += 1
                return Made(entry.digest, entry.size, kind)
        elif self._preserve:
            raise refused(self._source, self._destination, f"its layers are to be {kind}, and they are {now}")
        known = self._known(wish)
        if known is not None:
            self.skipped += 1
            return known
        try:
            return self._squeeze(wish)
        except Corrupt:
            if isinstance(self._source, StoreSource):
                with closing(self._source.unpacked(diff_id)) as tar:  # names the file that is not as it was
                    while tar.read(_BLOCK):
                        pass
            raise

    def _squeeze(self, wish: Wish) -> Made:
        entry, diff_id, kind = wish
        what = f"layer {entry.digest} of {self._source.what}"
        squeezed = Squeezed(lambda: self._bytes(entry, diff_id), diff_id, kind, self._level, what)
        with closing(squeezed):
            if hasattr(self._destination, "put_flow") and not self._preserve:
                cast("TakesFlows", self._destination).put_flow(squeezed)
                self._sent(squeezed.size)
                return Made(squeezed.digest, squeezed.size, kind)
            with closing(spool(squeezed)) as ready:
                if self._preserve and ready.digest != entry.digest:
                    raise refused(
                        self._source,
                        self._destination,
                        "the compressed bytes that its layers came in are not kept in a store",
                    )
                self.put(Descriptor(entry.media_type, ready.digest, ready.size), ready)
                return Made(ready.digest, ready.size, kind)

    def _known(self, wish: Wish) -> Made | None:
        """The bytes that the content came in once, perhaps as part of another image, where the destination has them."""
        if not isinstance(self._source, StoreSource) or self._preserve or self._level is not None:
            return None
        for digest, size in self._source.arrived_as(wish.diff_id, wish.kind):
            if digest != wish.entry.digest and self._destination.has_blob(digest, size):
                return Made(digest, size, wish.kind)
        return None

    def _bytes(self, entry: Descriptor, diff_id: Digest) -> Reader:
        if isinstance(self._source, StoreSource):
            return self._source.unpacked(diff_id, summed=False)  # Squeezed compares the digest of the whole
        return self._source.blob(entry) if delivers_plain(self._source) else open_blob(self._source, entry)

    def put(self, blob: Descriptor, reader: Reader) -> None:
        if self._destination.has_blob(blob.digest, blob.size):
            self.skipped += 1
            return
        self._destination.put_blob(blob, reader)
        self._sent(blob.size)

    def _sent(self, size: int) -> None:
        self.copied += 1
        self.bytes += size
        reached("image-blob-copied")
