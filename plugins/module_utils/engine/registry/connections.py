# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections: TLS with the authorities of certs.d, proxies, one request and its answer (containers-certs.d(5))."""

from __future__ import annotations

import io
import os
import ssl
import time
from http.client import HTTPConnection, HTTPResponse, HTTPSConnection
from typing import TYPE_CHECKING, Protocol

from ..base.errors import BadInput, Denied
from ..base.tuples import NamedTuple
from . import failures, proxies

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from socket import socket

    from ..host.identity import Identity

AGENT = "daemonless.oci"
_PORTS = {"http": 80, "https": 443}


class Origin(NamedTuple):
    """Scheme, host and port: what a secret belongs to.  ``host`` is lower case, IPv6 without brackets."""

    scheme: str
    host: str
    port: int

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return host if self.port == _PORTS[self.scheme] else f"{host}:{self.port}"

    @property
    def loopback(self) -> bool:
        """Whether the bytes stay on this machine."""
        return self.host in ("localhost", "::1") or (self.host.startswith("127.") and self.host.count(".") == 3)

    @property
    def keeps_secrets(self) -> bool:
        """Whether a password may be sent: never in plain text over a network, whatever was said about TLS."""
        return self.scheme == "https" or self.loopback


def split_url(url: str, deed: str, base: Origin | None = None) -> tuple[Origin, str]:
    """The origin and the path with query of an http(s) address; relative ones stay with ``base``.  Raises Denied."""
    from urllib.parse import urlsplit

    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        raise Denied(deed, f"{url[:100]!r} is not an address")
    if any(ord(mark) <= 32 or ord(mark) == 127 for mark in url):
        raise Denied(deed, f"{url[:100]!r} is not an address")
    path = (parts.path or "/") + (f"?{parts.query}" if parts.query else "")
    if not parts.scheme and not parts.netloc and base is not None:
        if not url.startswith("/") or url.startswith("//"):
            raise Denied(deed, f"{url[:100]!r} is not an absolute address")
        return base, path
    scheme = parts.scheme or (base.scheme if base else "")
    if scheme not in _PORTS or not parts.hostname:
        raise Denied(deed, f"{url[:100]!r} is not an http or https address")
    if parts.username is not None or parts.password is not None:
        raise Denied(deed, "the address holds credentials of its own")
    return Origin(scheme, parts.hostname.lower(), port or _PORTS[scheme]), path


class Payload(Protocol):
    """A long body, read while it is sent; ``length`` is None where it is known at the end only."""

    @property
    def length(self) -> int | None: ...

    def blocks(self) -> Iterator[bytes]:
        """From its start, also when it was sent in part before.  Raises EngineError when it cannot be read again."""


class Request(NamedTuple):
    """One HTTP request; ``path`` includes the query."""

    method: str
    origin: Origin
    path: str
    headers: Mapping[str, str] = {}
    body: bytes | Payload | None = None


class Trust(NamedTuple):
    """How TLS is checked.  ``certs`` is a directory as in certs.d; empty looks it up by host for ``identity``."""

    identity: Identity
    verify: bool = True
    certs: str = ""

    def context(self, netloc: str) -> ssl.SSLContext:
        """Raises BadInput when a certificate file cannot be used."""
        if self.verify:
            context = ssl.create_default_context()
            # What Python adds since 3.13: authorities that people made for their registries lack the key identifiers it
            # asks for, and podman and docker accept them.
            context.verify_flags &= ~ssl.VERIFY_X509_STRICT
        else:
            # Reading the system's authorities takes longer than all the rest of a short request.
            context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
            context.check_hostname = False
            context.verify_mode = ssl.CERT_NONE
        context.minimum_version = ssl.TLSVersion.TLSv1_2
        folder = self.certs or _certs_folder(self.identity, netloc)
        if self.certs and not os.path.isdir(self.certs):
            raise BadInput("read certificates", f"{self.certs} is not a directory")
        for name in sorted(os.listdir(folder)) if folder else ():
            path = os.path.join(folder, name)
            try:
                if name.endswith(".crt"):
                    context.load_verify_locations(cafile=path)
                elif name.endswith(".cert"):
                    key = path[: -len(".cert")] + ".key"
                    context.load_cert_chain(path, key)
                elif name.endswith(".key") and not os.path.exists(path[: -len(".key")] + ".cert"):
                    raise BadInput(f"read certificate key {path}", "there is no .cert of its name beside it")
            except (OSError, ssl.SSLError) as err:
                raise BadInput(f"read certificate {path}", str(getattr(err, "strerror", None) or err))
        return context


def _certs_folder(identity: Identity, netloc: str) -> str:
    """The first directory for the host, by the name that images carry where its API has another."""
    names = {"registry-1.docker.io": ("docker.io",)}.get(netloc, (netloc, f"{netloc}:443"))
    for base in (
        os.path.join(identity.home, ".config/containers/certs.d"),
        "/etc/containers/certs.d",
        "/etc/docker/certs.d",
    ):
        for name in names:
            folder = os.path.join(base, name)
            if os.path.isdir(folder):
                return folder
    return ""


def read_short(answer: HTTPResponse, limit: int, timeout: float) -> bytes:
    """Up to ``limit`` bytes of a body that should be short.

    Raises TimeoutError when it takes more than twice the timeout: each byte may come in time and the last one never.
    """
    until = time.monotonic() + 2 * timeout
    parts: list[bytes] = []
    left = limit
    while left:
        part = answer.read1(min(left, 1 << 16))
        if not part:
            break
        parts.append(part)
        left -= len(part)
        if time.monotonic() > until:
            raise TimeoutError(f"not whole after {2 * timeout:g} s")
    return b"".join(parts)


class _Watched(io.RawIOBase):
    """What arrives, until the head of the answer has to be there: each byte may come in time and the last one never."""

    def __init__(self, raw: io.RawIOBase, until: float) -> None:
        self._raw = raw
        self.until = until

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int | None:  # type: ignore[override]
        if self.until and time.monotonic() > self.until:
            raise TimeoutError("the answer came too slowly")
        return self._raw.readinto(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._raw.close()


class _Answer(HTTPResponse):
    """Its head has to arrive within ``seconds``."""

    def __init__(self, sock: socket, seconds: float, method: str | None = None) -> None:
        super().__init__(sock, method=method)
        self._watched = _Watched(self.fp.detach(), time.monotonic() + seconds)
        self.fp = io.BufferedReader(self._watched)

    def begin(self) -> None:
        super().begin()
        self._watched.until = 0.0


def _stream(connection: HTTPConnection, request: Request, body: Payload) -> None:
    """Send a long body; its time is bounded block by block.  A server may refuse before it has read everything."""
    chunked = body.length is None
    framing = {"Transfer-Encoding": "chunked"} if chunked else {"Content-Length": str(body.length)}
    headers = {**request.headers, **framing}
    try:
        connection.request(request.method, request.path, body=body.blocks(), headers=headers, encode_chunked=chunked)
    except (BrokenPipeError, ConnectionResetError):
        if connection.sock is None:
            raise
        # What it answered before it hung up says more than that it did.


class Connections:
    """One kept connection for each origin, used again once its answer was read to the end."""

    def __init__(self, trust: Trust, environ: Mapping[str, str], timeout: float) -> None:
        self._trust = trust
        self._environ = environ
        self.timeout = timeout
        self._kept: dict[Origin, tuple[HTTPConnection, HTTPResponse]] = {}
        self._contexts: dict[str, ssl.SSLContext] = {}

    @property
    def identity(self) -> Identity:
        """On whose behalf they are made."""
        return self._trust.identity

    def request(self, request: Request) -> HTTPResponse:
        """Send one request and return its answer, unread.  Raises what FOREIGN lists."""
        kept, answer = self._kept.pop(request.origin, (None, None))
        if kept is not None and answer is not None and answer.isclosed():
            try:
                return self._send(kept, request)
            except failures.FOREIGN:
                # The server may close an idle connection at any time; only a fresh one that fails means something.
                kept.close()
                if request.body is not None and not isinstance(request.body, bytes):
                    raise  # a part of it may have been taken: the sender has to ask how much
        return self._send(self._open(request.origin), request)

    def _send(self, connection: HTTPConnection, request: Request) -> HTTPResponse:
        headers = {"User-Agent": AGENT, "Accept-Encoding": "identity", **request.headers}
        path = request.path
        if request.origin.scheme == "http":
            proxy = self._proxy(request.origin)
            if proxy is not None and proxy.scheme != "socks5":
                path = f"http://{request.origin.netloc}{path}"
                headers.update(proxy.headers)
        try:
            if request.body is not None and not isinstance(request.body, bytes):
                _stream(connection, request._replace(path=path, headers=headers), request.body)
            else:
                connection.request(request.method, path, body=request.body, headers=headers)
            answer = connection.getresponse()
        except BaseException:
            connection.close()
            raise
        if not answer.will_close:
            self._kept[request.origin] = (connection, answer)
        return answer

    def _proxy(self, origin: Origin) -> proxies.Proxy | None:
        return proxies.proxy_for(origin.scheme, origin.host, origin.port, self._environ)

    def drop(self, origin: Origin) -> None:
        """Forget the connection: its answer is not going to be read."""
        kept, _answer = self._kept.pop(origin, (None, None))
        if kept is not None:
            kept.close()

    def close(self) -> None:
        for connection, _answer in self._kept.values():
            connection.close()
        self._kept.clear()

    def abandon(self) -> None:
        """Forget all connections without closing them: they belong to the parent of this forked process."""
        for connection, _answer in self._kept.values():
            if connection.sock is not None:
                os.close(connection.sock.detach())
        self._kept.clear()

    def _open(self, origin: Origin) -> HTTPConnection:
        connection = self._made(origin)

        def answer(sock: socket, method: str | None = None, **_more: object) -> HTTPResponse:
            return _Answer(sock, 2 * self.timeout, method)

        connection.response_class = answer  # type: ignore[assignment]
        return connection

    def _made(self, origin: Origin) -> HTTPConnection:
        proxy = self._proxy(origin)
        if proxy is not None and proxy.scheme != "http":
            from .tunnels import Through

            # Whatever is said of a registry's TLS, the proxy's own is verified.
            outer, inner = self._trust._replace(verify=True), origin.netloc
            contexts = (lambda: outer.context(proxy.netloc), lambda: self._context(inner))
            return Through(proxy, origin, self.timeout, contexts)
        host, port = (proxy.host, proxy.port) if proxy else (origin.host, origin.port)
        if origin.scheme == "http":
            return HTTPConnection(host, port, timeout=self.timeout)
        secure = HTTPSConnection(host, port, timeout=self.timeout, context=self._context(origin.netloc))
        if proxy:
            secure.set_tunnel(origin.host, origin.port, headers=proxy.headers)
        return secure

    def _context(self, netloc: str) -> ssl.SSLContext:
        context = self._contexts.get(netloc)
        if context is None:
            context = self._contexts[netloc] = self._trust.context(netloc)
        return context
