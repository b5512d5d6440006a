"""Bytes that do not arrive as they should: cut, resumed, lied about, dripped, or never sent."""

from __future__ import annotations

import time
from collections.abc import Callable

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.digest import Digest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.base.errors import (
    Corrupt,
    Denied,
    EngineError,
    NotFound,
    TimedOut,
    Unreachable,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.identity import who_am_i
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry import download
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.connections import (
    Connections,
    Origin,
    Request,
    Trust,
)
from ansible_collections.daemonless.oci.plugins.module_utils.engine.registry.source import open_blob
from ansible_collections.daemonless.oci.plugins.module_utils.engine.spec.descriptor import Descriptor
from images import Blob, Image
from scripted import Reply, Server, ranged


def descriptor(blob: Blob) -> Descriptor:
    return Descriptor(blob.media_type, Digest.parse(blob.digest), len(blob.data))


def read(opened: object, blob: Blob) -> bytes:
    reader = open_blob(opened.source, descriptor(blob))  # type: ignore[attr-defined]
    parts = []
    while True:
        part = reader.read(1 << 16)
        if not part:
            return b"".join(parts)
        parts.append(part)


@pytest.fixture
def blob(image: Image) -> Blob:
    return image.layers[1]


@pytest.fixture
def path(blob: Blob, server: Server) -> str:
    server.route("/v2/", Reply(200, b"{}"))
    return f"/v2/team/app/blobs/{blob.digest}"


def test_whole(server: Server, connect: Callable, blob: Blob, path: str) -> None:
    server.route(path, Reply(200, blob.data))
    assert read(connect(server), blob) == blob.data


def test_without_a_length(server: Server, connect: Callable, blob: Blob, path: str) -> None:
    server.route(path, Reply(200, blob.data, length=-1))
    assert read(connect(server), blob) == blob.data


@pytest.mark.parametrize("cut", [0, 1, 511, 65_536, 150_000, 299_999])
def test_cut_and_resumed_where_it_stopped(server: Server, connect: Callable, blob: Blob, path: str, cut: int) -> None:
    server.route(path, ranged(blob.data, (cut, 7, None)))
    opened = connect(server)
    assert read(opened, blob) == blob.data
    ranges = [seen.headers.get("range") for seen in server.requests("/blobs/")]
    assert ranges == [None, f"bytes={cut}-" if cut else None, f"bytes={cut + 7}-"]


def test_cut_at_every_byte(server: Server, connect: Callable, image: Image) -> None:
    """Of a small layer: what is cut once comes whole; what is always cut, with a length or without, never does."""
    small = image.layers[0]
    path = f"/v2/team/app/blobs/{small.digest}"
    server.route("/v2/", Reply(200, b"{}"))
    opened = connect(server, retries=1)
    for cut in range(len(small.data)):
        server.route(path, ranged(small.data, (cut, None)))
        assert read(opened, small) == small.data, cut
        for length in (None, -1):
            server.route(path, Reply(200, small.data, cut=cut, length=length))
            with pytest.raises(EngineError, match="ended after|bytes"):
                read(opened, small)


def test_cut_and_resumed_by_a_server_that_cannot(server: Server, connect: Callable, blob: Blob, path: str) -> None:
    server.route(path, Reply(200, blob.data, cut=100_000), Reply(200, blob.data))
    assert read(connect(server), blob) == blob.data
    assert len(server.requests("/blobs/")) == 2


def test_resumed_at_another_place_is_refused(server: Server, connect: Callable, blob: Blob, path: str) -> None:
    wrong = Reply(206, blob.data[5:], {"Content-Range": f"bytes 5-{len(blob.data) - 1}/{len(blob.data)}"})
    server.route(path, Reply(200, blob.data, cut=100_000), wrong)
    with pytest.raises(Corrupt, match="another place"):
        read(connect(server), blob)


def test_part_where_the_whole_was_asked_for(server: Server, connect: Callable, blob: Blob, path: str) -> None:
    server.route(path, Reply(206, blob.data))
    with pytest.raises(Corrupt, match="part"):
        read(connect(server), blob)


def test_patience_ends(server: Server, connect: Callable, blob: Blob, path: str) -> None:
    server.route(path, Reply(200, blob.data, cut=0))
    opened = connect(server, retries=3)
    with pytest.raises(Unreachable, match="ended after 0 of"):
        read(opened, blob)
    assert opened.pauses == [1.0, 2.0, 4.0]


def test_progress_renews_patience(server: Server, connect: Callable, blob: Blob, path: str) -> None:
    server.route(path, ranged(blob.data, (*[40_000] * 6, None)))
    opened = connect(server, retries=1)
    assert read(opened, blob) == blob.data
    assert opened.pauses == [1.0] * 6


def test_stored_short_for_good(server: Server, connect: Callable, blob: Blob, path: str) -> None:
    server.route(path, Reply(200, blob.data[:-1]))
    with pytest.raises(Corrupt, match="the manifest says"):
        read(connect(server), blob)


def test_longer_than_declared_in_the_manifest(server: Server, connect: Callable, blob: Blob, path: str) -> None:
    server.route(path, Reply(200, blob.data + b"x", length=-1))
    with pytest.raises(Corrupt, match="longer than"):
        read(connect(server), blob)


def test_endless_body_is_left_at_the_declared_length(server: Server, connect: Callable, blob: Blob, path: str) -> None:
    server.route(path, Reply(200, blob.data + b"\0" * 50_000_000, length=-1))
    with pytest.raises(Corrupt, match="longer than"):
        read(connect(server), blob)


@pytest.mark.parametrize("at", [0, 1000, 299_999])
def test_one_bit_wrong(server: Server, connect: Callable, blob: Blob, path: str, at: int) -> None:
    server.route(path, Reply(200, blob.data[:at] + bytes((blob.data[at] ^ 1,)) + blob.data[at + 1 :]))
    with pytest.raises(Corrupt, match="has digest"):
        read(connect(server), blob)


def test_hanging_before_the_answer(server: Server, connect: Callable, blob: Blob, path: str) -> None:
    server.route(path, Reply(200, blob.data, stall=30))
    opened = connect(server, timeout=0.2, retries=1)
    began = time.monotonic()
    with pytest.raises(TimedOut, match="did not answer within 0.2 s"):
        read(opened, blob)
    assert time.monotonic() - began < 25


def test_hanging_in_the_middle_and_resumed(server: Server, connect: Callable, blob: Blob, path: str) -> None:
    server.route(path, Reply(200, blob.data, cut=1000, hold=30), ranged(blob.data))
    assert read(connect(server, timeout=3), blob) == blob.data
    assert server.requests("/blobs/")[1].headers["range"] == "bytes=1000-"


def test_dripping_is_not_waited_for(
    server: Server, connect: Callable, blob: Blob, path: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(download, "_SLOW_PERIOD", 0.5)
    server.route(path, Reply(200, blob.data, drip=0.01))
    with pytest.raises(TimedOut, match="too slowly"):
        read(connect(server, retries=0), blob)


@pytest.mark.parametrize(
    ("status", "kind"),
    [(401, Denied), (403, Denied), (404, NotFound), (400, Unreachable), (418, Unreachable), (416, Unreachable)],
)
def test_refusals_are_not_tried_again(
    server: Server, connect: Callable, blob: Blob, path: str, status: int, kind: type[EngineError]
) -> None:
    server.route(path, Reply(status, b'{"errors":[{"code":"X","message":"because\\u001b[31m"}]}'))
    opened = connect(server)
    with pytest.raises(kind) as caught:
        read(opened, blob)
    assert opened.pauses == []
    assert "\x1b" not in str(caught.value)
    if status != 401:
        assert "because" in str(caught.value)


@pytest.mark.parametrize("status", [408, 429, 500, 502, 503, 504])
def test_trouble_is_tried_again(server: Server, connect: Callable, blob: Blob, path: str, status: int) -> None:
    server.route(path, Reply(status), Reply(status), Reply(200, blob.data))
    opened = connect(server)
    assert read(opened, blob) == blob.data
    assert opened.pauses == [1.0, 2.0]


@pytest.mark.parametrize(
    ("after", "pauses"),
    [("7", [7.0]), ("0", [0.0]), ("soon", [1.0]), ("Thu, 01 Jan 1970 00:00:00 GMT", [0.0])],
)
def test_retry_after(server: Server, connect: Callable, blob: Blob, path: str, after: str, pauses: list[float]) -> None:
    server.route(path, Reply(429, headers={"Retry-After": after}), Reply(200, blob.data))
    opened = connect(server)
    assert read(opened, blob) == blob.data
    assert opened.pauses == pauses


def test_retry_after_an_hour_is_reported(server: Server, connect: Callable, blob: Blob, path: str) -> None:
    server.route(path, Reply(429, headers={"Retry-After": "3600"}))
    opened = connect(server)
    with pytest.raises(Unreachable, match="pause of 3600 s"):
        read(opened, blob)
    assert opened.pauses == []


def test_nobody_there(server: Server, connect: Callable, blob: Blob) -> None:
    server.close()
    opened = connect(server, retries=1)
    with pytest.raises(Unreachable, match="refused"):
        read(opened, blob)
    assert opened.pauses == [1.0]


def test_not_http_at_all(connect: Callable, blob: Blob) -> None:
    import socket
    import threading

    listener = socket.create_server(("127.0.0.1", 0))

    def babble() -> None:
        while True:
            try:
                peer, _address = listener.accept()
            except OSError:
                return
            peer.recv(100)
            peer.sendall(b"220 mail.example ESMTP\r\n")
            peer.close()

    threading.Thread(target=babble, daemon=True).start()

    class Place:
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        scheme = "http"

    with pytest.raises(Unreachable):
        read(connect(Place(), retries=0), blob)
    listener.close()


def test_manifest_that_drips(server: Server, connect: Callable, image: Image) -> None:
    server.route("/v2/", Reply(200))
    server.route("/v2/team/app/manifests/latest", Reply(200, image.manifest.data, drip=0.1))
    began = time.monotonic()
    with pytest.raises(TimedOut):
        connect(server, retries=0, timeout=0.3).source.manifest()
    assert time.monotonic() - began < 25


@pytest.mark.parametrize("head", [b"HTTP/1.1 200 OK\r\nX: ", b"HTTP/1.1 200 OK\r\n" + b"X: y\r\n" * 50, b"HTTP/1.1"])
def test_headers_that_drip(connect: Callable, head: bytes) -> None:
    import socket
    import threading

    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        while True:
            try:
                peer, _address = listener.accept()
                peer.recv(1000)
                peer.sendall(head)
                while True:
                    time.sleep(0.1)
                    peer.sendall(b"x")
            except OSError:
                if listener.fileno() < 0:
                    return

    threading.Thread(target=drip, daemon=True).start()

    class Place:
        host = f"127.0.0.1:{listener.getsockname()[1]}"
        scheme = "http"

    began = time.monotonic()
    with pytest.raises((TimedOut, Unreachable)):
        connect(Place(), retries=0, timeout=0.3).source.manifest()
    listener.close()
    assert time.monotonic() - began < 25


def test_a_handshake_that_drips() -> None:
    """Of TLS: the record is announced, and comes a byte at a time."""
    import socket
    import threading

    listener = socket.create_server(("127.0.0.1", 0))

    def drip() -> None:
        peer, _address = listener.accept()
        try:
            peer.sendall(b"\x16\x03\x03\x40\x00")
            while True:
                time.sleep(0.1)
                peer.sendall(b"\x02")
        except OSError:
            peer.close()

    threading.Thread(target=drip, daemon=True).start()
    connections = Connections(Trust(who_am_i(), verify=False), {}, 0.3)
    began = time.monotonic()
    with pytest.raises(TimeoutError):
        connections.request(Request("GET", Origin("https", "127.0.0.1", listener.getsockname()[1]), "/v2/"))
    assert time.monotonic() - began < 25
    listener.close()
