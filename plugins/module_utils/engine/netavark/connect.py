# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One way to connect a container's namespace, whatever carries its packets, and one to disconnect it.

    bridge        netavark; as root its firewall rules publish ports, for a plain user our forwarder
    pasta         the namespace gets the host's addresses; pasta publishes the ports
    slirp4netns   a router of the user's own
"""

from __future__ import annotations

import os
import zlib
from typing import TYPE_CHECKING

from ..base.errors import EngineError, HostLacks
from ..base.steps import reached
from ..base.tuples import NamedTuple
from . import forward, ports, setup, status, usernet
from .port_holders import FORWARD_SUBCOMMAND

if TYPE_CHECKING:
    from collections.abc import Sequence
    from types import TracebackType

    from .network_file import Json
    from .request import ContainerNet
    from .settings import NetContext, NetSettings

_BACKLOG = 1024
BRIDGE, PASTA, SLIRP = "bridge", "pasta", "slirp4netns"


class Way(NamedTuple):
    """How a container is connected. `options` are the user's for pasta or slirp4netns; `command` is the installed
    runtime command, which carries the ports of a plain user's bridge networks."""

    kind: str = BRIDGE
    options: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


class Connection:
    """A connected namespace. `fds` go to conmon (`pass_fds`), which by holding them keeps ports and helpers alive.

    `network_status` is libpod's networkStatus ({} but for bridges); `nameservers` and `search` come first in
    resolv.conf; `host_address` is host.containers.internal, "" when the host cannot be reached by an address.
    `helper_pid`, when not 0, belongs into the container's cgroup parent or wherever conmon goes.
    """

    def __init__(
        self, network_status: dict[str, Json], nameservers: Sequence[str], host_address: str, addresses: Sequence[str]
    ) -> None:
        self.network_status = network_status
        self.nameservers = tuple(nameservers)
        self.search = tuple(status.search_domains(network_status))
        self.host_address = host_address
        self.addresses = tuple(addresses)
        self.helper_pid = 0
        self._reservation: ports.PortReservation | None = None
        self._keep: list[int] = []

    @property
    def fds(self) -> tuple[int, ...]:
        return (*(self._reservation.fds if self._reservation else ()), *self._keep)

    def close(self) -> None:
        """Let go of our copies of `fds`: after conmon has them, or when the start failed."""
        if self._reservation:
            self._reservation.close()
        for fd in self._keep:
            os.close(fd)
        self._keep = []

    def __enter__(self) -> Connection:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()

    def hold(self, reservation: ports.PortReservation | None, keep: Sequence[int]) -> None:
        self._reservation = reservation
        self._keep = list(keep)


def connect(ctx: NetContext, netns: str, container: ContainerNet, way: Way) -> Connection:
    """Connect the namespace at `netns` and publish the container's ports.

    Raises Conflict for a taken port or address, NotFound for a missing network, HostLacks, ToolFailed. On failure
    nothing is left but the namespace itself.
    """
    if way.kind == BRIDGE:
        return _connect_bridge(ctx, netns, container, way)
    if container.ports and _forwards(ctx, way):
        with ports.reserve(container.ports, own=container.name, backlog=_BACKLOG) as reservation:
            connection = _start(ctx, netns, container._replace(ports=()), way)
            try:
                _start_forwarder(ctx, connection, container, reservation, (netns, way))
            except BaseException:
                connection.close()
                usernet.end_helpers(netns)
                raise
    else:
        # The program binds the ports itself; trying first gives the better error and names the holder.
        ports.reserve(container.ports, own=container.name).close()
        connection = _start(ctx, netns, container, way)
    reached("network-connected")
    return connection


def described(network_status: dict[str, Json]) -> Connection:
    """A connection as bridges make it, from libpod's networkStatus; it holds nothing."""
    addresses = list(status.addresses(network_status))
    host_address = next((address.gateway for address in addresses if address.gateway), "")
    return Connection(
        network_status, status.nameservers(network_status), host_address, [address.ip for address in addresses]
    )


def _forwards(ctx: NetContext, way: Way) -> bool:
    """Whether our forwarder serves the ports: as podman's does with slirp4netns, and where pasta is too old."""
    if way.kind == SLIRP:
        return "port_handler=slirp4netns" not in (way.options or ctx.settings.slirp_options)
    return not usernet.is_modern(ctx)


def _start(ctx: NetContext, netns: str, container: ContainerNet, way: Way) -> Connection:
    if way.kind == PASTA:
        net = usernet.pasta(ctx, netns, container.ports, way.options or ctx.settings.pasta_options)
    else:
        os.makedirs(ctx.settings.run_dir, 0o755, exist_ok=True)
        api_socket = slirp_socket(ctx.settings, container.id)
        net = usernet.slirp(ctx, netns, container.ports, api_socket, way.options or ctx.settings.slirp_options)
    connection = Connection({}, net.nameservers, net.host_address, net.addresses)
    connection.hold(None, net.keep_fds)
    return connection


def _start_forwarder(
    ctx: NetContext,
    connection: Connection,
    container: ContainerNet,
    reservation: ports.PortReservation,
    place: tuple[str, Way],
) -> None:
    netns, way = place
    if not way.command:
        raise HostLacks("start the port forwarder", "the daemonless command is not installed on this host")
    command = (*way.command, FORWARD_SUBCOMMAND, container.name)
    forwarder = forward.start(ctx, command, reservation, (netns, container.id), connection.addresses)
    connection.helper_pid = forwarder.pid
    connection.hold(None, (*connection.fds, forwarder.keep_fd))


def _connect_bridge(ctx: NetContext, netns: str, container: ContainerNet, way: Way) -> Connection:
    rootless = ctx.settings.rootless
    reservation = ports.reserve(container.ports, own=container.name, backlog=_BACKLOG if rootless else 1)
    try:
        reached("ports-reserved")
        connection = described(setup.setup(ctx, netns, container))
        if not rootless or not container.ports:
            connection.hold(reservation, ())
            return connection
        try:
            _start_forwarder(ctx, connection, container, reservation, (netns, way))
        except BaseException as error:
            _undo(ctx, netns, container, error)
            raise
        reservation.close()  # the forwarder has them
        reached("network-connected")
        return connection
    except BaseException:
        reservation.close()
        raise


def _undo(ctx: NetContext, netns: str, container: ContainerNet, error: BaseException) -> None:
    try:
        setup.teardown(ctx, netns, container)
    except (EngineError, OSError) as failure:
        if isinstance(error, EngineError):
            error.add_cleanup_failure(str(failure))


def disconnect(ctx: NetContext, netns: str, container: ContainerNet, way: Way, *, alone: bool = False) -> None:
    """Undo connect, before or after the namespace is removed; what is gone already is no error.

    `alone`: nobody but the dead container was in the namespace, so it may be removed on the way. The
    forwarder ends with conmon.
    """
    if way.kind == BRIDGE:
        setup.teardown(ctx, netns, container, alone=alone)
        return
    usernet.end_helpers(netns)
    if way.kind == SLIRP:
        try:
            os.unlink(slirp_socket(ctx.settings, container.id))
        except FileNotFoundError:
            pass


def slirp_socket(settings: NetSettings, container_id: str) -> str:
    """Short, for a unix socket's path ends at 107 bytes."""
    return os.path.join(settings.run_dir, f"{container_id[:12]}-{zlib.crc32(container_id.encode()):08x}.net")
