# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a wish for a network comes to. Pure.

Labels and dns servers change in place. Everything else takes a new network under the old name, which is done without
ado while nobody is attached, and refused, with the names of those who are, unless the task says recreate or force.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import InUse, Refused
from ..base.tuples import NamedTuple
from ..netavark.draft import Draft, SubnetDraft
from ..plan.change import IN_PLACE, Change, Plan, Step
from .differences import compare
from .wanted import merged

if TYPE_CHECKING:
    from ..netavark.network_file import Network, Subnet
    from .desired import Mode, NetworkDesired
    from .observed import Observed

KEEP, CREATE, UPDATE, RECREATE, REMOVE = "keep", "create", "update", "recreate", "remove"


class NetworkPlan(NamedTuple):
    """`verdict` is the deed, `plan` what the user is shown; `draft` and `network` what create and update write."""

    verdict: str
    plan: Plan
    draft: Draft | None = None
    network: Network | None = None
    remove_containers: tuple[str, ...] = ()


def needs_users(desired: NetworkDesired, observed: Observed, mode: Mode) -> bool:
    """Whether the plan depends on who uses the network; most tasks never need to know."""
    network = observed.network
    if network is None:
        return False
    if not mode.present or mode.recreate:
        return True
    return any(change.how != IN_PLACE for change in compare(network, desired))


def plan(desired: NetworkDesired, observed: Observed, mode: Mode) -> NetworkPlan:
    """Raises Refused for the default network's removal, InUse where containers stand in the way."""
    network = observed.network
    if not mode.present:
        return _absent(desired.name, observed, mode)
    if network is None:
        return _create(desired)
    changes = compare(network, desired)
    if not changes and not mode.recreate:
        return NetworkPlan(KEEP, Plan(f"network {desired.name}"))
    if not mode.recreate and all(change.how == IN_PLACE for change in changes):
        return _update(network, desired, changes)
    return _recreate(network, desired, observed, mode, changes)


def _absent(name: str, observed: Observed, mode: Mode) -> NetworkPlan:
    deed = f"remove network {name}"
    if observed.network is None:
        return NetworkPlan(KEEP, Plan(deed))
    if observed.is_default:
        raise Refused(deed, "it is the default network, which always exists")
    users = tuple(user.name for user in observed.users)
    if users and not mode.force:
        raise InUse(deed, f"containers use it: {', '.join(users)}", "Remove them first, or set force")
    steps = [Step("remove container", user) for user in users]
    steps.append(Step("remove network", name))
    change = Change("state", "present", "absent", IN_PLACE)
    shown = Plan(deed, tuple(steps), (change,))
    return NetworkPlan(REMOVE, shown, remove_containers=users)


def _create(desired: NetworkDesired) -> NetworkPlan:
    change = Change("state", "absent", "present", IN_PLACE)
    shown = Plan(f"create network {desired.name}", (Step("create network", desired.name),), (change,))
    return NetworkPlan(CREATE, shown, draft=_draft(desired))


def _draft(desired: NetworkDesired) -> Draft:
    return Draft(
        name=desired.name,
        driver=desired.driver or "bridge",
        interface=desired.interface,
        subnets=desired.subnets or (),
        ipv6=bool(desired.ipv6),
        internal=bool(desired.internal),
        dns_enabled=desired.dns_enabled,
        dns_servers=desired.dns_servers or (),
        routes=desired.routes or (),
        labels=desired.labels or {},
        options=desired.options or {},
        ipam_driver=desired.ipam_driver,
        asked=tuple(sorted(desired.asked)),
    )


def _update(network: Network, desired: NetworkDesired, changes: tuple[Change, ...]) -> NetworkPlan:
    steps = tuple(Step("update network", f"{network.name} {change.option}") for change in changes)
    target = merged(network, desired)
    return NetworkPlan(UPDATE, Plan(f"update network {network.name}", steps, changes), network=target)


def _recreate(
    network: Network, desired: NetworkDesired, observed: Observed, mode: Mode, changes: tuple[Change, ...]
) -> NetworkPlan:
    deed = f"recreate network {network.name}"
    attached = observed.attached
    if attached and not (mode.recreate or mode.force):
        options = ", ".join(change.option for change in changes if change.how != IN_PLACE)
        raise InUse(
            f"change {options} of network {network.name}",
            f"this takes a new network, and containers are attached: {', '.join(attached)}",
            "Stop them first, or set recreate or force to have them attached to the new one",
        )
    steps = [Step("detach container", name) for name in attached]
    steps.append(Step("recreate network", network.name))
    steps += [Step("attach container", name) for name in attached]
    target = merged(network, desired)
    draft = Draft(
        name=target.name,
        driver=target.driver,
        interface=target.interface,
        subnets=_subnets(network, target, desired),
        ipv6=bool(desired.ipv6) if desired.subnets is not None else target.ipv6_enabled and not network.ipv6_enabled,
        internal=target.internal,
        dns_enabled=target.dns_enabled,
        dns_servers=target.dns_servers,
        routes=target.routes,
        labels=target.labels,
        options=target.options,
        ipam_driver=target.ipam_driver,
        asked=tuple(sorted(desired.asked)),
    )
    shown = changes or (Change("id", network.id, "a new one", "recreate"),)
    return NetworkPlan(RECREATE, Plan(deed, tuple(steps), shown), draft=draft, network=network)


def _subnets(network: Network, target: Network, desired: NetworkDesired) -> tuple[SubnetDraft, ...]:
    """The subnets asked for; with none asked for, those the network has, so that addresses stay where they were."""
    if desired.subnets is not None:
        return desired.subnets
    if target.ipam_driver not in ("", "host-local"):
        return ()
    return tuple(
        SubnetDraft(subnet.subnet, subnet.gateway, _range(subnet))
        for subnet in network.subnets
        if target.ipv6_enabled or ":" not in subnet.subnet
    )


def _range(subnet: Subnet) -> str:
    return f"{subnet.range_start}-{subnet.range_end}" if subnet.range_start and subnet.range_end else ""
