# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Joining networks and leaving them while the container goes on running.

Its record says first that it joins a network and last that it has left one: whoever comes after a deed that was cut
short finds in the record all that may have to be taken back, and podman finds the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import ids, jsonval
from ..base.errors import EngineError, Refused, ToolFailed
from ..base.steps import reached
from ..host import links
from ..libpod.rows import STOPPED
from ..netavark import netns as namespaces
from ..netavark import setup, status, vetting
from . import lookup, name_files, networking, runfiles
from .holding import held, save
from .settle import settle

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..base.jsonval import Json
    from ..netavark.request import ContainerNet
    from ..session.session import Session
    from .model import Container


def joined(container: Container) -> dict[str, Json]:
    """The networks of its configuration, with what it wants on each."""
    networks = jsonval.table(container.config, "newNetworks")
    return {name: jsonval.table(networks, name) for name in networks}


def live(container: Container) -> bool:
    """Whether it has a network namespace now, with interfaces in it."""
    netns = jsonval.text(container.state, "netns")
    return bool(netns) and namespaces.is_bound(netns)


def on_networks(session: Session) -> list[Container]:
    """Those that are on named networks now."""
    return [
        container
        for container in lookup.all_containers(session)
        if networking.kind(container) == networking.BRIDGE and joined(container) and live(container)
    ]


def refuse_others(session: Session, container: Container, deed: str) -> None:
    """Raises Refused for a container whose network is not made of named networks."""
    other_id = jsonval.text(container.config, "netNsCtr")
    if other_id:
        other = lookup.by_id(session, other_id)
        word = other.name if other else ids.short(other_id)
        raise Refused(deed, f"it is in the network of container {word}", "Attach that one")
    if networking.kind(container) != networking.BRIDGE:
        mode = jsonval.text(container.config, "networkMode") or "none or host"
        raise Refused(
            deed,
            f"its network is {mode}, which knows no further networks",
            "Give the container networks with the option network of the module container, which makes it anew",
        )


def rewire(session: Session, container: Container, wanted: Mapping[str, Json]) -> Container:
    """Bring the container onto these networks, and off all others, under its libpod lock. After a failure it is where
    it was.

    Raises NotFound, BadInput and Conflict before anything is touched, ToolFailed with netavark's words.
    """
    with held(session, container, "attach") as current:
        return rewire_held(session, current, wanted)


def rewire_held(session: Session, container: Container, wanted: Mapping[str, Json]) -> Container:
    current = settle(session, container) if container.ended_unseen or container.code == STOPPED else container
    vet(session, current, wanted)
    before, addresses = joined(current), _addresses(current)
    try:
        for name in [name for name in before if _leaves(current, name, wanted)]:
            current = leave(session, current, name)
        for name, options in wanted.items():
            if name not in joined(current) or (live(current) and name not in _status(current)):
                current = join(session, current, name, options)
    except EngineError as error:
        _restore(session, current, before, addresses, error)
        raise
    return _record(session, current, wanted)


def vet(session: Session, container: Container, wanted: Mapping[str, Json]) -> None:
    """Raises what rewire would raise for what cannot be had."""
    vetting.vet(session.net, _net(session, container, wanted))


def _leaves(container: Container, name: str, wanted: Mapping[str, Json]) -> bool:
    """Whether the container has to leave the network, be it to come back with another address or name."""
    if name not in wanted:
        return True
    if not live(container):
        return False
    return name not in _status(container) or not fits(container, name, wanted[name])


def fits(container: Container, name: str, options: Json) -> bool:
    """Whether a running container is on the network in the way it shall be."""
    had = joined(container).get(name, {})
    present = {address.ip for address in status.addresses({name: _status(container).get(name)})}
    macs = {address.mac for address in status.addresses({name: _status(container).get(name)})}
    interfaces = set(jsonval.table(_status(container).get(name, {}), "interfaces"))
    wanted_mac = jsonval.text(options, "static_mac")
    interface = jsonval.text(options, "interface_name")
    return (
        set(jsonval.texts(options, "aliases")) == set(jsonval.texts(had, "aliases"))
        and set(jsonval.texts(options, "static_ips")) <= present
        and (not wanted_mac or wanted_mac in macs)
        and (not interface or interface in interfaces)
        and jsonval.text_map(options, "options") == jsonval.text_map(had, "options")
    )


def join(session: Session, container: Container, name: str, options: Json) -> Container:
    """One more network, under the container's lock. What a failure leaves is what was there before."""
    before = joined(container)
    container = _record(session, container, {**before, name: options})
    reached("endpoint-recorded")
    if not live(container):
        return container
    netns = jsonval.text(container.state, "netns")
    net = _net(session, container, {name: options})
    try:
        answer = setup.setup(session.net, netns, net)
    except BaseException:
        _drop_links(netns, net)
        _record(session, container, before)
        raise
    reached("endpoint-attached")
    return _told(session, container, {**_status(container), **answer}, "connect", name)


def leave(session: Session, container: Container, name: str) -> Container:
    """One network less, under the container's lock; what is gone of it already is no error."""
    rest = {other: options for other, options in joined(container).items() if other != name}
    if live(container):
        netns = jsonval.text(container.state, "netns")
        take_off(session, netns, _net(session, container, {name: joined(container)[name]}))
        reached("endpoint-detached")
        remaining = {other: value for other, value in _status(container).items() if other != name}
        container = _told(session, container, remaining, "disconnect", name)
        reached("endpoint-forgotten")
    return _record(session, container, rest)


def take_off(session: Session, netns: str, net: ContainerNet) -> None:
    """Take a living namespace off networks, whatever somebody else has taken away of it before."""
    try:
        setup.teardown(session.net, netns, net, again=True)
    except ToolFailed:
        # Rules that somebody flushed, say. Without the link netavark does the rest, and what is missing is no error.
        _drop_links(netns, net)
        setup.teardown(session.net, netns, net)
    finally:
        _drop_links(netns, net)


def reload(session: Session, container: Container) -> Container:
    """Set up anew what netavark made of a running container's networks: after a firewall was flushed, say. Addresses
    stay."""
    with held(session, container, "reload the networks of") as current:
        refuse_others(session, current, f"reload the networks of container {current.name}")
        if not live(current):
            return current
        netns, addresses = jsonval.text(current.state, "netns"), _addresses(current)
        net = _net(session, current, joined(current))
        kept = tuple(
            item._replace(
                static_ips=tuple(addresses.get(item.network, ())) or item.static_ips,
                static_mac=item.static_mac or _mac(current, item.network),
            )
            for item in net.attachments
        )
        take_off(session, netns, net)
        reached("networks-taken-off")
        answer = setup.setup(session.net, netns, net._replace(attachments=kept))
        reached("networks-put-on")
        before: Json = dict(_status(current))
        current = save(session, current, networkStatus=answer or None)
        name_files.follow(session, current, before, dict(answer))
        _lead_ports(session, current)
        return current


def follower(session: Session) -> Callable[[str, Json, Json], None]:
    """For whoever changes a network under running containers: what brings their files and published ports in line."""

    def follow(container_id: str, before: Json, after: Json) -> None:
        container = lookup.by_id(session, container_id)
        if container is not None:
            name_files.follow(session, container, before, after)
            _lead_ports(session, container)

    return follow


def free_interface(networks: Mapping[str, Json]) -> str:
    """The first ethN that none of the networks has."""
    taken = {jsonval.text(options, "interface_name") for options in networks.values()}
    number = 0
    while f"eth{number}" in taken:
        number += 1
    return f"eth{number}"


def own_names(container: Container) -> list[str]:
    """What every network serves the container under beside its name: podman's own aliases."""
    hostname = jsonval.text(container.spec, "hostname")
    return [ids.short(container.id), *([hostname] if hostname else [])]


def _net(session: Session, container: Container, networks: Mapping[str, Json]) -> ContainerNet:
    made = networking.container_net(container, runfiles.own_hostname(session, container))
    return made._replace(attachments=networking.attachments(networks))


def _status(container: Container) -> dict[str, Json]:
    found = jsonval.table(container.state, "networkStatus")
    return {name: jsonval.table(found, name) for name in found}


def _addresses(container: Container) -> dict[str, list[str]]:
    found: dict[str, list[str]] = {}
    for address in status.addresses(_status(container)):
        found.setdefault(address.network, []).append(address.ip)
    return found


def _mac(container: Container, network: str) -> str:
    return next((found.mac for found in status.addresses({network: _status(container).get(network)})), "")


def _drop_links(netns: str, net: ContainerNet) -> None:
    """Remove the interfaces of these attachments where something left them; most often they are gone."""
    namespaces.visit(netns, lambda: [links.delete(item.interface) for item in net.attachments if item.interface])


def _record(session: Session, container: Container, networks: Mapping[str, Json]) -> Container:
    if joined(container) == networks:
        return container
    session.database.save_config(container.id, {**container.config, "newNetworks": dict(networks)})
    return lookup.find(session, container.id)


def _told(session: Session, container: Container, now: Mapping[str, Json], event: str, network: str) -> Container:
    """Write down how its networks are, tell its files and whoever listens to events."""
    from ..libpod.events import Event

    before: Json = dict(_status(container))
    container = save(session, container, networkStatus=dict(now))
    name_files.follow(session, container, before, dict(now))
    _lead_ports(session, container)
    session.emit(Event("network", event, id=container.id, name=container.name, network=network))
    return container


def _lead_ports(session: Session, container: Container) -> None:
    """A plain user's published ports are carried by a process, which has to be told of the address."""
    if not session.net.settings.rootless or not container.ports:
        return
    from ..netavark import forward

    found = [address.ip for address in status.addresses(_status(container))]
    failure = forward.tell(session.net.settings, container.id, found)
    if failure:
        session.warn(
            f"Restart container {container.name} so that its published ports follow its networks: {failure}"
        )


def _restore(
    session: Session,
    container: Container,
    before: Mapping[str, Json],
    addresses: Mapping[str, list[str]],
    error: EngineError,
) -> None:
    """Back onto the networks that it was on, under the addresses that it had; a failure is told beside the cause."""
    try:
        current = lookup.find(session, container.id)
        for name in [name for name in joined(current) if joined(current)[name] != before.get(name)]:
            current = leave(session, current, name)
        for name, options in before.items():
            if name not in joined(current):
                had = addresses.get(name)
                current = join(session, current, name, {**options, "static_ips": had} if had else options)
        _record(session, current, before)
    except (EngineError, OSError) as failure:
        error.add_cleanup_failure(f"bring container {container.name} back onto its networks: {failure}")
