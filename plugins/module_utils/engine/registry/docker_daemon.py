# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""docker-daemon: images of a Docker engine, through its socket (Docker Engine API, "Export an image", "Import images").

The engine gives and takes archives only, so an image comes whole, and is read from an unnamed file.
"""

from __future__ import annotations

import json
import os
import socket
import tempfile
from http.client import HTTPConnection, HTTPException
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Corrupt, EngineError, NotFound, Unreachable
from ..base.files import scratch_directory
from .docker_archive import DockerArchiveSource
from .docker_archive_destination import DockerArchiveWriter
from .sink import TarSink, of_os
from .tree import ArchiveTree

if TYPE_CHECKING:
    from http.client import HTTPResponse

    from .docker_archive_destination import DockerArchiveDestination

SOCKET = "/var/run/docker.sock"
_BLOCK = 1 << 20
#: Loading a large image keeps the engine busy for as long as it takes.
_TIMEOUT = 3600.0
_ERROR_LIMIT = 64 * 1024


class _Connection(HTTPConnection):
    def __init__(self, path: str) -> None:
        super().__init__("docker", timeout=_TIMEOUT)
        self._path = path

    def connect(self) -> None:
        self.sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.sock.settimeout(self.timeout)
        self.sock.connect(self._path)


class Daemon:
    """A Docker engine at a socket: ``unix:///path`` or a path; empty takes DOCKER_HOST's, else the usual one."""

    def __init__(self, address: str = "") -> None:
        text = address or os.environ.get("DOCKER_HOST", "") or SOCKET
        self.path = text[len("unix://") :] if text.startswith("unix://") else text
        if not self.path.startswith("/"):
            raise BadInput(
                f"reach the Docker engine at {text}", "only its socket on this host can be used, unix:///PATH"
            )

    def image_id(self, name: str) -> str:
        """The engine's id of the image, "" when it has none of this name.  Raises Unreachable."""
        try:
            answer = self.ask("GET", f"/images/{_quoted(name)}/json", f"look for {name} in Docker")
        except NotFound:
            return ""
        found = json.loads(answer.read())
        return str(found.get("Id", "")) if isinstance(found, dict) else ""

    def ask(self, method: str, path: str, deed: str) -> HTTPResponse:
        connection = _Connection(self.path)
        try:
            connection.request(method, path, headers={"Host": "docker"})
            return _checked(connection.getresponse(), deed)
        except (OSError, HTTPException) as err:
            raise self.trouble(deed, err)

    def trouble(self, deed: str, err: Exception) -> EngineError:
        reason = getattr(err, "strerror", None) or str(err) or type(err).__name__
        hint = "Docker's socket is for root and the group docker" if isinstance(err, PermissionError) else ""
        return Unreachable(deed, f"the Docker engine at {self.path}: {reason}", hint)


def _checked(answer: HTTPResponse, deed: str) -> HTTPResponse:
    if answer.status == 200:
        return answer
    try:
        told = json.loads(answer.read(_ERROR_LIMIT))
    except ValueError:
        told = {}
    message = str(told.get("message", "")) if isinstance(told, dict) else ""
    if answer.status == 404:
        raise NotFound(deed, message or "there is no such image")
    raise Unreachable(deed, f"the Docker engine answered {answer.status}: {message}")


def _quoted(name: str) -> str:
    from urllib.parse import quote

    return quote(name, safe="/:@")


def open_source(daemon: Daemon, name: str) -> DockerArchiveSource:
    """The image as `docker save` gives it.  Raises NotFound, Unreachable, Corrupt."""
    deed = f"export {name} from Docker"
    answer = daemon.ask("GET", f"/images/{_quoted(name)}/get", deed)
    folder = scratch_directory()
    try:
        with tempfile.TemporaryFile(dir=folder, buffering=0) as file:
            while True:
                try:
                    data = answer.read(_BLOCK)
                except (OSError, HTTPException) as err:
                    raise daemon.trouble(deed, err)
                if not data:
                    break
                file.write(data)
            tree = ArchiveTree(f"/proc/self/fd/{file.fileno()}")
    except OSError as err:
        raise of_os(f"{deed}: write it to {folder}", err)
    tree.what = f"docker-daemon:{name}"
    return DockerArchiveSource(tree)


class DaemonDestination:
    """Streams an archive of one image to the engine; nothing is loaded before its end."""

    def __init__(self, daemon: Daemon, name: str) -> None:
        self._daemon = daemon
        self._name = name
        self._deed = f"load {name} into Docker"
        self._connection: _Connection | None = None
        sink = TarSink(f"docker-daemon:{name}", self._send)
        self._writer = DockerArchiveWriter(sink)
        self._inner: DockerArchiveDestination = self._writer.image((name,), self._finish)
        self.what = sink.what
        self.layers = self._inner.layers
        self.accepts = self._inner.accepts
        self.has_blob = self._inner.has_blob
        self.put_blob = self._inner.put_blob
        self.put_manifest = self._inner.put_manifest
        self.commit = self._inner.commit

    def _send(self, data: bytes) -> None:
        if not data:
            return
        try:
            if self._connection is None:
                self._connection = _Connection(self._daemon.path)
                self._connection.putrequest("POST", "/images/load?quiet=1")
                self._connection.putheader("Content-Type", "application/x-tar")
                self._connection.putheader("Transfer-Encoding", "chunked")
                self._connection.endheaders()
            self._connection.send(f"{len(data):x}\r\n".encode() + data + b"\r\n")
        except (OSError, HTTPException) as err:
            raise self._daemon.trouble(self._deed, err)

    def _finish(self) -> None:
        self._writer.commit()
        connection = self._connection
        if connection is None:
            raise EngineError(self._deed, "nothing was sent")
        try:
            connection.send(b"0\r\n\r\n")
            answer = _checked(connection.getresponse(), self._deed)
            text = answer.read(_ERROR_LIMIT).decode("utf-8", "replace")
        except (OSError, HTTPException) as err:
            raise self._daemon.trouble(self._deed, err)
        for line in text.splitlines():
            try:
                told = json.loads(line)
            except ValueError:
                continue
            if isinstance(told, dict) and told.get("error"):
                raise Corrupt(self._deed, f"Docker refuses it: {told['error']}")

    def close(self) -> None:
        if self._connection is not None:
            self._connection.close()
            self._connection = None
