# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The forwarder itself: carries tcp streams and udp datagrams from host sockets into a container's namespace.

One thread, one epoll. The host sockets were bound outside; this process then joins the container's network namespace,
so what it connects comes from the container's own address, never from loopback: a server that trusts 127.0.0.1 does
not trust the world (CVE-2021-20199). Memory is bounded: a stream holds at most one block it could not yet pass on per
direction, streams and udp peers are limited in number.
"""

from __future__ import annotations

import errno
import ipaddress
import json
import os
import select
import signal
import socket
import struct
import time
from typing import TYPE_CHECKING

from ..host import libc

if TYPE_CHECKING:
    from collections.abc import Callable

_BLOCK = 256 * 1024
_DATAGRAM = 65536
_MAX_STREAMS = 4096
_MAX_PEERS = 1024
_PEER_SECONDS = 90.0
_ACCEPTS_PER_TURN = 64
_DATAGRAMS_PER_TURN = 64
_RESET = struct.pack("ii", 1, 0)
_IN, _OUT = select.EPOLLIN, select.EPOLLOUT
_GONE = select.EPOLLHUP | select.EPOLLERR


class Loop:
    """Descriptors and what to do when they are ready."""

    def __init__(self) -> None:
        self.epoll = select.epoll()
        self.handlers: dict[int, Callable[[int], None]] = {}
        self.running = True

    def add(self, fd: int, events: int, handler: Callable[[int], None]) -> None:
        self.handlers[fd] = handler
        self.epoll.register(fd, events)

    def change(self, fd: int, events: int) -> None:
        self.epoll.modify(fd, events)

    def drop(self, fd: int) -> None:
        if self.handlers.pop(fd, None):
            self.epoll.unregister(fd)

    def run(self, tick: Callable[[], None]) -> None:
        while self.running:
            for fd, events in self.epoll.poll(5.0):
                handler = self.handlers.get(fd)  # an earlier handler of this turn may have closed it
                if handler:
                    handler(events)
            tick()


class Side:
    """One socket of a stream: what still waits to be sent to it, and which directions have ended."""

    def __init__(self, sock: socket.socket) -> None:
        self.sock = sock
        self.pending = b""
        self.read_done = False
        self.write_shut = False
        self.events = 0


class Stream:
    """A client and the container, and the bytes between them; half-closed connections stay half-closed."""

    def __init__(self, loop: Loop, client: socket.socket, server: socket.socket, done: Callable[[], None]) -> None:
        self.loop = loop
        self.client, self.server = Side(client), Side(server)
        self.connected = False
        self.closed = False
        self.done = done
        loop.add(client.fileno(), 0, lambda events: self._ready(self.client, self.server, events))
        loop.add(server.fileno(), _OUT, lambda events: self._ready(self.server, self.client, events))
        self.server.events = _OUT

    def _ready(self, side: Side, other: Side, events: int) -> None:
        try:
            if not self.connected:
                self._finish_connect(side, events)
                return
            if events & (_OUT | _GONE) and side.pending:
                self._flush(side)
            if events & (_IN | _GONE) and not side.read_done and not other.pending:
                self._read(side, other)
        except (ConnectionError, TimeoutError):
            self.close(reset=True)
            return
        except OSError as error:
            if error.errno not in (errno.EHOSTUNREACH, errno.ENETUNREACH, errno.ENOTCONN, errno.EPIPE):
                raise
            self.close(reset=True)
            return
        self._watch()

    def _finish_connect(self, side: Side, events: int) -> None:
        if side is not self.server:
            self.close(reset=True)  # the client gave up before the container answered
            return
        if self.server.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR) or events & select.EPOLLERR:
            self.close(reset=True)
            return
        self.connected = True
        self._watch()

    def _read(self, side: Side, other: Side) -> None:
        try:
            data = side.sock.recv(_BLOCK)
        except BlockingIOError:
            return
        if data:
            other.pending = data
            self._flush(other)
            return
        side.read_done = True
        if not other.pending:
            self._shut(other)

    def _flush(self, side: Side) -> None:
        try:
            sent = side.sock.send(side.pending)
        except BlockingIOError:
            return
        side.pending = side.pending[sent:]
        source = self.client if side is self.server else self.server
        if not side.pending and source.read_done:
            self._shut(side)

    def _shut(self, side: Side) -> None:
        if not side.write_shut:
            side.write_shut = True
            side.sock.shutdown(socket.SHUT_WR)

    def _watch(self) -> None:
        if self.closed:
            return
        if self.client.write_shut and self.server.write_shut:
            self.close()
            return
        for side, other in ((self.client, self.server), (self.server, self.client)):
            wanted = (_OUT if side.pending else 0) | (_IN if not side.read_done and not other.pending else 0)
            if wanted != side.events:
                side.events = wanted
                self.loop.change(side.sock.fileno(), wanted)

    def close(self, reset: bool = False) -> None:
        if self.closed:
            return
        self.closed = True
        for side in (self.client, self.server):
            self.loop.drop(side.sock.fileno())
            if reset:
                side.sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            side.sock.close()
        self.done()


class TcpPort:
    def __init__(self, loop: Loop, listener: socket.socket, target: tuple[str, int]) -> None:
        self.loop, self.listener, self.target = loop, listener, target
        self.streams: set[Stream] = set()
        self.paused = False
        listener.setblocking(False)
        loop.add(listener.fileno(), _IN, self._accept)

    def _accept(self, events: int) -> None:
        for _turn in range(_ACCEPTS_PER_TURN):
            if len(self.streams) >= _MAX_STREAMS:
                self._pause()
                return
            try:
                client = self.listener.accept()[0]
            except BlockingIOError:
                return
            except OSError as error:
                if error.errno in (errno.EMFILE, errno.ENFILE, errno.ENOBUFS, errno.ENOMEM):
                    self._pause()
                    return
                continue  # this one client vanished between its arrival and now (accept(2))
            self._open(client)

    def _open(self, client: socket.socket) -> None:
        client.setblocking(False)
        try:
            server = socket.socket(socket.AF_INET6 if ":" in self.target[0] else socket.AF_INET, socket.SOCK_STREAM)
        except OSError:  # out of descriptors: this client waits no longer than the kernel lets it
            client.close()
            return
        server.setblocking(False)
        for sock in (client, server):
            sock.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        # Without an address the container is on no network now. "" would be this very process' namespace.
        result = server.connect_ex(self.target) if self.target[0] else errno.ENETUNREACH
        if result not in (0, errno.EINPROGRESS):
            client.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, _RESET)
            client.close()
            server.close()
            return
        stream = Stream(self.loop, client, server, lambda: self._ended(stream))
        self.streams.add(stream)

    def lead_to(self, address: str) -> None:
        """Streams that are open stay where they lead: they end when their address goes."""
        self.target = (address, self.target[1])

    def _ended(self, stream: Stream) -> None:
        self.streams.discard(stream)
        if self.paused:
            self.paused = False
            self.loop.change(self.listener.fileno(), _IN)

    def _pause(self) -> None:
        """Leave further clients in the kernel's queue until a stream ends."""
        if self.streams and not self.paused:
            self.paused = True
            self.loop.change(self.listener.fileno(), 0)


class UdpPort:
    """Every peer gets a socket of its own towards the container, so that answers find their way back."""

    def __init__(self, loop: Loop, outside: socket.socket, target: tuple[str, int]) -> None:
        self.loop, self.outside, self.target = loop, outside, target
        self.peers: dict[object, tuple[socket.socket, list[float]]] = {}
        outside.setblocking(False)
        loop.add(outside.fileno(), _IN, self._inward)

    def _inward(self, events: int) -> None:
        for _turn in range(_DATAGRAMS_PER_TURN):
            try:
                data, peer = self.outside.recvfrom(_DATAGRAM)
            except OSError:  # nothing more, or an ICMP error of an earlier answer
                return
            inside = self._socket_for(peer)
            if inside:
                _send(inside, data)

    def _socket_for(self, peer: object) -> socket.socket | None:
        known = self.peers.pop(peer, None)
        if known is None:
            while len(self.peers) >= _MAX_PEERS:
                self._forget(next(iter(self.peers)))
            try:
                inside = socket.socket(socket.AF_INET6 if ":" in self.target[0] else socket.AF_INET, socket.SOCK_DGRAM)
            except OSError:
                return None
            inside.setblocking(False)
            if not self.target[0] or inside.connect_ex(self.target):
                inside.close()
                return None
            known = (inside, [0.0])
            self.loop.add(inside.fileno(), _IN, lambda events: self._outward(peer, inside))
        known[1][0] = time.monotonic()
        self.peers[peer] = known  # last in order: the longest silent one comes first
        return known[0]

    def _outward(self, peer: object, inside: socket.socket) -> None:
        for _turn in range(_DATAGRAMS_PER_TURN):
            try:
                data = inside.recv(_DATAGRAM)
            except OSError:
                return
            known = self.peers.get(peer)
            if known:
                known[1][0] = time.monotonic()
            try:
                self.outside.sendto(data, peer)  # type: ignore[call-overload]
            except OSError:
                continue  # a datagram may be lost

    def _forget(self, peer: object) -> None:
        inside = self.peers.pop(peer)[0]
        self.loop.drop(inside.fileno())
        inside.close()

    def lead_to(self, address: str) -> None:
        self.target = (address, self.target[1])
        for peer in list(self.peers):
            self._forget(peer)

    def expire(self) -> None:
        limit = time.monotonic() - _PEER_SECONDS
        for peer in [peer for peer, (_sock, seen) in self.peers.items() if seen[0] < limit]:
            self._forget(peer)


class Instructions:
    """Where whoever changes the container's networks says which address the ports lead to from now on: one JSON text,
    answered by OK, as podman's rootlessport has it."""

    def __init__(self, loop: Loop, listener: socket.socket, ports: list[TcpPort | UdpPort]) -> None:
        self.loop, self.listener, self.ports = loop, listener, ports
        listener.setblocking(False)
        loop.add(listener.fileno(), _IN, self._accept)

    def _accept(self, events: int) -> None:
        try:
            talk = self.listener.accept()[0]
        except OSError:
            return
        talk.setblocking(False)
        self.loop.add(talk.fileno(), _IN, lambda events: self._obey(talk))

    def _obey(self, talk: socket.socket) -> None:
        self.loop.drop(talk.fileno())
        with talk:
            try:
                address = json.loads(talk.recv(4096))
                if address:
                    ipaddress.ip_address(address)
            except (OSError, ValueError) as error:
                _send(talk, f"{error}".encode())
                return
            for port in self.ports:
                port.lead_to(str(address))
            _send(talk, b"OK")


def _send(sock: socket.socket, data: bytes) -> None:
    try:
        sock.send(data)
    except OSError:
        pass  # a datagram may be lost; an answer that nobody listens shows up here too


def main(argv: list[str]) -> int:
    """Read the job from standard input and serve until the keep pipe closes. The exit code."""
    with open(0, "rb", closefd=False) as file:
        job = json.loads(file.read())
    ready = int(job["ready"])
    try:
        loop, ports = _open_all(job)
    except OSError as error:
        os.write(ready, f"{job['netns']}: {error.strerror}".encode())
        return 1
    _settle()
    os.write(ready, b"ready")
    os.close(ready)
    loop.run(lambda: _expire(ports))
    if job.get("path"):
        try:
            os.unlink(str(job["path"]))
        except FileNotFoundError:
            pass
    return 0


def _open_all(job: dict[str, object]) -> tuple[Loop, list[UdpPort]]:
    place = os.open(str(job["netns"]), os.O_RDONLY | os.O_CLOEXEC)
    libc.setns(place, libc.CLONE_NEWNET)
    os.close(place)
    loop = Loop()
    udp_ports = []
    ports: list[TcpPort | UdpPort] = []
    orders = job["ports"]
    for fd, protocol, address, port in orders if isinstance(orders, list) else ():
        sock = socket.socket(fileno=fd)
        if protocol == "tcp":
            ports.append(TcpPort(loop, sock, (address, port)))
        else:
            udp_ports.append(UdpPort(loop, sock, (address, port)))
    if int(str(job.get("listener", -1))) >= 0:
        Instructions(loop, socket.socket(fileno=int(str(job["listener"]))), [*ports, *udp_ports])
    keep = int(str(job["keep"]))

    def stop(events: int) -> None:
        loop.running = False

    loop.add(keep, _IN, stop)
    return loop, udp_ports


def _expire(ports: list[UdpPort]) -> None:
    for port in ports:
        port.expire()


def _settle() -> None:
    """Hold on to nothing of whoever started us: directory, terminal, output; survive their hang-up."""
    import resource

    os.chdir("/")
    null = os.open(os.devnull, os.O_RDWR)
    for fd in (0, 1, 2):
        os.dup2(null, fd)
    os.close(null)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)
    signal.signal(signal.SIGPIPE, signal.SIG_IGN)
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = 2 * _MAX_STREAMS + 2 * _MAX_PEERS
    if soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (min(wanted, hard) if hard > 0 else wanted, hard))
