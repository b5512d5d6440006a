# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry API for pushing (OCI distribution-spec, "push"): uploads that resume, blobs of sibling repositories."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.digest import digest_of
from ..base.errors import BadInput, Corrupt, EngineError, NotFound, Unreachable
from ..base.steps import reached
from ..spec.descriptor import Descriptor, is_index, is_manifest
from . import destination
from .destination import Feed
from .docker import RegistrySource, pointer
from .failures import Transient
from .repository import Ask, Repository
from .uploads import Stream, Upload

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from typing import TypeVar

    from ..base.digest import Digest
    from ..base.streams import Reader
    from ..spec.reference import Reference
    from .destination import Flow
    from .repository import Wire
    from .signatures.blob import Signature

    Result = TypeVar("Result")


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
        upload = Upload(self._repository, Feed(reader, descriptor, deed), descriptor, deed)
        upload.place, upload.chunk = self._uploads.pop(descriptor.digest, ""), self._chunk
        self._see_through(upload, descriptor, deed)

    def put_flow(self, flow: Flow) -> None:
        """Store a blob whose digest is known once it is read; it is sent while it is made.

        What goes wrong on the way goes the usual one then: its digest is found out, and the rest is sent.
        """
        deed = f"push {flow.what} to {self._ref.name}"
        place = self._uploads.pop(next(iter(self._uploads)), "") if self._uploads else ""
        stream = Stream(self._repository, flow, place, deed)
        if not self._chunk:
            try:
                stream.go()
                reached("blob-pushed")
                return
            except Transient as failure:
                self._wire.patience.pause(0, failure)
            except (Unreachable, NotFound):
                stream.place = ""  # it takes no body of unknown length, or none so long, or has forgotten the upload
        flow.finish()
        descriptor = Descriptor("application/octet-stream", flow.digest, flow.size)
        if self._tried(lambda: self._there(descriptor.digest, descriptor.size, deed)):
            return
        flow.restart()
        upload = Upload(self._repository, Feed(flow, descriptor, deed), descriptor, deed)
        upload.place, upload.chunk = stream.place, self._chunk
        self._tried(upload.ask_where)
        self._see_through(upload, descriptor, deed)

    def _see_through(self, upload: Upload, descriptor: Descriptor, deed: str) -> None:
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
        from .signatures.lookaside import Lookaside

        places = registries_d.load(self._wire.connections.identity)
        simple = [signature for signature in signatures if signature.simple]
        attached = [signature for signature in signatures if not signature.simple]
        if attached and not places.attachments(self._ref):
            raise publishing.refuse_attachments(self._ref.name)
        if simple:
            Lookaside(places.lookaside(self._ref, write=True)).add(digest, simple)
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

    def fork(self) -> RegistryDestination:
        """The same repository for a forked process: connections and open uploads stay the parent's."""
        self._wire.connections.abandon()
        self._uploads.clear()
        return self

    def close(self) -> None:
        for place in self._uploads.values():
            self._cancel(place)
        self._uploads.clear()
        self._repository.close()
