# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Other networks, names or addresses for a container that exists: whether that goes without making it anew, and what
its configuration says then. Pure.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import ids
from ..base.jsonval import flag, table, text, texts

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from ..base.jsonval import Json

OPTIONS = frozenset(("network", "network_aliases", "network_interface", "ip", "ip6", "mac_address"))


def possible(option: str, config: Json, built: Json, compared: Collection[str]) -> bool:
    """Whether the option is one of networks, the container has named ones, and is to have named ones."""
    if option not in OPTIONS or not (_on_networks(config) and _on_networks(built)):
        return False
    return "network" in compared or set(table(built, "newNetworks")) <= set(table(config, "newNetworks"))


def _on_networks(config: Json) -> bool:
    return flag(config, "createNetNS") and (text(config, "networkMode") or "bridge") == "bridge"


def networks(config: Json, built: Json, options: Collection[str]) -> dict[str, Json]:
    """The networks of `config` with these options taken over from `built`, the configuration it would have if it were
    made now. What it has without having been told so, its interfaces' names, stays."""
    had, wanted = table(config, "newNetworks"), table(built, "newNetworks")
    names = list(wanted) if "network" in options else list(had)
    made = {
        name: _new(table(wanted, name), config, built)
        if name not in had
        else _changed(table(had, name), table(wanted, name), (config, built), options)
        for name in names
    }
    _name_interfaces(made)
    return made


def _new(wish: Json, config: Json, built: Json) -> Json:
    return {**wish, "aliases": _aliases(wish, config, built), "interface_name": _chosen(wish)}


def _changed(had: Json, wish: Json, rows: tuple[Json, Json], options: Collection[str]) -> Json:
    made = dict(had)
    static = [
        ip
        for option, is_six in (("ip", False), ("ip6", True))
        for ip in texts(wish if option in options else had, "static_ips")
        if (":" in ip) == is_six
    ]
    made["static_ips"] = static
    if "network_aliases" in options:
        made["aliases"] = _aliases(wish, *rows)
    if "mac_address" in options:
        made["static_mac"] = text(wish, "static_mac")
    if "network_interface" in options:
        made["interface_name"] = _chosen(wish)
    return {key: value for key, value in made.items() if value or key not in ("static_ips", "static_mac")}


def _aliases(wish: Json, config: Json, built: Json) -> list[str]:
    """Those of the wish, with the container's own id in the place of the one it would get."""
    made_up, own = ids.short(text(built, "id")), ids.short(text(config, "id"))
    return [own if alias == made_up else alias for alias in texts(wish, "aliases")]


def _chosen(wish: Json) -> str:
    """The name that the task gives the interface; "" for one that was only counted."""
    name = text(wish, "interface_name")
    return "" if name.startswith("eth") and name[3:].isdigit() else name


def _name_interfaces(networks: Mapping[str, Json]) -> None:
    """ethN for those without a name, N the first that no other has."""
    taken = {text(options, "interface_name") for options in networks.values()}
    number = 0
    for options in networks.values():
        while not options.get("interface_name"):
            if f"eth{number}" not in taken:
                options["interface_name"] = f"eth{number}"
                taken.add(f"eth{number}")
            number += 1
