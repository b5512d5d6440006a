"""The one D-Bus call that asks systemd for a scope, checked by a bus that decodes it strictly."""

from __future__ import annotations

import os
import shutil
import socket
import struct
import subprocess
import threading
import time
from pathlib import Path

import pytest
from ansible_collections.daemonless.oci.plugins.module_utils.engine.host.systemd_scope import start_scope

UID = 1500


class Bus:
    """Answers one client: authenticates it, then replies to each call as told."""

    def __init__(self, path: Path, error: str = "") -> None:
        path.parent.mkdir(parents=True)
        self._server = socket.socket(socket.AF_UNIX)
        self._server.bind(str(path))
        self._server.listen()
        self._error = error
        self.login = b""
        self.calls: list[tuple[str, bytes]] = []
        self._thread = threading.Thread(target=self._serve, daemon=True)
        self._thread.start()

    def _serve(self) -> None:
        client, _address = self._server.accept()
        with client:
            while b"\r\n" not in self.login:
                self.login += client.recv(100)
            client.sendall(b"OK 1234\r\n")
            rest = b""
            while not rest.startswith(b"BEGIN\r\n"):
                rest += client.recv(4096)
            rest = rest[7:]
            while True:
                while len(rest) < 16 or len(rest) < self._length(rest):
                    piece = client.recv(4096)
                    if not piece:
                        return
                    rest += piece
                size = self._length(rest)
                message, rest = rest[:size], rest[size:]
                self._answer(client, message)

    @staticmethod
    def _length(data: bytes) -> int:
        body, _serial, fields = struct.unpack_from("<III", data, 4)
        return 16 + (fields + 7) // 8 * 8 + int(body)

    def _answer(self, client: socket.socket, message: bytes) -> None:
        body, serial, fields = struct.unpack_from("<III", message, 4)
        head = message[16 : 16 + fields]
        member = next(name for name in ("Hello", "StartTransientUnit") if name.encode() in head)
        self.calls.append((member, message[-body:] if body else b""))
        signal = self._message(4, 99, b"")  # something that the client did not ask for
        if member == "StartTransientUnit" and self._error:
            name = self._field(4, "s", struct.pack("<I", 11) + b"org.x.Wrong\0")
            text = self._error.encode()
            payload = struct.pack("<I", len(text)) + text + b"\0"
            client.sendall(signal + self._message(3, serial, payload, name))
        else:
            client.sendall(signal + self._message(2, serial, b""))

    @staticmethod
    def _field(code: int, kind: str, value: bytes) -> bytes:
        raw = bytes([code, 1]) + kind.encode() + b"\0" + value
        return raw + b"\0" * (-len(raw) % 8)

    def _message(self, kind: int, serial: int, payload: bytes, extra: bytes = b"") -> bytes:
        fields = extra + bytes([5, 1]) + b"u\0" + struct.pack("<I", serial)
        head = struct.pack("<BBBBIII", ord("l"), kind, 0, 1, len(payload), 7, len(fields)) + fields
        return head + b"\0" * (-len(head) % 8) + payload


def test_a_plain_users_call(tmp_path: Path) -> None:
    bus = Bus(tmp_path / f"user/{UID}/bus")
    child = subprocess.Popen(["true"])
    child.wait()
    said = start_scope("libpod-conmon-abc.scope", "user.slice", child.pid, UID, str(tmp_path))
    assert said == "the monitor ended before systemd moved it"
    assert bus.login == b"\0AUTH EXTERNAL " + b"31353030" + b"\r\n", "the id outside our user namespace"
    assert [name for name, _body in bus.calls] == ["Hello", "StartTransientUnit"]
    body = bus.calls[1][1]
    expected = b"".join(
        (
            struct.pack("<I", 23) + b"libpod-conmon-abc.scope\0",
            struct.pack("<I", 4) + b"fail\0" + b"\0" * 3,
        )
    )
    assert body.startswith(expected)
    assert struct.pack("<II", 4, child.pid) in body
    for word in (
        b"PIDs\0\x02au\0",
        b"Slice\0\x01s\0",
        b"user.slice\0",
        b"Delegate\0\x01b\0",
        b"DefaultDependencies\0\x01b\0",
    ):
        assert word in body


def test_a_refusal_is_told(tmp_path: Path) -> None:
    Bus(tmp_path / f"user/{UID}/bus", "Unit x.scope already exists")
    said = start_scope("x.scope", "user.slice", os.getpid(), UID, str(tmp_path))
    assert said == "systemd made no scope for the monitor: org.x.Wrong: Unit x.scope already exists"


def test_without_a_bus(tmp_path: Path) -> None:
    assert "no D-Bus socket" in start_scope("x.scope", "machine.slice", os.getpid(), None, str(tmp_path))


def test_a_bus_that_hangs_up(tmp_path: Path) -> None:
    path = tmp_path / "dbus"
    path.mkdir()
    with socket.socket(socket.AF_UNIX) as server:
        server.bind(str(path / "system_bus_socket"))
        server.listen()

        def hang_up() -> None:
            server.accept()[0].close()

        threading.Thread(target=hang_up, daemon=True).start()
        said = start_scope("x.scope", "machine.slice", os.getpid(), None, str(tmp_path))
    assert said.startswith("systemd made no scope for the monitor: ")


def test_a_real_bus_accepts_every_byte(tmp_path: Path) -> None:
    """dbus-daemon checks each message against the specification and drops a client that sends a wrong one."""
    daemon = shutil.which("dbus-daemon")
    if daemon is None:
        pytest.skip("dbus-daemon is not installed")
    (tmp_path / "dbus").mkdir()
    config = tmp_path / "bus.conf"
    config.write_text(
        '<!DOCTYPE busconfig PUBLIC "-//freedesktop//DTD D-Bus Bus Configuration 1.0//EN" '
        '"http://www.freedesktop.org/standards/dbus/1.0/busconfig.dtd"><busconfig><type>custom</type>'
        f"<listen>unix:path={tmp_path}/dbus/system_bus_socket</listen><auth>EXTERNAL</auth>"
        '<policy context="default"><allow send_destination="*"/><allow eavesdrop="true"/></policy></busconfig>'
    )
    child = subprocess.Popen([daemon, f"--config-file={config}", "--nofork"])
    try:
        end = time.monotonic() + 60
        while True:  # until it listens
            said = start_scope("x.scope", "machine.slice", os.getpid(), None, str(tmp_path))
            if "org.freedesktop.DBus" in said or time.monotonic() > end:
                break
            time.sleep(0.01)
    finally:
        child.terminate()
        child.wait()
    assert "org.freedesktop.DBus.Error.ServiceUnknown" in said or "NameHasNoOwner" in said, said
