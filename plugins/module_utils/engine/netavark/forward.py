# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Starting the forwarder: the process that serves a plain user's published ports on bridge networks.

It inherits the bound host sockets and the reading end of a pipe whose writing end goes to the container's conmon. When
conmon ends, for whatever reason, the pipe does too, and with it the forwarder: nobody has to remember to stop it.
"""

from __future__ import annotations

import json
import os
import select
from typing import TYPE_CHECKING, NamedTuple

from ..base.errors import BadInput, HostLacks, TimedOut

if TYPE_CHECKING:
    from collections.abc import Sequence

    from .ports import PortReservation
    from .settings import NetContext

_READY_SECONDS = 30.0


class Forwarder(NamedTuple):
    """`keep_fd` is to be inherited by the process that stands for the container, and closed here afterwards."""

    pid: int
    keep_fd: int


def start(
    ctx: NetContext, command: Sequence[str], reservation: PortReservation, netns: str, addresses: Sequence[str]
) -> Forwarder:
    """Start `command` (the runtime's port-forward) for the reserved ports, towards the container's own `addresses`.

    Raises HostLacks when it does not come up, BadInput for a protocol it does not carry.
    """
    deed = "start the port forwarder"
    keep_read, keep_write = os.pipe2(os.O_CLOEXEC)
    job_read, job_write = os.pipe2(os.O_CLOEXEC)
    ready_read, ready_write = os.pipe2(os.O_CLOEXEC)
    mine = [keep_read, job_read, ready_write, job_write, ready_read]
    try:
        job = _job(reservation, netns, addresses, (keep_read, ready_write))
        pass_fds = (*reservation.fds, keep_read, ready_write)
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
        for fd in mine:
            os.close(fd)
    return Forwarder(child.pid, keep_write)


def _job(reservation: PortReservation, netns: str, addresses: Sequence[str], control: tuple[int, int]) -> bytes:
    """The forwarder's orders: which inherited socket leads where."""
    ipv4 = next((address for address in addresses if ":" not in address), "")
    ipv6 = next((address for address in addresses if ":" in address), "")
    ports = []
    for fd, mapping, offset, wants_ipv6 in reservation.table():
        if mapping.protocol not in ("tcp", "udp"):
            raise BadInput(f"publish {mapping}", "a plain user's bridge networks publish tcp and udp only")
        target = (ipv6 or ipv4) if wants_ipv6 else (ipv4 or ipv6)
        ports.append([fd, mapping.protocol, target, mapping.container_port + offset])
    return json.dumps({"netns": netns, "keep": control[0], "ready": control[1], "ports": ports}).encode()


def _wait(ready: int, deed: str) -> None:
    if not select.select([ready], [], [], _READY_SECONDS)[0]:
        raise TimedOut(deed, f"it was not ready within {_READY_SECONDS:g} s")
    answer = os.read(ready, 4096)
    if answer != b"ready":
        raise HostLacks(deed, answer.decode("utf-8", "replace") or "it ended at once")
