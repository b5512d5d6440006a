# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What `network` of a container means: one mode, or several named networks with what it wants on each.

`--network` of podman-run(1): bridge, none, host, container:NAME, ns:PATH, private, slirp4netns[:..], pasta[:..], or
NETWORK[:ip=..,ip6=..,mac=..,alias=..,interface_name=..].
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput
from ..base.tuples import NamedTuple
from .hosts import checked_address, checked_hostname

if TYPE_CHECKING:
    from collections.abc import Sequence

BRIDGE, NONE, HOST, CONTAINER, PATH, PRIVATE = "bridge", "none", "host", "container", "ns", "private"
SLIRP, PASTA = "slirp4netns", "pasta"
_NAME = patterns.compile(r"[A-Za-z0-9][A-Za-z0-9_.-]*\Z")
_MAC = patterns.compile(r"[0-9A-Fa-f]{2}(?:([:-])[0-9A-Fa-f]{2})(?:\1[0-9A-Fa-f]{2}){4}\Z")
_INTERFACE = patterns.compile(r"[^\s/:]{1,15}\Z")
_OPTION_KEYS = ("ip", "ip6", "mac", "alias", "interface_name")


class Endpoint(NamedTuple):
    """A container on one network; "" as network name stands for the default one."""

    network: str
    aliases: tuple[str, ...] = ()
    addresses: tuple[str, ...] = ()
    mac: str = ""
    interface: str = ""


class NetworkWish(NamedTuple):
    """`endpoints` only with mode bridge; `value` is a container's name, a path, or options of slirp4netns or pasta."""

    mode: str
    value: str = ""
    endpoints: tuple[Endpoint, ...] = ()


def parse(texts: Sequence[str]) -> NetworkWish:
    """Raises BadInput."""
    items = _rejoin([text.strip() for text in texts])
    if not items:
        raise BadInput("read network", "the list is empty; 'none' is a container without a network")
    wishes = [_parse_one(item) for item in items]
    if len(wishes) == 1:
        return wishes[0]
    endpoints: dict[str, Endpoint] = {}
    for item, wish in zip(items, wishes):
        if wish.mode != BRIDGE:
            raise BadInput("read network", f"{item!r} cannot be joined together with other networks")
        for endpoint in wish.endpoints:
            if endpoint.network in endpoints:
                raise BadInput("read network", f"network {endpoint.network or 'bridge'!r} is given twice")
            endpoints[endpoint.network] = endpoint
    return NetworkWish(BRIDGE, "", tuple(endpoints.values()))


def checked_mac(text: str, option: str = "mac_address") -> str:
    if not _MAC.match(text.strip()):
        raise BadInput(f"read {option}", f"{text[:40]!r} is not a MAC address, as in 02:42:ac:11:00:02")
    return text.strip().lower().replace("-", ":")


def _rejoin(items: list[str]) -> list[str]:
    """YAML's `network: web:ip=10.0.0.2,alias=x` arrives split at its commas: put such pieces together again."""
    joined: list[str] = []
    for item in items:
        key = item.split("=", 1)[0]
        if joined and "=" in item and key in _OPTION_KEYS and ":" in joined[-1]:
            joined[-1] += f",{item}"
        else:
            joined.append(item)
    return joined


def _parse_one(text: str) -> NetworkWish:
    name, colon, rest = text.partition(":")
    if name in (HOST, NONE) and not colon:
        return NetworkWish(name)
    if name in ("", "default", PRIVATE, BRIDGE):
        return NetworkWish(BRIDGE, "", (_endpoint("", rest, text),))
    if name == CONTAINER and _NAME.match(rest):
        return NetworkWish(CONTAINER, rest)
    if name == PATH and posixpath.isabs(rest):
        return NetworkWish(PATH, posixpath.normpath(rest))
    if name in (SLIRP, PASTA):
        return NetworkWish(name, rest)
    if name in (HOST, NONE, CONTAINER, PATH) or not _NAME.match(name):
        raise BadInput(
            f"read network {text[:60]!r}",
            "expected a network's name, bridge, host, none, private, container:NAME, ns:PATH, slirp4netns or pasta",
        )
    return NetworkWish(BRIDGE, "", (_endpoint(name, rest, text),))


def _endpoint(network: str, options: str, text: str) -> Endpoint:
    aliases: list[str] = []
    addresses: list[str] = []
    single = {"mac": "", "interface_name": ""}
    for item in options.split(",") if options else ():
        key, equals, value = item.partition("=")
        if key not in _OPTION_KEYS or not equals or not value:
            raise BadInput(f"read network {text[:60]!r}", f"{item[:40]!r} is not one of {', '.join(_OPTION_KEYS)}=...")
        if key == "alias":
            aliases.append(checked_hostname(value, "network alias"))
        elif key in ("ip", "ip6"):
            addresses.append(checked_address(value, f"network {key}"))
        elif key == "mac":
            single[key] = checked_mac(value, "network mac")
        else:
            if not _INTERFACE.match(value):
                raise BadInput(f"read network {text[:60]!r}", f"{value[:30]!r} is not a name for an interface")
            single[key] = value
    return Endpoint(network, tuple(dict.fromkeys(aliases)), tuple(addresses), single["mac"], single["interface_name"])
