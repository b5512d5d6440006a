# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network as it is, and who uses it."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.jsonval import table
from ..base.tuples import NamedTuple
from ..netavark import ipam
from ..netavark.networks import inspect

if TYPE_CHECKING:
    from ..libpod.rows import ContainerRow
    from ..netavark.network_file import Json, Network
    from ..session.session import Session


class User(NamedTuple):
    """A container that names the network in its configuration; `attached` when it has an interface there now."""

    id: str
    name: str
    attached: bool


class Observed(NamedTuple):
    """`network` None: there is none. `is_default`: it exists without a file. `users` sorted by name."""

    network: Network | None
    is_default: bool = False
    users: tuple[User, ...] = ()

    @property
    def attached(self) -> tuple[str, ...]:
        return tuple(user.name for user in self.users if user.attached)


def observe(session: Session, name: str) -> Observed:
    """The network itself; who uses it is asked only when it matters, see with_users."""
    network = session.networks.get(name)
    return Observed(network, name == session.net.settings.default_network)


def with_users(session: Session, observed: Observed) -> Observed:
    """Fill in the users, which takes a look at the container database."""
    if observed.network is None:
        return observed
    return observed._replace(users=users_of(session, observed.network.name))


def users_of(session: Session, name: str) -> tuple[User, ...]:
    found = []
    for row in session.database.containers():
        if name in named_networks(row.config):
            found.append(User(row.id, row.name, name in table(row.state, "networkStatus")))
    return tuple(sorted(found, key=lambda user: user.name))


def named_networks(config: Json) -> tuple[str, ...]:
    """The networks in a container's configuration: podman 4 and 5 keep a map, podman 6 a list."""
    networks = config.get("newNetworks")
    if isinstance(networks, dict):
        return tuple(networks)
    ordered = config.get("orderedNetworks")
    if isinstance(ordered, list):
        return tuple(str(item.get("name")) for item in ordered if isinstance(item, dict))
    return ()


def shown(session: Session, network: Network) -> Json:
    """What `podman network inspect` prints of it. The container database is opened only when someone may be there."""
    containers: Json = {}
    if not network.leases_addresses or _has_leases(session, network.name):
        for row in session.database.containers():
            status = table(table(row.state, "networkStatus"), network.name)
            if status:
                containers[row.id] = _container(row, status)
    return inspect(network, containers)


def _has_leases(session: Session, name: str) -> bool:
    path = session.net.settings.ipam_db
    return os.path.exists(path) and bool(ipam.holders_by_network(path).get(name))


def _container(row: ContainerRow, status: Json) -> Json:
    interfaces: Json = {}
    for name, interface in table(status, "interfaces").items():
        if isinstance(interface, dict):
            interfaces[name] = {key: interface[key] for key in ("subnets", "mac_address") if key in interface}
    return {"name": row.name, "interfaces": interfaces}
