# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry API for pushing (OCI distribution-spec, "push"): uploads that resume, blobs of sibling repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.digest import digest_of
from ..base.errors import BadInput, Corrupt, EngineError, NotFound, Unreachable
from ..base.steps import reached
from ..spec.descriptor import is_index, is_manifest
from . import destination
from .destination import Feed
from .docker import RegistrySource, pointer
from .failures import TooLarge, Transient
from .repository import Ask, Repository

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence
    from http.client import HTTPResponse
    from typing import TypeVar

    from ..base.digest import Digest
    from ..base.streams import Reader
    from ..spec.descriptor import Descriptor
    from ..spec.reference import Reference
    from .repository import Wire
    from .signatures.blob import Signature

    Result = TypeVar("Result")

#: Up to here a blob goes in one request with its digest, above in a stream that can be resumed.
_SMALL = 256 * 1024
#: What a server (or proxy before it) that refuses long bodies gets at a time.
_CHUNK = 8 * 1024 * 1024
_BLOCK = 256 * 1024
_OCTETS = {"Content-Type": "application/octet-stream"}


class RegistryDestination:
    """One image in one repository at one registry.

    ``siblings`` are paths of repositories of the same registry that may hold blobs already: the registry is asked to
    mount those instead of taking them again.
    """

    layers = destination.COMPRESS

    def __init__(self, ref: Reference, wire: Wire, *, insecure: bool = False, siblings: tuple[str, ...] = ()) -> None:
        if ref.tag is not None and ref.digest is not None:
            raise BadInput(f"push {ref}", "a name to push to has a tag or a digest, not both")
        self._ref = ref
        self._wire = wire
        self._insecure = insecure
        self._siblings = tuple(dict.fromkeys(path for path in siblings if path != ref.path))[:4]
        others = [f"repository:{path}:pull" for path in self._siblings]
        scopes = (f"repository:{ref.path}:pull,push", *others)
        self._repository = Repository(ref, wire, insecure=insecure, scopes=scopes)
        self._uploads: dict[Digest, str] = {}
        self._chunk = 0
        self._top: tuple[bytes, str, Digest] | None = None

    @property
    def what(self) -> str:
        return str(self._ref)

    def accepts(self, media_type: str) -> bool:
        return is_manifest(media_type) or is_index(media_type)

    # -- blobs ------------------------------------------------------------------------------------------------------

    def has_blob(self, digest: Digest, size: int) -> bool:
        deed = f"look for {digest} in {self._ref.name}"
        if digest in self._uploads:
            return False
        return self._tried(lambda: self._there(digest, size, deed) or self._mounted(digest, deed))

    def put_blob(self, descriptor: Descriptor, reader: Reader) -> None:
        deed = f"push {descriptor.digest} to {self._ref.name}"
        feed = Feed(reader, descriptor, deed)
        upload = _Upload(self._repository, feed, descriptor, deed)
        upload.place, upload.chunk = self._uploads.pop(descriptor.digest, ""), self._chunk
        attempt = 0
        while True:
            try:
                upload.go_on()
                break
            except Transient as failure:
                self._wire.patience.pause(attempt, failure)
                attempt += 1
            if self._tried(lambda: self._there(descriptor.digest, descriptor.size, deed)):
                break
            self._tried(upload.ask_where)
        self._chunk = upload.chunk
        reached("blob-pushed")

    def _tried(self, deed: Callable[[], Result]) -> Result:
        return self._wire.patience.run(deed)

    def _there(self, digest: Digest, size: int, deed: str) -> bool:
        try:
            answer = self._repository.call(Ask("HEAD", self._repository.path(f"blobs/{digest}")), deed)
        except NotFound:
            return False
        self._repository.finish(answer)
        length = answer.headers.get("Content-Length", "")
        if length.isdigit() and int(length) != size:
            raise Corrupt(deed, f"the registry says that it is {length} bytes long, not {size}")
        return True

    def _mounted(self, digest: Digest, deed: str) -> bool:
        """Ask for the blob from a sibling; an upload that the registry opens instead is kept for the bytes."""
        from urllib.parse import urlencode

        for sibling in self._siblings:
            fields = urlencode({"mount": str(digest), "from": sibling})
            ask = Ask("POST", self._repository.path(f"blobs/uploads/?{fields}"), body=b"", wanted=(201, 202))
            try:
                answer = self._repository.call(ask, deed)
            except EngineError:
                continue  # mounting is a favour: a registry that does not know it gets the bytes
            self._repository.finish(answer)
            if answer.status == 201:
                return True
            self._cancel(self._uploads.pop(digest, ""))
            self._uploads[digest] = answer.headers.get("Location", "")
        return False

    def _cancel(self, place: str) -> None:
        if not place:
            return
        try:
            ask = Ask("DELETE", place, wanted=(200, 202, 204))
            self._repository.finish(self._repository.call(ask, f"cancel an upload to {self._ref.name}"))
        except (EngineError, Transient):
            pass  # the registry forgets it by itself

    # -- manifests --------------------------------------------------------------------------------------------------

    def put_manifest(self, data: bytes, media_type: str, *, instance: bool, digest: Digest | None = None) -> None:
        found = digest or digest_of(data)
        if instance:
            self._put(data, media_type, str(found))
            return
        if self._ref.digest not in (None, found):
            raise BadInput(f"push {self.what}", f"the image has digest {found}, not the one in the name")
        self._top = (data, media_type, found)

    def put_signatures(self, signatures: Sequence[Signature], digest: Digest) -> None:
        from .signatures import fetching, publishing, registries_d

        places = registries_d.load(self._wire.connections.identity)
        simple = [signature for signature in signatures if signature.simple]
        attached = [signature for signature in signatures if not signature.simple]
        if attached and not places.attachments(self._ref):
            raise publishing.refuse_attachments(self._ref.name)
        if simple:
            publishing.beside(places.lookaside(self._ref, write=True), digest, simple)
        if attached:
            tag = self._ref.with_tag(fetching.tag_of(digest))
            there = RegistrySource(tag, self._wire, insecure=self._insecure)
            end = RegistryDestination(tag, self._wire, insecure=self._insecure)
            publishing.attach(there, end, attached, f"{self._ref.name}@{digest}")

    def commit(self) -> None:
        if self._top is None:
            raise EngineError(f"push {self.what}", "no manifest was put")
        data, media_type, digest = self._top
        reached("manifest-to-push")
        told = self._put(data, media_type, pointer(self._ref))
        if told and told != str(digest) and told.startswith(f"{digest.algorithm}:"):
            raise Corrupt(f"push {self.what}", f"the registry stored it as {told}, not {digest}")

    def _put(self, data: bytes, media_type: str, where: str) -> str:
        path = self._repository.path(f"manifests/{where}")
        ask = Ask("PUT", path, {"Content-Type": media_type}, data, (200, 201, 202))

        def put() -> str:
            answer = self._repository.call(ask, f"push the manifest of {self._ref.name} as {where}")
            self._repository.finish(answer)
            return str(answer.headers.get("Docker-Content-Digest", ""))

        return self._tried(put)

    def close(self) -> None:
        for place in self._uploads.values():
            self._cancel(place)
        self._uploads.clear()
        self._repository.close()


class _Part:
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


class _Upload:
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
        if self._size <= _SMALL and not self._sent:
            self._feed.at(0)
            self._conclude(b"".join(_Part(self._feed, 0, self._size).blocks()))
            return
        while self._sent < self._size:
            self._send()
        self._conclude(b"")

    def _send(self) -> None:
        length = self._size - self._sent
        if self.chunk:
            length = min(length, max(self.chunk, self._least))
        headers = dict(_OCTETS)
        if self._sent or length < self._size:
            headers["Content-Range"] = f"{self._sent}-{self._sent + length - 1}"
        ask = Ask("PATCH", self.place, headers, _Part(self._feed, self._sent, length), (201, 202, 204))
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

    def _conclude(self, body: bytes) -> None:
        joint = "&" if "?" in self.place else "?"
        headers = dict(_OCTETS) if body else {}
        self._call(Ask("PUT", f"{self.place}{joint}digest={self._digest}", headers, body, (201, 204)))

    def ask_where(self) -> None:
        """After an interruption: how much arrived; a registry that does not tell is begun with anew."""
        place, self.place = self.place, ""
        if not place or self._size <= _SMALL:
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
