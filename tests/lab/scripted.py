"""A registry that does what the test tells it, also what no honest one does; it remembers every request."""

from __future__ import annotations

import contextlib
import http.server
import ssl
import subprocess
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import BinaryIO, Union

from images import Blob, Image


@dataclass(frozen=True)
class Reply:
    """One answer. ``cut`` closes the connection after so many bytes of the body; ``length`` is what is declared (None:
    the truth, -1: nothing, the body ends with the connection); ``stall`` seconds pass before the first byte, ``drip``
    seconds after each, ``hold`` seconds before the connection is closed."""

    status: int = 200
    body: bytes = b""
    headers: Mapping[str, str] = field(default_factory=dict)
    cut: int | None = None
    length: int | None = None
    stall: float = 0.0
    drip: float = 0.0
    hold: float = 0.0


@dataclass(frozen=True)
class Seen:
    """A request as it came in; header names are lower case."""

    method: str
    path: str
    headers: Mapping[str, str]
    body: bytes = b""


Answer = Union[Reply, Callable[[Seen], Reply]]


class Server:
    """``routes`` maps a path (without query) to the answers given one after the other, the last one for ever."""

    def __init__(self, context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> None:
        self.routes: dict[str, list[Answer]] = {}
        self.seen: list[Seen] = []
        self.scheme = "https" if context else "http"
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def handle_any(self) -> None:
                outer.answer(self)

            do_GET = do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = handle_any

            def log_message(self, *_arguments: object) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer((host, 0), Handler)
        self._server.daemon_threads = True
        self._stopping = threading.Event()
        if context:
            self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.port = self._server.server_address[1]
        self.host = f"{host}:{self.port}"
        threading.Thread(target=self._serve, daemon=True).start()

    def _serve(self) -> None:
        with contextlib.suppress(OSError):
            self._server.serve_forever(poll_interval=0.02)

    @property
    def url(self) -> str:
        return f"{self.scheme}://{self.host}"

    def route(self, path: str, *answers: Answer) -> None:
        self.routes[path] = list(answers)

    def requests(self, part: str = "", method: str = "") -> list[Seen]:
        return [seen for seen in self.seen if part in seen.path and method in ("", seen.method)]

    def close(self) -> None:
        self._stopping.set()
        self._server.shutdown()
        self._server.server_close()

    def answer(self, handler: http.server.BaseHTTPRequestHandler) -> None:
        length = int(handler.headers.get("Content-Length") or 0)
        body = handler.rfile.read(length) if length else b""
        if handler.headers.get("Transfer-Encoding") == "chunked":
            body = _chunks(handler.rfile)
        headers = {name.lower(): value for name, value in handler.headers.items()}
        seen = Seen(handler.command, handler.path, headers, body)
        self.seen.append(seen)
        answers = self.routes.get(handler.path.partition("?")[0], [Reply(404, b"{}")])
        chosen = answers.pop(0) if len(answers) > 1 else answers[0]
        reply = chosen if isinstance(chosen, Reply) else chosen(seen)
        with contextlib.suppress(OSError):
            self._send(handler, reply)

    def _send(self, handler: http.server.BaseHTTPRequestHandler, reply: Reply) -> None:
        if reply.stall:
            self._stopping.wait(reply.stall)
        handler.send_response_only(reply.status)
        for name, value in reply.headers.items():
            handler.send_header(name, value)
        length = len(reply.body) if reply.length is None else reply.length
        if length >= 0:
            handler.send_header("Content-Length", str(length))
        body = b"" if handler.command == "HEAD" else reply.body
        if reply.cut is not None:
            body = body[: reply.cut]
        if length < 0 or (len(body) != length and handler.command != "HEAD"):
            handler.close_connection = True
            handler.send_header("Connection", "close")
        handler.end_headers()
        if reply.drip:
            for byte in body:
                handler.wfile.write(bytes((byte,)))
                handler.wfile.flush()
                if self._stopping.wait(reply.drip):
                    return
        else:
            handler.wfile.write(body)
            handler.wfile.flush()
        if reply.hold:
            self._stopping.wait(reply.hold)

    # -- honest content ---------------------------------------------------------------------------------------------

    def put(self, repository: str, image: Image, tag: str = "latest") -> None:
        """Everything an honest registry has of the image."""
        self.route("/v2/", Reply(200, b"{}"))
        self.put_manifest(repository, image.manifest, tag)
        for blob in (image.config, *image.layers):
            self.put_blob(repository, blob)

    def put_manifest(self, repository: str, manifest: Blob, tag: str = "") -> None:
        headers = {"Content-Type": manifest.media_type, "Docker-Content-Digest": manifest.digest}
        for name in (tag, manifest.digest):
            if name:
                self.route(f"/v2/{repository}/manifests/{name}", Reply(200, manifest.data, headers))

    def put_blob(self, repository: str, blob: Blob) -> None:
        self.route(f"/v2/{repository}/blobs/{blob.digest}", ranged(blob.data))


def _chunks(stream: BinaryIO) -> bytes:
    """A body of unknown length (RFC 9112 section 7.1)."""
    parts = []
    while size := int(stream.readline(), 16):
        parts.append(stream.read(size))
        stream.readline()
    stream.readline()
    return b"".join(parts)


def ranged(data: bytes, cuts: tuple[int | None, ...] = (None,)) -> Callable[[Seen], Reply]:
    """A blob that can be resumed; each request is cut after the next number of bytes of ``cuts``, the last for ever."""
    left = list(cuts)

    def give(seen: Seen) -> Reply:
        cut = left.pop(0) if len(left) > 1 else left[0]
        start = seen.headers.get("range", "")
        if not start:
            return Reply(200, data, cut=cut)
        offset = int(start[len("bytes=") : -1])
        if offset >= len(data):
            return Reply(416, b"")
        headers = {"Content-Range": f"bytes {offset}-{len(data) - 1}/{len(data)}"}
        return Reply(206, data[offset:], headers, cut=cut)

    return give


def token(text: str = "tok", life: int = 300) -> Reply:
    return Reply(200, b'{"token":"%s","expires_in":%d}' % (text.encode(), life), {"Content-Type": "application/json"})


def bearer(realm: str, service: str = "reg") -> Reply:
    return Reply(401, b"{}", {"WWW-Authenticate": f'Bearer realm="{realm}",service="{service}",scope="x"'})


def needs(authorization: str, otherwise: Reply, then: Answer) -> Callable[[Seen], Reply]:
    """``then`` for requests with exactly this Authorization, else ``otherwise``."""

    def give(seen: Seen) -> Reply:
        if seen.headers.get("authorization", "") != authorization:
            return otherwise
        return then if isinstance(then, Reply) else then(seen)

    return give


@dataclass(frozen=True)
class Certificates:
    """An authority and certificates of it, as files."""

    folder: Path

    @property
    def ca(self) -> Path:
        return self.folder / "ca.crt"

    def context(self, name: str) -> ssl.SSLContext:
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.folder / f"{name}.crt", self.folder / f"{name}.pem")
        return context

    @classmethod
    def make(cls, folder: Path) -> Certificates:
        """good: for 127.0.0.1; wrong: for another host; expired: long over; client: for a client."""

        def run(*words: str) -> None:
            subprocess.run(["openssl", *words], check=True, capture_output=True, cwd=folder)

        new = ("-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes")
        run("req", "-x509", *new, "-keyout", "ca.pem", "-out", "ca.crt", "-subj", "/CN=test authority", "-days", "30")
        for name, alternative, days in (
            ("good", "IP:127.0.0.1,DNS:localhost", "30"),
            ("wrong", "DNS:other.example", "30"),
            ("expired", "IP:127.0.0.1", "0"),
            ("client", "DNS:client", "30"),
        ):
            (folder / f"{name}.ext").write_text(f"subjectAltName={alternative}\n")
            run("req", *new, "-keyout", f"{name}.pem", "-out", f"{name}.csr", "-subj", f"/CN={name}")
            run(
                *("x509", "-req", "-in", f"{name}.csr", "-CA", "ca.crt", "-CAkey", "ca.pem", "-CAcreateserial"),
                *("-out", f"{name}.crt", "-days", days, "-extfile", f"{name}.ext"),
            )
        time.sleep(1.1)  # so that a certificate of no days is over
        return cls(folder)


@contextlib.contextmanager
def serving(context: ssl.SSLContext | None = None, host: str = "127.0.0.1") -> Iterator[Server]:
    server = Server(context, host)
    try:
        yield server
    finally:
        server.close()
