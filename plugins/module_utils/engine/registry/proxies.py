# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which proxy a request goes through: HTTP_PROXY, HTTPS_PROXY and NO_PROXY with the rules that Go programs follow."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping
    from ipaddress import IPv4Address, IPv6Address

_PORTS = {"http": 80, "https": 443, "socks5": 1080, "socks5h": 1080}


class Proxy(NamedTuple):
    """``scheme`` is http, https (reached by TLS itself) or socks5; ``username`` and ``password`` are its own."""

    host: str
    port: int
    scheme: str = "http"
    username: str = ""
    password: str = ""

    def __repr__(self) -> str:
        return f"Proxy({self.scheme}://{self.netloc})"

    @property
    def netloc(self) -> str:
        host = f"[{self.host}]" if ":" in self.host else self.host
        return f"{host}:{self.port}"

    @property
    def headers(self) -> Mapping[str, str]:
        """The log-in at a proxy that speaks HTTP."""
        if not self.username or self.scheme == "socks5":
            return {}
        from base64 import b64encode

        secret = f"{self.username}:{self.password}"
        return {"Proxy-Authorization": "Basic " + b64encode(secret.encode()).decode()}


def proxy_for(scheme: str, host: str, port: int, env: Mapping[str, str]) -> Proxy | None:
    """The proxy for this destination, None to go there directly.  Raises BadInput for one we cannot speak to."""
    name = f"{scheme}_proxy"
    address = env.get(name.upper()) or env.get(name) or ""
    if not address or _direct(host, port, env.get("NO_PROXY") or env.get("no_proxy") or ""):
        return None
    return _parse(address, name.upper())


def _parse(address: str, name: str) -> Proxy:
    from urllib.parse import unquote, urlsplit

    deed = f"use the proxy of {name}"
    try:
        parts = urlsplit(address if "://" in address else f"http://{address}")
        port = parts.port
    except ValueError:
        raise BadInput(deed, "it is not an address")
    if parts.scheme not in _PORTS:
        known = ", ".join(f"{scheme}://" for scheme in _PORTS)
        raise BadInput(deed, f"{parts.scheme}:// is no kind of proxy that is known ({known})")
    if not parts.hostname:
        raise BadInput(deed, "it names no host")
    scheme = "socks5" if parts.scheme == "socks5h" else parts.scheme
    username, password = unquote(parts.username or ""), unquote(parts.password or "")
    if scheme == "socks5" and max(len(username.encode()), len(password.encode())) > 255:
        raise BadInput(deed, "a name or password for SOCKS has at most 255 bytes")
    return Proxy(parts.hostname, port or _PORTS[scheme], scheme, username, password)


def _direct(host: str, port: int, exceptions: str) -> bool:
    if host == "localhost":
        return True
    address = _address(host)
    if address is not None and address.is_loopback:
        return True
    entries = [entry.strip() for entry in exceptions.lower().split(",")]
    return "*" in entries or any(_excepted(host.lower(), address, port, entry) for entry in entries if entry)


def _excepted(host: str, address: IPv4Address | IPv6Address | None, port: int, entry: str) -> bool:
    """One entry of NO_PROXY: a network, an address, or a name that stands for what is below it too."""
    from ipaddress import ip_network

    if "/" in entry:
        try:
            return address is not None and address in ip_network(entry, strict=False)
        except ValueError:
            pass  # then it is a name, however odd
    name, colon, wanted = entry.rpartition(":")
    if colon and (":" not in name or (name.startswith("[") and name.endswith("]"))):
        if not name or (wanted and wanted != str(port)):
            return False
        entry = name.strip("[]")
    other = _address(entry)
    if other is not None or address is not None:
        return other == address
    entry = entry[1:] if entry.startswith("*.") else entry
    if entry.startswith("."):
        return host.endswith(entry)
    return host == entry or host.endswith(f".{entry}")


def _address(text: str) -> IPv4Address | IPv6Address | None:
    """Of an IPv4 address that is written as IPv6 the former."""
    from ipaddress import IPv6Address, ip_address

    try:
        found = ip_address(text)
    except ValueError:
        return None
    mapped = found.ipv4_mapped if isinstance(found, IPv6Address) else None
    return mapped or found
