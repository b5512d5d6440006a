# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's place on the network at each start, and giving it back.

The record of the container says how it wants to be connected (libpod's createNetNS, networkMode, newNetworks,
newPortMappings), its state where it is now (netns, networkStatus).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import ToolFailed
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..netavark import netns as namespaces
from ..netavark.request import Attachment, ContainerNet
from ..spec.ports import of_row

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..netavark.connect import Connection, Way
    from ..session.session import Session
    from ..spec.ports import PortMapping
    from .model import Container

BRIDGE, PASTA, SLIRP = "bridge", "pasta", "slirp4netns"


def kind(container: Container) -> str:
    """bridge, pasta, slirp4netns; "" when the engine makes no namespace for it (host, none, another's)."""
    if not jsonval.flag(container.config, "createNetNS"):
        return ""
    mode = jsonval.text(container.config, "networkMode").partition(":")[0]
    return mode if mode in (PASTA, SLIRP) else BRIDGE


def new_netns(session: Session, container: Container) -> str:
    """A path for the namespace of this start, "" for a container that gets none from us. Nothing is made yet."""
    return namespaces.new_path(session.net.settings.netns_dir) if kind(container) else ""


class Kept(NamedTuple):
    """Addresses that a container gets again on one network: its sockets are bound to them."""

    ips: tuple[str, ...] = ()
    mac: str = ""


def container_net(container: Container, hostname: str, kept: Mapping[str, Kept] | None = None) -> ContainerNet:
    """The container as netavark is told about it, the same at every start and for taking it down."""
    return ContainerNet(
        id=container.id,
        name=container.name,
        hostname=hostname,
        attachments=tuple(
            _again(one, kept or {}) for one in attachments(jsonval.table(container.config, "newNetworks"))
        ),
        ports=published(container),
        dns_servers=tuple(jsonval.texts(container.config, "dnsServer")),
    )


def attachments(networks: Mapping[str, object]) -> tuple[Attachment, ...]:
    """libpod's newNetworks as the attachments of a container."""
    return tuple(_attachment(name, options) for name, options in networks.items())


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


def _again(attachment: Attachment, kept: Mapping[str, Kept]) -> Attachment:
    found = kept.get(attachment.network)
    if found is None:
        return attachment
    return attachment._replace(
        static_ips=found.ips or attachment.static_ips, static_mac=found.mac or attachment.static_mac
    )


def published(container: Container) -> tuple[PortMapping, ...]:
    return of_row(container.config)


def connect(
    session: Session, container: Container, netns: str, hostname: str, kept: Mapping[str, Kept] | None = None
) -> Connection | None:
    """Make the namespace at `netns`, connect it and publish the container's ports; None for one that gets none from us.

    `kept` by network are addresses that it must get again.
    After an error disconnect() takes back what was done. Raises Conflict for a taken port or address.
    """
    if not netns:
        return None
    from ..netavark import connect as connecting

    namespaces.create(netns)
    reached("netns-made")
    made = connecting.connect(session.net, netns, container_net(container, hostname, kept), _way(session, container))
    reached("network-set-up")
    return made


def _way(session: Session, container: Container) -> Way:
    from ..netavark.connect import Way

    how = kind(container)
    options = jsonval.texts(jsonval.table(container.config, "network_options"), how)
    return Way(how, tuple(options), () if session.command is None else (session.command,))


def disconnect(session: Session, container: Container) -> None:
    """Take the container off its networks and remove its namespace; what is gone already is no error."""
    netns = jsonval.text(container.state, "netns")
    if not netns or not kind(container):
        return
    from ..netavark import connect as connecting

    net = container_net(container, "")
    way = _way(session, container)
    if net.attachments or kind(container) != BRIDGE:
        alone = not session.database.dependents(container.id)
        try:
            if not jsonval.table(container.state, "networkStatus"):
                namespaces.remove(netns)  # its start was interrupted: netavark must not expect to find its links
            connecting.disconnect(session.net, netns, net, way, alone=alone)
        except ToolFailed:
            # Somebody has taken the links away. Without the namespace the rest, rules and leases, goes all the same.
            namespaces.remove(netns)
            connecting.disconnect(session.net, netns, net, way, alone=alone)
    namespaces.remove(netns)
