# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A blob on its way: interrupted downloads go on where they stopped, trickles and lies about the length end them."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from ..base.errors import Corrupt, EngineError, TimedOut, Unreachable
from . import failures
from .failures import Transient

if TYPE_CHECKING:
    from collections.abc import Callable
    from http.client import HTTPResponse

    from .failures import Patience

#: Bytes gathered before they are handed on; TLS delivers 16 KiB at a time, which is too little to work with.
_GATHER = 512 * 1024
#: Below this many bytes in a period of waiting (seconds) a server is holding us rather than sending.
_SLOW_PERIOD = 60.0
_SLOW_BYTES = 64 * 1024


class Download:
    """Reads one blob of ``size`` bytes; ``start(offset)`` asks the server for the rest from there."""

    def __init__(
        self, start: Callable[[int], HTTPResponse], size: int, patience: Patience, deed: str, timeout: float
    ) -> None:
        self._start = start
        self._size = size
        self._patience = patience
        self._deed = deed
        self._timeout = timeout
        self._answer: HTTPResponse | None = None
        self._count = 0
        self._attempt = 0
        self._waited = 0.0
        self._waited_for = 0

    def read(self, size: int = -1) -> bytes:
        """Up to ``size`` bytes, b"" at the end.  Raises Corrupt, Unreachable, TimedOut, Denied, NotFound."""
        if size == 0:
            return b""
        while True:
            try:
                data = self._some(size)
            except Transient as failure:
                self._close()
                self._patience.pause(self._attempt, failure)
                self._attempt += 1
                continue
            except EngineError:
                self._close()
                raise
            if data:
                self._attempt = 0
            return data

    def _some(self, size: int) -> bytes:
        answer = self._answer or self._open()
        wanted = _GATHER if size < 0 else size
        parts: list[bytes] = []
        gathered = 0
        while gathered < min(wanted, _GATHER):
            try:
                part = self._timed(answer, wanted - gathered)
            except failures.FOREIGN as err:
                if parts:
                    break
                raise failures.of_connection(self._deed, "the registry", err, self._timeout)
            if not part:
                break
            parts.append(part)
            gathered += len(part)
        self._count += gathered
        if self._count > self._size:
            raise Corrupt(self._deed, f"longer than the {self._size} bytes it declares")
        if not gathered and self._count < self._size:
            what = f"the connection ended after {self._count} of {self._size} bytes"
            raise Transient(Unreachable(self._deed, what))
        return b"".join(parts) if len(parts) != 1 else parts[0]

    def _timed(self, answer: HTTPResponse, size: int) -> bytes:
        began = time.monotonic()
        part = answer.read1(size)
        self._waited += time.monotonic() - began
        self._waited_for += len(part)
        if self._waited > _SLOW_PERIOD:
            if self._waited_for < _SLOW_BYTES:
                rate = f"{self._waited_for} bytes in {self._waited:.0f} s"
                raise Transient(TimedOut(self._deed, f"the registry sends too slowly ({rate})"))
            self._waited, self._waited_for = 0.0, 0
        return part

    def _open(self) -> HTTPResponse:
        answer = self._start(self._count)
        self._answer = answer
        if self._count and answer.status == 200:
            self._skip(answer)
        elif self._count and not answer.headers.get("Content-Range", "").startswith(f"bytes {self._count}-"):
            raise Corrupt(self._deed, "the server resumes at another place than it was asked to")
        elif not self._count:
            if answer.status == 206:
                raise Corrupt(self._deed, "the server sends a part where the whole was asked for")
            declared = answer.headers.get("Content-Length", "")
            if declared.isdigit() and int(declared) != self._size:
                raise Corrupt(self._deed, f"the server has {declared} bytes, the manifest says {self._size}")
        return answer

    def _skip(self, answer: HTTPResponse) -> None:
        """The server cannot resume: read past what we have."""
        left = self._count
        while left:
            try:
                part = self._timed(answer, min(left, _GATHER))
            except failures.FOREIGN as err:
                raise failures.of_connection(self._deed, "the registry", err, self._timeout)
            if not part:
                raise Transient(Unreachable(self._deed, "the connection ended while it was resumed"))
            left -= len(part)

    def _close(self) -> None:
        if self._answer is not None:
            self._answer.close()
            self._answer = None
