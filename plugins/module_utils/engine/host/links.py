# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Network links by rtnetlink(7): listing and deleting them, and making the plain ones. No program is started.

All of it concerns the network namespace of the calling thread.
"""

from __future__ import annotations

import errno
import os
import socket
import struct
import sys
from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

_NLMSG = struct.Struct("=IHHII")
_IFINFO = struct.Struct("=BxHiII")
_RTATTR = struct.Struct("=HH")
_RTM_NEWLINK, _RTM_DELLINK, _RTM_GETLINK = 16, 17, 18
_NLM_F_REQUEST, _NLM_F_ACK, _NLM_F_DUMP, _NLM_F_CREATE, _NLM_F_EXCL = 1, 4, 0x300, 0x400, 0x200
_NLMSG_ERROR, _NLMSG_DONE = 2, 3
_IFLA_IFNAME, _IFLA_LINK, _IFLA_MASTER, _IFLA_LINKINFO = 3, 5, 10, 18
_IFLA_INFO_KIND = 1
_IFF_UP = 1


class Link(NamedTuple):
    """`master` is the number of the bridge it is a port of, 0 for none; `kind` as "veth", "bridge", "" for hardware;
    `other` the number of a veth pair's other end, where that is."""

    number: int
    name: str
    master: int
    kind: str
    other: int = 0


def links() -> list[Link]:
    """Every link of the namespace."""
    request = _IFINFO.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
    return [
        _link(body) for kind, body in _talk(_RTM_GETLINK, _NLM_F_DUMP, request) if kind == _RTM_NEWLINK
    ]


def delete(name: str) -> bool:
    """Delete the link; False when there is none of this name."""
    try:
        index = socket.if_nametoindex(name)
    except OSError:
        return False
    try:
        _talk(_RTM_DELLINK, _NLM_F_ACK, _IFINFO.pack(socket.AF_UNSPEC, 0, index, 0, 0))
    except OSError as error:
        if error.errno == errno.ENODEV:
            return False
        raise
    return True


def up(name: str) -> None:
    """Switch the link on. Raises OSError when there is none of this name."""
    body = _IFINFO.pack(socket.AF_UNSPEC, 0, socket.if_nametoindex(name), _IFF_UP, _IFF_UP)
    _talk(_RTM_NEWLINK, _NLM_F_ACK, body)


def add_bridges(names: Sequence[str]) -> None:
    """Bridges without ports: plain links that every host able to run containers can make."""
    kind = _attribute(_IFLA_INFO_KIND, b"bridge")
    for name in names:
        body = _IFINFO.pack(socket.AF_UNSPEC, 0, 0, 0, 0)
        body += _attribute(_IFLA_IFNAME, name.encode() + b"\0") + _attribute(_IFLA_LINKINFO, kind)
        _talk(_RTM_NEWLINK, _NLM_F_ACK | _NLM_F_CREATE | _NLM_F_EXCL, body)


def _attribute(kind: int, value: bytes) -> bytes:
    raw = _RTATTR.pack(_RTATTR.size + len(value), kind) + value
    return raw.ljust(-(-len(raw) // 4) * 4, b"\0")


def _attributes(raw: bytes) -> dict[int, bytes]:
    found = {}
    offset = 0
    while offset + _RTATTR.size <= len(raw):
        length, kind = _RTATTR.unpack_from(raw, offset)
        if length < _RTATTR.size:
            break
        found[kind & 0x3FFF] = raw[offset + _RTATTR.size : offset + length]
        offset += -(-length // 4) * 4
    return found


def _link(body: bytes) -> Link:
    index = _IFINFO.unpack_from(body)[2]
    attributes = _attributes(body[_IFINFO.size :])
    name = attributes.get(_IFLA_IFNAME, b"").rstrip(b"\0").decode("utf-8", "replace")
    master, other = (int.from_bytes(attributes.get(key, b""), sys.byteorder) for key in (_IFLA_MASTER, _IFLA_LINK))
    info = _attributes(attributes.get(_IFLA_LINKINFO, b""))
    return Link(index, name, master, info.get(_IFLA_INFO_KIND, b"").rstrip(b"\0").decode("ascii", "replace"), other)


def _talk(kind: int, flags: int, body: bytes) -> list[tuple[int, bytes]]:
    """Send one request, gather its answers. Raises OSError with the kernel's errno."""
    with socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC, 0) as channel:
        channel.bind((0, 0))
        channel.send(_NLMSG.pack(_NLMSG.size + len(body), kind, _NLM_F_REQUEST | flags, 1, 0) + body)
        answers: list[tuple[int, bytes]] = []
        while True:
            data = channel.recv(1 << 20)
            offset = 0
            while offset + _NLMSG.size <= len(data):
                length, answer, _flags, _sequence, _port = _NLMSG.unpack_from(data, offset)
                content = data[offset + _NLMSG.size : offset + length]
                if answer == _NLMSG_DONE:
                    return answers
                if answer == _NLMSG_ERROR:
                    number = -struct.unpack_from("=i", content)[0]
                    if number:
                        raise OSError(number, os.strerror(number))
                    return answers
                answers.append((answer, content))
                offset += -(-length // 4) * 4
