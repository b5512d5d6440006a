# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An existing network with a wish laid over it: the mentioned options, and defaults for those no longer mentioned."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..netavark import addresses, draft
from ..netavark.network_file import ASKED

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..netavark.network_file import Network
    from .desired import NetworkDesired


def merged(network: Network, desired: NetworkDesired) -> Network:
    """Raises BadInput for options that the driver does not know."""
    deed = f"change network {network.name}"
    dropped = network.asked - desired.asked
    driver = desired.driver or ("bridge" if "driver" in dropped else network.driver)
    options, interface = wanted_options(network, desired, driver, deed)
    ipam = wanted_ipam(network, desired, driver)
    dns = desired.dns_enabled
    if dns is None:
        default = driver == "bridge" and ipam != "none"
        kept = "disable_dns" not in dropped and driver == network.driver and ipam == network.ipam_driver
        dns = network.dns_enabled if kept else default
    servers = wanted_servers(network, desired, deed)
    return network._replace(
        driver=driver,
        interface=interface,
        ipv6_enabled=wanted_ipv6(network, desired) and (ipam == "host-local" or bool(desired.ipv6)),
        internal=wanted_flag(desired.internal, network.internal, "internal" in dropped),
        dns_enabled=dns,
        dns_servers=servers if dns or desired.dns_servers else (),
        routes=tuple(draft.check_route(route, deed) for route in desired.routes)
        if desired.routes is not None
        else (() if "route" in dropped else network.routes),
        labels=wanted_labels(network, desired),
        options=options,
        ipam_driver=ipam,
        raw={**network.raw, ASKED: sorted(desired.asked)},
    )


def wanted_ipam(network: Network, desired: NetworkDesired, driver: str) -> str:
    """Who gives addresses; a task that names subnets means us."""
    if desired.ipam_driver:
        return desired.ipam_driver
    if network.ipam_driver and driver == network.driver and not desired.subnets and "ipam_driver" not in network.asked:
        return network.ipam_driver
    return "host-local" if driver == "bridge" or desired.subnets or network.subnets else "dhcp"


def wanted_flag(wish: bool | None, present: bool, dropped: bool) -> bool:
    if wish is not None:
        return wish
    return False if dropped else present


def wanted_ipv6(network: Network, desired: NetworkDesired) -> bool:
    """A subnet of IPv6 switches it on by itself; a list of subnets without one is without it."""
    if desired.subnets is not None and desired.ipv6 is None:
        return any(":" in subnet.subnet for subnet in desired.subnets)
    if desired.subnets is not None and any(":" in subnet.subnet for subnet in desired.subnets):
        return True
    return wanted_flag(desired.ipv6, network.ipv6_enabled, "ipv6" in network.asked and desired.ipv6 is None)


def wanted_labels(network: Network, desired: NetworkDesired) -> dict[str, str]:
    """Labels that others gave stay; those that a task of ours gave before and no longer names go."""
    gone = {name[len("label.") :] for name in network.asked - desired.asked if name.startswith("label.")}
    kept = {key: value for key, value in network.labels.items() if key not in gone}
    return {**kept, **{key: str(value) for key, value in (desired.labels or {}).items()}}


def wanted_options(
    network: Network, desired: NetworkDesired, driver: str, deed: str
) -> tuple[Mapping[str, str], str]:
    """Driver options, and the interface: as labels, one by one. Options of another driver do not move along."""
    canonical, interface = draft.canonical_options(desired.options or {}, driver, desired.interface, deed)
    if driver != network.driver:
        return canonical, interface
    gone = {name[len("opt.") :] for name in network.asked - desired.asked if name.startswith("opt.")}
    gone_canonical = {"mtu" if "driver.mtu" in name else name for name in gone} - set(canonical)
    kept = {key: value for key, value in network.options.items() if key not in gone_canonical}
    return {**kept, **canonical}, interface or network.interface


def wanted_servers(network: Network, desired: NetworkDesired, deed: str) -> tuple[str, ...]:
    if desired.dns_servers is None:
        return () if "dns" in network.asked else network.dns_servers
    return tuple(str(addresses.parse_address(server, deed)) for server in desired.dns_servers)
