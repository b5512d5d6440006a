# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A file from a web server, such as the tar of a root file system."""

from __future__ import annotations

import hashlib
import os
import tempfile
import time
from email.utils import parsedate_to_datetime
from typing import IO, TYPE_CHECKING

from ..base.errors import Corrupt, Unreachable
from ..base.limits import USUAL, Limits
from . import failures
from .connections import Connections, Request, Trust, split_url

if TYPE_CHECKING:
    from http.client import HTTPResponse

_HOPS = 10
_RETRIES = 3
_PIECE = 1 << 20
_MOVED = (301, 302, 303, 307, 308)


def is_web(text: str) -> bool:
    """Whether a text is the address of a file and not its path."""
    return text.startswith(("http://", "https://"))


class WebFile:
    """What is at an address, as a temporary file. Without credentials: an address that holds some is refused."""

    def __init__(self, url: str, trust: Trust, timeout: float = 30.0, limits: Limits = USUAL) -> None:
        self._url = url
        self._limits = limits
        self._deed = f"fetch {url}"
        self._timeout = timeout
        self._patience = failures.Patience(_RETRIES, None, time.sleep)
        self._connections = Connections(trust, os.environ, timeout)

    def fetch(self, checksum: str = "") -> str:
        """Its path, for the caller to remove. The file's time is what the server says of it.

        Raises NotFound, Denied, Unreachable, TimedOut, and Corrupt when it is not of the checksum (``sha256:...``).
        """
        fd, path = tempfile.mkstemp(prefix="daemonless-import-", dir="/var/tmp")
        try:
            with os.fdopen(fd, "wb") as file:
                modified, digest = self._patience.run(lambda: self._into(file))
            if checksum and digest != checksum:
                raise Corrupt(self._deed, f"it is {digest}, not {checksum}")
            if modified:
                os.utime(path, (modified, modified))
        except BaseException:
            os.unlink(path)
            raise
        finally:
            self._connections.close()
        return path

    def _into(self, file: IO[bytes]) -> tuple[float, str]:
        file.seek(0)
        file.truncate()
        answer = self._answer()
        digest, count = hashlib.sha256(), 0
        try:
            while True:
                piece = answer.read(_PIECE)
                if not piece:
                    break
                digest.update(piece)
                count += len(piece)
                self._limits.hold(count, count, self._url)
                file.write(piece)
        except failures.FOREIGN as error:
            raise failures.of_connection(self._deed, "the server", error, self._timeout)
        declared = answer.headers.get("Content-Length", "")
        if declared.isdigit() and int(declared) != count:
            raise failures.Transient(Unreachable(self._deed, f"the connection ended after {count} of {declared} bytes"))
        file.flush()
        return _time(answer.headers.get("Last-Modified", "")), f"sha256:{digest.hexdigest()}"

    def _answer(self) -> HTTPResponse:
        """The answer that has the file, after redirections."""
        origin, path = split_url(self._url, self._deed)
        secure = origin.scheme == "https"
        for _hop in range(_HOPS):
            try:
                answer = self._connections.request(Request("GET", origin, path))
            except failures.FOREIGN as error:
                raise failures.of_connection(self._deed, origin.netloc, error, self._timeout)
            if answer.status == 200:
                return answer
            if answer.status not in _MOVED:
                raise failures.of_status(self._deed, origin.netloc, answer.status, "", None)
            self._connections.drop(origin)
            origin, path = split_url(answer.headers.get("Location", ""), self._deed, origin)
            if secure and origin.scheme != "https":
                raise Unreachable(self._deed, f"it leads to {origin.netloc} without TLS")
        raise Unreachable(self._deed, f"it leads on more than {_HOPS} times")


def _time(text: str) -> float:
    try:
        return parsedate_to_datetime(text).timestamp()
    except (TypeError, ValueError, IndexError):
        return 0.0
