# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Doing what a network's plan says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import HostLacks, InUse
from ..base.steps import reached
from ..netavark import setup
from ..netavark.addresses import read_host
from ..netavark.draft import fill
from .observed import users_of
from .planner import CREATE, RECREATE, REMOVE, UPDATE

#: What netavark learned after 1.4 (its release notes): older ones pass over options that they do not know.
_SINCE: dict[tuple[str, str], tuple[tuple[int, int], str]] = {
    ("driver", "ipvlan"): ((1, 5), "driver ipvlan"),
    ("ipam", "macvlan"): ((1, 6), "addresses by dhcp"),
    ("ipam", "bridge"): ((1, 14), "addresses by dhcp on a bridge"),
    ("route", ""): ((1, 7), "static routes"),
    ("bridge", "isolate=strict"): ((1, 7), "option isolate=strict"),
    ("macvlan", "bclim"): ((1, 7), "option bclim"),
    ("", "no_default_route"): ((1, 7), "option no_default_route"),
    ("bridge", "vrf"): ((1, 8), "option vrf"),
    ("bridge", "vlan"): ((1, 14), "option vlan"),
    ("bridge", "mode"): ((1, 14), "option mode of bridges"),
    ("bridge", "host_interface_name"): ((1, 14), "option host_interface_name"),
}

if TYPE_CHECKING:
    from ..netavark.draft import Draft
    from ..netavark.network_file import Network
    from ..session.session import Session
    from .planner import NetworkPlan
    from .replace import Follow


def check(session: Session, plan: NetworkPlan) -> None:
    """Raise what applying the plan would raise for what is taken on this host, without changing anything."""
    if plan.verdict not in (CREATE, RECREATE) or plan.draft is None:
        return
    check_draft(session, plan.draft)


def check_draft(session: Session, draft: Draft) -> None:
    """Raises BadInput, Conflict and HostLacks for what this host cannot give."""
    others = [network for network in session.networks.all() if network.name != draft.name]
    fill(draft, others, read_host(), session.net.settings.subnet_pools)
    _check_netavark(session, draft)


def _check_netavark(session: Session, draft: Draft) -> None:
    """It passes over options that it does not know: those are refused here."""
    wanted = [
        (since, what)
        for (kind, value), (since, what) in _SINCE.items()
        if _mentions(draft, kind, value)
    ]
    if not wanted:
        return
    present = setup.version(session.net)
    for since, what in wanted:
        if present < since:
            raise HostLacks(
                f"create network {draft.name}",
                f"netavark {'.'.join(map(str, present))} on this host is too old for {what}, "
                f"which came with {'.'.join(map(str, since))}",
                "Install a newer netavark, or leave it out",
            )


def _mentions(draft: Draft, kind: str, value: str) -> bool:
    if kind == "driver":
        return draft.driver == value
    if kind == "route":
        return bool(draft.routes)
    if kind == "ipam":
        return draft.driver == value and draft.ipam_driver == "dhcp"
    name, _equals, wanted = value.partition("=")
    given = draft.options.get(name, "")
    return bool(given) and (not wanted or given == wanted) and given != "false" and kind in ("", draft.driver)


def apply(session: Session, plan: NetworkPlan, follow: Follow) -> None:
    """Every step leaves either the old network or the new one in place. Containers named for removal are gone before
    this is called; `follow` is told how the networks of running ones change. Raises Conflict, BadInput, InUse,
    ToolFailed.
    """
    if plan.verdict == CREATE and plan.draft is not None:
        session.networks.create(plan.draft)
    elif plan.verdict == UPDATE and plan.network is not None:
        _update(session, plan)
    elif plan.verdict == RECREATE:
        from .replace import replace

        replace(session, plan, follow)
    elif plan.verdict == REMOVE:
        remove_unused(session, plan.plan.deed, plan.plan.steps[-1].detail)


def set_dns(session: Session, network: Network, servers: tuple[str, ...]) -> None:
    """Other name servers for a network, in its file and in the resolver that runs."""
    session.networks.replace(network._replace(dns_servers=servers))
    reached("network-updated")
    with session.networks.locked():
        setup.update_dns(session.net, network.name, servers)


def _update(session: Session, plan: NetworkPlan) -> None:
    """The file first: whoever attaches from now on gets the new values; then the resolver that runs already."""
    network = plan.network
    if network is None:
        return
    session.networks.replace(network)
    reached("network-updated")
    if any(change.option == "dns" for change in plan.plan.changes):
        with session.networks.locked():
            setup.update_dns(session.net, network.name, network.dns_servers)


def remove_unused(session: Session, deed: str, name: str) -> None:
    """Under the lock that every attaching container takes, so nobody slips in between the look and the removal."""
    directory = session.networks
    with directory.locked():
        users = users_of(session, name)
        if users:
            raise InUse(deed, f"containers use it: {', '.join(user.name for user in users)}")
        directory.remove_locked(name)
