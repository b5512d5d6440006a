# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What two containers cannot both have at once: published ports and addresses of their own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.jsonval import table, text, texts
from ..spec.ports import of_row

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..spec.ports import PortMapping

_EVERYWHERE = ("", "0.0.0.0")


def rivalries(old: Json, new: Json) -> tuple[str, ...]:
    """What the config rows `old` and `new` both ask for by name, in words; () when both containers can run at once.

    A port that the new one leaves to the host (0) is nobody's rival.
    """
    published = of_row(old)
    found = [
        f"port {_shown(mapping)}"
        for mapping in of_row(new)
        if mapping.host_port and any(_meets(mapping, other) for other in published)
    ]
    before = table(old, "newNetworks")
    for name, wanted in table(new, "newNetworks").items():
        had = before.get(name)
        if not isinstance(wanted, dict) or not isinstance(had, dict):
            continue
        taken = set(texts(had, "static_ips"))
        found += [f"address {ip} in network {name}" for ip in texts(wanted, "static_ips") if ip in taken]
        mac = text(wanted, "static_mac")
        if mac and mac == text(had, "static_mac"):
            found.append(f"address {mac} in network {name}")
    return tuple(found)


def _meets(one: PortMapping, other: PortMapping) -> bool:
    if one.protocol != other.protocol:
        return False
    first, second = one.host_ports, other.host_ports
    if first.stop <= second.start or second.stop <= first.start:
        return False
    return one.host_ip == other.host_ip or _covers(one.host_ip, other) or _covers(other.host_ip, one)


def _covers(address: str, other: PortMapping) -> bool:
    return address in _EVERYWHERE or (address == "::" and (other.is_ipv6 or not other.host_ip))


def _shown(mapping: PortMapping) -> str:
    last = mapping.host_ports[-1]
    ports = str(mapping.host_port) if mapping.count == 1 else f"{mapping.host_port}-{last}"
    address = f"[{mapping.host_ip}]" if mapping.is_ipv6 else mapping.host_ip
    return f"{address}:{ports}/{mapping.protocol}" if address else f"{ports}/{mapping.protocol}"
