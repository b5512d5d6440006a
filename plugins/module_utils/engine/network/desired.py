# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A network as a task wishes it. None and "" mean that the task does not mention the option."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.tuples import NamedTuple
from ..netavark.network_file import Route

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..netavark.draft import SubnetDraft


class NetworkDesired(NamedTuple):
    name: str
    driver: str = ""
    interface: str = ""
    subnets: tuple[SubnetDraft, ...] | None = None
    ipv6: bool | None = None
    internal: bool | None = None
    dns_enabled: bool | None = None
    dns_servers: tuple[str, ...] | None = None
    routes: tuple[Route, ...] | None = None
    labels: Mapping[str, str] | None = None
    options: Mapping[str, str] | None = None
    ipam_driver: str = ""

    @property
    def asked(self) -> frozenset[str]:
        """The mentioned options by name; labels and driver options one by one, as label.KEY and opt.KEY."""
        singles = {
            "driver": self.driver,
            "interface_name": self.interface,
            "ipam_driver": self.ipam_driver,
        }
        found = {name for name, value in singles.items() if value}
        flags = {
            "subnet": self.subnets,
            "ipv6": self.ipv6,
            "internal": self.internal,
            "disable_dns": self.dns_enabled,
            "dns": self.dns_servers,
            "route": self.routes,
        }
        found.update(name for name, value in flags.items() if value is not None)
        for subnet in self.subnets or ():
            found.update(name for name, value in (("gateway", subnet.gateway), ("ip_range", subnet.ip_range)) if value)
        found.update(f"label.{key}" for key in self.labels or ())
        found.update(f"opt.{key}" for key in self.options or ())
        return frozenset(found)


class Mode(NamedTuple):
    """How far a task may go: `recreate` replaces the network in any case, `force` also what is attached to it."""

    present: bool = True
    recreate: bool = False
    force: bool = False


def parse_route(text: str) -> Route:
    """DESTINATION,GATEWAY[,METRIC] as podman-network-create(1) has it. Raises BadInput."""
    parts = [part.strip() for part in text.split(",")]
    if len(parts) not in (2, 3) or (len(parts) == 3 and not parts[2].isdigit()):
        raise BadInput(f"read route {text[:60]!r}", "expected DESTINATION,GATEWAY or DESTINATION,GATEWAY,METRIC")
    return Route(parts[0], parts[1], int(parts[2]) if len(parts) == 3 else None)
