# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting the forwarder: the process that serves a plain user's published ports on bridge networks.

It inherits the bound host sockets and the reading end of a pipe whose writing end goes to the container's conmon. When
conmon ends, for whatever reason, the pipe does too, and with it the forwarder: nobody has to remember to stop it.

Like podman's rootlessport it listens at a socket of the container's id for the address that the ports are to lead to
from now on, so that both engines can attach a running container to other networks.
"""

from __future__ import annotations

import json
import os
import select
import socket
from typing import TYPE_CHECKING

from ..base.errors import BadInput, HostLacks, TimedOut
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .ports import PortReservation
    from .settings import NetContext, NetSettings

_READY_SECONDS = 30.0
_TELL_SECONDS = 10.0
_PATH_LIMIT = 107  # of a unix socket, unix(7)


class Forwarder(NamedTuple):
    """`keep_fd` is to be inherited by the process that stands for the container, and closed here afterwards."""

    pid: int
    keep_fd: int


def start(
    ctx: NetContext,
    command: Sequence[str],
    reservation: PortReservation,
    place: tuple[str, str],
    addresses: Sequence[str],
) -> Forwarder:
    """Start `command` (the runtime's port-forward) for the reserved ports, towards the container's own `addresses`.
    `place` is its namespace and its id.

    Raises HostLacks when it does not come up, BadInput for a protocol it does not carry.
    """
    deed = "start the port forwarder"
    keep_read, keep_write = os.pipe2(os.O_CLOEXEC)
    job_read, job_write = os.pipe2(os.O_CLOEXEC)
    ready_read, ready_write = os.pipe2(os.O_CLOEXEC)
    mine = [keep_read, job_read, ready_write, job_write, ready_read]
    netns, container_id = place
    listener = _listen(ctx.settings, container_id)
    try:
        orders = {
            "netns": netns,
            "keep": keep_read,
            "ready": ready_write,
            "ports": _ports(reservation, addresses),
            "listener": listener.fileno() if listener else -1,
            "path": _socket_path(ctx.settings, container_id) if listener else "",
        }
        job = json.dumps(orders).encode()
        pass_fds = (*reservation.fds, keep_read, ready_write, *([listener.fileno()] if listener else []))
        child = ctx.runner.spawn(command, stdin=job_read, pass_fds=pass_fds, new_session=True)
        for fd in (keep_read, job_read, ready_write):
            mine.remove(fd)
            os.close(fd)
        with os.fdopen(job_write, "wb", closefd=False) as out:
            out.write(job)
        mine.remove(job_write)
        os.close(job_write)
        _wait(ready_read, deed)
    except BaseException:
        os.close(keep_write)
        raise
    finally:
        if listener:
            listener.close()
        for fd in mine:
            os.close(fd)
    return Forwarder(child.pid, keep_write)


def _ports(reservation: PortReservation, addresses: Sequence[str]) -> list[list[object]]:
    """The forwarder's orders: which inherited socket leads where."""
    ipv4 = next((address for address in addresses if ":" not in address), "")
    ipv6 = next((address for address in addresses if ":" in address), "")
    ports: list[list[object]] = []
    for fd, mapping, offset, wants_ipv6 in reservation.table():
        if mapping.protocol not in ("tcp", "udp"):
            raise BadInput(f"publish {mapping}", "a plain user's bridge networks publish tcp and udp only")
        target = (ipv6 or ipv4) if wants_ipv6 else (ipv4 or ipv6)
        ports.append([fd, mapping.protocol, target, mapping.container_port + offset])
    return ports


def _socket_path(settings: NetSettings, container_id: str) -> str:
    return os.path.join(settings.ports_dir, container_id)


def _listen(settings: NetSettings, container_id: str) -> socket.socket | None:
    """The socket at which the forwarder is told of other addresses; None where there is no place for one."""
    path = _socket_path(settings, container_id)
    if not settings.ports_dir or len(os.fsencode(path)) > _PATH_LIMIT:
        return None
    os.makedirs(settings.ports_dir, 0o700, exist_ok=True)
    try:
        os.unlink(path)  # of a run that was killed
    except FileNotFoundError:
        pass
    made = socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    made.bind(path)
    made.listen(4)
    return made


def tell(settings: NetSettings, container_id: str, addresses: Sequence[str]) -> str:
    """Lead the published ports of a running container to another address of its; what went wrong, else ""."""
    path = _socket_path(settings, container_id)
    address = next((address for address in addresses if ":" not in address), next(iter(addresses), ""))
    try:
        with socket.socket(socket.AF_UNIX, socket.SOCK_SEQPACKET) as talk:
            talk.settimeout(_TELL_SECONDS)
            talk.connect(path)
            talk.sendall(json.dumps(address).encode() + b"\n")
            answer = talk.recv(4096)
    except OSError as error:
        return f"{path}: {error.strerror or error}"
    return "" if answer.startswith(b"OK") else answer.decode("utf-8", "replace")


def _wait(ready: int, deed: str) -> None:
    if not select.select([ready], [], [], _READY_SECONDS)[0]:
        raise TimedOut(deed, f"it was not ready within {_READY_SECONDS:g} s")
    answer = os.read(ready, 4096)
    if answer != b"ready":
        raise HostLacks(deed, answer.decode("utf-8", "replace") or "it ended at once")
