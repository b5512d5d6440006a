# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One blob's way into a registry (OCI distribution-spec, "pushing blobs"): begun, sent, gone on with, concluded."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import EngineError, NotFound, Unreachable
from ..base.steps import reached
from .failures import TooLarge, Transient
from .repository import Ask

if TYPE_CHECKING:
    from collections.abc import Iterator
    from http.client import HTTPResponse

    from ..base.digest import Digest
    from ..spec.descriptor import Descriptor
    from .destination import Feed, Flow
    from .repository import Repository

#: Up to here a blob goes in one request with its digest, above in a stream that can be resumed.
SMALL = 256 * 1024
#: What a server (or proxy before it) that refuses long bodies gets at a time.
_CHUNK = 8 * 1024 * 1024
_BLOCK = 256 * 1024
_OCTETS = {"Content-Type": "application/octet-stream"}


def concluded(place: str, digest: Digest) -> str:
    """Where the last request of an upload goes."""
    return f"{place}{'&' if '?' in place else '?'}digest={digest}"


class Part:
    """``length`` bytes of the feed from ``offset``, as the body of one request."""

    def __init__(self, feed: Feed, offset: int, length: int) -> None:
        self._feed = feed
        self._offset = offset
        self.length = length

    def blocks(self) -> Iterator[bytes]:
        self._feed.at(self._offset)
        left = self.length
        while left:
            data = self._feed.read(min(left, _BLOCK))
            left -= len(data)
            yield data


class Upload:
    """One blob's way: begin, send (all at once, or in chunks where that is refused), conclude with the digest."""

    def __init__(self, repository: Repository, feed: Feed, descriptor: Descriptor, deed: str) -> None:
        self._repository = repository
        self._feed = feed
        self._digest = descriptor.digest
        self._size = descriptor.size
        self._deed = deed
        self._sent = 0
        self._least = 0
        self.place = ""
        self.chunk = 0

    def go_on(self) -> None:
        """From where it stands to the end.  Raises Transient for what may work when it is called again."""
        if not self.place:
            answer = self._call(Ask("POST", self._repository.path("blobs/uploads/"), body=b"", wanted=(202,)))
            self._sent = 0
            least = answer.headers.get("OCI-Chunk-Min-Length", "")
            self._least = int(least) if least.isdigit() and len(least) < 10 else 0
            self._move(answer)
        if self._size <= SMALL and not self._sent:
            self._feed.at(0)
            self.conclude(b"".join(Part(self._feed, 0, self._size).blocks()))
            return
        while self._sent < self._size:
            self._send()
        self.conclude(b"")

    def _send(self) -> None:
        length = self._size - self._sent
        if self.chunk:
            length = min(length, max(self.chunk, self._least))
        headers = dict(_OCTETS)
        if self._sent or length < self._size:
            headers["Content-Range"] = f"{self._sent}-{self._sent + length - 1}"
        ask = Ask("PATCH", self.place, headers, Part(self._feed, self._sent, length), (201, 202, 204))
        try:
            answer = self._call(ask)
        except TooLarge as err:
            if self.chunk:
                raise
            self.chunk = _CHUNK
            raise Transient(err, 0.0)
        self._sent += length
        reached("blob-part-pushed")
        self._move(answer)

    def conclude(self, body: bytes) -> None:
        headers = dict(_OCTETS) if body else {}
        self._call(Ask("PUT", concluded(self.place, self._digest), headers, body, (201, 204)))

    def ask_where(self) -> None:
        """After an interruption: how much arrived; a registry that does not tell is begun with anew."""
        place, self.place = self.place, ""
        if not place or self._size <= SMALL:
            return
        try:
            answer = self._call(Ask("GET", place, wanted=(204, 200)))
        except EngineError:
            return
        first, dash, last = answer.headers.get("Range", "").rpartition("=")[2].partition("-")
        if first != "0" or not dash or not last.isdigit() or int(last) >= self._size:
            return
        if int(last):  # "0-0" is said of an empty upload as well as of one byte
            self._sent, self.place = int(last) + 1, place
            self._move(answer)

    def _call(self, ask: Ask) -> HTTPResponse:
        try:
            answer = self._repository.call(ask, self._deed)
        except NotFound as err:
            if not self.place:
                raise
            self.place = ""
            raise Transient(err)
        self._repository.finish(answer)
        return answer

    def _move(self, answer: HTTPResponse) -> None:
        self.place = answer.headers.get("Location", "") or self.place
        if not self.place:
            raise Unreachable(self._deed, "the registry opened no place to upload to")


class _Whole:
    """All of a flow, as the body of one request whose length nobody knows yet."""

    length = None

    def __init__(self, flow: Flow) -> None:
        self._flow = flow
        self._begun = False

    def blocks(self) -> Iterator[bytes]:
        if self._begun:  # the log-in was asked for again, or the connection had gone stale
            self._flow.restart()
        self._begun = True
        while True:
            data = self._flow.read(_BLOCK)
            if not data:
                return
            yield data


class Stream:
    """A blob that is sent while it is made: its digest goes with the last request.

    ``place`` is an upload that is open already, "" for none; where it fails, what to go on with.
    """

    def __init__(self, repository: Repository, flow: Flow, place: str, deed: str) -> None:
        self._repository = repository
        self._flow = flow
        self._deed = deed
        self.place = place

    def go(self) -> None:
        """Raises Transient, and Unreachable, where sending it the usual way may work."""
        if not self.place:
            self._call(Ask("POST", self._repository.path("blobs/uploads/"), body=b"", wanted=(202,)))
        self._call(Ask("PATCH", self.place, _OCTETS, _Whole(self._flow), (201, 202, 204)))
        reached("blob-part-pushed")
        self._call(Ask("PUT", concluded(self.place, self._flow.digest), body=b"", wanted=(201, 204)))

    def _call(self, ask: Ask) -> None:
        answer = self._repository.call(ask, self._deed)
        self._repository.finish(answer)
        self.place = answer.headers.get("Location", "") or self.place
        if not self.place:
            raise Unreachable(self._deed, "the registry opened no place to upload to")
