# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""User-mode networking: a program of the user carries packets between a namespace and the host.

pasta(1) hands the host's own addresses through, slirp4netns(1) is a small router with addresses of its own. The first
ends when the namespace goes, the second when the pipe it is given closes.
"""

from __future__ import annotations

import json
import os
import select
import signal
import socket
from typing import TYPE_CHECKING

from ..base.errors import BadInput, HostLacks, TimedOut, ToolFailed
from ..base.tuples import NamedTuple
from ..host.process import running, signal_all, until_gone
from . import netns as netns_files

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..spec.ports import PortMapping
    from .settings import NetContext

PASTA_DNS = "169.254.1.1"
PASTA_HOST = "169.254.1.2"
SLIRP_DNS = "10.0.2.3"
SLIRP_HOST = "10.0.2.2"
SLIRP_ADDRESS = "10.0.2.100"
_START_SECONDS = 20.0
_END_SECONDS = 5.0
_TUN = "/dev/net/tun"


class UserNet(NamedTuple):
    """`nameservers` for resolv.conf, `host_address` for host.containers.internal ("" when the host is out of reach),
    `addresses` of the namespace, `keep_fds` to be held open as long as the connection shall live."""

    nameservers: tuple[str, ...]
    host_address: str
    addresses: tuple[str, ...]
    keep_fds: tuple[int, ...] = ()


def connect_shared(ctx: NetContext, netns: str, pid_file: str) -> UserNet:
    """Connect the namespace of the rootless bridges; no port of it is published this way."""
    if ctx.settings.rootless_command == "slirp4netns":
        return _shared_slirp(ctx, netns, pid_file)
    return pasta(ctx, netns, (), (*ctx.settings.pasta_options, "--pid", pid_file))


def pasta(ctx: NetContext, netns: str, ports: Sequence[PortMapping], options: Sequence[str] = ()) -> UserNet:
    """Start pasta in the namespace and return when it is ready; it ends when the namespace is removed.

    Raises HostLacks, ToolFailed with pasta's words, Conflict from nobody: check the ports before.
    """
    deed = "connect the container by pasta"
    argv = [ctx.program("pasta", deed), "--config-net", *options, *_pasta_ports(ports)]
    nameserver = PASTA_DNS
    if "--dns-forward" in options:
        nameserver = options[list(options).index("--dns-forward") + 1]
    else:
        argv += ["--dns-forward", PASTA_DNS]
    argv += [] if "--map-gw" in options else ["--no-map-gw"]
    argv = [word for word in argv if word != "--map-gw"]  # podman's word for the absence of --no-map-gw
    argv += ["--quiet", "--netns", netns]
    host_address = PASTA_HOST if is_modern(ctx) else ""
    argv += ["--map-guest-addr", PASTA_HOST] if host_address else []
    done = ctx.runner.run(argv, timeout=_START_SECONDS)
    if done.rc != 0:
        _explain_tun(deed)
        raise ToolFailed(deed, "pasta", done.rc, done.stderr.decode("utf-8", "replace"))
    return UserNet((nameserver,), host_address, addresses_in(netns))


_modern: dict[str, bool] = {}


def is_modern(ctx: NetContext) -> bool:
    """Whether this pasta (2024-10 and later) can be trusted with ports.

    Older ones let connections from this host look like loopback inside (CVE-2021-20199's trap), lose udp ports that
    change their number on the way, and offer no address for the host.
    """
    path = ctx.program("pasta", "connect the container by pasta")
    if path not in _modern:
        done = ctx.runner.run([path, "--help"], timeout=_START_SECONDS)
        _modern[path] = b"--map-guest-addr" in done.stdout + done.stderr
    return _modern[path]


def end_helpers(netns: str) -> None:
    """Wait for the programs of a namespace that is gone or going, so that their ports are free when this returns."""
    until_gone(
        f"end the network helpers of {netns}",
        _END_SECONDS,
        lambda: running(netns, "pasta", "passt", "slirp4netns"),
        lambda helpers: signal_all(helpers, signal.SIGTERM),
    )


def _pasta_ports(ports: Sequence[PortMapping]) -> list[str]:
    arguments = []
    used = {"tcp": False, "udp": False}
    for mapping in ports:
        if mapping.protocol not in used:
            raise BadInput(f"publish {mapping}", "pasta forwards tcp and udp only")
        used[mapping.protocol] = True
        flag = "-t" if mapping.protocol == "tcp" else "-u"
        address = f"{mapping.host_ip}/" if mapping.host_ip else ""
        outside, inside = mapping.host_port, mapping.container_port
        last = mapping.count - 1
        spec = f"{outside}-{outside + last}:{inside}-{inside + last}" if last else f"{outside}:{inside}"
        arguments += [flag, address + spec]
    for protocol, flag in (("tcp", "-t"), ("udp", "-u")):
        arguments += [] if used[protocol] else [flag, "none"]
    return [*arguments, "-T", "none", "-U", "none"]


def addresses_in(netns: str) -> tuple[str, ...]:
    """The addresses from which the namespace would talk to the world; asking sends no packet."""
    return netns_files.visit(netns, _own_addresses)


def _own_addresses() -> tuple[str, ...]:
    found = []
    for family, target in ((socket.AF_INET, "192.0.2.1"), (socket.AF_INET6, "2001:db8::1")):
        try:
            with socket.socket(family, socket.SOCK_DGRAM) as probe:
                probe.connect((target, 9))
                found.append(str(probe.getsockname()[0]))
        except OSError:  # no route of this family
            continue
    return tuple(found)


def slirp(
    ctx: NetContext, netns: str, ports: Sequence[PortMapping], api_socket: str, options: Sequence[str] = ()
) -> UserNet:
    """Start slirp4netns in the namespace and forward the ports; it ends when `keep_fds` are closed everywhere.

    `options` are podman's: mtu=N, enable_ipv6=BOOL, allow_host_loopback=BOOL, cidr=NET, outbound_addr=A,
    outbound_addr6=A, port_handler=slirp4netns|rootlesskit.
    """
    arguments, loopback = _slirp_arguments(options)
    reader, writer = os.pipe2(os.O_CLOEXEC)
    try:
        _start_slirp(ctx, netns, [*arguments, "--api-socket", api_socket] if ports else arguments, reader)
        for mapping in ports:
            _forward(api_socket, mapping)
    except BaseException:
        os.close(writer)
        raise
    finally:
        os.close(reader)
    # The router sits at .3 and .2 of whatever network it was given; only the standard one is asked for by its numbers.
    return UserNet((SLIRP_DNS,), SLIRP_HOST if loopback else "", addresses_in(netns), (writer,))


def _shared_slirp(ctx: NetContext, netns: str, pid_file: str) -> UserNet:
    arguments, _loopback = _slirp_arguments(ctx.settings.slirp_options)
    pid = _start_slirp(ctx, netns, arguments, None)
    with open(pid_file, "w", encoding="ascii") as file:
        file.write(str(pid))
    return UserNet((SLIRP_DNS,), "", (SLIRP_ADDRESS,))


def _slirp_arguments(options: Sequence[str]) -> tuple[list[str], bool]:
    mtu, loopback, ipv6 = "65520", False, True
    extra = []
    for option in options:
        key, _equals, value = option.partition("=")
        if key == "mtu" and value.isdigit():
            mtu = value
        elif key == "allow_host_loopback" and value in ("true", "false"):
            loopback = value == "true"
        elif key == "enable_ipv6" and value in ("true", "false"):
            ipv6 = value == "true"
        elif key == "cidr" and value == "10.0.2.0/24":
            continue
        elif key in ("outbound_addr", "outbound_addr6") and value:
            extra.append(f"--{key.replace('_', '-')}={value}")
        elif key == "port_handler" and value in ("slirp4netns", "rootlesskit"):
            continue  # decided by who publishes the ports
        else:
            raise BadInput("read the slirp4netns options", f"{option[:60]!r} is not one that is known here")
    arguments = [] if loopback else ["--disable-host-loopback"]
    arguments += [f"--mtu={mtu}", "--enable-sandbox", "--enable-seccomp", *(["--enable-ipv6"] if ipv6 else [])]
    return [*arguments, *extra], loopback


def _start_slirp(ctx: NetContext, netns: str, arguments: list[str], exit_fd: int | None) -> int:
    deed = "connect the container by slirp4netns"
    ready, told = os.pipe2(os.O_CLOEXEC)
    try:
        argv = [ctx.program("slirp4netns", deed), *arguments, "-c", "-r", str(told)]
        argv += ["-e", str(exit_fd)] if exit_fd is not None else []
        pass_fds = (told,) if exit_fd is None else (told, exit_fd)
        complaint, words = os.pipe2(os.O_CLOEXEC)
        try:
            argv += ["--netns-type=path", netns, "tap0"]
            child = ctx.runner.spawn(argv, pass_fds=pass_fds, new_session=True, stdout=words, stderr=words)
        finally:
            os.close(words)
        os.close(told)
        told = -1
        try:
            _wait_ready(ready, complaint, deed)
        finally:
            os.close(complaint)
        return child.pid
    finally:
        os.close(ready)
        if told >= 0:
            os.close(told)


def _wait_ready(ready: int, complaint: int, deed: str) -> None:
    if not select.select([ready], [], [], _START_SECONDS)[0]:
        raise TimedOut(deed, f"slirp4netns was not ready within {_START_SECONDS:g} s")
    if os.read(ready, 1) != b"1":
        _explain_tun(deed)
        raise ToolFailed(deed, "slirp4netns", 1, os.read(complaint, 65536).decode("utf-8", "replace"))


def _forward(api_socket: str, mapping: PortMapping) -> None:
    """One port at a time by slirp4netns' API (slirp4netns(1), API SOCKET)."""
    for offset in range(mapping.count):
        order = {
            "execute": "add_hostfwd",
            "arguments": {
                "proto": mapping.protocol,
                "host_addr": mapping.host_ip or "0.0.0.0",
                "host_port": mapping.host_port + offset,
                "guest_port": mapping.container_port + offset,
            },
        }
        with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as client:
            client.settimeout(_START_SECONDS)
            client.connect(api_socket)
            client.sendall(json.dumps(order).encode())
            client.shutdown(socket.SHUT_WR)
            answer = client.recv(65536)
        if b'"error"' in answer:
            raise ToolFailed(f"publish {mapping}", "slirp4netns", 1, answer.decode("utf-8", "replace"))


def _explain_tun(deed: str) -> None:
    """Raises HostLacks where /dev/net/tun is the likely cause."""
    if not os.access(_TUN, os.R_OK | os.W_OK):
        raise HostLacks(
            deed,
            f"{_TUN} is missing or not open to this user",
            "Load the module tun and give the device mode 0666",
        )
