"""Registries behind a proxy: absolute addresses for plain http, a tunnel for TLS."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import Unreachable
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.auth import Credentials
from images import Image
from scripted import Certificates, Reply, Server, serving


class Named:
    """A registry by a name that only the proxy can reach."""

    def __init__(self, host: str, scheme: str) -> None:
        self.host, self.scheme = host, scheme


class Tunnel:
    """A proxy that knows CONNECT, and connects everything to one port of this machine."""

    def __init__(self, port: int) -> None:
        self.asked: list[bytes] = []
        self._port = port
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.address = f"http://user:pw@127.0.0.1:{self._listener.getsockname()[1]}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        while True:
            try:
                peer, _address = self._listener.accept()
            except OSError:
                return
            head = b""
            while b"\r\n\r\n" not in head:
                head += peer.recv(4096)
            self.asked.append(head)
            far = socket.create_connection(("127.0.0.1", self._port))
            peer.sendall(b"HTTP/1.1 200 Connection established\r\n\r\n")
            for source, target in ((peer, far), (far, peer)):
                threading.Thread(target=_copy, args=(source, target), daemon=True).start()

    def close(self) -> None:
        self._listener.close()


def _copy(source: socket.socket, target: socket.socket) -> None:
    try:
        while True:
            data = source.recv(65536)
            if not data:
                break
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)
    except OSError:
        pass


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
