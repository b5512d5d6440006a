# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""One way to connect a container's namespace, whatever carries its packets, and one to disconnect it.

    bridge        netavark; as root its firewall rules publish ports, for a plain user our forwarder
    pasta         the namespace gets the host's addresses; pasta publishes the ports
    slirp4netns   a router of the user's own
"""

from __future__ import annotations

import os
import signal
import zlib
from typing import TYPE_CHECKING

from ..base.errors import EngineError, HostLacks, TimedOut
from ..base.steps import reached
from ..base.threads import meanwhile
from ..base.tuples import NamedTuple
from ..host.process import running, signal_all, until_gone
from . import forward, ports, setup, status, usernet
from .port_holders import FORWARD_SUBCOMMAND

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence
    from types import TracebackType

    from .network_file import Json
    from .request import ContainerNet
    from .settings import NetContext, NetSettings

_BACKLOG = 1024
_PATIENCE = 60.0
BRIDGE, PASTA, SLIRP = "bridge", "pasta", "slirp4netns"


class Way(NamedTuple):
    """How a container is connected. `options` are the user's for pasta or slirp4netns; `command` is the installed
    runtime command, which carries the ports of a plain user's bridge networks."""

    kind: str = BRIDGE
    options: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


class Connection:
    """A connected namespace. conmon gets `fds` (`pass_fds`), which by holding them keeps helpers alive.

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
        self.fds: tuple[int, ...] = ()

    def close(self) -> None:
        """Let go of our copies of `fds`: after conmon has them, or when the start failed."""
        for fd in self.fds:
            os.close(fd)
        self.fds = ()


class Connecting:
    """A namespace that is connected while the caller does other things. conmon gets `fds`, which by holding them keeps
    ports and helpers alive.
    """

    def __init__(self, fds: Sequence[int], close: Callable[[], None], wait: Callable[[], Connection]) -> None:
        self.fds = tuple(fds)
        self._close = close
        self._wait = wait

    def finish(self) -> Connection:
        """Wait until it is connected. Raises as `begin`, whatever had not turned out by then."""
        return self._wait()

    def close(self) -> None:
        """Let go of our copies of `fds`. What goes on is waited for, and its error is raised."""
        try:
            self._wait()
        finally:
            self._close()

    def __enter__(self) -> Connecting:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """As close. Its error comes before what the caller met meanwhile, which often follows from it."""
        try:
            self.close()
        except Exception:
            if error is None or isinstance(error, Exception):
                raise


def begin(ctx: NetContext, netns: str, container: ContainerNet, way: Way) -> Connecting:
    """Begin to connect the namespace at `netns` and to publish the container's ports. Only netavark is not waited for.

    Raises Conflict for a taken port or address, NotFound for a missing network, HostLacks, ToolFailed. On failure
    nothing is left but the namespace itself.
    """
    if way.kind != BRIDGE:
        made = _connect_user(ctx, netns, container, way)
    elif ctx.settings.rootless and container.ports:
        made = _connect_forwarded(ctx, netns, container, way)
    else:
        reservation = ports.reserve(container.ports, own=container.name)
        reached("ports-reserved")
        connected = meanwhile(lambda: described(setup.setup(ctx, netns, container)))
        return Connecting(reservation.fds, reservation.close, connected)
    reached("network-connected")
    return Connecting(made.fds, made.close, lambda: made)


def _connect_user(ctx: NetContext, netns: str, container: ContainerNet, way: Way) -> Connection:
    if not container.ports or not _forwards(ctx, way):
        # The program binds the ports itself; trying first gives the better error and names the holder.
        ports.reserve(container.ports, own=container.name).close()
        return _start(ctx, netns, container, way)
    with ports.reserve(container.ports, own=container.name, backlog=_BACKLOG) as reservation:
        connection = _start(ctx, netns, container._replace(ports=()), way)
        try:
            _start_forwarder(ctx, connection, container, reservation, (netns, way))
        except BaseException:
            connection.close()
            usernet.end_helpers(netns)
            raise
    return connection


def _connect_forwarded(ctx: NetContext, netns: str, container: ContainerNet, way: Way) -> Connection:
    """A plain user's bridge, whose published ports a program of ours carries."""
    with ports.reserve(container.ports, own=container.name, backlog=_BACKLOG) as reservation:
        reached("ports-reserved")
        connection = described(setup.setup(ctx, netns, container))
        try:
            _start_forwarder(ctx, connection, container, reservation, (netns, way))
        except BaseException as error:
            _undo(ctx, netns, container, error)
            raise
    return connection


def described(network_status: dict[str, Json]) -> Connection:
    """A connection as bridges make it, from libpod's networkStatus."""
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
    connection.fds = tuple(net.keep_fds)
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
    connection.fds = (*connection.fds, forwarder.keep_fd)


def _undo(ctx: NetContext, netns: str, container: ContainerNet, error: BaseException) -> None:
    try:
        setup.teardown(ctx, netns, container)
    except (EngineError, OSError) as failure:
        if isinstance(error, EngineError):
            error.add_cleanup_failure(str(failure))


def await_interrupted(netns: str) -> None:
    """Where the task that began to connect has been killed, netavark goes on: what it does now would come after it has
    been taken back. One that does not end is killed. Raises TimedOut."""
    deed = f"wait for netavark, which connects {netns}"
    try:
        until_gone(deed, _PATIENCE, lambda: running(netns, "netavark"), lambda _left: None)
    except TimedOut:
        until_gone(deed, _PATIENCE, lambda: running(netns, "netavark"), lambda left: signal_all(left, signal.SIGKILL))


def disconnect(
    ctx: NetContext, netns: str, container: ContainerNet, way: Way, *, alone: bool = False, again: bool = False
) -> None:
    """Undo connect, before or after the namespace is removed; what is gone already is no error.

    `alone`: nobody but the dead container was in the namespace, so it may be removed on the way. `again`: the caller
    comes again when it fails. The forwarder ends with conmon.
    """
    if way.kind == BRIDGE:
        setup.teardown(ctx, netns, container, alone=alone, again=again)
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
