# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's place on the network at each start, and giving it back.

The record of the container says how it wants to be connected (libpod's createNetNS, networkMode, newNetworks,
newPortMappings), its state where it is now (netns, networkStatus).
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import ToolFailed
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..netavark import netns as namespaces
from ..netavark.request import Attachment, ContainerNet
from ..spec.ports import of_row
from .parts import runtime_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..netavark.connect import Connecting, Way
    from ..session.session import Session
    from ..spec.ports import PortMapping
    from .model import Container

BRIDGE, PASTA, SLIRP = "bridge", "pasta", "slirp4netns"
_LATE_RUNTIMES = ("crun", "runc")  # those of virtual machines take over the links that they find
_LATE_SYSCTLS = ("net.ipv4.ping_group_range", "net.ipv4.ip_unprivileged_port_start")


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
) -> Connecting | None:
    """Make the namespace at `netns`, begin to connect it and to publish the container's ports; None for a container
    that gets none from us.

    `kept` by network are addresses that it must get again.
    After an error disconnect() takes back what was done. Raises Conflict for a taken port or address.
    """
    if not netns:
        return None
    from ..netavark import connect as connecting

    namespaces.create(netns)
    reached("netns-made")
    return connecting.begin(session.net, netns, container_net(container, hostname, kept), _way(session, container))


def may_come_late(session: Session, container: Container) -> bool:
    """Whether nothing looks at the network, or sets anything up in it, while the runtime creates the container."""
    linux = jsonval.table(container.spec, "linux")
    return (
        kind(container) == BRIDGE
        and os.path.basename(runtime_of(session, container.config).path) in _LATE_RUNTIMES
        and not any(_is_networks(name) for name in jsonval.table(linux, "sysctl"))
        and not container.spec.get("hooks")
        and not container.config.get("cdiDevices")
    )


def _is_networks(sysctl: str) -> bool:
    """Whether it may be one of a link that is not there yet, or one that says how links begin."""
    return sysctl.replace("/", ".").startswith("net.") and sysctl not in _LATE_SYSCTLS


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
                connecting.await_interrupted(netns)  # its start was
                namespaces.remove(netns)  # netavark must not expect to find its links
            connecting.disconnect(session.net, netns, net, way, alone=alone, again=True)
        except ToolFailed:
            # Somebody has taken the links away. Without the namespace the rest, rules and leases, goes all the same.
            namespaces.remove(netns)
            connecting.disconnect(session.net, netns, net, way, alone=alone)
    namespaces.remove(netns)
