# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Asking systemd for a scope, by the one D-Bus call that this takes.

The wire format is that of the D-Bus specification, "Message Protocol"; the method is
org.freedesktop.systemd1.Manager.StartTransientUnit. Spoken directly because inside a user namespace the stock clients
authenticate as uid 0, which the user's bus refuses, and because starting one costs as much as starting conmon.
"""

from __future__ import annotations

import os
import struct
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import socket

    from ..base.jsonval import Json

_TIMEOUT = 5.0  # seconds for the bus, and for systemd to move the process
_CALL, _RETURN, _ERROR = 1, 2, 3
_REPLY_LIMIT = 1 << 20


def start_scope(name: str, slice_name: str, pid: int, uid: int | None, run: str = "/run") -> str:
    """Put `pid` in the new scope `name` of `slice_name`, of the system (`uid` None) or of the user's own manager.

    Returns when the process is there; returns why not as text.
    """
    import socket

    error = "no D-Bus socket"
    for path in _sockets(uid, run):
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as bus:
                bus.settimeout(_TIMEOUT)
                bus.connect(path)
                _log_in(bus, uid)
                if not path.endswith("/private"):
                    _exchange(bus, 1, _hello())
                error = _exchange(bus, 2, _start_transient_unit(name, slice_name, pid))
        except (OSError, ValueError, struct.error, IndexError) as problem:
            error = str(problem)
            continue
        if not error:
            return _arrived(name, pid)
    return f"systemd made no scope for the monitor: {error}"


def _sockets(uid: int | None, run: str) -> tuple[str, ...]:
    if uid is None:
        found = (f"{run}/systemd/private", f"{run}/dbus/system_bus_socket")
    else:
        found = (f"{run}/user/{uid}/systemd/private", f"{run}/user/{uid}/bus")
    return tuple(path for path in found if os.path.exists(path))


def _log_in(bus: socket.socket, uid: int | None) -> None:
    who = str(os.geteuid() if uid is None else uid).encode().hex()
    bus.sendall(b"\0AUTH EXTERNAL " + who.encode() + b"\r\n")
    answer = b""
    while not answer.endswith(b"\r\n"):
        piece = bus.recv(4096)
        if not piece or len(answer) > 4096:
            raise ValueError("the bus closed the connection")
        answer += piece
    if not answer.startswith(b"OK "):
        raise ValueError(f"the bus refused to authenticate: {answer[:80]!r}")
    bus.sendall(b"BEGIN\r\n")


class _Body:
    """A little-endian message under construction; every value is aligned to its own size from the start."""

    def __init__(self) -> None:
        self.data = bytearray()

    def align(self, size: int) -> None:
        self.data += b"\0" * (-len(self.data) % size)

    def u32(self, value: int) -> None:
        self.align(4)
        self.data += struct.pack("<I", value)

    def u64(self, value: int) -> None:
        self.align(8)
        self.data += struct.pack("<Q", value)

    def text(self, value: str) -> None:
        raw = value.encode()
        self.u32(len(raw))
        self.data += raw + b"\0"

    def signature(self, value: str) -> None:
        self.data += bytes([len(value)]) + value.encode() + b"\0"

    def open_array(self, element_align: int) -> tuple[int, int]:
        self.u32(0)
        where = len(self.data) - 4
        self.align(element_align)
        return where, len(self.data)

    def close_array(self, mark: tuple[int, int]) -> None:
        struct.pack_into("<I", self.data, mark[0], len(self.data) - mark[1])


class _Method:
    """What goes into the header of a method call."""

    def __init__(self, names: tuple[str, str, str, str], signature: str, body: bytes) -> None:
        self.destination, self.path, self.interface, self.member = names
        self.signature = signature
        self.body = body


def _hello() -> _Method:
    return _Method(("org.freedesktop.DBus", "/org/freedesktop/DBus", "org.freedesktop.DBus", "Hello"), "", b"")


def _start_transient_unit(name: str, slice_name: str, pid: int) -> _Method:
    body = _Body()
    body.text(name)
    body.text("fail")
    properties = body.open_array(8)
    body.align(8)
    body.text("PIDs")
    body.signature("au")
    pids = body.open_array(4)
    body.u32(pid)
    body.close_array(pids)
    body.align(8)
    body.text("Slice")
    body.signature("s")
    body.text(slice_name)
    for flag, value in (("Delegate", 1), ("DefaultDependencies", 0)):
        body.align(8)
        body.text(flag)
        body.signature("b")
        body.u32(value)
    body.close_array(properties)
    body.close_array(body.open_array(8))
    names = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
    return _Method((*names, "StartTransientUnit"), "ssa(sv)a(sa(sv))", bytes(body.data))


def limit_slice(name: str, limits: Json, before: Json, uid: int | None, run: str = "/run") -> str:
    """Hold the slice `name` to `limits`, a `linux.resources`, until the next boot; what only `before` had is taken
    back. Returns why not as text.
    """
    error = _call(_set_unit_properties(name, limits, before), uid, run)
    return f"systemd did not limit {name}: {error}" if error else ""


def stop_unit(name: str, uid: int | None, run: str = "/run") -> str:
    """Have a unit stopped; one that is not there is no failure. Returns why not as text."""
    body = _Body()
    body.text(name)
    body.text("replace")
    names = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
    error = _call(_Method((*names, "StopUnit"), "ss", bytes(body.data)), uid, run)
    return "" if "NoSuchUnit" in error else error


def _call(method: _Method, uid: int | None, run: str) -> str:
    import socket

    error = "no D-Bus socket"
    for path in _sockets(uid, run):
        try:
            with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM | socket.SOCK_CLOEXEC) as bus:
                bus.settimeout(_TIMEOUT)
                bus.connect(path)
                _log_in(bus, uid)
                if not path.endswith("/private"):
                    _exchange(bus, 1, _hello())
                return _exchange(bus, 2, method)
        except (OSError, ValueError, struct.error, IndexError) as problem:
            error = str(problem)
    return error


def _set_unit_properties(name: str, limits: Json, before: Json) -> _Method:
    from .systemd_limits import properties

    body = _Body()
    body.text(name)
    body.u32(1)  # until the next boot
    listed = body.open_array(8)
    for key, kind, value in properties(limits, before):
        body.align(8)
        body.text(key)
        body.signature(kind)
        if isinstance(value, int):
            body.u64(value)
        elif isinstance(value, bytes):
            body.u32(len(value))
            body.data += value
        else:
            pairs = body.open_array(8)
            for device, rate in value:
                body.align(8)
                body.text(device)
                body.u64(rate)
            body.close_array(pairs)
    body.close_array(listed)
    names = ("org.freedesktop.systemd1", "/org/freedesktop/systemd1", "org.freedesktop.systemd1.Manager")
    return _Method((*names, "SetUnitProperties"), "sba(sv)", bytes(body.data))


def _exchange(bus: socket.socket, serial: int, method: _Method) -> str:
    """Send a call and wait for its answer: "" when it was done, else the error's name and words."""
    head = _Body()
    head.data += struct.pack("<BBBBII", ord("l"), _CALL, 0, 1, len(method.body), serial)
    fields = head.open_array(8)
    for code, kind, value in (
        (1, "o", method.path),
        (2, "s", method.interface),
        (3, "s", method.member),
        (6, "s", method.destination),
        (8, "g", method.signature),
    ):
        if not value:
            continue
        head.align(8)
        head.data.append(code)
        head.signature(kind)
        if kind == "g":
            head.signature(value)
        else:
            head.text(value)
    head.close_array(fields)
    head.align(8)
    bus.sendall(bytes(head.data) + method.body)
    while True:
        kind_of, answered, error, body = _receive(bus)
        if answered == serial and kind_of == _RETURN:
            return ""
        if answered == serial and kind_of == _ERROR:
            length = struct.unpack_from("<I", body)[0] if len(body) >= 4 else 0
            return f"{error}: {body[4 : 4 + length].decode('utf-8', 'replace')}"


def _receive(bus: socket.socket) -> tuple[int, int, str, bytes]:
    """(type, serial answered, error name, body) of the next message."""
    fixed = _exactly(bus, 16)
    if fixed[:1] != b"l":
        raise ValueError("the bus answered in big-endian order")
    kind = fixed[1]
    body_length, _serial, fields_length = struct.unpack_from("<III", fixed, 4)
    if body_length > _REPLY_LIMIT or fields_length > _REPLY_LIMIT:
        raise ValueError("the answer of the bus is too long")
    fields = _exactly(bus, fields_length + -fields_length % 8)
    answered, error = _header(fields, fields_length)
    return kind, answered, error, _exactly(bus, body_length)


def _header(fields: bytes, length: int) -> tuple[int, str]:
    """The reply serial (field 5) and error name (field 4); positions are aligned since 16 bytes went before."""
    answered, error, at = 0, "", 0
    while at < length:
        at += -at % 8
        code, size = fields[at], fields[at + 1]
        kind = fields[at + 2 : at + 2 + size].decode()
        at += 3 + size
        if kind == "g":
            at += 2 + fields[at]
            continue
        at += -at % 4
        value = struct.unpack_from("<I", fields, at)[0]
        at += 4
        if kind == "u":
            answered = value if code == 5 else answered
            continue
        if code == 4:
            error = fields[at : at + value].decode("utf-8", "replace")
        at += value + 1
    return answered, error


def _exactly(bus: socket.socket, count: int) -> bytes:
    data = b""
    while len(data) < count:
        piece = bus.recv(count - len(data))
        if not piece:
            raise ValueError("the bus closed the connection")
        data += piece
    return data


def _arrived(name: str, pid: int) -> str:
    """systemd answers when the job is queued; the process moves a moment later."""
    end = time.monotonic() + _TIMEOUT
    while time.monotonic() < end:
        try:
            with open(f"/proc/{pid}/cgroup", encoding="utf-8", errors="replace") as file:
                if name in file.read():
                    return ""
        except OSError:
            return "the monitor ended before systemd moved it"
        time.sleep(0.002)
    return "systemd did not move the monitor to its scope in time"
