# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container that runs at one host, and whether another one has the place for it: what the first tells of it, and
what the second has to say about its networks, addresses and ports."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import EngineError
from ..base.files import read_json
from ..criu import archive
from ..criu import doubts as doubting
from ..host.cpu import instruction_sets
from ..netavark import addresses, ipam, ports
from ..network.observed import named_networks
from ..spec.ports import of_row, parse_all
from .checkpoint_unpack import Said

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..base.jsonval import Json
    from ..netavark.network_file import Network
    from ..session.session import Session
    from ..spec.ports import PortMapping
    from .model import Container


def of_host() -> Json:
    """What is noted of the host where a checkpoint is taken."""
    machine = os.uname()
    return {"kernel": machine.release, "architecture": machine.machine, "cpu": list(instruction_sets())}


def portrait(container: Container, criu: str) -> Json:
    """What an archive of it would say, while it still runs or is frozen here; `criu` is the version here."""
    network = jsonval.table(container.state, "networkStatus")
    if not container.running:
        try:
            kept = read_json(os.path.join(container.static_dir, archive.NETWORK), archive.SMALL[archive.NETWORK])
        except OSError:
            kept = None
        network = kept if isinstance(kept, dict) else {}
    return {
        "config": container.config,
        "network": network,
        "notes": {**of_host(), "criu": criu, "runtime": os.path.basename(jsonval.text(container.config, "runtime"))},
    }


def said(told: Json) -> Said:
    """A portrait, or what is read from an archive elsewhere, as if it was read here."""
    config, network, notes = (jsonval.table(told, key) for key in ("config", "network", "notes"))
    return Said(config, network, notes, jsonval.flag(told, "early"))


def doubts(told: Said, criu: str) -> list[str]:
    """What may go wrong here although nothing forbids it; `criu` is the version here."""
    return doubting.doubts(told.notes, doubting.Host(os.uname().release, criu, instruction_sets()))


def obstacles(session: Session, told: Said, publish: Sequence[str] | None, *, same: bool) -> Iterator[str]:
    """Networks, addresses and ports that are not to be had here. `same`: it comes back as the very same container,
    which takes its addresses along. Nothing is changed."""
    wanted = told.network if same else {}
    for name in named_networks(told.config):
        network = session.networks.get(name)
        if network is None:
            yield f"there is no network {name}"
            continue
        for address in _addresses(wanted, name):
            yield from _unfit(session, network, address, jsonval.text(told.config, "id"))
    yield from _taken_ports(told, publish)


def _addresses(status: Json, network: str) -> Iterator[str]:
    for interface in jsonval.table(jsonval.table(status, network), "interfaces").values():
        for subnet in jsonval.tables(interface if isinstance(interface, dict) else {}, "subnets"):
            yield jsonval.text(subnet, "ipnet").partition("/")[0]


def _unfit(session: Session, network: Network, text: str, own: str) -> Iterator[str]:
    try:
        address = addresses.parse_address(text, "read an address")
    except EngineError:
        return
    subnets = [addresses.parse_network(one.subnet, "read a subnet") for one in network.subnets]
    if network.leases_addresses and not any(addresses.contains(one, address) for one in subnets):
        shown = ", ".join(map(str, subnets)) or "none"
        yield f"its address {text} is in no subnet of network {network.name} ({shown}; ignore_static_ip gives another)"
        return
    path = session.net.settings.ipam_db
    held = ipam.holders_by_network(path).get(network.name, {}) if os.path.exists(path) else {}
    if any(text in leased for holder, leased in held.items() if holder != own):
        yield f"its address {text} on network {network.name} is taken (ignore_static_ip gives another)"


def _taken_ports(told: Said, publish: Sequence[str] | None) -> Iterator[str]:
    """Bound and let go again. One that is just being let go, by the same container's last run, is waited for."""
    for mapping in _mappings(told, publish):
        if not mapping.host_port:
            continue
        try:
            ports.reserve([mapping], own=jsonval.text(told.config, "name")).close()
        except EngineError as error:
            yield f"port {mapping} cannot be published: {error.cause}"


def _mappings(told: Said, publish: Sequence[str] | None) -> tuple[PortMapping, ...]:
    if publish is not None:
        return parse_all(publish)
    return of_row(told.config)
