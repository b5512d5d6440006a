# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's network, names and ports, in canonical form."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.jsonval import flag, table, tables, text, texts
from ..spec import hosts, ports
from . import inspect_network
from .config_row import spec_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..base.jsonval import Json

    Reader = Callable[[Json], object]


def _network(config: Json) -> object:
    mode = inspect_network.network_mode(config)
    if mode == "bridge":
        return sorted(table(config, "newNetworks"))
    options = texts(table(config, "network_options"), mode)
    return [f"{mode}:{','.join(options)}" if options else mode]


def _per_network(pick: Callable[[Json, Json], object]) -> Reader:
    def reader(config: Json) -> object:
        joined = table(config, "newNetworks")
        found = {name: pick(table(joined, name), config) for name in sorted(joined)}
        return {name: value for name, value in found.items() if value}

    return reader


def _aliases(options: Json, config: Json) -> object:
    own = {text(config, "id")[:12], text(spec_of(config), "hostname")}
    return sorted(set(texts(options, "aliases")) - own)


def _interface(options: Json, _config: Json) -> object:
    name = text(options, "interface_name")
    return "" if name.startswith("eth") and name[3:].isdigit() else name


def _publish(config: Json) -> list[tuple[str, int, int, str]]:
    """Singles as [host address, host port, container port, protocol]; port 0 waits to be matched with any."""
    found = []
    for raw in tables(config, "newPortMappings"):
        try:
            mappings = ports.from_libpod(raw)
        except BadInput:
            mappings = ()
        for mapping in mappings:
            address = "" if mapping.host_ip == "0.0.0.0" else mapping.host_ip
            for offset in range(mapping.count):
                outside = mapping.host_port + offset if mapping.host_port else 0
                found.append((address, outside, mapping.container_port + offset, mapping.protocol))
    return sorted(set(found))


def _expose(config: Json) -> object:
    published = {f"{inside}/{protocol}" for _ip, _out, inside, protocol in _publish(config)}
    names = inspect_network.exposed({"exposedPorts": table(config, "exposedPorts")})
    return sorted(set(names) - published)


def _host_entry(entry: str) -> str:
    try:
        return str(hosts.parse_entry(entry))
    except BadInput:
        return entry


READERS: dict[str, Reader] = {
    "network": _network,
    "network_aliases": _per_network(_aliases),
    "network_interface": _per_network(_interface),
    "ip": _per_network(lambda options, _config: sorted(ip for ip in texts(options, "static_ips") if ":" not in ip)),
    "ip6": _per_network(lambda options, _config: sorted(ip for ip in texts(options, "static_ips") if ":" in ip)),
    "mac_address": _per_network(lambda options, _config: text(options, "static_mac").lower()),
    "publish": _publish,
    "expose": _expose,
    "dns": lambda config: ["none"] if flag(config, "UseImageResolvConf") else texts(config, "dnsServer"),
    "dns_search": lambda config: texts(config, "dnsSearch"),
    "dns_option": lambda config: texts(config, "dnsOption"),
    "etc_hosts": lambda config: sorted(map(_host_entry, texts(config, "hostsAdd"))),
    "hosts_file": lambda config: text(config, "baseHostsFile"),
    "no_hosts": lambda config: flag(config, "UseImageHosts"),
    "no_hostname": lambda config: flag(config, "useImageHostname"),
}
