# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What netavark is told and what it answers. Its input is the same for setup and teardown."""

from __future__ import annotations

import ipaddress
import json
import zlib
from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput, Corrupt
from ..base.tuples import NamedTuple
from ..spec.ports import PortMapping, to_libpod
from .network_file import check_interface

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .network_file import Json, Network

_MAC = patterns.compile(r"[0-9a-fA-F]{2}([:-][0-9a-fA-F]{2}){5}\Z")
_ALIAS = patterns.compile(r"[a-zA-Z0-9]([a-zA-Z0-9_.-]{0,252})\Z")
_LIST_SINCE = 2  # a list says the order (netavark's commit 49ee09b2, in 2.0.0); 1.x takes a map alone


class Attachment(NamedTuple):
    """A container on one network. Empty `interface`: ethN by position; empty `static_ips`: any free address."""

    network: str
    interface: str = ""
    static_ips: tuple[str, ...] = ()
    static_mac: str = ""
    aliases: tuple[str, ...] = ()
    options: tuple[tuple[str, str], ...] = ()


class ContainerNet(NamedTuple):
    """A container as networks see it. `ports` have real host ports; `dns_servers` replace the host's upstreams."""

    id: str
    name: str
    hostname: str
    attachments: tuple[Attachment, ...]
    ports: tuple[PortMapping, ...] = ()
    dns_servers: tuple[str, ...] = ()


def check_attachments(attachments: Sequence[Attachment], deed: str) -> tuple[Attachment, ...]:
    """The attachments with an interface name each. Raises BadInput for doubles and for names no resolver serves."""
    taken = {item.interface for item in attachments if item.interface}
    named = []
    number = 0
    for item in attachments:
        if [other.network for other in attachments].count(item.network) > 1:
            raise BadInput(deed, f"network {item.network} is given twice")
        if item.static_mac and not _MAC.match(item.static_mac):
            raise BadInput(deed, f"mac address {item.static_mac[:40]!r} is not one as 02:42:ac:11:00:02")
        if item.interface:
            check_interface(item.interface, deed)
        for alias in item.aliases:
            if not _ALIAS.match(alias):
                raise BadInput(deed, f"network alias {alias[:60]!r} is not a host name")
        interface = item.interface
        while not interface:
            candidate = f"eth{number}"
            number += 1
            interface = "" if candidate in taken else candidate
        named.append(item._replace(interface=interface, static_mac=item.static_mac.lower().replace("-", ":")))
    interfaces = [item.interface for item in named]
    for interface in interfaces:
        if interfaces.count(interface) > 1:
            raise BadInput(deed, f"interface {interface} is given twice")
    return tuple(named)


def build(
    container: ContainerNet,
    networks: Mapping[str, Network],
    leases: Mapping[str, Sequence[str]],
    netavark_major: int,
) -> bytes:
    """netavark's standard input. `networks` and `leases` are by network name; attachments carry interface names."""
    per_network = {
        item.network: _options(container, item, networks[item.network], leases.get(item.network, ()))
        for item in container.attachments
    }
    as_list = [{"name": name, **options} for name, options in per_network.items()]
    content: Json = {
        "container_id": container.id,
        "container_name": container.name,
        "container_hostname": container.hostname or container.name,
        "port_mappings": [to_libpod(mapping) for mapping in container.ports] or None,
        "networks": as_list if netavark_major >= _LIST_SINCE else per_network,
        "dns_servers": list(container.dns_servers) or None,
        "network_info": {name: networks[name].public for name in per_network},
    }
    return json.dumps({key: value for key, value in content.items() if value is not None}).encode()


def _options(container: ContainerNet, item: Attachment, network: Network, addresses: Sequence[str]) -> Json:
    # podman serves a container under its short id too; without it names of recreated containers could not be told apart
    aliases = [*item.aliases, *([container.id[:12]] if container.id[:12] not in item.aliases else [])]
    options: Json = {"interface_name": item.interface, "aliases": aliases}
    if addresses:
        options["static_ips"] = list(addresses)
    if item.static_mac:
        options["static_mac"] = item.static_mac
    elif addresses and network.driver == "bridge":
        options["static_mac"] = mac_of(addresses[0])
    if item.options:
        options["options"] = dict(item.options)
    return options


def mac_of(address: str) -> str:
    """A hardware address that goes with the address.

    A container that comes back under its address with another one would not be reached by those who remember the old:
    half a minute of silence, since netavark 1.4 announces nothing.
    """
    packed = ipaddress.ip_address(address).packed
    tail = packed if len(packed) == 4 else zlib.crc32(packed).to_bytes(4, "big")
    return ":".join(f"{byte:02x}" for byte in b"\x02\x42" + tail)


def parse_reply(stdout: bytes) -> dict[str, Json]:
    """netavark's answer to setup: network name -> status, as libpod keeps it under networkStatus. Raises Corrupt."""
    try:
        content = json.loads(stdout)
    except ValueError:
        content = None
    if not isinstance(content, dict) or not all(isinstance(value, dict) for value in content.values()):
        raise Corrupt("read netavark's answer", f"{stdout[:200]!r} is not a JSON object of networks")
    return content


def failure(stdout: bytes, stderr: bytes) -> str:
    """What netavark says went wrong: {"error": TEXT} on its standard output."""
    try:
        content = json.loads(stdout)
    except ValueError:
        content = None
    if isinstance(content, dict) and content.get("error"):
        return str(content["error"])
    return (stderr or stdout).decode("utf-8", "replace").strip()
