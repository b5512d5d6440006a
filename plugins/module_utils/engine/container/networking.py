# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's place on the network at each start, and giving it back.

The record of the container says how it wants to be connected (libpod's createNetNS, networkMode, newNetworks,
newPortMappings), its state where it is now (netns, networkStatus).
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from ..base import jsonval
from ..base.steps import reached
from ..netavark import netns as namespaces
from ..netavark import ports, status
from ..netavark.request import Attachment, ContainerNet
from ..spec.ports import from_libpod

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..base.jsonval import Json
    from ..netavark.ports import PortReservation
    from ..session.session import Session
    from ..spec.ports import PortMapping
    from .model import Container

BRIDGE, PASTA, SLIRP = "bridge", "pasta", "slirp4netns"


class Connection(NamedTuple):
    """How a container is connected now.

    `netns` is the path of its own namespace or ""; `status` is libpod's networkStatus; `addresses` are its own;
    `host_address` is where it reaches this host, "" for nowhere; `nameservers` and `search` replace those of the host
    where there are any, `first_nameserver` only goes before them; `held` are descriptors its monitor must keep.
    """

    netns: str = ""
    status: Json = {}
    addresses: tuple[str, ...] = ()
    host_address: str = ""
    nameservers: tuple[str, ...] = ()
    search: tuple[str, ...] = ()
    first_nameserver: str = ""
    held: tuple[int, ...] = ()


def kind(container: Container) -> str:
    """bridge, pasta, slirp4netns; "" when the engine makes no namespace for it (host, none, another's)."""
    if not jsonval.flag(container.config, "createNetNS"):
        return ""
    mode = jsonval.text(container.config, "networkMode").partition(":")[0]
    return mode if mode in (PASTA, SLIRP) else BRIDGE


def new_netns(session: Session, container: Container) -> str:
    """A path for the namespace of this start, "" for a container that gets none from us. Nothing is made yet."""
    return namespaces.new_path(session.net.settings.netns_dir) if kind(container) else ""


def container_net(container: Container, hostname: str) -> ContainerNet:
    """The container as netavark is told about it, the same at every start and for taking it down."""
    wanted = jsonval.table(container.config, "newNetworks")
    return ContainerNet(
        id=container.id,
        name=container.name,
        hostname=hostname,
        attachments=tuple(_attachment(name, wanted[name]) for name in wanted),
        ports=published(container),
        dns_servers=tuple(jsonval.texts(container.config, "dnsServer")),
    )


def _attachment(network: str, raw: object) -> Attachment:
    options = raw if isinstance(raw, dict) else {}
    return Attachment(
        network=network,
        interface=jsonval.text(options, "interface_name"),
        static_ips=tuple(jsonval.texts(options, "static_ips")),
        static_mac=jsonval.text(options, "static_mac"),
        aliases=tuple(jsonval.texts(options, "aliases")),
        options=tuple(sorted(jsonval.text_map(options, "options").items())),
    )


def published(container: Container) -> tuple[PortMapping, ...]:
    return tuple(mapping for raw in container.ports for mapping in from_libpod(raw))


def reserve_ports(session: Session, container: Container) -> PortReservation:
    """Bind the published ports, so that nobody else can claim them while the container lives. Raises Conflict."""
    mappings = published(container)
    if kind(container) != BRIDGE:
        mappings = ()  # pasta and slirp4netns bind them themselves; nobody can publish without a namespace
    return ports.reserve(mappings)


def connect(session: Session, container: Container, netns: str, hostname: str) -> Connection:
    """Make the namespace at `netns` and connect it. After an error disconnect() takes back what was done."""
    how = kind(container)
    if not how:
        return Connection()
    namespaces.create(netns)
    reached("netns-made")
    if how == BRIDGE:
        return _connect_bridge(session, container, netns, hostname)
    return _connect_user(session, container, netns, how)


def _connect_bridge(session: Session, container: Container, netns: str, hostname: str) -> Connection:
    from ..netavark import setup

    net = container_net(container, hostname)
    if not net.attachments:
        return Connection(netns)
    found = setup.setup(session.net, netns, net)
    reached("network-set-up")
    own = list(status.addresses(found))
    gateways = [address.gateway for address in own if address.gateway]
    return Connection(
        netns,
        dict(found),
        tuple(address.ip for address in own),
        gateways[0] if gateways else "",
        tuple(status.nameservers(found)),
        tuple(status.search_domains(found)),
    )


def _connect_user(session: Session, container: Container, netns: str, how: str) -> Connection:
    from ..netavark import modes

    user = modes.start(session.net, how, netns, container_net(container, ""))
    reached("network-set-up")
    return Connection(
        netns, addresses=tuple(user.addresses), host_address=user.host_ip, first_nameserver="".join(user.dns[:1])
    )


def disconnect(session: Session, container: Container) -> None:
    """Take the container off its networks and remove its namespace; what is gone already is no error."""
    netns = jsonval.text(container.state, "netns")
    if not netns:
        return
    if kind(container) == BRIDGE:
        net = container_net(container, "")
        if net.attachments:
            from ..netavark import setup

            setup.teardown(session.net, netns, net)
    namespaces.remove(netns)


def status_addresses(networks: Json) -> Sequence[str]:
    return [address.ip for address in status.addresses(networks)]
