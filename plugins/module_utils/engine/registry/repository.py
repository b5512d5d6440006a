# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One repository of a registry over HTTP: log-in, redirects, errors in our words (OCI distribution-spec)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, Corrupt, Denied, EngineError
from ..base.tuples import NamedTuple
from . import failures, tokens
from .auth import ANONYMOUS
from .connections import Connections, Origin, Request, read_short, split_url

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping
    from http.client import HTTPResponse

    from ..spec.reference import Reference
    from .auth import Credentials
    from .connections import Payload
    from .failures import Patience

#: Docker Hub's API does not live at the name that its images carry.
_API_HOSTS = {"docker.io": "registry-1.docker.io"}
_REDIRECTS = (301, 302, 303, 307, 308)
_MAX_REDIRECTS = 5
_ERROR_LIMIT = 64 * 1024


class Wire:
    """What a repository needs besides its name: connections, credentials by host, and patience."""

    def __init__(
        self, connections: Connections, find_credentials: Callable[[Reference], Credentials], patience: Patience
    ) -> None:
        self.connections = connections
        self.find_credentials = find_credentials
        self.patience = patience


class Ask(NamedTuple):
    """One request to the registry: ``path`` may be a whole address that the registry gave, ``wanted`` are successes."""

    method: str
    path: str
    headers: Mapping[str, str] = {}
    body: bytes | Payload | None = None
    wanted: tuple[int, ...] = (200, 206)


class Repository:
    """One repository at one endpoint.

    ``insecure`` tries TLS without verification and then plain http.  Credentials leave for this registry and its own
    token server only: a redirect to another origin goes without them, and a challenge from there is not answered.
    ``scopes`` are what a token is asked for: pulling, unless told otherwise; () for none but the log-in itself.
    """

    def __init__(
        self, ref: Reference, wire: Wire, *, insecure: bool = False, scopes: tuple[str, ...] | None = None
    ) -> None:
        self.ref = ref
        self.wire = wire
        host = _API_HOSTS.get(ref.domain, ref.domain)
        name, port = _split_host(host)
        schemes = ("https", "http") if insecure else ("https",)
        self._origins = [Origin(scheme, name, port or (443 if scheme == "https" else 80)) for scheme in schemes]
        self._origin: Origin | None = None if insecure else self._origins[0]
        self._scopes = (f"repository:{ref.path}:pull",) if scopes is None else scopes
        self._credentials: Credentials | None = None
        self._basic = False
        self._tokens: tokens.TokenServer | None = None

    def path(self, rest: str) -> str:
        """The API's path of something in this repository."""
        return f"/v2/{self.ref.path}/{rest}"

    # -- requests ---------------------------------------------------------------------------------------------------

    def call(self, ask: Ask, deed: str) -> HTTPResponse:
        """A successful answer, logged in and redirected as need be.  Raises EngineError or Transient."""
        if self._origin is None:
            return self._find_scheme(ask, deed)
        return self._log_in_and_send(self._origin, ask, deed)

    def _find_scheme(self, ask: Ask, deed: str) -> HTTPResponse:
        """The first answer settles whether the registry speaks TLS; only connecting may fail over to plain http."""
        trouble = []
        for origin in self._origins:
            try:
                self.drain(self._exchange(Request("GET", origin, "/v2/"), deed), origin)
            except (EngineError, failures.Transient) as err:
                cause = err.error if isinstance(err, failures.Transient) else err
                trouble.append((origin.scheme, cause, err))
                continue
            self._origin = origin
            return self._log_in_and_send(origin, ask, deed)
        first, last = trouble[0][1], trouble[-1][1]
        last.cause = f"{last.cause} (http); {first.cause} (https)"
        raise trouble[-1][2]

    def _log_in_and_send(self, registry: Origin, ask: Ask, deed: str) -> HTTPResponse:
        origin, path = split_url(ask.path, deed, registry)
        if registry.scheme == "https" and origin.scheme == "http":
            raise Denied(deed, f"{registry.netloc} leads from TLS to plain http at {origin.netloc}")
        for attempt in (0, 1):
            secret: dict[str, str] = {}
            if origin == registry:
                secret = self._authorization(origin, deed, fresh=attempt > 0 and self._tokens is not None)
            answer = self._follow(Request(ask.method, origin, path, {**ask.headers, **secret}, ask.body), deed)
            if answer.status != 401:
                break
            challenges = tokens.parse_challenges(answer.headers.get_all("WWW-Authenticate") or [])
            self.drain(answer, origin)
            if attempt or not self._prepare(challenges, origin, deed):
                raise failures.of_status(deed, origin.netloc, 401, "", None)
        if answer.status not in ask.wanted:
            detail = _detail(answer, ask.method, self.wire.connections.timeout)
            self.wire.connections.drop(origin)
            raise failures.of_status(deed, origin.netloc, answer.status, detail, _pause(answer))
        return answer

    def _follow(self, request: Request, deed: str) -> HTTPResponse:
        """Send, and follow redirects: never from TLS to plain http, never with the Authorization of another origin."""
        for _hop in range(_MAX_REDIRECTS + 1):
            answer = self._exchange(request, deed)
            if answer.status not in _REDIRECTS:
                if answer.status == 401 and request.origin != self._origins_of(request):
                    self.wire.connections.drop(request.origin)
                    raise Denied(deed, f"{request.origin.netloc}, to which the registry redirected, wants credentials")
                return answer
            if request.method not in ("GET", "HEAD") and answer.status not in (307, 308):
                self.wire.connections.drop(request.origin)
                raise Corrupt(
                    deed, f"{request.origin.netloc} answers {request.method} with a redirect ({answer.status})"
                )
            target = answer.headers.get("Location", "")
            self.drain(answer, request.origin)
            origin, path = split_url(target, f"{deed}: follow a redirect", request.origin)
            if request.origin.scheme == "https" and origin.scheme == "http":
                raise Denied(deed, f"{request.origin.netloc} redirects from TLS to plain http at {origin.netloc}")
            headers = dict(request.headers)
            if origin != request.origin:
                headers.pop("Authorization", None)
            request = Request(request.method, origin, path, headers, request.body)
        raise Corrupt(deed, f"more than {_MAX_REDIRECTS} redirects")

    def _origins_of(self, request: Request) -> Origin:
        """The registry's own origin, or during the search for its scheme whatever is asked."""
        return self._origin or request.origin

    def _exchange(self, request: Request, deed: str) -> HTTPResponse:
        connections = self.wire.connections
        try:
            return connections.request(request)
        except failures.FOREIGN as err:
            raise failures.of_connection(deed, request.origin.netloc, err, connections.timeout)

    def drain(self, answer: HTTPResponse, origin: Origin) -> None:
        """Read a short body so that the connection can be used again; give the connection up for a long one."""
        try:
            if len(read_short(answer, _ERROR_LIMIT, self.wire.connections.timeout)) == _ERROR_LIMIT:
                self.wire.connections.drop(origin)
        except failures.FOREIGN:
            self.wire.connections.drop(origin)

    def body(self, answer: HTTPResponse, limit: int, deed: str) -> bytes:
        try:
            data = read_short(answer, limit + 1, self.wire.connections.timeout)
        except failures.FOREIGN as err:
            raise failures.of_connection(deed, self.ref.domain, err, self.wire.connections.timeout)
        if len(data) > limit:
            self.close()
            raise Corrupt(deed, f"it is longer than {limit} bytes")
        declared = answer.headers.get("Content-Length", "")
        if declared.isdigit() and int(declared) != len(data):
            raise failures.Transient(Corrupt(deed, f"the answer ended after {len(data)} of {declared} bytes"))
        return data

    def finish(self, answer: HTTPResponse) -> None:
        """Read what is left of a short answer, so that the connection can be used again."""
        self.drain(answer, self._origin or self._origins[0])

    def close(self) -> None:
        self.wire.connections.close()

    def log_in(self) -> None:
        """Try whether the registry takes the credentials.  Raises Denied, Unreachable, TimedOut."""
        deed = f"log in at {self.ref.domain}"
        self.wire.patience.run(lambda: self.finish(self.call(Ask("GET", "/v2/", wanted=(200,)), deed)))

    # -- log-in -----------------------------------------------------------------------------------------------------

    def _authorization(self, origin: Origin, deed: str, *, fresh: bool) -> dict[str, str]:
        if self._tokens is not None:
            credentials = self._credentials_for_tokens(self._tokens, deed)
            if credentials.present and not origin.keeps_secrets:
                raise Denied(deed, f"a token for credentials is not sent to {origin.netloc} without TLS")
            return {"Authorization": self._tokens.header(credentials, deed, fresh=fresh)}
        if self._basic and origin.keeps_secrets:
            return {"Authorization": tokens.basic(self._stored())}
        return {}

    def _stored(self) -> Credentials:
        if self._credentials is None:
            self._credentials = self.wire.find_credentials(self.ref)
        return self._credentials

    def _prepare(self, challenges: list[tokens.Challenge], origin: Origin, deed: str) -> bool:
        """Make ready to answer a challenge; False when there is nothing (new) to answer with."""
        for challenge in challenges:
            if challenge.scheme == "bearer":
                if self._tokens is None:
                    realm = tokens.realm_of(challenge, origin, deed)
                    self._tokens = tokens.TokenServer(self.wire.connections, realm, self._scopes)
                return True
        if any(challenge.scheme == "basic" for challenge in challenges) and not self._basic:
            if not self._stored().username:
                return False
            if not origin.keeps_secrets:
                raise Denied(deed, f"credentials are not sent to {origin.netloc} without TLS")
            self._basic = True
            return True
        return False

    def _credentials_for_tokens(self, server: tokens.TokenServer, deed: str) -> Credentials:
        stored = self._stored()
        if not stored.present or not server.needs_consent:
            return stored
        consent = self._consent(server.host)
        if consent != stored:
            raise Denied(
                deed,
                f"the registry sends its log-in to {server.host}, which is not evidently its own",
                f"If it is right, store the same credentials for {server.host} in the auth file as well",
            )
        return stored

    def _consent(self, host: str) -> Credentials:
        from ..spec import reference

        try:
            return self.wire.find_credentials(reference.parse(f"{host}/token"))
        except BadInput:
            return ANONYMOUS


def _split_host(host: str) -> tuple[str, int]:
    name, colon, port = host.rpartition(":")
    if colon and port.isdigit():
        if int(port) > 65535:
            raise BadInput(f"reach {host}", "there is no such port")
        return name.strip("[]").lower(), int(port)
    return host.strip("[]").lower(), 0


def _detail(answer: HTTPResponse, method: str, timeout: float) -> str:
    """The first error message of the registry's own, printable and short."""
    from ..base.files import parse_json

    if method == "HEAD":
        return ""
    try:
        raw = parse_json(read_short(answer, _ERROR_LIMIT, timeout), "the answer")
    except (EngineError, *failures.FOREIGN):
        return ""
    errors = raw.get("errors") if isinstance(raw, dict) else None
    first = errors[0] if isinstance(errors, list) and errors else None
    message = first.get("message") if isinstance(first, dict) else None
    text = message if isinstance(message, str) else ""
    return "".join(mark if mark.isprintable() else "?" for mark in text[:200])


def _pause(answer: HTTPResponse) -> float | None:
    """Retry-After in seconds: a number or a date."""
    import time
    from email.utils import parsedate_to_datetime

    text = answer.headers.get("Retry-After", "").strip()
    if text.isdigit() and len(text) < 10:
        return float(text)
    try:
        return max(parsedate_to_datetime(text).timestamp() - time.time(), 0.0) if text else None
    except (ValueError, TypeError):
        return None
