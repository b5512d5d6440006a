# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `network_endpoint`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import NotFound
from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from ..container.endpoint_plan import EndpointView, EndpointWish
    from ..container.model import Container
    from ..session.session import Session
    from .frame import Delivery, Json, Options

OPTIONS: Options = {
    "network": {"type": "str", "required": True},
    "container": {"type": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["present", "absent"]},
    "aliases": {"type": "list", "elements": "str", "aliases": ["alias", "network_aliases"]},
    "ip": {"type": "str", "aliases": ["ipv4_address"]},
    "ip6": {"type": "str", "aliases": ["ipv6_address"]},
    "mac_address": {"type": "str"},
    "interface_name": {"type": "str"},
    "executable": EXECUTABLE,
}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("endpoint", OPTIONS, reconcile))


def reconcile(request: Request) -> Result:
    from ..container import endpoints, lookup
    from ..container.endpoint_plan import EndpointView, plan
    from ..container.reconcile import put_right

    wish, session = _wish(request), request.session()
    if not request.check:
        put_right(session)
    wish = wish._replace(network=_network(request, session, wish))
    container = lookup.lookup(session, request.text("container"))
    if container is None:
        if wish.present and not request.check:
            raise NotFound(f"attach container {request.text('container')}", "there is no container of this name or id")
        made = plan(EndpointView(request.text("container"), {}), wish, "eth0")
        return Result({}, plan=made.plan)
    if wish.present:
        endpoints.refuse_others(session, container, f"attach container {container.name} to network {wish.network}")
    made = plan(_view(container), wish, endpoints.free_interface(endpoints.joined(container)))
    if made.networks is not None:
        _tell_of_aliases(session, wish)
        if request.check:
            _vet(request, session, container, made.networks)
        else:
            container = endpoints.rewire(session, container, made.networks)
    return Result(_shown(session, container, wish.network), plan=made.plan)


def _wish(request: Request) -> EndpointWish:
    """Raises BadInput."""
    from ..base.errors import BadInput
    from ..container.endpoint_plan import EndpointWish
    from ..netavark.network_file import check_interface
    from ..spec.hosts import checked_address, checked_hostname
    from ..spec.networks import checked_mac

    def address(option: str, version: int) -> str | None:
        if request.params.get(option) is None:
            return None
        text = request.text(option).strip()
        found = checked_address(text, option) if text else ""
        if found and (":" in found) != (version == 6):
            raise BadInput(f"read {option}", f"{text[:60]!r} is not an IPv{version} address")
        return found

    aliases = request.texts("aliases")
    mac, interface = request.params.get("mac_address"), request.text("interface_name")
    if interface:
        check_interface(interface, "read interface_name")
    return EndpointWish(
        network=request.text("network"),
        present=request.text("state") != "absent",
        aliases=None
        if request.params.get("aliases") is None
        else tuple(dict.fromkeys(checked_hostname(name, "network alias") for name in aliases)),
        ip=address("ip", 4),
        ip6=address("ip6", 6),
        mac=None if mac is None else (checked_mac(request.text("mac_address")) if mac else ""),
        interface=interface or None,
    )


def _network(request: Request, session: Session, wish: EndpointWish) -> str:
    """The network's name. One that is to be left may be gone; in check mode one that an earlier task makes may be yet
    to come. Raises NotFound."""
    try:
        return session.networks.find(wish.network).name
    except NotFound:
        if wish.present and not request.check:
            raise
        if wish.present:
            request.warnings.append(f"Network {wish.network} does not exist yet")
        return wish.network


def _view(container: Container) -> EndpointView:
    from ..base import jsonval
    from ..container import endpoints
    from ..container.endpoint_plan import EndpointView

    attached = frozenset(jsonval.table(container.state, "networkStatus")) if endpoints.live(container) else None
    return EndpointView(
        container.name, endpoints.joined(container), attached, tuple(endpoints.own_names(container))
    )


def _tell_of_aliases(session: Session, wish: EndpointWish) -> None:
    if wish.present and wish.aliases:
        network = session.networks.get(wish.network)
        if network is not None and not network.dns_enabled:
            session.warn(f"Network {wish.network} serves no names, so that the aliases have no effect")


def _vet(request: Request, session: Session, container: Container, networks: object) -> None:
    """In check mode too a wish that cannot be had is an error."""
    from ..container import endpoints

    try:
        endpoints.vet(session, container, networks if isinstance(networks, dict) else {})
    except NotFound as error:
        request.warnings.append(str(error))


def _shown(session: Session, container: Container, network: str) -> Json:
    from ..base import jsonval
    from ..container.inspect import inspect

    settings = jsonval.table(inspect(session, container), "NetworkSettings")
    found = jsonval.table(jsonval.table(settings, "Networks"), network)
    return {"container": container.name, "network": network, **found} if found else {}
