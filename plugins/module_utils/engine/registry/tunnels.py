# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Connections through proxies that http.client cannot speak to: SOCKS5 (RFC 1928, 1929), and those that want TLS."""

from __future__ import annotations

import io
import socket
import ssl
import time
from http.client import HTTPConnection
from typing import TYPE_CHECKING, Callable, cast

if TYPE_CHECKING:
    from .connections import Origin
    from .proxies import Proxy


_HEAD_LIMIT = 64 * 1024
_RECORD = 64 * 1024
_NO_LOGIN, _PASSWORD, _NONE_FITS = 0, 2, 0xFF
_REFUSALS = {
    1: "it failed",
    2: "its rules forbid it",
    3: "the network cannot be reached",
    4: "the host cannot be reached",
    5: "the connection was refused",
    6: "the time ran out",
    7: "it knows no such command",
    8: "it knows no such kind of address",
}


class Through(HTTPConnection):
    """A connection to ``origin`` by way of ``proxy``; ``contexts`` makes the TLS of the proxy, then of the origin."""

    def __init__(
        self, proxy: Proxy, origin: Origin, timeout: float, contexts: tuple[Callable[[], ssl.SSLContext], ...]
    ) -> None:
        super().__init__(origin.host, origin.port, timeout=timeout)
        self.default_port = 443 if origin.scheme == "https" else 80
        self._proxy = proxy
        self._origin = origin
        self._seconds = timeout
        self._contexts = contexts

    def connect(self) -> None:
        """Raises OSError, with the proxy in its text where that is what refuses."""
        sock = socket.create_connection((self._proxy.host, self._proxy.port), self._seconds)
        self.sock = sock
        outer, inner = self._contexts
        if self._proxy.scheme == "https":
            sock = self.sock = outer().wrap_socket(sock, server_hostname=self._proxy.host)
        secure = self._origin.scheme == "https"
        until = time.monotonic() + 2 * self._seconds
        if self._proxy.scheme == "socks5":
            _greet(sock, self._proxy, until)
            _ask_socks(sock, self._proxy, self._origin, until)
        elif secure:
            _ask_http(sock, self._proxy, self._origin, until)
        if not secure:
            return
        if isinstance(sock, ssl.SSLSocket):
            self.sock = cast("socket.socket", Layered(sock, inner(), self._origin.host, until))
        else:
            self.sock = inner().wrap_socket(sock, server_hostname=self._origin.host)


def _refused(proxy: Proxy, why: str) -> ConnectionError:
    return ConnectionError(f"the proxy {proxy.netloc} does not connect: {why}")


def _exactly(sock: socket.socket, count: int, proxy: Proxy, until: float) -> bytes:
    data = b""
    while len(data) < count:
        part = sock.recv(count - len(data))
        if not part:
            raise _refused(proxy, "it closed the connection")
        if time.monotonic() > until:
            raise TimeoutError(f"the proxy {proxy.netloc} answers too slowly")
        data += part
    return data


def _greet(sock: socket.socket, proxy: Proxy, until: float) -> None:
    """Agree on a log-in; the password goes out only when the proxy asks for it."""
    methods = bytes((_NO_LOGIN, _PASSWORD)) if proxy.username else bytes((_NO_LOGIN,))
    sock.sendall(bytes((5, len(methods))) + methods)
    version, chosen = _exactly(sock, 2, proxy, until)
    if version != 5:
        raise _refused(proxy, "it does not speak SOCKS5")
    if chosen == _NONE_FITS or chosen not in methods:
        raise _refused(proxy, "it wants another log-in")
    if chosen == _PASSWORD:
        name, password = proxy.username.encode(), proxy.password.encode()
        sock.sendall(bytes((1, len(name))) + name + bytes((len(password),)) + password)
        if _exactly(sock, 2, proxy, until)[1]:
            raise _refused(proxy, "it does not accept the password")


def _ask_socks(sock: socket.socket, proxy: Proxy, origin: Origin, until: float) -> None:
    """Names are sent as they are: the proxy resolves them, as it does for Go programs."""
    sock.sendall(b"\x05\x01\x00" + _socks_address(proxy, origin.host) + origin.port.to_bytes(2, "big"))
    version, code, _reserved, kind = _exactly(sock, 4, proxy, until)
    if version != 5 or code:
        raise _refused(proxy, _REFUSALS.get(code, f"it answers {code}"))
    length = {1: 4, 4: 16}.get(kind)
    if length is None:
        length = _exactly(sock, 1, proxy, until)[0]
    _exactly(sock, length + 2, proxy, until)


def _socks_address(proxy: Proxy, host: str) -> bytes:
    for kind, family in ((1, socket.AF_INET), (4, socket.AF_INET6)):
        try:
            return bytes((kind,)) + socket.inet_pton(family, host)
        except OSError:
            continue
    name = host.encode("idna")
    if len(name) > 255:
        raise _refused(proxy, "the name of the host is too long")
    return bytes((3, len(name))) + name


def _ask_http(sock: socket.socket, proxy: Proxy, origin: Origin, until: float) -> None:
    host = f"[{origin.host}]" if ":" in origin.host else origin.host
    lines = [f"CONNECT {host}:{origin.port} HTTP/1.1", f"Host: {host}:{origin.port}"]
    lines += [f"{name}: {value}" for name, value in proxy.headers.items()]
    sock.sendall("\r\n".join([*lines, "", ""]).encode("ascii"))
    head = b""
    while b"\r\n\r\n" not in head:
        head += _exactly(sock, 1, proxy, until)
        if len(head) > _HEAD_LIMIT:
            raise _refused(proxy, "its answer has no end")
    status = head.split(b"\r\n", 1)[0].split(None, 2)
    if len(status) < 2 or not status[0].startswith(b"HTTP/1.") or not status[1].isdigit():
        raise _refused(proxy, "it does not answer with proper HTTP")
    if not 200 <= int(status[1]) < 300:
        raise _refused(proxy, f"it answers {int(status[1])}")


class Layered:
    """TLS inside TLS: what HTTPConnection uses of a socket. The ssl module wraps only what is a plain socket."""

    def __init__(self, outer: ssl.SSLSocket, context: ssl.SSLContext, host: str, until: float) -> None:
        """Raises TimeoutError when they do not agree until that moment of the monotonic clock."""
        self._outer = outer
        self._arriving, self._leaving = ssl.MemoryBIO(), ssl.MemoryBIO()
        self._tls = context.wrap_bio(self._arriving, self._leaving, server_hostname=host)
        self._users = 1
        while True:
            try:
                self._tls.do_handshake()
                break
            except ssl.SSLWantReadError:
                if time.monotonic() > until:
                    raise TimeoutError("the answer came too slowly") from None
                self._exchange()
            except ssl.SSLError:
                self._flush()  # the alert that says why
                raise
        self._flush()

    def _flush(self) -> None:
        data = self._leaving.read()
        if data:
            self._outer.sendall(data)

    def _exchange(self) -> None:
        """Send what waits, and wait for what comes."""
        self._flush()
        data = self._outer.recv(_RECORD)
        if data:
            self._arriving.write(data)
        else:
            self._arriving.write_eof()

    def sendall(self, data: bytes) -> None:
        view = memoryview(data)
        while view:
            count = self._tls.write(view[:_RECORD])
            self._flush()
            view = view[count:]

    def recv_into(self, buffer: memoryview) -> int:
        while True:
            try:
                count = self._tls.read(len(buffer), cast(bytearray, buffer))
                self._flush()
                return int(count)
            except ssl.SSLWantReadError:
                self._exchange()
            except ssl.SSLZeroReturnError:
                return 0

    def makefile(self, _mode: str) -> io.BufferedReader:
        self._users += 1
        return io.BufferedReader(cast(io.RawIOBase, _Stream(self)), _RECORD)

    def settimeout(self, seconds: float | None) -> None:
        self._outer.settimeout(seconds)

    def setsockopt(self, level: int, name: int, value: int) -> None:
        self._outer.setsockopt(level, name, value)

    def detach(self) -> int:
        return self._outer.detach()

    def close(self) -> None:
        """An answer may still be read when its connection is closed: the last user closes."""
        self._users -= 1
        if self._users == 0:
            self._outer.close()


class _Stream(io.RawIOBase):
    def __init__(self, layered: Layered) -> None:
        self._layered = layered

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: memoryview) -> int:  # type: ignore[override]
        return self._layered.recv_into(buffer)

    def close(self) -> None:
        if not self.closed:
            super().close()
            self._layered.close()
