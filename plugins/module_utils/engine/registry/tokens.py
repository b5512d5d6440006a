# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The WWW-Authenticate dance: what a registry asks for, and tokens from the server it names.

A registry may name any token server.  The user's password goes there only when that server plainly belongs to the same
party: the same host, a host below the same domain, or one for which the user stored credentials as well.
"""

from __future__ import annotations

import re
import time
from base64 import b64encode
from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import Corrupt, Denied, EngineError
from ..base.files import parse_json
from ..base.tuples import NamedTuple
from . import failures
from .connections import Origin, Request, read_short, split_url

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .auth import Credentials
    from .connections import Connections

_LIMIT = 1024 * 1024
#: A token that says nothing about its life lives this long, in seconds (distribution specification).
_SHORTEST = 60.0
_TOKEN = patterns.compile(r"[\x21-\x7e]{1,65536}\Z")
_SCHEME = patterns.compile(r"[ \t]*([A-Za-z][A-Za-z0-9._~-]*)(?:[ \t]+|\Z)")
_PARAM = patterns.compile(r'[ \t,]*([A-Za-z0-9_-]+)\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s,"]+))')


class Challenge(NamedTuple):
    """One way to log in that the server offers; ``scheme`` is lower case."""

    scheme: str
    parameters: Mapping[str, str]


def parse_challenges(headers: list[str]) -> list[Challenge]:
    """All challenges of the WWW-Authenticate headers; what cannot be read is left out."""
    found: list[Challenge] = []
    for header in headers:
        at = 0
        while at < len(header):
            scheme = _SCHEME.match(header, at)
            if not scheme:
                break
            at = scheme.end()
            parameters: dict[str, str] = {}
            param = _PARAM.match(header, at)
            while param:
                quoted, bare = param.group(2), param.group(3)
                parameters.setdefault(
                    param.group(1).lower(), bare if quoted is None else re.sub(r"\\(.)", r"\1", quoted)
                )
                at = param.end()
                param = _PARAM.match(header, at)
            found.append(Challenge(scheme.group(1).lower(), parameters))
            while at < len(header) and header[at] in " \t,":
                at += 1
    return found


def basic(credentials: Credentials) -> str:
    """The header value that carries user and password."""
    return "Basic " + b64encode(f"{credentials.username}:{credentials.password}".encode()).decode()


class Realm(NamedTuple):
    """A token server, the service it is asked about, and the registry that named it."""

    origin: Origin
    path: str
    service: str
    registry: Origin


def realm_of(challenge: Challenge, registry: Origin, deed: str) -> Realm:
    """Raises Denied for a token server that cannot be trusted with anything."""
    address = challenge.parameters.get("realm", "")
    where = f"{deed}: log in at {registry.netloc}"
    if not address:
        raise Denied(where, "it names no token server")
    origin, path = split_url(address, where)
    if origin.scheme == "http" and registry.scheme == "https":
        raise Denied(where, f"its token server {origin.netloc} is reached without TLS")
    return Realm(origin, path, challenge.parameters.get("service", ""), registry)


def same_party(registry: str, realm: str) -> bool:
    """Whether two host names belong together: equal, or below one common registrable domain."""
    if registry == realm:
        return True
    if _is_address(registry) or _is_address(realm):
        return False
    ours, theirs = registry.split("."), realm.split(".")
    # co.uk, com.au and the like are not somebody's domain: there one label more has to agree.
    needed = 3 if len(ours) > 2 and len(ours[-1]) == 2 and len(ours[-2]) <= 3 else 2
    return len(ours) >= needed and len(theirs) >= needed and ours[-needed:] == theirs[-needed:]


def _is_address(host: str) -> bool:
    return ":" in host or host.replace(".", "").isdigit() or "." not in host


class TokenServer:
    """Fetches and keeps a token for ``scopes``, such as ``repository:team/app:pull``."""

    def __init__(self, connections: Connections, realm: Realm, scopes: tuple[str, ...]) -> None:
        self._connections = connections
        self._realm = realm
        self._scopes = scopes
        self._token = ""
        self._until = 0.0

    @property
    def host(self) -> str:
        return self._realm.origin.netloc

    @property
    def needs_consent(self) -> bool:
        """Whether the token server is not plainly the registry's own."""
        return not same_party(self._realm.registry.host, self._realm.origin.host)

    def header(self, credentials: Credentials, deed: str, *, fresh: bool = False) -> str:
        """The Authorization value.  Raises Denied, Corrupt, Transient."""
        if fresh or not self._token or time.monotonic() >= self._until:
            self._fetch(credentials, f"{deed}: get a token from {self.host}")
        return f"Bearer {self._token}"

    def _fetch(self, credentials: Credentials, deed: str) -> None:
        if credentials.present and not self._realm.origin.keeps_secrets:
            raise Denied(deed, "credentials are not sent without TLS")
        request = self._request(credentials)
        try:
            answer = self._connections.request(request)
            body = read_short(answer, _LIMIT + 1, self._connections.timeout)
        except failures.FOREIGN as err:
            outcome = failures.of_connection(deed, self.host, err, self._connections.timeout)
            raise outcome
        if 300 <= answer.status < 400:
            raise Denied(deed, "it redirects elsewhere, which is not followed with credentials at hand")
        if answer.status != 200:
            raise failures.of_status(deed, self.host, answer.status, "", None)
        if len(body) > _LIMIT:
            raise Corrupt(deed, "its answer is longer than any token")
        self._accept(body, deed)

    def _request(self, credentials: Credentials) -> Request:
        from urllib.parse import urlencode

        realm = self._realm
        fields: dict[str, object] = {"scope": self._scopes}
        if realm.service:
            fields["service"] = realm.service
        if credentials.identity_token:
            fields.update(
                grant_type="refresh_token", refresh_token=credentials.identity_token, client_id="daemonless.oci"
            )
            headers = {"Content-Type": "application/x-www-form-urlencoded"}
            return Request(
                "POST",
                realm.origin,
                realm.path,
                headers,
                urlencode({**fields, "scope": " ".join(self._scopes)}).encode(),
            )
        headers = {}
        if credentials.present:
            fields["account"] = credentials.username
            headers["Authorization"] = basic(credentials)
        joint = "&" if "?" in realm.path else "?"
        return Request("GET", realm.origin, f"{realm.path}{joint}{urlencode(fields, doseq=True)}", headers)

    def _accept(self, body: bytes, deed: str) -> None:
        try:
            content = parse_json(body, "the token")
        except EngineError as err:
            raise Corrupt(deed, err.cause)
        token = life = None
        if isinstance(content, dict):
            token = content.get("token") or content.get("access_token")
            life = content.get("expires_in")
        if not isinstance(token, str) or not _TOKEN.match(token):
            raise Corrupt(deed, "its answer holds no usable token")
        seconds = float(life) if isinstance(life, int) and not isinstance(life, bool) and life > 0 else _SHORTEST
        self._token = token
        # A token that would end on the way is as good as ended.
        self._until = time.monotonic() + max(min(seconds, 86400.0) - 10.0, 5.0)
