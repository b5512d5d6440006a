# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The network part of `container inspect`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.jsonval import number, table, tables
from ..spec import ports

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from .inspect_view import InspectFacts


def settings(config: Json, state: Json, facts: InspectFacts) -> Json:
    """NetworkSettings; a container in another's network shows that one's."""
    shares = bool(config.get("netNsCtr"))
    if shares and facts.network_of is not None:
        config, state = facts.network_of
    shown: Json = {
        **_address({}),
        "Bridge": "",
        "SandboxID": "",
        "HairpinMode": False,
        "LinkLocalIPv6Address": "",
        "LinkLocalIPv6PrefixLen": 0,
        "Ports": bindings(config),
        "SandboxKey": _sandbox(config, state),
    }
    joined = table(config, "newNetworks")
    status = table(state, "networkStatus")
    live = bool(state.get("netns"))
    if live and status:
        shown["Networks"] = {name: _network(name, table(joined, name), table(status, name), facts) for name in joined}
        if list(joined) == [facts.default_network]:
            shown.update(_address(table(status, facts.default_network)))
    elif not live and not _joined_path(config):
        names = joined or [network_mode(config)]
        shown["Networks"] = {name: _network(name, table(joined, name), {}, facts) for name in names}
    if not shares and network_mode(config) != "host":
        published = table(shown, "Ports")
        for port, protocols in table(config, "exposedPorts").items():
            for protocol in _words(protocols):
                published.setdefault(f"{port}/{protocol}", None)
        shown["Ports"] = published
    return shown


def network_mode(config: Json) -> str:
    """HostConfig.NetworkMode."""
    if config.get("netNsCtr"):
        return f"container:{config['netNsCtr']}"
    mode = str(config.get("networkMode", ""))
    if config.get("createNetNS"):
        return mode or "bridge"
    for entry in tables(table(table(config, "spec"), "linux"), "namespaces"):
        if entry.get("type") == "network":
            return f"ns:{entry['path']}" if entry.get("path") else "none"
    return "host"


def bindings(config: Json) -> Json:
    """`80/tcp` -> the addresses and ports of the host that lead to it."""
    found: Json = {}
    for raw in tables(config, "newPortMappings"):
        for mapping in _mappings(raw):
            for offset in range(mapping.count):
                entry = {"HostIp": mapping.host_ip or "0.0.0.0", "HostPort": str(mapping.host_port + offset)}
                targets = found.setdefault(f"{mapping.container_port + offset}/{mapping.protocol}", [])
                if isinstance(targets, list):
                    targets.append(entry)
    return found


def exposed(config: Json) -> list[str]:
    names = [
        f"{port}/{protocol}"
        for port, protocols in table(config, "exposedPorts").items()
        for protocol in _words(protocols)
    ]
    return sorted({*names, *bindings(config)})


def _mappings(raw: Json) -> tuple[ports.PortMapping, ...]:
    try:
        return ports.from_libpod(raw)
    except BadInput:
        return ()  # a row written by something else: show what can be shown


def _words(value: object) -> list[str]:
    return [str(item) for item in value] if isinstance(value, list) else []


def _joined_path(config: Json) -> bool:
    return network_mode(config).startswith("ns:")


def _sandbox(config: Json, state: Json) -> str:
    if state.get("netns"):
        return str(state["netns"])
    pid = number(state, "pid")
    return f"/proc/{pid}/ns/net" if pid and network_mode(config) == "none" else ""


def _network(name: str, options: Json, status: Json, facts: InspectFacts) -> Json:
    shown: Json = {
        **_address(status),
        "NetworkID": facts.network_ids.get(name, name),
        "DriverOpts": None,
        "IPAMConfig": None,
        "Links": None,
    }
    if options.get("aliases"):
        shown["Aliases"] = options["aliases"]
    return shown


def _address(status: Json) -> Json:
    shown: Json = {
        "EndpointID": "",
        "Gateway": "",
        "IPAddress": "",
        "IPPrefixLen": 0,
        "IPv6Gateway": "",
        "GlobalIPv6Address": "",
        "GlobalIPv6PrefixLen": 0,
        "MacAddress": "",
    }
    further: dict[str, list[Json]] = {"SecondaryIPAddresses": [], "SecondaryIPv6Addresses": []}
    interfaces = table(status, "interfaces")
    for name in sorted(interfaces):
        interface = table(interfaces, name)
        shown["MacAddress"] = interface.get("mac_address", "")
        for subnet in tables(interface, "subnets"):
            address, _slash, length = str(subnet.get("ipnet", "")).partition("/")
            prefix = int(length) if length.isdigit() else 0
            keys = ("GlobalIPv6Address", "GlobalIPv6PrefixLen", "IPv6Gateway", "SecondaryIPv6Addresses")
            if ":" not in address:
                keys = ("IPAddress", "IPPrefixLen", "Gateway", "SecondaryIPAddresses")
            if shown[keys[0]]:
                further[keys[3]].append({"Addr": address, "PrefixLength": prefix})
            else:
                shown[keys[0]], shown[keys[1]], shown[keys[2]] = address, prefix, subnet.get("gateway", "")
    shown.update({key: found for key, found in further.items() if found})
    return shown
