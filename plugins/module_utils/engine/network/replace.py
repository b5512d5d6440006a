# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A new network in the place of an old one, with those who are attached taken along.

Everybody is detached, the file is replaced, everybody is attached again under the old interface name and aliases, with
the old address where the new subnets have it. When that fails, the old network comes back and with it the attachments.
A mark in the run directory says that this is going on: where it is found, somebody was killed half-way, and who still
runs is attached to the network that there is.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import EngineError
from ..base.files import atomic_write
from ..base.jsonval import table, text, text_map, texts
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..netavark import addresses, setup, status
from ..netavark import netns as namespaces
from ..netavark.addresses import read_host
from ..netavark.draft import fill
from ..netavark.request import Attachment, ContainerNet
from ..netavark.settings import DEFAULT_NETWORK_ID
from ..spec.ports import of_row

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..netavark.network_file import Json, Network
    from ..session.session import Session
    from .planner import NetworkPlan

    #: Told of a container's id and its networkStatus before and after, so that its files can follow.
    Follow = Callable[[str, Json, Json], None]

_MARKS = "replacing"


class Endpoint(NamedTuple):
    """A running container on the network; `static` are the addresses it insists on, `had` those it has."""

    container: ContainerNet
    netns: str
    static: tuple[str, ...]
    had: tuple[str, ...]


def replace(session: Session, plan: NetworkPlan, follow: Follow) -> None:
    """Raises what filling the draft or attaching raises; then the old network is back."""
    draft, old = plan.draft, plan.network
    if draft is None or old is None:
        return
    others = [network for network in session.networks.all() if network.name != draft.name]
    fill(draft, others, read_host(), session.net.settings.subnet_pools)  # refuse before anybody is detached
    endpoints = endpoints_of(session, old.name)
    detached: list[Endpoint] = []
    if endpoints:
        _mark(session, old.name)
    try:
        for endpoint in endpoints:
            detached.append(endpoint)
            setup.teardown(session.net, endpoint.netns, endpoint.container)
            reached("network-endpoint-detached")
        new = session.networks.recreate(draft, old.id if old.id == DEFAULT_NETWORK_ID else "")
        reached("network-replaced")
        _attach_all(session, new, endpoints, follow)
    except EngineError as error:
        _roll_back(session, old, detached, error, follow)
        raise
    finish(session, old.name)


def _mark(session: Session, name: str) -> None:
    path = _mark_of(session, name)
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    atomic_write(path, b"", mode=0o600, durable=False)


def _mark_of(session: Session, name: str) -> str:
    """In the run directory: after a reboot nobody runs who could be attached."""
    return os.path.join(session.net.settings.run_dir, _MARKS, name)


def interrupted(session: Session, name: str) -> bool:
    """Whether a replacement of the network was killed half-way."""
    return os.path.exists(_mark_of(session, name))


def finish(session: Session, name: str) -> None:
    try:
        os.unlink(_mark_of(session, name))
    except FileNotFoundError:
        pass


def repair(session: Session, network: Network, follow: Follow) -> tuple[str, ...]:
    """Attach everybody anew to the network that a killed replacement left; their names."""
    endpoints = endpoints_of(session, network.name)
    for endpoint in endpoints:
        try:
            setup.teardown(session.net, endpoint.netns, endpoint.container)
        except EngineError as error:
            session.warn(str(error))  # half of it was gone already
    _attach_all(session, network, endpoints, follow)
    finish(session, network.name)
    return tuple(endpoint.container.name for endpoint in endpoints)


def _attach_all(session: Session, network: Network, endpoints: list[Endpoint], follow: Follow) -> None:
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
        _record(session, container, answer, follow)
        now = [address.ip for address in status.addresses(answer)]
        if set(now) != set(endpoint.had):
            session.warn(f"Container {container.name} has another address on network {network.name} now: {now[0]}")


def _roll_back(
    session: Session, old: Network, detached: list[Endpoint], error: EngineError, follow: Follow
) -> None:
    """Put the old file back and the detached ones onto it; what fails is reported beside the cause."""
    try:
        for endpoint in detached:
            setup.teardown(session.net, endpoint.netns, endpoint.container)
        session.networks.replace(old)
        _attach_all(session, old, [endpoint._replace(static=endpoint.had) for endpoint in detached], follow)
        finish(session, old.name)
    except (EngineError, OSError) as failure:
        error.add_cleanup_failure(f"bring network {old.name} back: {failure}")


def _record(session: Session, container: ContainerNet, answer: dict[str, Json], follow: Follow) -> None:
    """Tell the container's state row what its interface is like now, its files, and who carries its ports."""
    row = session.database.container(container.id)
    if row is None:
        return
    with session.hold(row):
        fresh = session.database.container(container.id)
        if fresh is not None:
            before = table(fresh.state, "networkStatus")
            networks = {**before, **answer}
            session.database.save_state(container.id, {**fresh.state, "networkStatus": networks})
            follow(container.id, before, networks)


def endpoints_of(session: Session, network: str) -> list[Endpoint]:
    """Everybody with an interface on the network now."""
    found = []
    for row in session.database.containers():
        answer = table(table(row.state, "networkStatus"), network)
        netns = text(row.state, "netns")
        if not answer or not netns or not namespaces.is_bound(netns):
            continue
        options = table(table(row.config, "newNetworks"), network)
        interfaces = table(answer, "interfaces")
        item = Attachment(
            network=network,
            interface=next(iter(interfaces), text(options, "interface_name")),
            static_mac=text(options, "static_mac"),
            aliases=tuple(texts(options, "aliases")),
            options=tuple(sorted(text_map(options, "options").items())),
        )
        had = tuple(address.ip for address in status.addresses({network: answer}))
        hostname = text(table(row.config, "spec"), "hostname")
        ports, servers = of_row(row.config), tuple(texts(row.config, "dnsServer"))
        container = ContainerNet(row.id, row.name, hostname, (item,), ports, servers)
        found.append(Endpoint(container, netns, tuple(texts(options, "static_ips")), had))
    return found
