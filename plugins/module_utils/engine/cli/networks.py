# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless network ls"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .arguments import key_values
from .context import Usage
from .filters import label_matches
from .rows import Listing, Row, render

if TYPE_CHECKING:
    from argparse import Namespace

    from ..netavark.network_file import Network
    from .arguments import Parser
    from .context import Context

_COLUMNS = (("NETWORK ID", "ID"), ("NAME", "Name"), ("DRIVER", "Driver"))


def arguments(parser: Parser, name: str) -> None:
    parser.many("-f", "--filter", metavar="KEY=VALUE", help="driver, id, label, name")
    parser.add_argument("--format", default="", help="json, table, or a Go template")
    parser.flag("--no-trunc", help="ids in full")
    parser.flag("-n", "--noheading", help="no headings")
    parser.flag("-q", "--quiet", help="only names")


def run(context: Context, options: Namespace) -> int:
    networks = sorted(context.session.networks.all(), key=lambda network: network.name)
    for key, values in key_values(options.filter).items():
        networks = [one for one in networks if _fits(one, key, values)]
    rows = [_row(network, options.no_trunc) for network in networks]
    listing = Listing(_COLUMNS, rows, lambda: [network.public for network in networks], "Name")
    context.out(render(listing, options.format, quiet=options.quiet, heading=not options.noheading))
    return 0


def _row(network: Network, full: bool) -> Row:
    row = Row(
        ID=network.id if full else network.id[:12],
        Name=network.name,
        Driver=network.driver,
        Labels=",".join(f"{name}={value}" for name, value in sorted(dict(network.labels).items())),
        Internal=network.internal,
        IPv6Enabled=network.ipv6_enabled,
        DNSEnabled=network.dns_enabled,
        NetworkInterface=network.interface,
        Created=network.created,
    )
    row.source = lambda: network.public
    return row


def _fits(network: Network, key: str, values: list[str]) -> bool:
    if key == "name":
        return any(value in network.name for value in values)
    if key == "driver":
        return network.driver in values
    if key == "id":
        return any(network.id.startswith(value) for value in values)
    if key == "label":
        return all(label_matches(dict(network.labels), value) for value in values)
    raise Usage(f"{key} is an invalid filter")
