# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a wish for one container on one network comes to. Pure.

What the task does not mention stays as it is. Everything is done in place: a container that runs is attached, detached,
or taken off the network and put onto it again, and goes on running.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.jsonval import Json, text, texts
from ..base.tuples import NamedTuple
from ..plan.change import IN_PLACE, Change, Plan, Step

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence


class EndpointWish(NamedTuple):
    """None and no aliases at all mean that the task does not mention the option; "" takes an address away."""

    network: str
    present: bool = True
    aliases: tuple[str, ...] | None = None
    ip: str | None = None
    ip6: str | None = None
    mac: str | None = None
    interface: str | None = None


class EndpointView(NamedTuple):
    """A container as it is: its networks, which of them it is really on (None while it does not run), and the names
    that it has on every network anyway."""

    name: str
    networks: Mapping[str, Json]
    attached: frozenset[str] | None = None
    own_names: tuple[str, ...] = ()


class EndpointPlan(NamedTuple):
    """`networks` is what the container is to be on; None where nothing is to be done."""

    plan: Plan
    networks: Mapping[str, Json] | None = None


def plan(view: EndpointView, wish: EndpointWish, free_interface: str) -> EndpointPlan:
    """`free_interface` is the name that a new interface gets when the task gives none."""
    had = view.networks.get(wish.network)
    deed = f"container {view.name} on network {wish.network}"
    if not wish.present:
        return _absent(view, wish, deed)
    if had is None:
        made = _options({"aliases": list(view.own_names), "interface_name": free_interface}, wish, view.own_names)
        shown = Plan(
            deed,
            (Step("attach container", f"{view.name} to network {wish.network}"),),
            (),
            {"state": "absent"},
            {"state": "present", **{name: value for name, value in _shown(made, view.own_names).items() if value}},
        )
        return EndpointPlan(shown, {**view.networks, wish.network: made})
    made = _options(had, wish, view.own_names)
    before, after = _shown(had, view.own_names), _shown(made, view.own_names)
    changes = [Change(name, before[name], after[name], IN_PLACE) for name in before if before[name] != after[name]]
    if view.attached is not None and wish.network not in view.attached:
        changes.append(Change("attached", False, True, IN_PLACE))
    if not changes:
        return EndpointPlan(Plan(deed))
    step = Step("attach container", f"{view.name} to network {wish.network} anew")
    return EndpointPlan(Plan(deed, (step,), tuple(changes)), {**view.networks, wish.network: made})


def _absent(view: EndpointView, wish: EndpointWish, deed: str) -> EndpointPlan:
    if wish.network not in view.networks:
        return EndpointPlan(Plan(deed))
    step = Step("detach container", f"{view.name} from network {wish.network}")
    rest = {name: options for name, options in view.networks.items() if name != wish.network}
    return EndpointPlan(Plan(deed, (step,), (), {"state": "present"}, {"state": "absent"}), rest)


def _options(had: Json, wish: EndpointWish, own_names: Sequence[str]) -> Json:
    """libpod's options of the endpoint, in its order of keys."""
    static = texts(had, "static_ips")
    if wish.ip is not None:
        static = [*([wish.ip] if wish.ip else []), *(ip for ip in static if ":" in ip)]
    if wish.ip6 is not None:
        static = [*(ip for ip in static if ":" not in ip), *([wish.ip6] if wish.ip6 else [])]
    aliases = texts(had, "aliases")
    if wish.aliases is not None:
        kept = [name for name in aliases if name in own_names] or list(own_names)
        aliases = [*(name for name in wish.aliases if name not in kept), *kept]
    mac = text(had, "static_mac") if wish.mac is None else wish.mac
    made: Json = {}
    if static:
        made["static_ips"] = static
    made["aliases"] = aliases
    if mac:
        made["static_mac"] = mac
    made["interface_name"] = wish.interface or text(had, "interface_name")
    return {**{key: value for key, value in had.items() if key not in _KEYS}, **made}


_KEYS = ("static_ips", "aliases", "static_mac", "interface_name")


def _shown(options: Json, own_names: Sequence[str]) -> dict[str, object]:
    static = texts(options, "static_ips")
    return {
        "aliases": sorted(set(texts(options, "aliases")) - set(own_names)),
        "ip": next((ip for ip in static if ":" not in ip), ""),
        "ip6": next((ip for ip in static if ":" in ip), ""),
        "mac_address": text(options, "static_mac").lower(),
        "interface_name": text(options, "interface_name"),
    }
