# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Bridges of a plain user: one network namespace per user in which all its bridges live, shared with podman.

RUN/networks/rootless-netns/ holds
    rootless-netns            the namespace, bound
    rootless-netns-conn.pid   the pasta or slirp4netns that joins it to the host; dead means: start another
    ref-count                 attachments, in decimal; at 0 everything is taken down
    resolv.conf, info.json    what the resolver in there asks; what its users may want to know of it
    run/                      /run of programs in there, so that they do not meet the host's own (dbus, firewalld)

Every caller holds netavark's lock.
"""

from __future__ import annotations

import ipaddress
import json
import os
import shutil
import signal
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

from ..base.errors import EngineError
from ..base.files import atomic_write
from ..base.steps import reached
from ..base.threads import in_thread
from ..host import libc
from . import ipam, netns

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from .settings import NetContext, NetSettings
    from .usernet import UserNet

Result = TypeVar("Result")

_NETNS, _PID, _COUNT, _RESOLV, _INFO, _RUN = (
    "rootless-netns",
    "rootless-netns-conn.pid",
    "ref-count",
    "resolv.conf",
    "info.json",
    "run",
)


class Shared:
    """The user's shared namespace, for programs to be run in."""

    def __init__(self, settings: NetSettings) -> None:
        self.settings = settings

    def call(self, deed: Callable[[], Result]) -> Result:
        """The result of `deed`, run in a thread that has joined the namespace and given itself a /run of its own.

        Programs it starts inherit both; the thread ends with it, and so no namespace needs to be left again.
        """
        return in_thread(lambda: self._inside(deed))

    def _inside(self, deed: Callable[[], Result]) -> Result:
        directory = self.settings.rootless_netns_dir
        libc.unshare(libc.CLONE_NEWNS)
        netns.enter(os.path.join(directory, _NETNS))
        libc.mount("", "/", "", libc.MS_PRIVATE | libc.MS_REC)
        _private_run(directory, self.settings.runtime_dir)
        return deed()


def exists(settings: NetSettings) -> bool:
    return netns.is_bound(os.path.join(settings.rootless_netns_dir, _NETNS))


@contextmanager
def joined(ctx: NetContext, attachments: int) -> Iterator[Shared]:
    """The namespace, made where it is missing, counted up by `attachments` when the block succeeds."""
    _ensure(ctx)
    reached("rootless-netns-ready")
    try:
        yield Shared(ctx.settings)
    except BaseException as error:
        try:
            _take_down_unused(ctx.settings)
        except OSError as failure:
            if isinstance(error, EngineError):
                error.add_cleanup_failure(str(failure))
        raise
    reached("rootless-netns-joined")
    write_count(ctx.settings, max(read_count(ctx.settings) + attachments, leased(ctx.settings)))


@contextmanager
def left(ctx: NetContext, networks: Sequence[str], container_id: str) -> Iterator[Shared]:
    """The namespace, counted down by `networks` that the container leaves, and taken down at zero, also when the block
    fails: the container is off them anyway.

    A process that was killed between attaching and counting leaves the count too low, and a second attempt to detach
    would lower it twice: never below the addresses that others still have.
    """
    try:
        yield Shared(ctx.settings)
    finally:
        count = max(read_count(ctx.settings) - len(networks), leased(ctx.settings, container_id, networks))
        write_count(ctx.settings, count)
        reached("rootless-netns-counted")
        _take_down_unused(ctx.settings)


def leased(settings: NetSettings, but: str = "", on: Sequence[str] = ()) -> int:
    """Attachments with an address, those of container `but` on these networks left out."""
    return sum(
        1
        for network, holders in ipam.holders_by_network(settings.ipam_db).items()
        for container in holders
        if container != but or network not in on
    )


@contextmanager
def visited(ctx: NetContext) -> Iterator[Shared]:
    """The namespace as it is."""
    yield Shared(ctx.settings)


def read_count(settings: NetSettings) -> int:
    try:
        with open(os.path.join(settings.rootless_netns_dir, _COUNT), encoding="ascii") as file:
            text = file.read().strip()
    except FileNotFoundError:
        return 0
    return int(text) if text.isdigit() else 0


def write_count(settings: NetSettings, count: int) -> None:
    path = os.path.join(settings.rootless_netns_dir, _COUNT)
    if os.path.isdir(os.path.dirname(path)):
        atomic_write(path, str(count).encode(), mode=0o700, durable=False)


def _take_down_unused(settings: NetSettings) -> None:
    if read_count(settings) == 0:
        take_down(settings)


def take_down(settings: NetSettings) -> None:
    """End the connection to the host and remove the namespace and its directory."""
    directory = settings.rootless_netns_dir
    pid = _connection(directory)
    netns.remove(os.path.join(directory, _NETNS))
    reached("rootless-netns-removed")
    if pid:
        try:
            os.kill(pid, signal.SIGTERM)
        except ProcessLookupError:
            pass
    shutil.rmtree(directory, ignore_errors=True)


def _connection(directory: str) -> int:
    """The pid of the program that connects the namespace with the host, 0 when it is not running."""
    try:
        with open(os.path.join(directory, _PID), encoding="ascii") as file:
            pid = int(file.read().strip())
        os.kill(pid, 0)
    except (OSError, ValueError):
        return 0
    return pid if _program(pid) in ("pasta", "passt", "pasta.avx2", "passt.avx2", "slirp4netns") else 0


def _program(pid: int) -> str:
    """The pid may have been given to another process since; do not end that one."""
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().strip()
    except OSError:
        return ""


def _ensure(ctx: NetContext) -> None:
    settings = ctx.settings
    directory = settings.rootless_netns_dir
    path = os.path.join(directory, _NETNS)
    os.makedirs(os.path.join(directory, _RUN), 0o700, exist_ok=True)
    if netns.is_bound(path):
        if _connection(directory):
            return
    else:
        netns.remove(path)  # a file without a namespace: somebody was stopped between making and binding it
        netns.create_unshared(path)
        write_count(settings, 0)
    reached("rootless-netns-made")
    try:
        from . import usernet

        net = usernet.connect_shared(ctx, path, os.path.join(directory, _PID))
    except BaseException:
        _take_down_unused(settings)
        raise
    _write_info(directory, net)


def _write_info(directory: str, net: UserNet) -> None:
    info = {"IPAddresses": list(net.addresses), "DnsForwardIps": list(net.nameservers)}
    info["MapGuestIps"] = [net.host_address] if net.host_address else []
    atomic_write(os.path.join(directory, _INFO), json.dumps(info).encode(), mode=0o600, durable=False)
    servers = [*net.nameservers, *(server for server in host_nameservers() if server not in net.nameservers)]
    text = "".join(f"nameserver {server}\n" for server in servers)
    atomic_write(os.path.join(directory, _RESOLV), text.encode(), mode=0o644, durable=False)


def host_nameservers(path: str = "/etc/resolv.conf") -> list[str]:
    """The host's resolvers that are not the host itself: loopback means something else in another namespace."""
    try:
        with open(path, encoding="utf-8", errors="replace") as file:
            lines = file.read(65536).splitlines()
    except OSError:
        return []
    servers = []
    for line in lines:
        words = line.split()
        if len(words) >= 2 and words[0] == "nameserver":
            try:
                address = ipaddress.ip_address(words[1].partition("%")[0])
            except ValueError:
                continue
            if not address.is_loopback and not address.is_link_local:
                servers.append(words[1])
    return servers


def _private_run(directory: str, runtime_dir: str) -> None:
    """Cover /run with the namespace's own, the user's runtime directory kept, and /etc/resolv.conf with its own."""
    run = os.path.join(directory, _RUN)
    resolver = os.path.realpath("/etc/resolv.conf")
    for kept in (runtime_dir, "/run/systemd"):
        if kept.startswith("/run/") and os.path.isdir(kept):
            target = run + kept[len("/run") :]
            os.makedirs(target, exist_ok=True)
            libc.mount(kept, target, "", libc.MS_BIND | libc.MS_REC)
    own = os.path.join(directory, _RESOLV)
    if resolver.startswith("/run/"):
        inside = run + resolver[len("/run") :]
        os.makedirs(os.path.dirname(inside), exist_ok=True)
        if not os.path.exists(inside):
            os.close(os.open(inside, os.O_CREAT | os.O_WRONLY | os.O_CLOEXEC, 0o644))
        if os.path.exists(own):
            libc.mount(own, inside, "", libc.MS_BIND)
    elif os.path.exists(resolver) and os.path.exists(own):
        libc.mount(own, resolver, "", libc.MS_BIND)
    libc.mount(run, "/run", "", libc.MS_BIND | libc.MS_REC)
