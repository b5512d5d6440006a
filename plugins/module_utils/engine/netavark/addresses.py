# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which addresses are taken on this host, and what is free beside them."""

from __future__ import annotations

import ipaddress
import os
import socket
from typing import TYPE_CHECKING, Union

from ..base.errors import BadInput, Conflict
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterable

IPNetwork = Union[ipaddress.IPv4Network, ipaddress.IPv6Network]
IPAddress = Union[ipaddress.IPv4Address, ipaddress.IPv6Address]

_FREE_NAME_LIMIT = 1_000_000
_RTF_GATEWAY = 2
_ULA_TRIES = 1000


class HostRoute(NamedTuple):
    """A route of the host; `direct` ones lead to neighbours on the link, the others over a gateway."""

    network: IPNetwork
    device: str
    direct: bool


class HostNetworks(NamedTuple):
    routes: tuple[HostRoute, ...]
    interfaces: frozenset[str]


def read_host() -> HostNetworks:
    """Routes and interfaces of the network namespace we are in, from /proc; no program is started."""
    routes = (*_ipv4_routes(), *_ipv6_routes())
    return HostNetworks(routes, frozenset(name for _index, name in socket.if_nameindex()))


def _lines(path: str) -> list[list[str]]:
    try:
        with open(path, encoding="ascii") as file:
            return [line.split() for line in file]
    except FileNotFoundError:  # IPv6 switched off
        return []


def _ipv4_routes() -> list[HostRoute]:
    routes = []
    for fields in _lines("/proc/thread-self/net/route")[1:]:
        device, destination, flags, mask = fields[0], fields[1], int(fields[3], 16), fields[7]
        prefix = bin(int(mask, 16)).count("1")
        if prefix:
            address = socket.ntohl(int(destination, 16))
            routes.append(HostRoute(ipaddress.IPv4Network((address, prefix)), device, not flags & _RTF_GATEWAY))
    return routes


def _ipv6_routes() -> list[HostRoute]:
    routes = []
    for fields in _lines("/proc/thread-self/net/ipv6_route"):
        prefix, flags, device = int(fields[1], 16), int(fields[8], 16), fields[9]
        network = ipaddress.IPv6Network((int(fields[0], 16), prefix), strict=False)
        if prefix and device != "lo" and not network.is_link_local and not network.is_multicast:
            routes.append(HostRoute(network, device, not flags & _RTF_GATEWAY))
    return routes


def parse_network(text: str, deed: str) -> IPNetwork:
    """A subnet; host bits are cleared as podman does. Raises BadInput."""
    try:
        return ipaddress.ip_network(text.strip(), strict=False) if "/" in text else _bad_network(text)
    except ValueError:
        raise BadInput(deed, f"{text[:60]!r} is not a subnet as 10.89.0.0/24 or fd00::/64") from None


def _bad_network(text: str) -> IPNetwork:
    raise ValueError(text)


def parse_address(text: str, deed: str) -> IPAddress:
    try:
        return ipaddress.ip_address(text.strip())
    except ValueError:
        raise BadInput(deed, f"{text[:60]!r} is not an IP address") from None


def overlaps(one: IPNetwork, other: IPNetwork) -> bool:
    if isinstance(one, ipaddress.IPv4Network):
        return isinstance(other, ipaddress.IPv4Network) and one.overlaps(other)
    return isinstance(other, ipaddress.IPv6Network) and one.overlaps(other)


def contains(network: IPNetwork, address: IPAddress) -> bool:
    return network.version == address.version and address in network


def first_host(network: IPNetwork) -> IPAddress:
    """The address after the network's own, which podman takes for the gateway; a host route is its own."""
    return network.network_address if network.num_addresses == 1 else network.network_address + 1


def last_host(network: IPNetwork) -> IPAddress:
    """The last address a container may get: not IPv4's broadcast."""
    last = network.broadcast_address
    return last - 1 if network.version == 4 and network.num_addresses > 2 else last


def free_ipv4_subnet(pools: Iterable[tuple[str, int]], taken: list[IPNetwork]) -> IPNetwork:
    """The first subnet of the pools that overlaps nothing taken. Raises Conflict when there is none."""
    busy = sorted(
        ((int(item.network_address), int(item.broadcast_address)) for item in taken if item.version == 4),
    )
    for base, size in pools:
        pool = ipaddress.IPv4Network(base)
        step = 1 << (32 - size)
        start, end = int(pool.network_address), int(pool.broadcast_address)
        while start + step - 1 <= end:
            blocker = next((last for first, last in busy if first <= start + step - 1 and last >= start), None)
            if blocker is None:
                return ipaddress.IPv4Network((start, size))
            start = (blocker // step + 1) * step
    raise Conflict("choose a subnet", "every subnet of the configured pools is in use on this host")


def free_ipv6_subnet(taken: list[IPNetwork]) -> IPNetwork:
    """A random unique local /64 (RFC 4193) that overlaps nothing taken."""
    for _attempt in range(_ULA_TRIES):
        prefix = bytes([0xFD]) + os.urandom(7) + bytes(8)
        network = ipaddress.IPv6Network((prefix, 64))
        if not any(overlaps(network, other) for other in taken):
            return network
    raise Conflict("choose a subnet", "no free unique local IPv6 subnet was found")


def free_interface(taken: Iterable[str]) -> str:
    """podman1, podman2, …: 0 is the default network's."""
    busy = set(taken)
    for number in range(1, _FREE_NAME_LIMIT):
        name = f"podman{number}"
        if name not in busy:
            return name
    raise Conflict("choose an interface name", "podman1 to podman999999 are all taken")
