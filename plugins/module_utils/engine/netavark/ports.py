# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Holding the host side of published ports.

netavark's rules catch packets before any socket sees them, so nothing would stop two containers, or a container and a
server of the host, from claiming one port. Therefore each port is bound before the container starts, and the sockets
are inherited by its conmon: they live exactly as long as it does, as podman has it.
"""

from __future__ import annotations

import errno
import os
import socket
import time
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Conflict, EngineError, HostLacks
from ..spec.ports import PortMapping, fill_free_ports
from .port_holders import container, holder

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from types import TracebackType

_SCTP = 132
_RANGE_TRIES = 50
_IN_USE = "already in use"
_OWN_SECONDS = 5.0
_UNSEEN_SECONDS = 2.0  # for one that is just ending: it is not to be seen any more, or is podman's forwarder
_POLL_SECONDS = 0.02
_FIRST_LOW_PORT_SYSCTL = "/proc/sys/net/ipv4/ip_unprivileged_port_start"


class PortReservation:
    """Bound sockets, to be inherited (`fds` in `pass_fds`) by the process that stands for the container.

    Close it when that process has them, or when the start failed.
    """

    def __init__(self, held: list[tuple[socket.socket, PortMapping, int]]) -> None:
        self._held = held

    @property
    def fds(self) -> tuple[int, ...]:
        return tuple(bound.fileno() for bound, _mapping, _offset in self._held)

    def table(self) -> list[tuple[int, PortMapping, int, bool]]:
        """Descriptor, mapping, number of the port within it, and whether the socket is an IPv6 one."""
        return [
            (bound.fileno(), mapping, offset, bound.family == socket.AF_INET6) for bound, mapping, offset in self._held
        ]

    def close(self) -> None:
        for bound, _mapping, _offset in self._held:
            bound.close()
        self._held = []

    def __enter__(self) -> PortReservation:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.close()


def choose_free(mappings: Iterable[PortMapping]) -> tuple[PortMapping, ...]:
    """Host ports for the mappings that have none, by asking the kernel. Done once, when a container is created.

    Raises Conflict when no run of free ports of the wanted length is found.
    """
    chosen: set[tuple[str, int]] = set()

    def pick(mapping: PortMapping) -> int:
        for _attempt in range(_RANGE_TRIES):
            first = _ask_kernel(mapping)
            wanted = [(mapping.protocol, first + offset) for offset in range(mapping.count)]
            if first + mapping.count <= 65536 and not chosen.intersection(wanted) and _run_is_free(mapping, first):
                chosen.update(wanted)
                return first
        raise Conflict(f"choose a host port for {mapping}", f"no {mapping.count} free ports in a row were found")

    return fill_free_ports(tuple(mappings), pick)


def reserve(
    mappings: Sequence[PortMapping], *, own: str = "", ipv6: bool = False, backlog: int = 1
) -> PortReservation:
    """Bind every host port. `ipv6` binds ports without an address on [::] as well; `backlog` is listen(2)'s, larger
    where a forwarder will serve the sockets. `own` is the container's name: a port that its own last run is just
    about to let go is waited for.

    Raises Conflict naming the port and, when it can be seen, its holder; HostLacks for ports below what the user may
    bind; BadInput for an address this host does not have.
    """
    held: list[tuple[socket.socket, PortMapping, int]] = []
    try:
        for mapping in mappings:
            addresses = [mapping.host_ip or "0.0.0.0"]
            if ipv6 and not mapping.host_ip and socket.has_ipv6:
                addresses.append("::")
            for offset, port in enumerate(mapping.host_ports):
                for address in addresses:
                    bound = _bind_patiently(mapping.protocol, address, port, backlog, own)
                    if bound:
                        held.append((bound, mapping, offset))
    except BaseException:
        PortReservation(held).close()
        raise
    return PortReservation(held)


def _open(protocol: str, address: str) -> socket.socket:
    family = socket.AF_INET6 if ":" in address else socket.AF_INET
    if protocol == "sctp":
        opened = socket.socket(family, socket.SOCK_STREAM, _SCTP)
    else:
        opened = socket.socket(family, socket.SOCK_STREAM if protocol == "tcp" else socket.SOCK_DGRAM)
    if family == socket.AF_INET6:
        opened.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
    return opened


def _bind_patiently(protocol: str, address: str, port: int, backlog: int, own: str) -> socket.socket | None:
    begun = time.monotonic()
    while True:
        try:
            return _bind(protocol, address, port, backlog)
        except Conflict as error:
            if time.monotonic() - begun > _patience(error.cause, own):
                raise
            time.sleep(_POLL_SECONDS)


def _patience(cause: str, own: str) -> float:
    """Seconds for which whoever has the port may be about to let it go."""
    if own and cause.endswith(container(own)):
        return _OWN_SECONDS
    return _UNSEEN_SECONDS if own and (cause == _IN_USE or "rootlessport" in cause) else 0.0


def _bind(protocol: str, address: str, port: int, backlog: int) -> socket.socket | None:
    """A bound socket; None where this kernel has no such protocol (sctp, IPv6), which nobody else can hold either.

    It listens, because only then `ss` and the next one who wants the port can see who has it.
    """
    try:
        bound = _open(protocol, address)
    except OSError as error:
        if error.errno in (errno.EPROTONOSUPPORT, errno.ESOCKTNOSUPPORT, errno.EAFNOSUPPORT):
            return None
        raise
    try:
        if protocol != "udp":
            bound.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)  # connections in TIME_WAIT are no obstacle
        bound.bind((address, port))
        if protocol != "udp":
            bound.listen(backlog)
    except OSError as error:
        bound.close()
        raise _explain(error, protocol, address, port) from error
    return bound


def _explain(error: OSError, protocol: str, address: str, port: int) -> EngineError:
    shown = f"[{address}]:{port}" if ":" in address else f"{address}:{port}"
    deed = f"publish {shown}/{protocol}"
    if error.errno == errno.EADDRINUSE:
        owner = holder(protocol, port)
        return Conflict(deed, f"{_IN_USE} by {owner}" if owner else _IN_USE)
    if error.errno in (errno.EACCES, errno.EPERM):
        return HostLacks(
            deed,
            "this user may not bind so low a port",
            f"Allow it with the sysctl net.ipv4.ip_unprivileged_port_start={port} (now {_low_port_limit()}), "
            "or publish a higher port",
        )
    if error.errno in (errno.EADDRNOTAVAIL, errno.ENODEV):
        return BadInput(deed, f"this host has no address {address}")
    return EngineError(deed, error.strerror or str(error))


def _low_port_limit() -> str:
    try:
        with open(_FIRST_LOW_PORT_SYSCTL, encoding="ascii") as file:
            return file.read().strip()
    except OSError:
        return "1024"


def _ask_kernel(mapping: PortMapping) -> int:
    try:
        with _open(mapping.protocol, mapping.host_ip or "0.0.0.0") as probe:
            probe.bind((mapping.host_ip or "0.0.0.0", 0))
            return int(probe.getsockname()[1])
    except OSError as error:
        if error.errno in (errno.EADDRNOTAVAIL, errno.ENODEV):
            raise BadInput(f"choose a port for {mapping}", f"this host has no address {mapping.host_ip}") from error
        if mapping.protocol == "sctp":  # not in this kernel: any port will do
            return 49152 + int.from_bytes(os.urandom(2), "big") % 16000
        raise HostLacks(f"choose a host port for {mapping}", error.strerror or str(error)) from error


def _run_is_free(mapping: PortMapping, first: int) -> bool:
    if mapping.count == 1:
        return True
    tried = PortMapping(mapping.container_port, first, mapping.protocol, mapping.host_ip, mapping.count)
    try:
        reserve([tried]).close()
    except Conflict:
        return False
    return True
