# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `network`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, Conflict
from . import quadlet
from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from ..netavark.draft import SubnetDraft
    from ..network.desired import Mode, NetworkDesired
    from ..network.planner import NetworkPlan
    from ..session.session import Session
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent", "quadlet"]},
    "driver": {"type": "str", "choices": ["bridge", "macvlan", "ipvlan"]},
    "macvlan": {"type": "str"},
    "interface_name": {"type": "str"},
    "subnet": {"type": "str"},
    "gateway": {"type": "str"},
    "ip_range": {"type": "str"},
    "net_config": {
        "type": "list",
        "elements": "dict",
        "options": {
            "subnet": {"type": "str", "required": True},
            "gateway": {"type": "str"},
            "ip_range": {"type": "str"},
        },
    },
    "ipv6": {"type": "bool"},
    "internal": {"type": "bool"},
    "disable_dns": {"type": "bool"},
    "dns": {"type": "list", "elements": "str"},
    "route": {"type": "list", "elements": "str"},
    "ipam_driver": {"type": "str", "choices": ["host-local", "dhcp", "none"]},
    "label": {"type": "dict"},
    "opt": {
        "type": "dict",
        "options": {
            "bclim": {"type": "int"},
            "bridge_name": {"type": "str"},
            "driver_mtu": {"type": "str"},
            "isolate": {"type": "str"},
            "metric": {"type": "int"},
            "mode": {"type": "str"},
            "mtu": {"type": "int"},
            "no_default_route": {"type": "str"},
            "parent": {"type": "str"},
            "vlan": {"type": "int"},
            "vrf": {"type": "str"},
        },
    },
    "recreate": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": False},
    "debug": {"type": "bool", "default": False},
    **quadlet.OPTIONS,
    "executable": EXECUTABLE,
}
RULES = {
    "mutually_exclusive": [["subnet", "net_config"], ["macvlan", "interface_name"]],
    "required_by": {"ip_range": ["subnet"], "gateway": ["subnet"]},
}
_DOCKER_NAMES = {"bridge_name": "com.docker.network.bridge.name", "driver_mtu": "com.docker.network.driver.mtu"}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("network", OPTIONS, reconcile, rules=RULES))


def reconcile(request: Request) -> Result:
    return quadlet.beside(request, "network", _manage)


def _manage(request: Request) -> Result:
    from ..network.desired import Mode

    wish = desired(request)
    mode = Mode(request.text("state") != "absent", request.flag("recreate"), request.flag("force"))
    session = request.session()
    there = session.networks.get(wish.name) is not None
    try:
        return _reconcile(request, session, wish, mode)
    except Conflict:
        if there or session.networks.get(wish.name) is None:
            raise
        return _reconcile(request, session, wish, mode)  # another task has made it meanwhile: compare with that


def _reconcile(request: Request, session: Session, wish: NetworkDesired, mode: Mode) -> Result:
    from ..network.observed import observe, shown, with_users
    from ..network.planner import KEEP, needs_users, plan

    if not request.check:
        _put_right(session, wish.name)
    observed = observe(session, wish.name)
    if needs_users(wish, observed, mode):
        observed = with_users(session, observed)
    made = plan(wish, observed, mode)
    if made.verdict != KEEP:
        _apply(request, session, made)
    after = observed.network if made.verdict == KEEP or request.check else session.networks.get(wish.name)
    return Result(shown(session, after) if after and mode.present else {}, plan=made.plan)


def _put_right(session: Session, name: str) -> None:
    """Finish what a killed task left; where nothing was left, nothing is imported for it."""
    import os

    if not os.path.isdir(os.path.join(session.net.settings.run_dir, "replacing")):
        return
    from ..container import endpoints
    from ..network.replace import interrupted, repair

    network = session.networks.get(name)
    if network is not None and interrupted(session, name):
        for container in repair(session, network, endpoints.follower(session)):
            session.warn(f"An earlier task was interrupted: container {container} was attached to network {name} again")


def _apply(request: Request, session: Session, made: NetworkPlan) -> None:
    from ..network import steps

    steps.check(session, made)
    if request.check:
        return
    if made.remove_containers:
        from ..container.lookup import find
        from ..container.remove import remove

        for name in made.remove_containers:
            remove(session, find(session, name), force=True)
    from ..container import endpoints

    steps.apply(session, made, endpoints.follower(session))


def desired(request: Request) -> NetworkDesired:
    """Raises BadInput."""
    from ..netavark.network_file import check_name
    from ..network.desired import NetworkDesired, parse_route

    name = request.text("name")
    check_name(name)
    parent = request.text("macvlan")
    driver = request.text("driver")
    if parent and driver not in ("", "macvlan"):
        raise BadInput(f"read the options of network {name}", f"macvlan is given with driver {driver}")
    params = request.params
    return NetworkDesired(
        name=name,
        driver="macvlan" if parent else driver,
        interface=parent or request.text("interface_name"),
        subnets=_subnets(request),
        ipv6=_tristate(request, "ipv6"),
        internal=_tristate(request, "internal"),
        dns_enabled=None if params.get("disable_dns") is None else not request.flag("disable_dns"),
        dns_servers=None if params.get("dns") is None else request.texts("dns"),
        routes=None if params.get("route") is None else tuple(parse_route(text) for text in request.texts("route")),
        labels=_labels(params.get("label")),
        options=_driver_options(params.get("opt")),
        ipam_driver=request.text("ipam_driver"),
    )


def _tristate(request: Request, name: str) -> bool | None:
    return None if request.params.get(name) is None else request.flag(name)


def _subnets(request: Request) -> tuple[SubnetDraft, ...] | None:
    from ..netavark.draft import SubnetDraft

    listed = request.params.get("net_config")
    if isinstance(listed, list):
        return tuple(
            SubnetDraft(*(str(item.get(key) or "") for key in ("subnet", "gateway", "ip_range"))) for item in listed
        )
    if request.text("subnet"):
        return (SubnetDraft(request.text("subnet"), request.text("gateway"), request.text("ip_range")),)
    return None


def _labels(given: object) -> dict[str, str] | None:
    if not isinstance(given, dict):
        return None
    return {str(key): "" if value is None else str(value) for key, value in given.items()}


def _driver_options(given: object) -> dict[str, str] | None:
    if not isinstance(given, dict):
        return None
    return {_DOCKER_NAMES.get(str(key), str(key)): str(value) for key, value in given.items() if value is not None}
