# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless network create"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .context import Usage

if TYPE_CHECKING:
    from argparse import Namespace

    from ..netavark.draft import Draft, SubnetDraft
    from .arguments import Parser
    from .context import Context


def arguments(parser: Parser, name: str) -> None:
    parser.add_argument("name", nargs="?", default="", metavar="NAME")
    parser.flag("--disable-dns", help="do not serve the names of containers")
    parser.many("--dns", metavar="ADDRESS", help="name servers that the network's resolver asks")
    parser.add_argument("-d", "--driver", default="bridge", help="bridge, macvlan or ipvlan")
    parser.many("--gateway", metavar="ADDRESS", help="the host's address in the subnet")
    parser.flag("--ignore", help="one that exists is no error")
    parser.add_argument("--interface-name", default="", help="name of the bridge, or the parent interface")
    parser.flag("--internal", help="no way out")
    parser.many("--ip-range", metavar="RANGE", help="where containers get addresses from: a subnet, or FIRST-LAST")
    parser.add_argument("--ipam-driver", default="", help="host-local, dhcp or none")
    parser.flag("--ipv6", help="an IPv6 subnet, too")
    parser.many("--label", metavar="KEY=VALUE", help="a label")
    parser.many("-o", "--opt", metavar="KEY=VALUE", help="an option of the driver, such as mtu, vlan, isolate, mode")
    parser.many("--route", metavar="ROUTE", help="a static route: DESTINATION,GATEWAY[,METRIC]")
    parser.many("--subnet", metavar="SUBNET", help="a subnet, such as 10.89.5.0/24")


def run(context: Context, options: Namespace) -> int:
    from ..network.steps import check_draft

    session = context.session
    if options.name and session.networks.get(options.name) is not None:
        if not options.ignore:
            raise Usage(f"network name {options.name} already used: network already exists")
        context.out(f"{options.name}\n")
        return 0
    draft = _draft(context, options)
    check_draft(session, draft)
    context.out(f"{session.networks.create(draft).name}\n")
    return 0


def _draft(context: Context, options: Namespace) -> Draft:
    from ..netavark.draft import Draft
    from ..network.desired import parse_route

    name, interface = options.name, options.interface_name
    if not name:
        name = _free_name(context)
        interface = interface or (name if options.driver == "bridge" else "")
    return Draft(
        name=name,
        driver=options.driver,
        interface=interface,
        subnets=_subnets(options),
        ipv6=options.ipv6,
        internal=options.internal,
        dns_enabled=False if options.disable_dns else None,
        dns_servers=tuple(server for text in options.dns for server in text.split(",")),
        routes=tuple(parse_route(text) for text in options.route),
        labels=_pairs(options.label),
        options=_pairs(text for given in options.opt for text in given.split(",")),
        ipam_driver=options.ipam_driver,
    )


def _free_name(context: Context) -> str:
    """As podman: a network without a name is called like its bridge."""
    from ..netavark.addresses import free_interface, read_host

    networks = context.session.networks.all()
    taken = {network.name for network in networks} | {network.interface for network in networks}
    return free_interface(taken | read_host().interfaces)


def _subnets(options: Namespace) -> tuple[SubnetDraft, ...]:
    from ..netavark.draft import SubnetDraft

    count = len(options.subnet)
    if not count and (options.gateway or options.ip_range):
        raise Usage("cannot set gateway or range without subnet")
    for what, given in (("gateways", options.gateway), ("ranges", options.ip_range)):
        if len(given) > count:
            raise Usage(f"cannot set more {what} than subnets")
    fill = [""] * count
    parts = zip(options.subnet, [*options.gateway, *fill], [*options.ip_range, *fill])
    return tuple(SubnetDraft(*part) for part in parts)


def _pairs(texts: object) -> dict[str, str]:
    found = {}
    for text in texts if hasattr(texts, "__iter__") else ():
        key, _equals, value = str(text).partition("=")
        found[key] = value
    return found
