# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signatures beside the registry, as files or on a web server: BASE/REPOSITORY@sha256=HEX/signature-1, -2, ...

(containers/image, docs/signature-protocols.md)
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ...base.errors import BadInput, Corrupt, Denied, HostLacks
from ...base.files import atomic_write, read_bytes
from ...base.held import clear_unfinished, held
from ...base.steps import reached
from .. import failures
from ..connections import Request, read_short, split_url
from ..failures import Patience
from . import blob

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ...base.digest import Digest
    from ..connections import Connections
    from .blob import Signature

_REDIRECTS = 5


class Lookaside:
    """The signatures of one repository; ``base`` is a file:, http: or https: address."""

    def __init__(self, base: str, connections: Connections | None = None, patience: Patience | None = None) -> None:
        self._base = base
        self._connections = connections
        self._patience = patience or Patience(0, None, lambda _seconds: None)
        scheme = base.partition(":")[0]
        if scheme not in ("file", "http", "https"):
            raise BadInput(f"find signatures at {base}", f"{scheme}: is not supported for them", "Use file or https")

    def read(self, digest: Digest) -> list[Signature]:
        """All there are, from number 1 to the first that is missing."""
        found: list[Signature] = []
        while True:
            where = self._address(digest, len(found) + 1)
            deed = f"read the signature {where}"
            data = self._file(where, deed) if where.startswith("file:") else self._download(where, deed)
            if data is None:
                return found
            if len(found) >= blob.MAX_COUNT:
                raise Corrupt(deed, f"there are more than {blob.MAX_COUNT} signatures")
            found.append(blob.parse(data, deed))

    def add(self, digest: Digest, signatures: Sequence[Signature]) -> None:
        """Behind those that are there.  Raises BadInput for a web server, HostLacks where nothing can be written."""
        if not self._base.startswith("file:"):
            raise BadInput(
                f"write signatures to {self._base}",
                "a web server only gives them out",
                "Set lookaside-staging for it in registries.d to a file: address",
            )
        directory = os.path.dirname(_path(self._address(digest, 1)))
        try:
            os.makedirs(directory, 0o755, exist_ok=True)
            with held(directory):
                known = [signature.blob() for signature in self.read(digest)]
                for data in dict.fromkeys(signature.blob() for signature in signatures):
                    if data not in known:
                        known.append(data)
                        path = _path(self._address(digest, len(known)))
                        clear_unfinished(path)
                        atomic_write(path, data, 0o644, step="signature-written")
                        reached("signature-placed")
        except OSError as err:
            raise HostLacks(f"write signatures to {directory}", str(err.strerror))

    def _address(self, digest: Digest, number: int) -> str:
        return f"{self._base}@{digest.algorithm}={digest.hex}/signature-{number}"

    def _file(self, address: str, deed: str) -> bytes | None:
        try:
            return read_bytes(_path(address), blob.MAX_BYTES)
        except (FileNotFoundError, NotADirectoryError):
            return None
        except OSError as err:
            raise HostLacks(deed, str(err.strerror))

    def _download(self, address: str, deed: str) -> bytes | None:
        if self._connections is None:
            raise BadInput(deed, "there is no connection to it here")
        connections = self._connections
        return self._patience.run(lambda: _get(connections, address, deed))


def _get(connections: Connections, address: str, deed: str) -> bytes | None:
    """None for 404.  No credentials go there, and TLS is not given up on the way."""
    origin, path = split_url(address, deed)
    for _hop in range(_REDIRECTS + 1):
        try:
            answer = connections.request(Request("GET", origin, path))
            data = read_short(answer, blob.MAX_BYTES + 1, connections.timeout)
        except failures.FOREIGN as err:
            raise failures.of_connection(deed, origin.netloc, err, connections.timeout)
        if len(data) > blob.MAX_BYTES:
            connections.drop(origin)
            raise Corrupt(deed, f"it is longer than {blob.MAX_BYTES} bytes")
        if answer.status in (301, 302, 303, 307, 308):
            before = origin
            origin, path = split_url(answer.headers.get("Location", ""), deed, origin)
            if before.scheme == "https" and origin.scheme == "http":
                raise Denied(deed, f"{before.netloc} redirects from TLS to plain http")
            continue
        if answer.status == 404:
            return None
        if answer.status != 200:
            raise failures.of_status(deed, origin.netloc, answer.status, "", None)
        declared = answer.headers.get("Content-Length", "")
        if declared.isdigit() and int(declared) != len(data):
            raise failures.Transient(Corrupt(deed, f"the answer ended after {len(data)} of {declared} bytes"))
        return data
    raise Corrupt(deed, f"more than {_REDIRECTS} redirects")


def _path(address: str) -> str:
    from urllib.parse import unquote, urlsplit

    parts = urlsplit(address)
    if parts.netloc not in ("", "localhost"):
        raise BadInput(f"find signatures at {address}", "a file: address has three slashes before the path")
    return unquote(parts.path)
