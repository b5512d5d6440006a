# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Attaching a container's namespace to its networks, and detaching it: addresses, netavark, aardvark-dns."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.errors import BadInput, EngineError, HostLacks, NotFound, ToolFailed
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..host import links, programs
from ..host.process import child_environment
from . import ipam, request
from . import netns as netns_files
from .networks import NetworkDir
from .request import ContainerNet
from .settings import make_directories

if TYPE_CHECKING:
    from collections.abc import Collection, Iterator, Mapping, Sequence

    from .network_file import Json, Network
    from .settings import NetContext, NetSettings

_NFTABLES_SINCE = (1, 10)  # netavark's RELEASE_NOTES.md: "added an nftables backend"; 2.0 has no other
_ANY_IPV6_SINCE = (1, 6)  # netavark's commit 8a1975a6, "iptables: port fw handle wildcard address correctly"
_TIMEOUT = 120.0


def setup(ctx: NetContext, netns: str, container: ContainerNet) -> dict[str, Json]:
    """Attach the namespace at `netns` to every network of the container; libpod's networkStatus.

    On failure nothing stays behind but the namespace, which is the caller's. Raises NotFound for a missing network,
    Conflict for a taken address, ToolFailed with netavark's words.
    """
    deed = f"attach container {container.name} to its networks"
    if not container.attachments:  # it has left all of them: what netavark would do is to switch the loopback on
        netns_files.visit(netns, lambda: links.up("lo"))
        return {}
    container = container._replace(attachments=request.check_attachments(container.attachments, deed))
    networks = _networks(ctx, container, deed)
    _check_ports(ctx, container)
    version(ctx)  # asked now where nobody knows it yet: everybody waits for whoever has the lock
    with NetworkDir(ctx.settings).locked():
        leases = ipam.allocate(ctx.settings.ipam_db, container.id, _requests(container, networks))
        reached("network-addresses-given")
        try:
            return _setup_locked(ctx, netns, container, networks, leases)
        except BaseException as error:
            try:
                _take_back(ctx, container, networks, leases)
            except (EngineError, OSError) as failure:
                if isinstance(error, EngineError):
                    error.add_cleanup_failure(str(failure))
            raise


def _take_back(
    ctx: NetContext,
    container: ContainerNet,
    networks: Mapping[str, Network],
    leases: Mapping[str, Sequence[str]],
) -> None:
    """Undo what netavark did before it failed, in a namespace that stands in, so that it meets what it expects."""
    try:
        holders = {**ipam.holders_by_network(ctx.settings.ipam_db)}
        if not ctx.settings.rootless:
            _detach(ctx, "", container, _Attached(networks, leases, holders), drop=False)
        else:
            from . import rootless_bridge

            if rootless_bridge.exists(ctx.settings):
                with rootless_bridge.visited(ctx) as shared:
                    shared.call(lambda: _detach(ctx, "", container, _Attached(networks, leases, holders), drop=False))
    finally:
        ipam.release(ctx.settings.ipam_db, container.id, list(networks))


class _Attached(NamedTuple):
    """The networks by name, the container's addresses on them, and everybody's."""

    networks: Mapping[str, Network]
    leases: Mapping[str, Sequence[str]]
    holders: Mapping[str, Mapping[str, list[str]]]

    def last(self, container_id: str) -> list[Network]:
        """Where nobody else has an address, bridge and rules go with this container."""
        return [
            network for name, network in self.networks.items() if not set(self.holders.get(name, ())) - {container_id}
        ]


def _setup_locked(
    ctx: NetContext,
    netns: str,
    container: ContainerNet,
    networks: Mapping[str, Network],
    leases: Mapping[str, Sequence[str]],
) -> dict[str, Json]:
    payload = request.build(container, networks, leases, version(ctx)[0])
    deed = f"attach container {container.name} to its networks"
    if not ctx.settings.rootless:
        answer = run_netavark(ctx, "setup", netns, payload, deed)
    else:
        from . import rootless_bridge

        with rootless_bridge.joined(ctx, len(container.attachments)) as shared:
            answer = shared.call(lambda: run_netavark(ctx, "setup", netns, payload, deed))
    reached("network-attached")
    return request.parse_reply(answer)


def teardown(ctx: NetContext, netns: str, container: ContainerNet, *, alone: bool = False, again: bool = False) -> None:
    """Detach the container from its networks and give its addresses back.

    May be called again, and for a container whose start was interrupted: what is gone already is no error. With
    `alone` the caller promises that nobody is left in the namespace; where that is quicker it is removed on the way.
    Raises ToolFailed when netavark failed and the namespace is there. Addresses are given back all the same, unless
    the caller comes `again`: netavark wants to be told them.
    """
    deed = f"detach container {container.name} from its networks"
    container = container._replace(attachments=request.check_attachments(container.attachments, deed))
    directory = NetworkDir(ctx.settings)
    with directory.locked():
        holders = ipam.holders_by_network(ctx.settings.ipam_db)
        leases = {name: held[container.id] for name, held in holders.items() if container.id in held}
        found = [directory.get(item.network) for item in container.attachments]
        networks = {network.name: network for network in found if network}
        present = tuple(item for item in container.attachments if item.network in networks)
        kept = False
        try:
            if present:
                attached = _Attached(networks, leases, holders)
                _teardown_locked(ctx, netns, container._replace(attachments=present), attached, alone)
        except ToolFailed:
            kept = again
            raise
        finally:
            if not kept:
                ipam.release(ctx.settings.ipam_db, container.id, [item.network for item in container.attachments])
    reached("network-torn-down")


def _teardown_locked(ctx: NetContext, netns: str, container: ContainerNet, attached: _Attached, alone: bool) -> None:
    if not ctx.settings.rootless:
        _detach(ctx, netns, container, attached, drop=alone)
        return
    from . import rootless_bridge

    if rootless_bridge.exists(ctx.settings):
        networks = [item.network for item in container.attachments]
        with rootless_bridge.left(ctx, networks, container.id) as shared:
            shared.call(lambda: _detach(ctx, netns, container, attached, drop=False))


def _detach(ctx: NetContext, netns: str, container: ContainerNet, attached: _Attached, drop: bool) -> None:
    deed = f"detach container {container.name} from its networks"
    last = attached.last(container.id)
    if drop and not last and _is_only_links(container, attached):
        _drop(ctx, netns, container, attached)
        return
    payload = request.build(container, attached.networks, attached.leases, version(ctx)[0])
    interfaces = [item.interface for item in container.attachments]
    if netns and netns_files.is_bound(netns) and not (drop and not last):
        missing, own = netns_files.visit(netns, lambda: _fill_in(interfaces))
        _drop_dead_ports(last, own)
        try:
            _forgiving_teardown(ctx, netns, payload, deed, complete=not missing)
        except ToolFailed:
            others = [network for network in attached.networks.values() if network not in last]
            if not others or _ports(others):
                raise
            # The others' namespaces are gone before their rules: netavark found the bridge without them, and failed to
            # take the network away from under these. Where it finds no link, it takes this container's rules alone.
            with _stand_in(ctx.settings, ()) as place:
                _forgiving_teardown(ctx, place, payload, deed, complete=False)
        finally:
            if missing:
                netns_files.visit(netns, lambda: [links.delete(name) for name in missing])
        return
    if drop:
        netns_files.remove(netns)
        reached("netns-dropped")
    _drop_dead_ports(last)
    with _stand_in(ctx.settings, interfaces if last else ()) as place:
        _forgiving_teardown(ctx, place, payload, deed, complete=False)


def _is_only_links(container: ContainerNet, attached: _Attached) -> bool:
    """Whether nothing but links in its namespace is this container's own: no published port, no name, no lease of a
    server. netavark would only delete those links, and wait for each until it is gone.
    """
    return not container.ports and all(
        network.driver == "bridge" and not network.dns_enabled and network.ipam_driver != "dhcp"
        for network in attached.networks.values()
    )


def _drop(ctx: NetContext, netns: str, container: ContainerNet, attached: _Attached) -> None:
    """Take the namespace away, and with it the links; and the files by which netavark (1.9 and later) would set this
    container's ports up anew when the firewall has been reloaded.
    """
    netns_files.remove(netns)
    reached("netns-dropped")
    for network in attached.networks.values():
        try:
            os.unlink(os.path.join(ctx.settings.run_dir, "firewall", "ports", f"{network.id}_{container.id}"))
        except FileNotFoundError:
            continue


def _fill_in(interfaces: Sequence[str]) -> tuple[list[str], set[int]]:
    """In the container's namespace: links in the place of those that are gone. Their names, and the numbers that the
    other ends of those that were there have.

    netavark takes a bridge away only when it could delete the link that led there.
    """
    present = {link.name: link for link in links.links()}
    missing = [interface for interface in interfaces if interface not in present]
    links.add_bridges(missing)
    return missing, {present[interface].other for interface in interfaces if interface in present}


def _forgiving_teardown(ctx: NetContext, netns: str, payload: bytes, deed: str, complete: bool) -> None:
    """netavark goes on after a failed step and reports it; where not all is there to be taken away, one must fail."""
    try:
        run_netavark(ctx, "teardown", netns, payload, deed)
    except ToolFailed:
        if complete:
            raise


@contextmanager
def _stand_in(settings: NetSettings, interfaces: Sequence[str]) -> Iterator[str]:
    """An empty namespace, or one with links of these names, for a container whose own is gone.

    Also for one that may be dropped first, because the kernel then clears its links by itself and nobody waits for it:
    netavark takes away rules and names only when it can open a namespace.
    """
    # In a plain directory of its own: inside the private /run of the rootless namespace nothing can be shared.
    path = netns_files.new_path(os.path.join(settings.run_dir, "stand-in"))
    os.makedirs(os.path.dirname(path), 0o700, exist_ok=True)
    netns_files.create_unshared(path)
    try:
        if interfaces:
            netns_files.visit(path, lambda: links.add_bridges(interfaces))
        yield path
    finally:
        netns_files.remove(path)


def _drop_dead_ports(networks: Sequence[Network], own: Collection[int] = ()) -> None:
    """Links of namespaces that died with the last users of these bridges: the kernel will clear them, but not yet, and
    netavark leaves a bridge that has ports. `own` lead to who leaves now. Who has an address is known of networks that
    lease them; on others somebody else may live.
    """
    for link in _ports([network for network in networks if network.leases_addresses]):
        if link.kind == "veth" and link.number not in own:
            links.delete(link.name)


def _ports(networks: Sequence[Network]) -> list[links.Link]:
    """What is attached to the bridges of these networks."""
    if not networks:
        return []
    bridges = {network.interface for network in networks if network.driver == "bridge"}
    present = links.links()
    masters = {link.number for link in present if link.name in bridges}
    return [link for link in present if link.master in masters]


def update_dns(ctx: NetContext, network: str, servers: Sequence[str]) -> None:
    """Tell the running resolver of a network its new upstream servers; without one there is nothing to tell."""
    if not os.path.exists(os.path.join(ctx.settings.run_dir, "aardvark-dns", network)):
        return
    deed = f"update the dns servers of network {network}"
    arguments = ("update", network, "--network-dns-servers", ",".join(servers))
    if not ctx.settings.rootless:
        _run(ctx, arguments, b"", deed)
        return
    from . import rootless_bridge

    if rootless_bridge.exists(ctx.settings):
        with rootless_bridge.visited(ctx) as shared:
            shared.call(lambda: _run(ctx, arguments, b"", deed))


def run_netavark(ctx: NetContext, verb: str, netns: str, payload: bytes, deed: str) -> bytes:
    """netavark's standard output. Raises HostLacks, ToolFailed with its own words."""
    return _run(ctx, (verb, netns), payload, deed)


def _run(ctx: NetContext, arguments: Sequence[str], payload: bytes, deed: str) -> bytes:
    settings = ctx.settings
    make_directories([settings.run_dir])
    argv = [ctx.program("netavark", deed), "--config", settings.run_dir]
    argv.append(f"--rootless={'true' if settings.rootless else 'false'}")
    argv.append(f"--aardvark-binary={ctx.program('aardvark-dns', deed)}")
    for directory in settings.plugin_dirs:
        if os.path.isdir(directory):
            argv.append(f"--plugin-directory={directory}")
    done = ctx.runner.run([*argv, *arguments], input=payload, env=_environment(ctx), timeout=_TIMEOUT)
    if done.rc != 0:
        raise ToolFailed(deed, "netavark", done.rc, request.failure(done.stdout, done.stderr))
    return done.stdout


def _environment(ctx: NetContext) -> dict[str, str]:
    extra = {}
    firewall = ctx.settings.firewall
    if not firewall and not programs.find("iptables") and programs.find("nft") and version(ctx) >= _NFTABLES_SINCE:
        firewall = "nftables"
    if firewall:
        extra["NETAVARK_FW"] = firewall
    if ctx.settings.dns_port:
        extra["NETAVARK_DNS_PORT"] = str(ctx.settings.dns_port)
    return child_environment(extra)


_versions: dict[str, tuple[int, ...]] = {}


def version(ctx: NetContext) -> tuple[int, ...]:
    """netavark's version, asked once per process: 2 reads another request than 1."""
    path = ctx.program("netavark", "attach containers to networks")
    if path not in _versions:
        done = ctx.runner.run([path, "--version"], timeout=_TIMEOUT, check="ask netavark for its version")
        digits = done.stdout.decode("ascii", "replace").split()[-1:] or ["1"]
        _versions[path] = tuple(int(part) for part in digits[0].split("-")[0].split(".") if part.isdigit()) or (1,)
    return _versions[path]


def _check_ports(ctx: NetContext, container: ContainerNet) -> None:
    """netavark before 1.6 takes [::] for a destination that no packet has."""
    if not ctx.settings.rootless and version(ctx) < _ANY_IPV6_SINCE:
        for mapping in container.ports:
            if mapping.host_ip == "::":
                raise HostLacks(
                    f"publish {mapping}",
                    "netavark on this host is too old for the address [::]",
                    "Leave the address out, which publishes on IPv6 too where the container has an IPv6 address",
                )


def _networks(ctx: NetContext, container: ContainerNet, deed: str) -> dict[str, Network]:
    directory = NetworkDir(ctx.settings)
    networks = {}
    for item in container.attachments:
        network = directory.get(item.network)
        if network is None:
            raise NotFound(deed, f"network {item.network} does not exist")
        if item.static_ips and not network.leases_addresses:
            raise BadInput(deed, f"network {item.network} gives no addresses (ipam driver {network.ipam_driver})")
        networks[item.network] = network
    return networks


def _requests(container: ContainerNet, networks: Mapping[str, Network]) -> list[ipam.LeaseRequest]:
    return [ipam.LeaseRequest(networks[item.network], item.static_ips) for item in container.attachments]
