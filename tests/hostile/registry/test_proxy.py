"""Registries behind a proxy: absolute addresses for plain http, a tunnel for TLS."""

from __future__ import annotations

import socket
import ssl
import threading
from collections.abc import Callable, Iterator

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.digest import Digest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Denied, Unreachable
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.auth import Credentials
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec.descriptor import Descriptor
from images import Image
from scripted import Certificates, Reply, Server, serving


class Named:
    """A registry by a name that only the proxy can reach."""

    def __init__(self, host: str, scheme: str) -> None:
        self.host, self.scheme = host, scheme


class Tunnel:
    """A proxy that knows CONNECT, and connects everything to one port of this machine."""

    scheme = "http"

    def __init__(self, port: int) -> None:
        self.asked: list[bytes] = []
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"{self.scheme}://user:pw@127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _address = self._listener.accept()
            except OSError:
                return
            try:
                peer = self.agree(peer)
            except OSError:
                continue
            peer.sendall(self.welcome)
            if self.welcome[:2] not in (b"HT", b"\x05\x00"):
                peer.close()
                continue
            far = socket.create_connection(("127.0.0.1", self._port))
            for source, target in ((peer, far), (far, peer)):
                threading.Thread(target=_copy, args=(source, target), daemon=True).start()

    welcome = b"HTTP/1.1 200 Connection established\r\n\r\n"

    def agree(self, peer: socket.socket) -> socket.socket:
        head = b""
        while b"\r\n\r\n" not in head:
            head += peer.recv(4096)
        self.asked.append(head)
        return peer

    def close(self) -> None:
        self._listener.close()


class Socks(Tunnel):
    """SOCKS5 with a password; `asked` holds what came, message by message."""

    scheme = "socks5"
    welcome = b"\x05\x00\x00\x01" + bytes(6)
    chosen, accepted = b"\x05\x02", b"\x01\x00"

    def agree(self, peer: socket.socket) -> socket.socket:
        for answer in (self.chosen, self.accepted, b""):
            self.asked.append(peer.recv(4096))
            peer.sendall(answer)
            if answer[1:] not in (b"\x02", b"\x00", b""):
                peer.close()
                raise OSError
        return peer


class Secure(Tunnel):
    """CONNECT, but only to who speaks TLS."""

    scheme = "https"
    context: ssl.SSLContext

    def agree(self, peer: socket.socket) -> socket.socket:
        return super().agree(self.context.wrap_socket(peer, server_side=True))


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        target.close()


@pytest.fixture
def manifest(image: Image) -> Reply:
    return Reply(200, image.manifest.data, {"Content-Type": image.manifest.media_type})


def test_plain(server: Server, connect: Callable, manifest: Reply) -> None:
    server.route("http://registry.test/v2/", Reply(200))
    server.route("http://registry.test/v2/team/app/manifests/latest", manifest)
    env = {"HTTP_PROXY": f"http://u:p@{server.host}", "HTTPS_PROXY": "http://127.0.0.1:1"}
    found = connect(Named("registry.test", "http"), env=env, retries=0).source.manifest()
    assert found.data == manifest.body
    assert server.seen[-1].headers["host"] == "registry.test"
    assert server.seen[-1].headers["proxy-authorization"] == "Basic dTpw"


@pytest.fixture
def tunnel(certificates: Certificates, manifest: Reply) -> Iterator[Tunnel]:
    with serving(certificates.context("wrong")) as secure:  # its certificate is for other.example
        secure.route("/v2/team/app/manifests/latest", manifest)
        made = Tunnel(secure.port)
        made.server = secure  # type: ignore[attr-defined]
        yield made
        made.close()


def test_tunnel(tunnel: Tunnel, certificates: Certificates, connect: Callable, manifest: Reply) -> None:
    opened = connect(
        Named("other.example", "https"),
        certs=str(certificates.folder),
        env={"HTTPS_PROXY": tunnel.address},
        credentials={"other.example": Credentials("me", "s3cret")},
    )
    assert opened.source.manifest().data == manifest.body
    asked = tunnel.asked[0]
    assert asked.startswith(b"CONNECT other.example:443 ")
    assert b"Proxy-Authorization: Basic dXNlcjpwdw==" in asked
    assert "proxy-authorization" not in tunnel.server.seen[0].headers  # type: ignore[attr-defined]


def test_no_proxy(tunnel: Tunnel, connect: Callable) -> None:
    env = {"HTTPS_PROXY": tunnel.address, "NO_PROXY": ".invalid,other.example"}
    with pytest.raises(Unreachable):
        connect(Named("registry.invalid", "https"), env=env, retries=0).source.manifest()
    assert tunnel.asked == []


def test_proxy_that_is_not_there(connect: Callable) -> None:
    with pytest.raises(Unreachable):
        connect(Named("registry.test", "https"), env={"HTTPS_PROXY": "http://127.0.0.1:1"}, retries=0).source.manifest()


def ask(connect: Callable, proxy: Tunnel, certificates: Certificates, **more: object) -> object:
    return connect(
        Named("other.example", "https"),
        certs=str(certificates.folder),
        env={"HTTPS_PROXY": proxy.address},
        credentials={"other.example": Credentials("me", "s3cret")},
        **more,
    ).source


def test_socks(tunnel: Tunnel, certificates: Certificates, connect: Callable, manifest: Reply) -> None:
    """The name goes to the proxy, which resolves it; its password goes out when it asks for one."""
    proxy = Socks(tunnel._port)
    assert ask(connect, proxy, certificates).manifest().data == manifest.body  # type: ignore[attr-defined]
    assert proxy.asked == [
        b"\x05\x02\x00\x02",
        b"\x01\x04user\x02pw",
        b"\x05\x01\x00\x03\x0dother.example" + (443).to_bytes(2, "big"),
    ]


def test_socks_to_plain_http(server: Server, connect: Callable, manifest: Reply) -> None:
    server.route("/v2/", Reply(200))
    server.route("/v2/team/app/manifests/latest", manifest)
    env = {"HTTP_PROXY": Socks(server.port).address, "HTTPS_PROXY": "http://127.0.0.1:1"}
    found = connect(Named("registry.test", "http"), env=env, retries=0).source.manifest()
    assert found.data == manifest.body
    assert server.seen[-1].headers["host"] == "registry.test"
    assert "proxy-authorization" not in server.seen[-1].headers


@pytest.mark.parametrize(
    ("part", "answer", "reason"),
    [
        ("chosen", b"\x05\xff", "wants another log-in"),
        ("chosen", b"\x05\x01", "wants another log-in"),
        ("chosen", b"HT", "does not speak SOCKS5"),
        ("accepted", b"\x01\x01", "does not accept the password"),
        ("welcome", b"\x05\x05\x00\x01" + bytes(6), "the connection was refused"),
        ("welcome", b"\x05\x63\x00\x01" + bytes(6), "it answers 99"),
    ],
)
def test_socks_that_refuses(
    tunnel: Tunnel, certificates: Certificates, connect: Callable, part: str, answer: bytes, reason: str
) -> None:
    proxy = Socks(tunnel._port)
    setattr(proxy, part, answer)
    with pytest.raises(Unreachable, match=f"the proxy 127.0.0.1:[0-9]+ does not connect: .*{reason}") as caught:
        ask(connect, proxy, certificates, retries=0).manifest()  # type: ignore[attr-defined]
    assert "pw" not in str(caught.value).replace(proxy.address, "")


def test_tls_to_the_proxy(tunnel: Tunnel, certificates: Certificates, connect: Callable, manifest: Reply) -> None:
    """TLS to the registry inside TLS to the proxy; neither sees the other's credentials."""
    proxy = Secure(tunnel._port)
    proxy.context = certificates.context("good")
    source = ask(connect, proxy, certificates)
    assert source.manifest().data == manifest.body  # type: ignore[attr-defined]
    assert proxy.asked[0].startswith(b"CONNECT other.example:443 HTTP/1.1\r\n")
    assert b"Proxy-Authorization: Basic dXNlcjpwdw==" in proxy.asked[0]
    assert "proxy-authorization" not in tunnel.server.seen[0].headers  # type: ignore[attr-defined]


def test_long_body_through_two_layers_of_tls(
    tunnel: Tunnel, certificates: Certificates, connect: Callable, image: Image
) -> None:
    proxy = Secure(tunnel._port)
    proxy.context = certificates.context("good")
    layer = image.layers[1]
    path = f"/v2/team/app/blobs/{layer.digest}"
    tunnel.server.route(path, Reply(200, layer.data))  # type: ignore[attr-defined]
    descriptor = Descriptor(layer.media_type, Digest.parse(str(layer.digest)), len(layer.data))
    reader = ask(connect, proxy, certificates).blob(descriptor)  # type: ignore[attr-defined]
    assert b"".join(iter(lambda: reader.read(70_001), b"")) == layer.data


def test_proxy_with_another_certificate(tunnel: Tunnel, certificates: Certificates, connect: Callable) -> None:
    """Also where the registry's own TLS need not be verified: the proxy's password goes to nobody else."""
    proxy = Secure(tunnel._port)
    proxy.context = certificates.context("wrong")
    for insecure in (False, True):
        source = ask(connect, proxy, certificates, retries=0, insecure=insecure)
        with pytest.raises((Denied, Unreachable), match="not valid|HTTP"):
            source.manifest()  # type: ignore[attr-defined]
    assert proxy.asked == []
