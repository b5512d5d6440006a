# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless network connect, disconnect, exists, prune, reload, rm and update"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .context import Usage

if TYPE_CHECKING:
    from argparse import Namespace

    from ..container.endpoint_plan import EndpointWish
    from .arguments import Parser
    from .context import Context

_MISSING, _IN_USE = 1, 2  # podman's exit codes of network rm


def arguments(parser: Parser, name: str) -> None:
    verb = name.split()[-1]
    if verb in ("connect", "disconnect"):
        parser.add_argument("network", metavar="NETWORK")
        parser.add_argument("container", metavar="CONTAINER")
    if verb == "connect":
        parser.many("--alias", metavar="NAME", help="a further name of the container on this network")
        parser.add_argument("--ip", help="its IPv4 address")
        parser.add_argument("--ip6", help="its IPv6 address")
        parser.add_argument("--mac-address", help="its hardware address")
    elif verb == "disconnect":
        parser.flag("-f", "--force", help="a container that is not there is no error")
    elif verb == "exists":
        parser.add_argument("network", metavar="NETWORK")
    elif verb == "prune":
        parser.many("--filter", metavar="KEY=VALUE", help="until, label, label!")
        parser.flag("-f", "--force", help="do not ask")
    elif verb == "reload":
        parser.names()
        parser.flag("-a", "--all", help="all containers that run")
        parser.latest()
    elif verb == "rm":
        parser.names("NETWORK", minimum=1)
        parser.flag("-f", "--force", help="remove the containers that use it, too")
        parser.add_argument("-t", "--time", type=int, help="seconds to wait before such a container is killed")
    elif verb == "update":
        parser.add_argument("network", metavar="NETWORK")
        parser.many("--dns-add", metavar="ADDRESS", help="add name servers that the network's resolver asks")
        parser.many("--dns-drop", metavar="ADDRESS", help="take name servers away")


def run(context: Context, options: Namespace) -> int:
    return _VERBS[options.command_name.split()[-1]](context, options)


def _connect(context: Context, options: Namespace) -> int:
    from ..container.endpoint_plan import EndpointWish
    from ..spec.hosts import checked_address, checked_hostname
    from ..spec.networks import checked_mac

    wish = EndpointWish(
        network=context.session.networks.find(options.network).name,
        aliases=tuple(checked_hostname(name, "network alias") for name in options.alias),
        ip=checked_address(options.ip, "--ip") if options.ip else None,
        ip6=checked_address(options.ip6, "--ip6") if options.ip6 else None,
        mac=checked_mac(options.mac_address, "--mac-address") if options.mac_address else None,
    )
    return _endpoint(context, options, wish)


def _disconnect(context: Context, options: Namespace) -> int:
    from ..base.errors import NotFound
    from ..container.endpoint_plan import EndpointWish

    try:
        network = context.session.networks.find(options.network).name
    except NotFound:
        network = options.network
    if options.force and context.session.database.container(options.container) is None:
        return 0
    return _endpoint(context, options, EndpointWish(network=network, present=False))


def _endpoint(context: Context, options: Namespace, wish: EndpointWish) -> int:
    """As podman: a container that is connected, or disconnected, already is an error."""
    from ..container import endpoints
    from ..container.endpoint_plan import EndpointView, plan

    container = context.container(options.container)
    verb = "connect" if wish.present else "disconnect"
    endpoints.refuse_others(context.session, container, f"{verb} container {container.name}")
    joined = endpoints.joined(container)
    if wish.present and wish.network in joined:
        raise Usage(f'container {container.id[:12]} is already connected to network "{wish.network}"')
    if not wish.present and wish.network not in joined:
        raise Usage(f'container {container.id[:12]} is not connected to network "{wish.network}"')
    view = EndpointView(container.name, joined, None, tuple(endpoints.own_names(container)))
    made = plan(view, wish, endpoints.free_interface(joined))
    if made.networks is not None:
        endpoints.rewire(context.session, container, made.networks)
    return 0


def _exists(context: Context, options: Namespace) -> int:
    from ..base.errors import NotFound

    try:
        context.session.networks.find(options.network)
    except NotFound:
        return 1
    return 0


def _prune(context: Context, options: Namespace) -> int:
    from ..base.filters import parse
    from ..network import prune
    from ..plan.pruning import take
    from .care import agreed, failed

    if not agreed(
        context, options, "WARNING! This will remove all networks not used by at least one container.\n"
    ):
        return 0
    done = take(prune.unused(context.session, parse(options.filter)), lambda one: prune.remove(context.session, one))
    context.out("".join(f"{one.names[0]}\n" for one in done.gone))
    return failed(context, done.errors)


def _reload(context: Context, options: Namespace) -> int:
    from ..container import endpoints

    session = context.session
    if options.all and not options.names:
        names = [container.id for container in endpoints.on_networks(session)]
    else:
        names = context.chosen(options.names, latest=options.latest, every=options.all)

    def deed(name: str) -> None:
        context.out(f"{endpoints.reload(session, context.container(name)).id}\n")

    return context.each(names, deed)


def _rm(context: Context, options: Namespace) -> int:
    from ..base.errors import EngineError, InUse, NotFound

    code = 0
    for name in options.names:
        try:
            _remove_one(context, name, options)
            context.out(f"{name}\n")
        except EngineError as error:
            context.error(str(error))
            code = _MISSING if isinstance(error, NotFound) else _IN_USE if isinstance(error, InUse) else 125
    return code


def _remove_one(context: Context, text: str, options: Namespace) -> None:
    from ..container import endpoints
    from ..container.lookup import find
    from ..container.remove import remove
    from ..network import steps
    from ..network.desired import Mode, NetworkDesired
    from ..network.observed import observe, with_users
    from ..network.planner import plan

    session = context.session
    name = session.networks.find(text).name
    observed = with_users(session, observe(session, name))
    made = plan(NetworkDesired(name), observed, Mode(present=False, force=options.force))
    for user in made.remove_containers:
        remove(session, find(session, user), force=True, timeout=options.time)
    steps.apply(session, made, endpoints.follower(session))


def _update(context: Context, options: Namespace) -> int:
    from ..base.errors import BadInput
    from ..netavark.addresses import parse_address
    from ..network import steps

    network = context.session.networks.find(options.network)
    deed = f"update network {network.name}"
    added, dropped = (
        [str(parse_address(server, deed)) for text in given for server in text.split(",")]
        for given in (options.dns_add, options.dns_drop)
    )
    if not network.dns_enabled:
        raise BadInput(deed, "it has no dns")
    kept = [server for server in network.dns_servers if server not in dropped]
    steps.set_dns(context.session, network, tuple(dict.fromkeys([*kept, *added])))
    context.out(f"{network.name}\n")
    return 0


_VERBS = {
    "connect": _connect,
    "disconnect": _disconnect,
    "exists": _exists,
    "prune": _prune,
    "reload": _reload,
    "rm": _rm,
    "update": _update,
}
