# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What the other parties of a transfer can do to us, in our words: one table for sockets, TLS and HTTP.

A failure that may pass by itself travels as Transient until the patience of the retry loop is used up.
"""

from __future__ import annotations

import socket
import ssl
from http.client import HTTPException, IncompleteRead
from typing import TYPE_CHECKING

from ..base.errors import Denied, EngineError, NotFound, TimedOut, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import TypeVar

    Result = TypeVar("Result")

#: What a connection may raise while it is used.
FOREIGN = (OSError, HTTPException)
_PASSING = (408, 429, 500, 502, 503, 504)
#: A registry that wants a longer pause than this is reported instead of waited for, in seconds.
LONGEST_PAUSE = 120.0


class TooLarge(Unreachable):
    """The server, or a proxy before it, takes no body of this length (413)."""


class Transient(Exception):
    """``error`` may not happen again; ``after`` is the pause in seconds that the server asked for, if it did."""

    def __init__(self, error: EngineError, after: float | None = None) -> None:
        super().__init__(str(error))
        self.error = error
        self.after = after


class Patience:
    """How often and how long to try again: ``delay`` seconds between tries, or 1, 2, 4 ... when it is None."""

    def __init__(self, retries: int, delay: float | None, sleep: Callable[[float], None]) -> None:
        self.retries = retries
        self._delay = delay
        self._sleep = sleep

    def pause(self, attempt: int, failure: Transient) -> None:
        """Wait after try number ``attempt`` (counted from 0); raises the failure's error when it was the last."""
        wait = self._delay if self._delay is not None else min(2.0**attempt, 30.0)
        if failure.after is not None:
            wait = max(failure.after, 0.0)
        if attempt >= self.retries or wait > LONGEST_PAUSE:
            raise failure.error
        self._sleep(wait)

    def run(self, deed: Callable[[], Result]) -> Result:
        """Do ``deed`` until it succeeds or fails for good."""
        attempt = 0
        while True:
            try:
                return deed()
            except Transient as failure:
                self.pause(attempt, failure)
            attempt += 1


def of_connection(deed: str, host: str, err: Exception, timeout: float) -> EngineError | Transient:
    """What an exception of FOREIGN means."""
    if isinstance(err, ssl.SSLCertVerificationError):
        why = getattr(err, "verify_message", "") or str(err.reason)
        hint = f"Put its authority's certificate into /etc/containers/certs.d/{host}/ca.crt"
        return Denied(deed, f"the certificate of {host} is not valid ({why})", hint)
    if isinstance(err, ssl.SSLError):
        return _of_tls(deed, host, err)
    if isinstance(err, (socket.timeout, TimeoutError)):
        return Transient(TimedOut(deed, f"{host} did not answer within {timeout:g} s"))
    if isinstance(err, socket.gaierror):
        return Transient(Unreachable(deed, f"the host name {host} cannot be resolved ({err.strerror})"))
    if isinstance(err, ConnectionRefusedError):
        return Transient(Unreachable(deed, f"{host} refused the connection"))
    if isinstance(err, IncompleteRead):
        return Transient(Unreachable(deed, f"{host} closed the connection in the middle of its answer"))
    if isinstance(err, HTTPException) and not isinstance(err, OSError):
        return Transient(Unreachable(deed, f"{host} does not answer with proper HTTP ({type(err).__name__})"))
    return Transient(Unreachable(deed, f"{host}: {getattr(err, 'strerror', None) or err or type(err).__name__}"))


def _of_tls(deed: str, host: str, err: ssl.SSLError) -> EngineError | Transient:
    if isinstance(err, (ssl.SSLEOFError, ssl.SSLZeroReturnError)):
        return Transient(Unreachable(deed, f"{host} closed the TLS connection"))
    reason = err.reason or str(err)
    if reason in ("WRONG_VERSION_NUMBER", "HTTP_REQUEST", "RECORD_LAYER_FAILURE", "PACKET_LENGTH_TOO_LONG"):
        return Unreachable(
            deed,
            f"{host} does not speak TLS",
            "If it is meant to be plain http, set insecure = true for it in registries.conf, or validate_certs: false",
        )
    return Unreachable(deed, f"TLS with {host} failed ({reason})")


def of_status(deed: str, host: str, status: int, detail: str, after: float | None) -> EngineError | Transient:
    """What an HTTP status other than success means; ``detail`` is the server's own text."""
    said = f": {detail}" if detail else ""
    if status == 401:
        return Denied(
            deed, f"{host} wants other credentials (401{said})", "Log in to the registry or name an auth file"
        )
    if status == 403:
        return Denied(deed, f"{host} forbids it (403{said})")
    if status == 404:
        return NotFound(deed, f"{host} does not have it (404{said})")
    if status == 429:
        pause = f" and wants a pause of {after:g} s" if after else ""
        return Transient(Unreachable(deed, f"{host} limits the rate of requests (429){pause}{said}"), after)
    if status == 413:
        return TooLarge(deed, f"{host} takes no body of this length (413{said})")
    error = Unreachable(deed, f"{host} answered {status}{said}")
    return Transient(error, after) if status in _PASSING else error
