# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where an existing network differs from a wish, option by option. Pure.

What a task does not mention is not compared, except with what its earlier versions mentioned.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..netavark import addresses
from ..netavark.draft import parse_range
from ..plan.change import IN_PLACE, RECREATE, Change
from .wanted import merged

if TYPE_CHECKING:
    from ..netavark.draft import SubnetDraft
    from ..netavark.network_file import Network, Route, Subnet
    from .desired import NetworkDesired


def compare(network: Network, desired: NetworkDesired) -> tuple[Change, ...]:
    """Raises BadInput for a wish that contradicts itself."""
    target = merged(network, desired)
    if target.dns_servers and not target.dns_enabled:
        raise BadInput(f"change network {network.name}", "dns servers cannot be set on a network without dns")
    pairs: list[tuple[str, object, object, str]] = [
        ("driver", network.driver, target.driver, RECREATE),
        ("interface_name", network.interface, target.interface, RECREATE),
        ("internal", network.internal, target.internal, RECREATE),
        ("ipv6", network.ipv6_enabled, target.ipv6_enabled, RECREATE),
        ("disable_dns", not network.dns_enabled, not target.dns_enabled, RECREATE),
        ("ipam_driver", network.ipam_driver, target.ipam_driver, RECREATE),
        ("opt", dict(network.options), dict(target.options), RECREATE),
        ("route", _routes(network.routes), _routes(target.routes), RECREATE),
        ("dns", list(network.dns_servers), list(target.dns_servers), IN_PLACE),
        ("label", dict(network.labels), dict(target.labels), IN_PLACE),
    ]
    changes = [Change(option, before, after, how) for option, before, after, how in pairs if before != after]
    subnets = _compare_subnets(network, desired)
    return tuple(changes if subnets is None else [*changes, subnets])


def _routes(routes: tuple[Route, ...]) -> list[str]:
    shown = []
    for route in routes:
        metric = "" if route.metric is None else f",{route.metric}"
        shown.append(f"{route.destination},{route.gateway}{metric}")
    return sorted(shown)


def _compare_subnets(network: Network, desired: NetworkDesired) -> Change | None:
    """Any subnet satisfies a task that names none. A family that only `ipv6` asked for may have any subnet too."""
    if desired.subnets is None:
        return None
    deed = f"change network {network.name}"
    present = {subnet.subnet: subnet for subnet in network.subnets}
    wanted = {str(addresses.parse_network(wish.subnet, deed)): wish for wish in desired.subnets}
    families = {":" in subnet for subnet in wanted}
    extra = [
        subnet for subnet in present if subnet not in wanted and ((":" in subnet) in families or not desired.ipv6)
    ]
    differs = bool(extra)
    after = []
    for subnet, wish in wanted.items():
        shown = _wished(present.get(subnet), wish, network, deed)
        after.append(shown)
        differs = differs or subnet not in present or shown != _shown(present[subnet])
    if desired.ipv6 and (desired.driver or network.driver) == "bridge":  # it has both, whichever are given
        for family in {True, False} - {":" in subnet for subnet in (*present, *wanted)}:
            after.append({"subnet": "a free one of IPv6" if family else "a free one of IPv4"})
            differs = True
    if not differs:
        return None
    return Change("subnet", [_shown(subnet) for subnet in network.subnets], after, RECREATE)


def _shown(subnet: Subnet) -> dict[str, str]:
    shown = {"subnet": subnet.subnet, "gateway": subnet.gateway}
    if subnet.range_start or subnet.range_end:
        shown["ip_range"] = f"{subnet.range_start}-{subnet.range_end}"
    return shown


def _wished(present: Subnet | None, wish: SubnetDraft, network: Network, deed: str) -> dict[str, str]:
    """The wish as `_shown` would show it; unmentioned parts as they are, or by default where they were mentioned."""
    inner = addresses.parse_network(wish.subnet, deed)
    default_gateway = "" if network.internal and not network.dns_enabled else str(addresses.first_host(inner))
    if wish.gateway:
        gateway = str(addresses.parse_address(wish.gateway, deed))
    else:
        kept = present is not None and "gateway" not in network.asked
        gateway = present.gateway if present is not None and kept else default_gateway
    shown = {"subnet": str(inner), "gateway": gateway}
    if wish.ip_range:
        shown["ip_range"] = "-".join(parse_range(wish.ip_range, inner, deed))
    elif present is not None and "ip_range" not in network.asked and "ip_range" in _shown(present):
        shown["ip_range"] = _shown(present)["ip_range"]
    return shown
