# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new network in the place of an old one, with those who are attached taken along.

Everybody is detached, the file is replaced, everybody is attached again under the old interface name and aliases, with
the old address where the new subnets have it. When that fails, the old network comes back and with it the attachments.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..base.errors import EngineError
from ..base.jsonval import table, tables, text, texts
from ..base.steps import reached
from ..netavark import addresses, setup, status
from ..netavark.addresses import read_host
from ..netavark.draft import fill
from ..netavark.request import Attachment, ContainerNet
from ..netavark.settings import DEFAULT_NETWORK_ID
from ..spec.ports import from_libpod

if TYPE_CHECKING:
    from ..netavark.network_file import Json, Network
    from ..session.session import Session
    from .planner import NetworkPlan


class Endpoint(NamedTuple):
    """A running container on the network; `static` are the addresses it insists on, `had` those it has."""

    container: ContainerNet
    netns: str
    static: tuple[str, ...]
    had: tuple[str, ...]


def replace(session: Session, plan: NetworkPlan) -> None:
    """Raises what filling the draft or attaching raises; then the old network is back."""
    draft, old = plan.draft, plan.network
    if draft is None or old is None:
        return
    others = [network for network in session.networks.all() if network.name != draft.name]
    fill(draft, others, read_host(), session.net.settings.subnet_pools)  # refuse before anybody is detached
    endpoints = endpoints_of(session, old.name)
    detached: list[Endpoint] = []
    try:
        for endpoint in endpoints:
            detached.append(endpoint)
            setup.teardown(session.net, endpoint.netns, endpoint.container)
            reached("network-endpoint-detached")
        new = session.networks.recreate(draft, old.id if old.id == DEFAULT_NETWORK_ID else "")
        reached("network-replaced")
        _attach_all(session, new, endpoints)
    except EngineError as error:
        _roll_back(session, old, detached, error)
        raise


def _attach_all(session: Session, network: Network, endpoints: list[Endpoint]) -> None:
    subnets = [addresses.parse_network(subnet.subnet, "read the new subnets") for subnet in network.subnets]
    for endpoint in endpoints:
        kept = [
            ip
            for ip in endpoint.had
            if any(addresses.contains(subnet, addresses.parse_address(ip, "read an address")) for subnet in subnets)
        ]
        wanted = endpoint.static or tuple(kept)
        item = endpoint.container.attachments[0]._replace(static_ips=wanted)
        container = endpoint.container._replace(attachments=(item,))
        answer = setup.setup(session.net, endpoint.netns, container)
        reached("network-endpoint-attached")
        _record(session, container, answer)
        if {address.ip for address in status.addresses(answer)} != set(endpoint.had):
            session.warn(
                f"Container {container.name} has another address on network {network.name} now; "
                "restart it so that its own files and published ports follow"
            )


def _roll_back(session: Session, old: Network, detached: list[Endpoint], error: EngineError) -> None:
    """Put the old file back and the detached ones onto it; what fails is reported beside the cause."""
    try:
        for endpoint in detached:
            setup.teardown(session.net, endpoint.netns, endpoint.container)
        session.networks.replace(old)
        _attach_all(session, old, [endpoint._replace(static=endpoint.had) for endpoint in detached])
    except (EngineError, OSError) as failure:
        error.add_cleanup_failure(f"bring network {old.name} back: {failure}")


def _record(session: Session, container: ContainerNet, answer: dict[str, Json]) -> None:
    """Tell the container's state row what its interface is like now."""
    row = session.database.container(container.id)
    if row is None:
        return
    with session.hold(row):
        fresh = session.database.container(container.id)
        if fresh is not None:
            networks = {**table(fresh.state, "networkStatus"), **answer}
            session.database.save_state(container.id, {**fresh.state, "networkStatus": networks})


def endpoints_of(session: Session, network: str) -> list[Endpoint]:
    """Everybody with an interface on the network now."""
    found = []
    for row in session.database.containers():
        answer = table(table(row.state, "networkStatus"), network)
        netns = text(row.state, "netns")
        if not answer or not netns:
            continue
        options = table(table(row.config, "newNetworks"), network)
        interfaces = table(answer, "interfaces")
        item = Attachment(
            network=network,
            interface=next(iter(interfaces), text(options, "interface_name")),
            static_mac=text(options, "static_mac"),
            aliases=tuple(texts(options, "aliases")),
        )
        ports = tuple(mapping for raw in tables(row.config, "newPortMappings") for mapping in from_libpod(raw))
        had = tuple(address.ip for address in status.addresses({network: answer}))
        hostname = text(table(row.config, "spec"), "hostname")
        container = ContainerNet(row.id, row.name, hostname, (item,), ports)
        found.append(Endpoint(container, netns, tuple(texts(options, "static_ips")), had))
    return found
