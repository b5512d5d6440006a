# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One network as netavark's JSON file has it (podman-network-create(1), podman-network-inspect(1)).

Readers keep the file's whole content in `raw`: netavark gets it as it is, so that keys of newer podmans survive us.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput, Corrupt
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Mapping

Json = dict[str, object]

# Our own key in the file: the options somebody asked for, so that one that is dropped from a task can be noticed.
# podman and netavark pass over keys that they do not know.
ASKED = "io.daemonless.asked"

_NAME = patterns.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*\Z")
_INTERFACE = patterns.compile(r"[^\s/:]{1,15}\Z")
_NAME_LIMIT = 250  # "NAME.json" has to be a file name


class Subnet(NamedTuple):
    """Texts as in the file: "10.89.0.0/24", gateway and range ends "" where there is none."""

    subnet: str
    gateway: str = ""
    range_start: str = ""
    range_end: str = ""


class Route(NamedTuple):
    destination: str
    gateway: str
    metric: int | None = None


class Network(NamedTuple):
    name: str
    id: str
    driver: str
    interface: str
    created: str
    subnets: tuple[Subnet, ...]
    routes: tuple[Route, ...]
    ipv6_enabled: bool
    internal: bool
    dns_enabled: bool
    dns_servers: tuple[str, ...]
    labels: Mapping[str, str]
    options: Mapping[str, str]
    ipam_driver: str
    raw: Json

    @property
    def asked(self) -> frozenset[str]:
        """The options that our own tasks have mentioned for it so far."""
        recorded = self.raw.get(ASKED)
        return frozenset(str(item) for item in recorded) if isinstance(recorded, list) else frozenset()

    @property
    def public(self) -> Json:
        """The file's content without our record: what podman and netavark would show."""
        return {key: value for key, value in self.raw.items() if key != ASKED}

    @property
    def leases_addresses(self) -> bool:
        """Whether we hand out its addresses: with dhcp and none nobody here does."""
        return bool(self.subnets) and self.ipam_driver in ("", "host-local")


def check_name(name: str) -> None:
    """Raises BadInput unless podman would take the name too."""
    if not _NAME.match(name) or len(name) > _NAME_LIMIT:
        raise BadInput(
            f"name a network {name[:80]!r}",
            f"names are letters, digits, '_', '.', '-', begin with a letter or digit, at most {_NAME_LIMIT} long",
        )


def check_interface(name: str, deed: str) -> None:
    """Raises BadInput for lo and for what the kernel refuses (dev_valid_name: over 15 bytes, blanks, / or :)."""
    if not _INTERFACE.match(name) or name in (".", "..", "lo") or len(name.encode()) > 15:
        raise BadInput(deed, f"{name[:40]!r} is no interface name: the kernel takes 1 to 15 bytes, no blank, / or :")


def to_json(network: Network) -> Json:
    """The file's content in podman's key order; what is empty is left out where podman leaves it out."""
    content: Json = {"name": network.name, "id": network.id, "driver": network.driver}
    if network.interface:
        content["network_interface"] = network.interface
    content["created"] = network.created
    if network.subnets:
        content["subnets"] = [_subnet_json(subnet) for subnet in network.subnets]
    if network.routes:
        content["routes"] = [_route_json(route) for route in network.routes]
    content["ipv6_enabled"] = network.ipv6_enabled
    content["internal"] = network.internal
    content["dns_enabled"] = network.dns_enabled
    if network.dns_servers:
        content["network_dns_servers"] = list(network.dns_servers)
    if network.labels:
        content["labels"] = dict(sorted(network.labels.items()))
    if network.options:
        content["options"] = dict(sorted(network.options.items()))
    if network.ipam_driver:
        content["ipam_options"] = {"driver": network.ipam_driver}
    return content


def _subnet_json(subnet: Subnet) -> Json:
    content: Json = {"subnet": subnet.subnet}
    if subnet.gateway:
        content["gateway"] = subnet.gateway
    lease_range = {"start_ip": subnet.range_start, "end_ip": subnet.range_end}
    if subnet.range_start or subnet.range_end:
        content["lease_range"] = {key: value for key, value in lease_range.items() if value}
    return content


def _route_json(route: Route) -> Json:
    content: Json = {"destination": route.destination, "gateway": route.gateway}
    if route.metric is not None:
        content["metric"] = route.metric
    return content


def from_json(content: object, what: str) -> Network:
    """Read a file's parsed content. Raises Corrupt, naming the key that is not what it should be."""
    fields = _Fields(content, what)
    ipam = _Fields(fields.raw.get("ipam_options") or {}, what)
    return Network(
        name=fields.text("name"),
        id=fields.text("id"),
        driver=fields.text("driver"),
        interface=fields.text("network_interface"),
        created=fields.text("created"),
        subnets=tuple(_read_subnet(item, what) for item in fields.items("subnets")),
        routes=tuple(_read_route(item, what) for item in fields.items("routes")),
        ipv6_enabled=fields.flag("ipv6_enabled"),
        internal=fields.flag("internal"),
        dns_enabled=fields.flag("dns_enabled"),
        dns_servers=tuple(str(item) for item in fields.items("network_dns_servers")),
        labels=fields.texts("labels"),
        options=fields.texts("options"),
        ipam_driver=ipam.text("driver"),
        raw=fields.raw,
    )


def _read_subnet(content: object, what: str) -> Subnet:
    fields = _Fields(content, what)
    lease_range = _Fields(fields.raw.get("lease_range") or {}, what)
    return Subnet(
        fields.text("subnet"), fields.text("gateway"), lease_range.text("start_ip"), lease_range.text("end_ip")
    )


def _read_route(content: object, what: str) -> Route:
    fields = _Fields(content, what)
    metric = fields.raw.get("metric")
    return Route(fields.text("destination"), fields.text("gateway"), metric if isinstance(metric, int) else None)


class _Fields:
    """Typed access to a JSON object of foreign origin."""

    def __init__(self, content: object, what: str) -> None:
        if not isinstance(content, dict):
            raise Corrupt(f"read {what}", "expected a JSON object")
        self.raw: Json = content
        self.what = what

    def _wrong(self, key: str, value: object) -> Corrupt:
        return Corrupt(f"read {self.what}", f"{key} is {str(value)[:60]!r}")

    def text(self, key: str) -> str:
        value = self.raw.get(key) or ""
        if not isinstance(value, str):
            raise self._wrong(key, value)
        return value

    def flag(self, key: str) -> bool:
        value = self.raw.get(key) or False
        if not isinstance(value, bool):
            raise self._wrong(key, value)
        return value

    def items(self, key: str) -> list[object]:
        value = self.raw.get(key) or []
        if not isinstance(value, list):
            raise self._wrong(key, value)
        return value

    def texts(self, key: str) -> dict[str, str]:
        value = self.raw.get(key) or {}
        if not isinstance(value, dict):
            raise self._wrong(key, value)
        return {str(name): str(text) for name, text in value.items()}
