# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry API for pulling (OCI distribution-spec, "pull"): manifests and blobs, verified, tried again."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.digest import Digest, digest_of
from ..base.errors import BadInput, Corrupt
from ..spec.descriptor import MANIFEST_TYPES
from ..spec.manifest import MAX_BYTES
from .download import Download
from .repository import Ask, Repository, Wire
from .source import Fetched

if TYPE_CHECKING:
    from email.message import Message
    from http.client import HTTPResponse

    from ..base.streams import Reader
    from ..spec.descriptor import Descriptor
    from ..spec.reference import Reference
    from .signatures.blob import Signature

__all__ = ["RegistrySource", "Wire"]


class RegistrySource:
    """One image of a repository; see Repository for who gets credentials."""

    def __init__(self, ref: Reference, wire: Wire, *, insecure: bool = False) -> None:
        self._ref = ref
        self._wire = wire
        self._insecure = insecure
        self._repository = Repository(ref, wire, insecure=insecure)

    @property
    def reference(self) -> Reference:
        """The name at this endpoint, which a mirror may have given it."""
        return self._ref

    @property
    def what(self) -> str:
        return str(self._ref)

    # -- the source -------------------------------------------------------------------------------------------------

    def digest(self) -> Digest | None:
        """The digest of the top document by one HEAD request, None when the registry does not tell it.

        Raises NotFound, Denied, Unreachable, TimedOut.
        """
        deed = f"look up {self.what}"
        path = self._repository.path(f"manifests/{pointer(self._ref)}")

        def ask() -> Digest | None:
            answer = self._repository.call(Ask("HEAD", path, {"Accept": ", ".join(MANIFEST_TYPES)}), deed)
            answer.read()
            try:
                return Digest.parse(answer.headers.get("Docker-Content-Digest", ""))
            except BadInput:
                return None

        return self._wire.patience.run(ask)

    def manifest(self, digest: Digest | None = None) -> Fetched:
        deed = f"pull the manifest of {self.what}"
        wanted = digest or self._ref.digest
        path = self._repository.path(f"manifests/{wanted or pointer(self._ref)}")

        def ask() -> Fetched:
            answer = self._repository.call(Ask("GET", path, {"Accept": ", ".join(MANIFEST_TYPES)}), deed)
            data = self._repository.body(answer, MAX_BYTES, deed)
            return _checked(data, answer.headers, wanted, deed)

        return self._wire.patience.run(ask)

    def blob(self, descriptor: Descriptor) -> Reader:
        deed = f"pull {descriptor.digest} of {self.what}"
        path = self._repository.path(f"blobs/{descriptor.digest}")

        def start(offset: int) -> HTTPResponse:
            headers = {"Range": f"bytes={offset}-"} if offset else {}
            return self._repository.call(Ask("GET", path, headers), deed)

        return Download(start, descriptor.size, self._wire.patience, deed, self._wire.connections.timeout)

    def signatures(self, digest: Digest | None = None) -> tuple[Signature, ...]:
        from .signatures import fetching, registries_d
        from .signatures.lookaside import Lookaside

        places = registries_d.load(self._wire.connections.identity)
        found = Lookaside(places.lookaside(self._ref), self._wire.connections, self._wire.patience)
        wanted = digest or self._ref.digest or self.manifest().digest
        attached = self.tagged(fetching.tag_of(wanted)) if places.attachments(self._ref) else None
        return fetching.read(found, attached, wanted)

    def tagged(self, tag: str) -> RegistrySource:
        """Another image of the same repository; it shares the connections with this one."""
        return RegistrySource(self._ref.with_tag(tag), self._wire, insecure=self._insecure)

    def fork(self) -> RegistrySource:
        self._wire.connections.abandon()
        return self

    def close(self) -> None:
        self._wire.connections.close()


def pointer(ref: Reference) -> str:
    """What stands after manifests/ in the API."""
    return str(ref.digest) if ref.digest is not None else ref.tag or "latest"


def _checked(data: bytes, headers: Message, wanted: Digest | None, deed: str) -> Fetched:
    """Hold the bytes against the digest asked for, else against the one the registry claims."""
    found = digest_of(data)
    expected = wanted
    if expected is None:
        try:
            expected = Digest.parse(headers.get("Docker-Content-Digest", ""))
        except BadInput:
            expected = found
    if expected.algorithm != found.algorithm:
        hasher = expected.hasher()
        hasher.update(data)
        found = Digest(expected.algorithm, hasher.hexdigest())
    if found != expected:
        raise Corrupt(deed, f"it has digest {found}, not {expected}")
    return Fetched(data, headers.get("Content-Type", ""), found)
