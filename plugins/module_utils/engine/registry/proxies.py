# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which proxy a request goes through: HTTP_PROXY, HTTPS_PROXY and NO_PROXY with the rules that Go programs follow."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..base.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping


class Proxy(NamedTuple):
    """``headers`` carry the proxy's own credentials, where its address has some."""

    host: str
    port: int
    headers: Mapping[str, str] = {}

    def __repr__(self) -> str:
        return f"Proxy({self.host!r}, {self.port})"


def proxy_for(scheme: str, host: str, port: int, env: Mapping[str, str]) -> Proxy | None:
    """The proxy for this destination, None to go there directly.  Raises BadInput for one we cannot speak to."""
    name = f"{scheme}_proxy"
    address = env.get(name.upper()) or env.get(name) or ""
    if not address or _direct(host, port, env.get("NO_PROXY") or env.get("no_proxy") or ""):
        return None
    return _parse(address, name.upper())


def _parse(address: str, name: str) -> Proxy:
    from base64 import b64encode
    from urllib.parse import unquote, urlsplit

    deed = f"use the proxy of {name}"
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        port = parts.port or 80
    except ValueError:
        raise BadInput(deed, "it is not an address")
    if parts.scheme != "http" or not parts.hostname:
        raise BadInput(deed, f"only http:// proxies are supported, not {parts.scheme}://")
    headers = {}
    if parts.username:
        secret = f"{unquote(parts.username)}:{unquote(parts.password or '')}"
        headers["Proxy-Authorization"] = "Basic " + b64encode(secret.encode()).decode()
    return Proxy(parts.hostname, port, headers)


def _direct(host: str, port: int, exceptions: str) -> bool:
    from ipaddress import ip_address, ip_network

    if host == "localhost":
        return True
    try:
        address = ip_address(host)
    except ValueError:
        address = None
    if address is not None and address.is_loopback:
        return True
    for entry in exceptions.lower().replace(" ", ",").split(","):
        if entry == "*":
            return True
        if not entry:
            continue
        if address is not None and "/" in entry:
            try:
                if address in ip_network(entry, strict=False):
                    return True
            except ValueError:
                pass
            continue
        name, colon, wanted = entry.rpartition(":")
        if colon and wanted.isdigit() and "]" not in wanted and (":" not in name or name.endswith("]")):
            if int(wanted) != port:
                continue
            entry = name
        entry = entry.strip("[]")
        entry = entry[1:] if entry.startswith("*.") else entry
        if host == entry.lstrip(".") and not entry.startswith(".") or host.endswith("." + entry.lstrip(".")):
            return True
    return False
