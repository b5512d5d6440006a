# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Published ports as values: every spelling podman-run(1) knows under --publish, and one canonical form.

A mapping is a run of `count` consecutive ports of one protocol. `host_port` 0 asks for a free one, and an empty
`host_ip` means every address of the host.
"""

from __future__ import annotations

import re
import socket
from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput
from ..base.jsonval import tables
from ..base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..base.jsonval import Json

PROTOCOLS = ("tcp", "udp", "sctp")
_LAST_PORT = 65535
_RANGE = patterns.compile(r"([0-9]{1,5})(?:-([0-9]{1,5}))?$", patterns.ASCII)
_SHAPE = patterns.compile(
    r"(?:(?:\[(?P<v6>[^\]]*)\]|(?P<v4>[^:\[\]]*)):)??(?:(?P<host>[0-9-]*):)?(?P<inside>[^:\[\]/]+)$"
)
_ANY = ("", "0.0.0.0")


@dataclass(frozen=True)
class PortMapping:
    container_port: int
    host_port: int = 0
    protocol: str = "tcp"
    host_ip: str = ""
    count: int = 1

    @property
    def is_ipv6(self) -> bool:
        return ":" in self.host_ip

    @property
    def host_ports(self) -> range:
        return range(self.host_port, self.host_port + self.count)

    def __str__(self) -> str:
        address = f"[{self.host_ip}]" if self.is_ipv6 else self.host_ip
        outside = _range_text(self.host_port, self.count) if self.host_port else ""
        inside = f"{_range_text(self.container_port, self.count)}/{self.protocol}"
        if address:
            return f"{address}:{outside}:{inside}"
        return f"{outside}:{inside}" if outside else inside


def parse(text: str | int) -> tuple[PortMapping, ...]:
    """The mappings of one --publish value: `[ADDRESS:][HOSTPORT[-END]:]PORT[-END][/PROTOCOL[,PROTOCOL]]`.

    Several protocols give several mappings. Raises BadInput.
    """
    value = str(text).strip()
    body, slash, protocol_text = value.partition("/")
    protocols = _protocols(protocol_text, value) if slash else ("tcp",)
    found = _SHAPE.match(body)
    if not found:
        raise _bad(value, _shape_hint(body))
    address = _address(found, value)
    inside, inside_count = _ports(found["inside"], value, "container")
    outside, count = 0, inside_count
    if found["host"]:
        outside, count = _ports(found["host"], value, "host")
    if count != inside_count:
        raise _bad(value, f"{count} host ports cannot be mapped to {inside_count} container ports")
    return tuple(PortMapping(inside, outside, protocol, address, count) for protocol in protocols)


def _bad(value: str, cause: str) -> BadInput:
    return BadInput(f"read port {value[:80]!r}", cause)


def _shape_hint(body: str) -> str:
    if body.count(":") > 2 and "[" not in body:
        return "an IPv6 address is written in brackets, as in [::1]:8080:80"
    return "expected [ADDRESS:][HOSTPORT:]PORT[/PROTOCOL], as in 127.0.0.1:8080:80/tcp"


def _protocols(text: str, value: str) -> tuple[str, ...]:
    names = tuple(dict.fromkeys(name.strip().lower() for name in text.split(",")))
    for name in names:
        if name not in PROTOCOLS:
            raise _bad(value, f"protocol {name!r} is not one of {', '.join(PROTOCOLS)}")
    return names


def _address(found: re.Match[str], value: str) -> str:
    if found["v6"] is not None:
        try:
            return socket.inet_ntop(socket.AF_INET6, socket.inet_pton(socket.AF_INET6, found["v6"]))
        except OSError:
            raise _bad(value, f"{found['v6']!r} is not an IPv6 address") from None
    text = found["v4"] or ""
    if not text:
        return ""
    try:
        return socket.inet_ntop(socket.AF_INET, socket.inet_pton(socket.AF_INET, text))
    except OSError:
        raise _bad(value, f"{text!r} is not an IP address") from None


def _ports(text: str, value: str, side: str) -> tuple[int, int]:
    found = _RANGE.match(text)
    if not found:
        raise _bad(value, f"{text!r} is not a {side} port or a range of them")
    first = int(found[1])
    last = int(found[2]) if found[2] else first
    if not 1 <= first <= _LAST_PORT or not 1 <= last <= _LAST_PORT:
        raise _bad(value, f"{side} port {text} is outside 1 to {_LAST_PORT}")
    if last < first:
        raise _bad(value, f"{side} port range {text} runs backwards")
    return first, last - first + 1


def _range_text(first: int, count: int) -> str:
    return str(first) if count == 1 else f"{first}-{first + count - 1}"


def parse_all(texts: Iterable[str | int]) -> tuple[PortMapping, ...]:
    """Every mapping of a list of --publish values, in canonical form. Raises BadInput."""
    return canonical(mapping for text in texts for mapping in parse(text))


def canonical(mappings: Iterable[PortMapping]) -> tuple[PortMapping, ...]:
    """Equal sets of published ports give equal tuples: sorted, duplicates gone, neighbours joined to ranges.

    0.0.0.0 becomes "every address", which is how both podman and a reader of `0.0.0.0:8080:80` take it. Mappings
    that ask for a free host port come last and are not joined. Raises BadInput where one host port would lead to two
    places.
    """
    singles = set()
    free = set()
    for mapping in mappings:
        address = "" if mapping.host_ip in _ANY else mapping.host_ip
        if not mapping.host_port:
            free.add(PortMapping(mapping.container_port, 0, mapping.protocol, address, mapping.count))
            continue
        for offset in range(mapping.count):
            singles.add((address, mapping.protocol, mapping.host_port + offset, mapping.container_port + offset))
    _refuse_two_targets(singles)
    return (*_join(sorted(singles)), *sorted(free, key=_order))


def _order(mapping: PortMapping) -> tuple[str, str, int, int, int]:
    return (mapping.host_ip, mapping.protocol, mapping.host_port, mapping.container_port, mapping.count)


def _refuse_two_targets(singles: set[tuple[str, str, int, int]]) -> None:
    targets: dict[tuple[str, int], dict[str, int]] = {}
    for address, protocol, outside, inside in sorted(singles):
        places = targets.setdefault((protocol, outside), {})
        rivals = places if not address else [known for known in (address, "") if known in places]
        for rival in rivals:
            other = places[rival]
            if address == rival or not (":" in rival or ":" in address):
                shown = f"{address}:{outside}" if address else str(outside)
                raise BadInput(f"publish host port {shown}/{protocol}", f"given twice, to port {other} and to {inside}")
        places[address] = inside


def _join(singles: list[tuple[str, str, int, int]]) -> list[PortMapping]:
    joined: list[PortMapping] = []
    for address, protocol, outside, inside in singles:
        if joined:
            last = joined[-1]
            follows = (last.host_ip, last.protocol, last.host_port + last.count, last.container_port + last.count)
            if follows == (address, protocol, outside, inside):
                joined[-1] = PortMapping(last.container_port, last.host_port, protocol, address, last.count + 1)
                continue
        joined.append(PortMapping(inside, outside, protocol, address))
    return joined


def fill_free_ports(
    mappings: Iterable[PortMapping], pick: Callable[[PortMapping], int]
) -> tuple[PortMapping, ...]:
    """Give every mapping with host port 0 the first port that `pick` returns for it, in order."""
    return tuple(
        mapping
        if mapping.host_port
        else PortMapping(mapping.container_port, pick(mapping), mapping.protocol, mapping.host_ip, mapping.count)
        for mapping in mappings
    )


def to_libpod(mapping: PortMapping) -> dict[str, object]:
    """The object libpod keeps under `newPortMappings` and netavark reads under `port_mappings`."""
    return {
        "host_ip": mapping.host_ip,
        "container_port": mapping.container_port,
        "host_port": mapping.host_port,
        "range": mapping.count,
        "protocol": mapping.protocol,
    }


def from_libpod(raw: dict[str, object]) -> tuple[PortMapping, ...]:
    """Read one object of `newPortMappings`; podman allows several protocols in it, joined by commas."""
    numbers = {}
    for key, default in (("container_port", 0), ("host_port", 0), ("range", 1)):
        value = raw.get(key, default)
        if not isinstance(value, int) or not 0 <= value <= _LAST_PORT:
            raise BadInput("read a recorded port mapping", f"{key} is {value!r}")
        numbers[key] = value
    address = str(raw.get("host_ip") or "")
    return tuple(
        PortMapping(numbers["container_port"], numbers["host_port"], protocol, address, max(numbers["range"], 1))
        for protocol in str(raw.get("protocol") or "tcp").split(",")
    )


def of_row(config: Json) -> tuple[PortMapping, ...]:
    """What a container's row publishes. Raises BadInput."""
    return tuple(mapping for raw in tables(config, "newPortMappings") for mapping in from_libpod(raw))
