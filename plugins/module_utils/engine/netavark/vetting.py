# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Whether a container can join networks with what it wants there, asked before anything is touched."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Conflict, NotFound
from . import addresses, ipam, request
from .networks import NetworkDir

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .network_file import Network
    from .request import Attachment, ContainerNet
    from .settings import NetContext


def vet(ctx: NetContext, container: ContainerNet) -> None:
    """Raises NotFound for a network that is not there, BadInput for what cannot be had on it, Conflict for an address
    that another container has."""
    deed = f"attach container {container.name} to its networks"
    directory = NetworkDir(ctx.settings)
    path = ctx.settings.ipam_db
    holders = ipam.holders_by_network(path) if os.path.exists(path) else {}
    for item in request.check_attachments(container.attachments, deed):
        network = directory.get(item.network)
        if network is None:
            raise NotFound(deed, f"network {item.network} does not exist")
        _addresses(network, item, deed)
        _refuse_taken(holders.get(item.network, {}), container.id, item)


def _addresses(network: Network, item: Attachment, deed: str) -> None:
    if not item.static_ips:
        return
    if not network.leases_addresses:
        raise BadInput(deed, f"network {network.name} gives no addresses (ipam driver {network.ipam_driver})")
    ipam.check_static(ipam.LeaseRequest(network, item.static_ips))


def _refuse_taken(held: Mapping[str, list[str]], own: str, item: Attachment) -> None:
    wanted = {str(addresses.parse_address(ip, f"read an address on network {item.network}")) for ip in item.static_ips}
    for holder, ips in held.items():
        taken = wanted.intersection(ips)
        if taken and holder != own:
            deed = f"give an address on network {item.network}"
            raise Conflict(deed, f"{', '.join(sorted(taken))} is taken by container {holder[:12]}")
