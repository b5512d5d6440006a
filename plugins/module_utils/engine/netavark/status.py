# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Reading the status netavark gives, the JSON that libpod keeps under `networkStatus`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping


class Address(NamedTuple):
    """One address of a container: "10.89.0.2", 24, and the gateway ("" without one)."""

    network: str
    interface: str
    ip: str
    prefix: int
    gateway: str
    mac: str


def addresses(status: Mapping[str, object]) -> Iterator[Address]:
    """Every address, networks in their recorded order."""
    for network, content in status.items():
        interfaces = content.get("interfaces") if isinstance(content, dict) else None
        for name, interface in interfaces.items() if isinstance(interfaces, dict) else ():
            if not isinstance(interface, dict):
                continue
            for subnet in interface.get("subnets") or ():
                ip, slash, prefix = str(subnet.get("ipnet", "")).partition("/")
                if slash and prefix.isdigit():
                    gateway = str(subnet.get("gateway") or "")
                    yield Address(network, str(name), ip, int(prefix), gateway, str(interface.get("mac_address", "")))


def nameservers(status: Mapping[str, object]) -> list[str]:
    """The addresses where aardvark-dns answers for the container; none on networks without dns."""
    return _texts(status, "dns_server_ips")


def search_domains(status: Mapping[str, object]) -> list[str]:
    return _texts(status, "dns_search_domains")


def _texts(status: Mapping[str, object], key: str) -> list[str]:
    found: dict[str, None] = {}
    for content in status.values():
        values = content.get(key) if isinstance(content, dict) else None
        for value in values if isinstance(values, list) else ():
            found[str(value)] = None
    return list(found)
