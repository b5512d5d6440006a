# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The registry API for names (OCI distribution-spec, "content discovery" and "content management").

Lists of tags and repositories come in pages, each naming the next.
"""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from ..base.digest import Digest
from ..base.errors import BadInput, Corrupt, NotFound
from ..spec import strict_json
from ..spec.descriptor import MANIFEST_TYPES
from .repository import Ask, Repository

if TYPE_CHECKING:
    from http.client import HTTPResponse

    from ..spec.reference import Reference
    from .repository import Wire

#: Tags to ask for at a time; registries give fewer when they want to.
PAGE = 1000
_PAGE_LIMIT = 8 * 1024 * 1024
#: No repository has so many; a hostile registry that never ends does.
_MOST_PAGES = 1000


class Tags:
    """The names in one repository at one registry; ``pushes`` for those who also change them."""

    def __init__(self, ref: Reference, wire: Wire, *, insecure: bool = False, pushes: bool = False) -> None:
        self._ref = ref
        self._wire = wire
        actions = "pull,push,delete" if pushes else "pull"
        scopes = (f"repository:{ref.path}:{actions}",)
        self._repository = Repository(ref, wire, insecure=insecure, scopes=scopes)

    @property
    def what(self) -> str:
        return self._ref.name

    def list(self) -> list[str]:
        """All tags, in the registry's order.  Raises NotFound where there is no such repository."""
        deed = f"list the tags of {self.what}"
        return pages(self._repository, self._repository.path(f"tags/list?n={PAGE}"), "tags", deed)

    def digest(self, tag: str) -> Digest | None:
        """What the tag points at, None when there is no such tag."""
        deed = f"look up {self.what}:{tag}"
        ask = Ask("HEAD", self._repository.path(f"manifests/{tag}"), {"Accept": ", ".join(MANIFEST_TYPES)})
        try:
            answer = self._call(ask, deed)
        except NotFound:
            return None
        try:
            return Digest.parse(answer.headers.get("Docker-Content-Digest", ""))
        except BadInput:
            raise Corrupt(deed, "the registry does not tell its digest")

    def put(self, tag: str, data: bytes, media_type: str) -> None:
        """Point the tag at a manifest whose blobs are there."""
        ask = Ask("PUT", self._repository.path(f"manifests/{tag}"), {"Content-Type": media_type}, data, (200, 201, 202))
        self._call(ask, f"set the tag {self.what}:{tag}")

    def delete(self, pointer: str) -> bool:
        """Delete a tag, or a manifest with all its tags; False when the registry cannot (400, 405, 501).

        What is gone already is no error.
        """
        ask = Ask("DELETE", self._repository.path(f"manifests/{pointer}"), wanted=(200, 202, 204, 400, 405, 501))
        try:
            answer = self._call(ask, f"delete {self.what}:{pointer}")
        except NotFound:
            return True
        return answer.status < 300

    def close(self) -> None:
        self._repository.close()

    def _call(self, ask: Ask, deed: str) -> HTTPResponse:
        def call() -> HTTPResponse:
            answer = self._repository.call(ask, deed)
            self._repository.finish(answer)
            return answer

        return self._wire.patience.run(call)


def pages(repository: Repository, path: str, key: str, deed: str) -> list[str]:
    """The list of texts under ``key``, over all pages.  Raises Corrupt for pages that lead nowhere."""
    found: list[str] = []
    seen: set[str] = set()
    following = path
    while following:
        if following in seen or len(seen) >= _MOST_PAGES:
            raise Corrupt(deed, "its pages go round in circles")
        seen.add(following)
        content, following = repository.wire.patience.run(partial(_page, repository, Ask("GET", following), deed))
        texts = strict_json.texts(content, key, deed) or ()
        found.extend(text for text in texts if text.isprintable())
    return list(dict.fromkeys(found))


def _page(repository: Repository, ask: Ask, deed: str) -> tuple[strict_json.Json, str]:
    answer = repository.call(ask, deed)
    content = strict_json.loads_object(repository.body(answer, _PAGE_LIMIT, deed), deed, _PAGE_LIMIT)
    return content, _next(answer.headers.get("Link", ""), ask.path)


def _next(link: str, path: str) -> str:
    """The address of the next page (RFC 8288); one without a leading slash is relative to the list's own."""
    target, _semicolon, parameters = link.partition(";")
    target = target.strip()
    if not target.startswith("<") or not target.endswith(">") or "next" not in parameters.replace('"', "").lower():
        return ""
    address = target[1:-1]
    if address.startswith("?"):
        return path.partition("?")[0] + address
    return address


def repositories(ref: Reference, wire: Wire, *, insecure: bool = False) -> list[str]:
    """All repositories of a registry that gives its catalogue.  Raises NotFound, Denied where it does not."""
    repository = Repository(ref, wire, insecure=insecure, scopes=("registry:catalog:*",))
    try:
        return pages(repository, f"/v2/_catalog?n={PAGE}", "repositories", f"list the repositories of {ref.domain}")
    finally:
        repository.close()


def search(ref: Reference, wire: Wire, term: str, limit: int, *, insecure: bool = False) -> list[strict_json.Json]:
    """What the registry's own search finds; its answers as they are.  Raises NotFound where it has no search."""
    from urllib.parse import urlencode

    deed = f"search {ref.domain} for {term}"
    repository = Repository(ref, wire, insecure=insecure, scopes=("registry:catalog:search",))
    ask = Ask("GET", f"/v1/search?{urlencode({'q': term, 'n': limit})}", {"Accept": "application/json"})

    def call() -> strict_json.Json:
        answer = repository.call(ask, deed)
        return strict_json.loads_object(repository.body(answer, _PAGE_LIMIT, deed), deed, _PAGE_LIMIT)

    try:
        return strict_json.objects(wire.patience.run(call), "results", deed)
    finally:
        repository.close()
