# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a wish to a whole network: checks, defaults, and choices among what is free. Nothing here touches the host.

The rules are those of podman-network-create(1), with some mistakes caught here that podman lets through until the
first container fails: interface names the kernel refuses, gateways of another family, foreign range formats.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..base import clock
from ..base.errors import BadInput, Conflict
from ..base.ids import new_id
from ..base.tuples import NamedTuple
from . import addresses
from .network_file import ASKED, Network, Route, Subnet, check_interface, check_name, to_json

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from .addresses import HostNetworks, IPNetwork

DRIVERS = ("bridge", "macvlan", "ipvlan")
IPAM_DRIVERS = ("host-local", "dhcp", "none")
_DOCKER_BRIDGE = "com.docker.network.bridge.name"
_DOCKER_MTU = "com.docker.network.driver.mtu"
_MODES = {
    "bridge": ("managed", "unmanaged"),
    "macvlan": ("bridge", "private", "vepa", "passthru"),
    "ipvlan": ("l2", "l3", "l3s"),
}
_OPTIONS = {
    "bridge": ("mtu", "vlan", "isolate", "metric", "no_default_route", "vrf", "mode", "host_interface_name"),
    "macvlan": ("mtu", "mode", "metric", "no_default_route", "bclim", "parent"),
    "ipvlan": ("mtu", "mode", "metric", "no_default_route", "parent"),
}
_NUMBERS = {"mtu": (0, 65536), "vlan": (0, 4094), "metric": (0, 2**32 - 1), "bclim": (-1, 2**31 - 1)}
_TRUE, _FALSE = ("1", "t", "true", "yes", "on"), ("0", "f", "false", "no", "off")


class SubnetDraft(NamedTuple):
    """`ip_range` is a subnet inside `subnet`, or "FIRST-LAST"."""

    subnet: str
    gateway: str = ""
    ip_range: str = ""


class Draft(NamedTuple):
    """A network as somebody wishes it. `dns_enabled` None: the driver's default."""

    name: str
    driver: str = "bridge"
    interface: str = ""
    subnets: tuple[SubnetDraft, ...] = ()
    ipv6: bool = False
    internal: bool = False
    dns_enabled: bool | None = None
    dns_servers: tuple[str, ...] = ()
    routes: tuple[Route, ...] = ()
    labels: Mapping[str, str] = {}
    options: Mapping[str, str] = {}
    ipam_driver: str = ""
    asked: tuple[str, ...] = ()  # what the wish mentioned, to be recorded with the network


def fill(draft: Draft, others: Sequence[Network], host: HostNetworks, pools: Sequence[tuple[str, int]]) -> Network:
    """The network that the draft becomes beside `others` on `host`.

    Raises BadInput for what cannot be meant, Conflict where a name, subnet or interface is taken.
    """
    deed = f"create network {draft.name}"
    check_name(draft.name)
    if draft.driver not in DRIVERS:
        raise BadInput(deed, f"driver {draft.driver!r} is not one of {', '.join(DRIVERS)}")
    if any(other.name == draft.name for other in others):
        raise Conflict(deed, "a network of this name exists")
    options, interface = canonical_options(draft.options, draft.driver, draft.interface, deed)
    interface = _choose_interface(draft.driver, interface, options, others, host, deed)
    ipam_driver = choose_ipam(draft, deed)
    # A bridge that survived its file (a half-done replacement) does not stand in its own way.
    routes = [route for route in host.routes if route.device != interface]
    subnets = choose_subnets(draft, ipam_driver, others, routes, pools) if ipam_driver == "host-local" else ()
    dns_enabled = choose_dns(draft, ipam_driver, deed)
    network = Network(
        name=draft.name,
        id=new_id(),
        driver=draft.driver,
        interface=interface,
        created=clock.now(),
        subnets=subnets,
        routes=tuple(check_route(route, deed) for route in draft.routes),
        ipv6_enabled=draft.ipv6 or any(":" in subnet.subnet for subnet in subnets),
        internal=draft.internal,
        dns_enabled=dns_enabled,
        dns_servers=tuple(str(addresses.parse_address(server, deed)) for server in draft.dns_servers),
        labels=dict(draft.labels),
        options=options,
        ipam_driver=ipam_driver,
        raw={},
    )
    raw = to_json(network)
    if draft.asked:
        raw[ASKED] = list(draft.asked)
    return network._replace(raw=raw)


def choose_ipam(draft: Draft, deed: str) -> str:
    driver = draft.ipam_driver
    if driver and driver not in IPAM_DRIVERS:
        raise BadInput(deed, f"ipam driver {driver!r} is not one of {', '.join(IPAM_DRIVERS)}")
    if not driver:
        driver = "host-local" if draft.driver == "bridge" or draft.subnets else "dhcp"
    if driver == "dhcp" and draft.driver == "ipvlan":
        raise BadInput(deed, "an ipvlan network cannot have its addresses by dhcp", "Give it a subnet")
    if driver != "host-local" and draft.subnets:
        raise BadInput(deed, f"subnets cannot be given with ipam driver {driver}")
    if driver != "host-local" and draft.driver == "bridge" and draft.ipv6:
        raise BadInput(deed, f"ipv6 cannot be switched on with ipam driver {driver}")
    return driver


def choose_dns(draft: Draft, ipam_driver: str, deed: str) -> bool:
    enabled = draft.dns_enabled
    if enabled is None:
        enabled = draft.driver == "bridge" and ipam_driver != "none"
    if enabled and ipam_driver == "none":
        raise BadInput(deed, "dns needs addresses, which ipam driver none does not give")
    if enabled and draft.driver != "bridge":
        enabled = False  # as podman: names are served only on bridges
    if draft.dns_servers and not enabled:
        raise BadInput(deed, "dns servers cannot be set on a network without dns")
    return enabled


def choose_subnets(
    draft: Draft,
    ipam_driver: str,
    others: Sequence[Network],
    routes: Sequence[addresses.HostRoute],
    pools: Sequence[tuple[str, int]],
) -> tuple[Subnet, ...]:
    """The draft's subnets, checked; where it has none of a family it wants, free ones."""
    deed = f"create network {draft.name}"
    # Without a resolver and without a way out nobody needs the bridge's own address.
    with_gateway = not draft.internal or choose_dns(draft, ipam_driver, deed)
    in_others = {
        addresses.parse_network(subnet.subnet, f"read network {other.name}"): other.name
        for other in others
        for subnet in other.subnets
    }
    chosen: list[Subnet] = []
    taken: list[IPNetwork] = []
    for wish in draft.subnets:
        network = addresses.parse_network(wish.subnet, deed)
        _refuse_overlap(network, taken, in_others, routes, deed)
        taken.append(network)
        chosen.append(_subnet(network, wish, with_gateway, deed))
    families = {network.version for network in taken}
    if draft.driver == "bridge" and 4 not in families and (draft.ipv6 or not families):
        free = _free_ipv4(pools, [*in_others, *taken], routes)
        chosen.append(_subnet(free, SubnetDraft(str(free)), with_gateway, deed))
    if draft.driver == "bridge" and 6 not in families and draft.ipv6:
        free = addresses.free_ipv6_subnet([*in_others, *taken, *(route.network for route in routes)])
        chosen.append(_subnet(free, SubnetDraft(str(free)), with_gateway, deed))
    if not chosen:
        raise BadInput(deed, f"a {draft.driver} network with ipam driver host-local needs a subnet")
    return tuple(chosen)


def _free_ipv4(
    pools: Sequence[tuple[str, int]], taken: list[IPNetwork], routes: Sequence[addresses.HostRoute]
) -> IPNetwork:
    """Avoid all the host can reach; where a wide route (10.0.0.0/8 to the company) leaves nothing, its own links."""
    try:
        return addresses.free_ipv4_subnet(pools, taken + [route.network for route in routes])
    except Conflict:
        return addresses.free_ipv4_subnet(pools, taken + [route.network for route in routes if route.direct])


def _refuse_overlap(
    network: IPNetwork,
    taken: list[IPNetwork],
    in_others: Mapping[IPNetwork, str],
    routes: Sequence[addresses.HostRoute],
    deed: str,
) -> None:
    for known in taken:
        if addresses.overlaps(network, known):
            raise BadInput(deed, f"its subnets {known} and {network} overlap")
    for known, owner in in_others.items():
        if addresses.overlaps(network, known):
            raise Conflict(deed, f"subnet {network} overlaps {known} of network {owner}")
    for route in routes:
        if route.direct and addresses.overlaps(network, route.network):
            raise Conflict(deed, f"subnet {network} overlaps {route.network}, in use on interface {route.device}")


def _subnet(network: IPNetwork, wish: SubnetDraft, with_gateway: bool, deed: str) -> Subnet:
    gateway = ""
    if wish.gateway:
        address = addresses.parse_address(wish.gateway, deed)
        if not addresses.contains(network, address):
            raise BadInput(deed, f"gateway {address} is not in subnet {network}")
        gateway = str(address)
    elif with_gateway:
        gateway = str(addresses.first_host(network))
    start, end = parse_range(wish.ip_range, network, deed) if wish.ip_range else ("", "")
    return Subnet(str(network), gateway, start, end)


def parse_range(text: str, network: IPNetwork, deed: str) -> tuple[str, str]:
    """First and last address of an ip_range, as podman records them. Raises BadInput."""
    if "/" in text:
        inner = addresses.parse_network(text, deed)
        first, last = addresses.first_host(inner), inner.broadcast_address
    else:
        left, dash, right = text.partition("-")
        if not dash:
            raise BadInput(deed, f"ip_range {text!r} is neither a subnet nor FIRST-LAST")
        first, last = addresses.parse_address(left, deed), addresses.parse_address(right, deed)
    for address in (first, last):
        if not addresses.contains(network, address):
            raise BadInput(deed, f"ip_range {text} is not inside subnet {network}")
    if int(first) > int(last):
        raise BadInput(deed, f"ip_range {text} runs backwards")
    return str(first), str(last)


def check_route(route: Route, deed: str) -> Route:
    destination = addresses.parse_network(route.destination, deed)
    gateway = addresses.parse_address(route.gateway, deed)
    given = addresses.parse_address(route.destination.partition("/")[0], deed)
    if given != destination.network_address:
        raise BadInput(deed, f"route destination {route.destination} has host bits set; {destination} may be meant")
    if destination.version != gateway.version:
        raise BadInput(deed, f"route {destination} and its gateway {gateway} are of different IP versions")
    return Route(str(destination), str(gateway), route.metric)


def canonical_options(
    given: Mapping[str, str], driver: str, interface: str, deed: str
) -> tuple[dict[str, str], str]:
    """Driver options in netavark's names, and the interface, which two of them may name. Raises BadInput."""
    options: dict[str, str] = {}
    for name, value in given.items():
        text = str(value)
        if (name == _DOCKER_BRIDGE and driver == "bridge") or (name == "parent" and driver != "bridge"):
            if interface not in ("", text):
                raise BadInput(deed, f"option {name} names interface {text}, interface_name {interface}")
            interface = text
            continue
        key = "mtu" if name == _DOCKER_MTU else name
        if key not in _OPTIONS[driver]:
            raise BadInput(deed, f"{driver} networks have no option {name!r}; they know {', '.join(_OPTIONS[driver])}")
        options[key] = _option_value(key, text, driver, deed)
    return options, interface


def _option_value(key: str, text: str, driver: str, deed: str) -> str:
    if key in _NUMBERS:
        low, high = _NUMBERS[key]
        if not re.match(r"-?[0-9]{1,10}\Z", text) or not low <= int(text) <= high:
            raise BadInput(deed, f"option {key} is {text[:40]!r}, not a number from {low} to {high}")
        return str(int(text))
    if key in ("isolate", "no_default_route"):
        lowered = text.lower()
        if key == "isolate" and lowered == "strict":
            return lowered
        if lowered not in (*_TRUE, *_FALSE):
            raise BadInput(deed, f"option {key} is {text[:40]!r}, neither true nor false")
        return "true" if lowered in _TRUE else "false"
    if key == "mode" and text not in _MODES[driver]:
        raise BadInput(deed, f"option mode is {text[:40]!r}; {driver} networks know {', '.join(_MODES[driver])}")
    if key in ("vrf", "host_interface_name"):
        check_interface(text, deed)
    return text


def _choose_interface(
    driver: str,
    interface: str,
    options: Mapping[str, str],
    others: Sequence[Network],
    host: HostNetworks,
    deed: str,
) -> str:
    if interface:
        check_interface(interface, deed)
    if driver != "bridge":
        if interface and interface not in host.interfaces:
            raise BadInput(deed, f"parent interface {interface} does not exist on this host")
        return interface
    used = {other.interface: other.name for other in others if other.driver == "bridge" and other.interface}
    unmanaged = options.get("mode") == "unmanaged"
    if not interface:
        return addresses.free_interface({*used, *host.interfaces})
    if interface in used and not unmanaged:
        raise Conflict(deed, f"interface {interface} belongs to network {used[interface]}")
    return interface
