# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Who has which address: podman's lease database, so that both of us never give one address twice.

bucket NETWORK
    bucket SUBNET     4 or 16 address bytes -> container id; "lastIP" -> the address given last
    bucket "ids"      container id -> JSON list of its addresses on this network

Callers hold netavark's lock.
"""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Conflict, Corrupt
from ..base.tuples import NamedTuple
from . import addresses
from .bolt import Bucket
from .boltfile import load, opened
from .settings import make_directories

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from .addresses import IPAddress, IPNetwork
    from .network_file import Network, Subnet

_LAST = b"lastIP"
_IDS = b"ids"
_SCAN_LIMIT = 1 << 20  # addresses looked at before a subnet counts as full; only IPv6 ones can be larger


class LeaseRequest(NamedTuple):
    """One network that a container joins; `static` are the addresses it insists on."""

    network: Network
    static: tuple[str, ...] = ()


def allocate(path: str, container_id: str, requests: Sequence[LeaseRequest]) -> dict[str, list[str]]:
    """An address per subnet of each network, recorded for the container; network name -> addresses.

    Leases that the container already holds there (a start that was interrupted) are given back first.
    Raises Conflict when an address is taken or a subnet is full, BadInput for a static address outside.
    """
    wanted = [request for request in requests if request.network.leases_addresses]
    given: dict[str, list[str]] = {request.network.name: list(request.static) for request in requests}
    if not wanted:
        return given
    make_directories([os.path.dirname(path)])
    with opened(path) as database:
        for request in wanted:
            name = request.network.name
            _release(database, name, container_id)
            bucket = _child(database, name.encode())
            static = check_static(request)
            leases = [_lease(bucket, subnet, static, container_id, name) for subnet in request.network.subnets]
            given[name] = [str(address) for address in leases]
            _child(bucket, _IDS)[container_id.encode()] = json.dumps(given[name], separators=(",", ":")).encode()
    return given


def release(path: str, container_id: str, networks: Iterable[str] | None = None) -> None:
    """Give back the container's addresses, on these networks or on all. Nothing to give back is no error."""
    if not os.path.exists(path):
        return
    with opened(path) as database:
        names = [name.decode() for name in database] if networks is None else list(networks)
        for name in names:
            _release(database, name, container_id)


def held(path: str, container_id: str) -> dict[str, list[str]]:
    """The container's recorded addresses by network. Raises Corrupt."""
    found = {}
    for network, holders in holders_by_network(path).items():
        if container_id in holders:
            found[network] = holders[container_id]
    return found


def holders_by_network(path: str) -> dict[str, dict[str, list[str]]]:
    """Network name -> container id -> addresses. Raises Corrupt."""
    result: dict[str, dict[str, list[str]]] = {}
    for name, bucket in load(path).items():
        if isinstance(bucket, dict):
            ids = bucket.get(_IDS)
            leases = result.setdefault(name.decode("utf-8", "replace"), {})
            for holder, raw in (ids if isinstance(ids, dict) else {}).items():
                leases[holder.decode("ascii", "replace")] = _read_list(raw)
    return result


def forget_network(path: str, name: str) -> None:
    """Drop everything recorded for a network that is gone."""
    if os.path.exists(path):
        with opened(path) as database:
            database.pop(name.encode(), None)


def _read_list(raw: object) -> list[str]:
    try:
        values = json.loads(raw) if isinstance(raw, bytes) else None
    except ValueError:
        values = None
    if not isinstance(values, list):
        raise Corrupt("read the address leases", "a list of addresses is not JSON")
    return [str(value) for value in values]


def _child(bucket: Bucket, key: bytes) -> Bucket:
    value = bucket.setdefault(key, {})
    if not isinstance(value, dict):
        raise Corrupt("read the address leases", f"{key!r} is a value where a bucket is expected")
    return value


def _release(database: Bucket, network: str, container_id: str) -> None:
    """Both records go: the list under the id, and each address the container holds (even one missing in the list)."""
    bucket = database.get(network.encode())
    if not isinstance(bucket, dict):
        return
    holder = container_id.encode()
    for key, records in bucket.items():
        if isinstance(records, dict):
            if key == _IDS:
                records.pop(holder, None)
            else:
                for address in [address for address, owner in records.items() if owner == holder]:
                    if address != _LAST:
                        del records[address]


def check_static(request: LeaseRequest) -> list[IPAddress]:
    """The static addresses as values. Raises BadInput for one that the network cannot give."""
    name = request.network.name
    deed = f"give an address on network {name}"
    static = [addresses.parse_address(text, deed) for text in request.static]
    subnets = [addresses.parse_network(subnet.subnet, deed) for subnet in request.network.subnets]
    gateways = {subnet.gateway for subnet in request.network.subnets}
    for address in static:
        if not any(addresses.contains(subnet, address) for subnet in subnets):
            shown = ", ".join(str(subnet) for subnet in subnets)
            raise BadInput(deed, f"static address {address} is not in its subnets ({shown})")
        if str(address) in gateways:
            raise BadInput(deed, f"static address {address} is the network's gateway")
    return static


def _lease(
    bucket: Bucket, subnet: Subnet, static: Iterable[IPAddress], container_id: str, name: str
) -> IPAddress:
    network = addresses.parse_network(subnet.subnet, f"read network {name}")
    records = _child(bucket, subnet.subnet.encode())
    wish = next((address for address in static if addresses.contains(network, address)), None)
    if wish is None:
        chosen = _next_free(records, network, subnet, name)
        records[_LAST] = chosen.packed
    else:
        chosen = wish
        owner = records.get(chosen.packed)
        if owner is not None:
            shown = owner.decode("ascii", "replace")[:12] if isinstance(owner, bytes) else "?"
            raise Conflict(f"give an address on network {name}", f"{chosen} is taken by container {shown}")
    records[chosen.packed] = container_id.encode()
    return chosen


def _next_free(records: Bucket, network: IPNetwork, subnet: Subnet, name: str) -> IPAddress:
    """The address after the one given last, going round at the end of the range, skipping the gateway."""
    deed = f"give an address on network {name}"
    first = addresses.parse_address(subnet.range_start, deed) if subnet.range_start else addresses.first_host(network)
    last = addresses.parse_address(subnet.range_end, deed) if subnet.range_end else addresses.last_host(network)
    start, end = int(first), min(int(last), int(addresses.last_host(network)))
    gateway = int(addresses.parse_address(subnet.gateway, deed)) if subnet.gateway else -1
    marker = records.get(_LAST)
    begin = int.from_bytes(marker, "big") + 1 if isinstance(marker, bytes) else start
    if not start <= begin <= end:
        begin = start
    width = len(first.packed)
    size = end - start + 1
    for offset in range(min(max(size, 0), _SCAN_LIMIT)):
        value = start + (begin - start + offset) % size
        if value != gateway and value.to_bytes(width, "big") not in records:
            return type(first)(value)
    raise Conflict(deed, f"no free address is left between {first} and {last}")
