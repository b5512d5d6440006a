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

_IPVLAN_SINCE = (1, 5)  # 1.4 knows bridge and macvlan

if TYPE_CHECKING:
    from ..session.session import Session
    from .planner import NetworkPlan


def check(session: Session, plan: NetworkPlan) -> None:
    """Raise what applying the plan would raise for what is taken on this host, without changing anything."""
    if plan.verdict not in (CREATE, RECREATE) or plan.draft is None:
        return
    draft = plan.draft
    others = [network for network in session.networks.all() if network.name != draft.name]
    fill(draft, others, read_host(), session.net.settings.subnet_pools)
    if draft.driver == "ipvlan" and setup.version(session.net) < _IPVLAN_SINCE:
        raise HostLacks(
            f"create network {draft.name}", "netavark on this host is too old for driver ipvlan", "Use macvlan"
        )


def apply(session: Session, plan: NetworkPlan) -> None:
    """Every step leaves either the old network or the new one in place. Containers named for removal are gone before
    this is called. Raises Conflict, BadInput, InUse, ToolFailed.
    """
    if plan.verdict == CREATE and plan.draft is not None:
        session.networks.create(plan.draft)
    elif plan.verdict == UPDATE and plan.network is not None:
        _update(session, plan)
    elif plan.verdict == RECREATE:
        from .replace import replace

        replace(session, plan)
    elif plan.verdict == REMOVE:
        remove_unused(session, plan.plan.deed, plan.plan.steps[-1].detail)


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
