# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's network as libpod records it: networks, addresses, ports, names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import ids
from ..base.errors import BadInput, NotFound
from ..base.tuples import NamedTuple
from ..spec import networks, ports
from ..spec.namespaces import Mode
from ..spec.networks import NetworkWish

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from .desired import ContainerDesired
    from .surroundings import Birth, Surroundings


class NetworkPart(NamedTuple):
    """`mode` is the namespace's for the spec; `config` the keys of the container's config; `random` the ports whose
    host side was not asked for, as `80/tcp`."""

    mode: Mode
    config: Json
    random: tuple[str, ...]


def wanted(wish: ContainerDesired, around: Surroundings) -> NetworkWish:
    """The network of the task, or the default one of root or of a plain user."""
    found = wish.network
    if found is None:
        default = around.defaults.rootless_network if around.host.rootless else around.defaults.network
        attached = wish.network_aliases or wish.ip or wish.ip6 or wish.mac_address
        found = networks.parse(["bridge" if attached else default or "bridge"])
    return found


def describe(wish: ContainerDesired, around: Surroundings, birth: Birth, hostname: str) -> NetworkPart:
    """Raises BadInput, NotFound."""
    chosen = wanted(wish, around)
    part: Json = {}
    if chosen.mode == networks.CONTAINER:
        peer = around.peers.get(chosen.value)
        if peer is None:
            raise NotFound(f"join the network of container {chosen.value}", "no such container")
        part["netNsCtr"] = peer.id
        return NetworkPart(Mode("container", chosen.value), {**part, "createNetNS": False}, ())
    if chosen.mode in (networks.NONE, networks.HOST, networks.PATH):
        part["createNetNS"] = False
        kind = {networks.NONE: "private", networks.HOST: "host", networks.PATH: "ns"}[chosen.mode]
        if wish.publish and chosen.mode != networks.HOST:
            raise BadInput("read publish", f"network {chosen.mode} has no ports to publish")
        return NetworkPart(Mode(kind, chosen.value), part, ())
    part["createNetNS"] = True
    mappings, random = _published(wish, around, birth)
    if mappings:
        part["newPortMappings"] = [ports.to_libpod(mapping) for mapping in mappings]
    if chosen.mode == networks.BRIDGE:
        part["newNetworks"] = _endpoints(wish, around, chosen, (ids.short(birth.id), hostname))
        part["networkMode"] = "bridge"
    else:
        part["networkMode"] = chosen.mode
        if chosen.value:
            part["network_options"] = {chosen.mode: chosen.value.split(",")}
    return NetworkPart(Mode("private"), part, random)


def exposed(wish: ContainerDesired, around: Surroundings) -> dict[str, list[str]]:
    """Ports that the image or the task names without publishing them; with publish_all they all are published."""
    if wish.publish_all:
        return {}
    found: dict[str, list[str]] = {}
    for port, protocol in _exposed_pairs(wish, around):
        found.setdefault(str(port), []).append(protocol)
    return found


def _exposed_pairs(wish: ContainerDesired, around: Surroundings) -> list[tuple[int, str]]:
    pairs: set[tuple[int, str]] = set()
    for text in (*(around.image.config.exposed_ports if around.image else ()), *(wish.expose or ())):
        try:
            for mapping in ports.parse(text):
                pairs.update((mapping.container_port + n, mapping.protocol) for n in range(mapping.count))
        except BadInput:
            if text in (wish.expose or ()):
                raise
    return sorted(pairs)


def _published(
    wish: ContainerDesired, around: Surroundings, birth: Birth
) -> tuple[tuple[ports.PortMapping, ...], tuple[str, ...]]:
    mappings = list(wish.publish or ())
    if wish.publish_all:
        taken = {(m.container_port + n, m.protocol) for m in mappings for n in range(m.count)}
        for port, protocol in _exposed_pairs(wish, around):
            if (port, protocol) not in taken:
                mappings.append(ports.PortMapping(port, 0, protocol))
    random = tuple(f"{m.container_port + n}/{m.protocol}" for m in mappings if not m.host_port for n in range(m.count))
    return ports.fill_free_ports(mappings, birth.pick_port), random


def _endpoints(
    wish: ContainerDesired, around: Surroundings, chosen: NetworkWish, own_names: tuple[str, ...]
) -> dict[str, Json]:
    """The options of each network; ip and mac given outside belong to the only one, aliases to all."""
    made: dict[str, Json] = {}
    taken = {endpoint.interface for endpoint in chosen.endpoints}
    number = 0
    for endpoint in chosen.endpoints:
        name = endpoint.network or around.defaults.default_network
        if name in made:
            raise BadInput("read network", f"network {name!r} is given twice")
        addresses = [*endpoint.addresses, *(address for address in (wish.ip, wish.ip6) if address)]
        options: Json = {}
        if addresses:
            options["static_ips"] = list(dict.fromkeys(addresses))
        names = (*endpoint.aliases, *(wish.network_aliases or ()), *own_names)
        options["aliases"] = list(dict.fromkeys(alias for alias in names if alias))
        mac = wish.mac_address or endpoint.mac
        if mac:
            options["static_mac"] = mac
        interface = endpoint.interface
        while not interface:
            candidate = f"eth{number}"
            number += 1
            interface = "" if candidate in taken else candidate
        options["interface_name"] = interface
        made[name] = options
    return made
