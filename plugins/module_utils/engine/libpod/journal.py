# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing to the journal without its library: one datagram of fields (systemd, "Native Journal Protocol")."""

from __future__ import annotations

import errno
import os
import socket
import struct

SOCKET = "/run/systemd/journal/socket"


def encode(fields: dict[str, str]) -> bytes:
    """NAME=value lines; a value with a newline as NAME, newline, little-endian 64-bit length, value."""
    parts: list[bytes] = []
    for name, value in fields.items():
        data = value.encode("utf-8", "surrogateescape")
        if b"\n" in data:
            parts += [name.encode(), b"\n", struct.pack("<Q", len(data)), data, b"\n"]
        else:
            parts += [name.encode(), b"=", data, b"\n"]
    return b"".join(parts)


def send(fields: dict[str, str], path: str = SOCKET) -> None:
    """Raises OSError. What does not fit a datagram goes as a sealed memory file."""
    data = encode(fields)
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM | socket.SOCK_CLOEXEC) as channel:
        try:
            channel.sendto(data, path)
        except OSError as error:
            if error.errno not in (errno.EMSGSIZE, errno.ENOBUFS):
                raise
            _send_file(channel, data, path)


def _send_file(channel: socket.socket, data: bytes, path: str) -> None:
    import fcntl

    fd = os.memfd_create("journal", os.MFD_CLOEXEC | os.MFD_ALLOW_SEALING)
    try:
        view = memoryview(data)
        while view:
            view = view[os.write(fd, view) :]
        seals = fcntl.F_SEAL_SEAL | fcntl.F_SEAL_SHRINK | fcntl.F_SEAL_GROW | fcntl.F_SEAL_WRITE
        fcntl.fcntl(fd, fcntl.F_ADD_SEALS, seals)
        channel.sendmsg([], [(socket.SOL_SOCKET, socket.SCM_RIGHTS, struct.pack("i", fd))], 0, path)
    finally:
        os.close(fd)
