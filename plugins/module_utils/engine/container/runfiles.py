# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The small files that are made anew for each start and bound into the container: hosts, resolv.conf, hostname, ..."""

from __future__ import annotations

import ipaddress
import os
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.files import atomic_write
from ..base.tuples import NamedTuple
from ..spec import hosts, start_spec, users
from . import lookup, own_ids

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..netavark.connect import Connection
    from ..session.session import Session
    from ..spec.hosts import HostEntry
    from ..spec.users import Account
    from .model import Container

HOSTS, RESOLV, HOSTNAME, CONTAINERENV = "/etc/hosts", "/etc/resolv.conf", "/etc/hostname", "/run/.containerenv"
_PASSWD, _GROUP = "/etc/passwd", "/etc/group"
_FALLBACK_SERVERS = ("8.8.8.8", "8.8.4.4")  # podman's, for a host that only has resolvers on its own loopback
_FALLBACK_SERVERS_V6 = ("2001:4860:4860::8888", "2001:4860:4860::8844")
_LIMIT = 1024 * 1024


class Accounts(NamedTuple):
    """Who runs, and the image's own account files, which hold what a hostile image likes."""

    account: Account
    passwd: bytes
    group: bytes


def write(
    session: Session, container: Container, hostname: str, connection: Connection | None, accounts: Accounts
) -> dict[str, str]:
    """Make the files; libpod's bindMounts: path in the container -> path of the file. Without a connection that there
    is going to be, hosts and resolv.conf wait for fill_names.

    A path where the user mounts something else is left to that mount.
    """
    folder = container.run_dir
    os.makedirs(folder, mode=0o700, exist_ok=True)
    found: dict[str, str] = {}
    root = own_ids.outside(container.config, 0, 0)
    contents = {
        HOSTNAME: hosts.render_hostname(hostname),
        CONTAINERENV: hosts.render_containerenv(_containerenv(session, container)),
        **names(session, container, hostname, connection),
        **_accounts(container, accounts),
    }
    for target, text in contents.items():
        path = os.path.join(folder, os.path.basename(target))
        atomic_write(path, text.encode(), mode=0o644, durable=False)
        if root != (0, 0):
            os.chown(path, *root)
        found[target] = path
    found.update(_shared_names(session, container))
    return found


def fill_names(session: Session, container: Container, hostname: str, connection: Connection) -> None:
    """Into hosts and resolv.conf, which have been bound into the container: what was not known when they were made."""
    for target, text in names(session, container, hostname, connection).items():
        path = os.path.join(container.run_dir, os.path.basename(target))
        fd = os.open(path, os.O_WRONLY | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC)
        with os.fdopen(fd, "wb") as file:
            file.write(text.encode())


def own_hostname(session: Session, container: Container) -> str:
    """Its own name, that of the container whose uts namespace it shares, or the host's."""
    other_id = jsonval.text(container.config, "utsNsCtr")
    other = lookup.by_id(session, other_id) if other_id else None
    peer = own_hostname(session, other) if other is not None else ""
    return start_spec.hostname_of(container.config, os.uname().nodename, peer) or container.id[:12]


def names(session: Session, container: Container, hostname: str, connection: Connection | None) -> dict[str, str]:
    """hosts and resolv.conf, for a container whose network is its own or the host's."""
    config = container.config
    if jsonval.text(config, "netNsCtr"):
        return {}
    contents = {}
    if not jsonval.flag(config, "useImageHosts") and not jsonval.flag(config, "UseImageHosts"):
        extra = [hosts.parse_entry(item) for item in jsonval.texts(config, "hostsAdd")]
        own = _own_entries(container, hostname, connection)
        gateway = session.conf.host_containers_internal_ip or (connection.host_address if connection else "")
        if session.conf.host_containers_internal_ip == "none":
            gateway = ""
        contents[HOSTS] = hosts.render_hosts(extra, _base_entries(session, container), gateway, own)
    if not jsonval.flag(config, "UseImageResolvConf"):
        contents[RESOLV] = _resolv_conf(container, connection)
    return contents


def _shared_names(session: Session, container: Container) -> dict[str, str]:
    """A container in another's network has the other's names too."""
    other_id = jsonval.text(container.config, "netNsCtr")
    other = lookup.by_id(session, other_id) if other_id else None
    if other is None:
        return {}
    binds = jsonval.text_map(other.state, "bindMounts")
    return {target: binds[target] for target in (HOSTS, RESOLV) if target in binds}


def _own_entries(container: Container, hostname: str, connection: Connection | None) -> list[HostEntry]:
    names = tuple(dict.fromkeys((hostname, container.name)))
    if connection is None:
        return []
    return [hosts.HostEntry(address, names) for address in connection.addresses or ("127.0.1.1",)]


def _base_entries(session: Session, container: Container) -> Sequence[HostEntry]:
    """The file that the host's entries come from: /etc/hosts, another one, or `none`."""
    path = jsonval.text(container.config, "baseHostsFile") or session.conf.base_hosts_file or HOSTS
    if path == "none":
        return (hosts.HostEntry("127.0.0.1", ("localhost",)), hosts.HostEntry("::1", ("localhost",)))
    return hosts.parse_base(_host_file(path))


def _resolv_conf(container: Container, connection: Connection | None) -> str:
    servers, search, options = hosts.parse_resolv_conf(_host_file(RESOLV))
    own_servers = tuple(jsonval.texts(container.config, "dnsServer"))
    own_search = jsonval.texts(container.config, "dnsSearch")
    own_options = jsonval.texts(container.config, "dnsOption")
    if connection is not None and connection.network_status and connection.nameservers:
        servers = connection.nameservers  # the networks' resolver, which asks the container's own servers
    elif own_servers:
        servers = own_servers
    elif connection is not None or container_has_own_network(container):
        servers = _reachable(servers, connection)
    domains = tuple(own_search) or (*(connection.search if connection else ()), *search)
    return hosts.render_resolv_conf(servers, domains, tuple(own_options) or options)


def container_has_own_network(container: Container) -> bool:
    spaces = jsonval.tables(jsonval.table(container.spec, "linux"), "namespaces")
    return any(space.get("type") == "network" for space in spaces)


def _reachable(servers: Sequence[str], connection: Connection | None) -> tuple[str, ...]:
    """The helper's own first; without resolvers on the host's loopback, which mean the container itself inside it."""
    kept = tuple(server for server in servers if not _is_loopback(server))
    if connection is not None and connection.nameservers:
        return (*connection.nameservers, *kept)
    if kept:
        return kept
    v6_only = connection is not None and connection.addresses and all(":" in ip for ip in connection.addresses)
    return _FALLBACK_SERVERS_V6 if v6_only else _FALLBACK_SERVERS


def _is_loopback(server: str) -> bool:
    try:
        return ipaddress.ip_address(server.partition("%")[0]).is_loopback
    except ValueError:
        return True


def _containerenv(session: Session, container: Container) -> hosts.ContainerEnv | None:
    if not jsonval.flag(container.config, "privileged"):
        return None
    return hosts.ContainerEnv(
        "daemonless", container.name, container.id, container.image_name, container.image_id, session.identity.rootless
    )


def _accounts(container: Container, accounts: Accounts) -> dict[str, str]:
    """passwd and group with a line for a numeric user that the image does not know (podman-run(1), --passwd)."""
    if not jsonval.flag(container.config, "passwd", True):
        return {}
    account = accounts.account
    found = {}
    cwd = jsonval.text(jsonval.table(container.spec, "process"), "cwd", "/")
    if not account.known and account.uid != 0:
        entry = users.passwd_entry(account, cwd, jsonval.text(container.config, "passwd_entry"))
        found[_PASSWD] = _appended(accounts.passwd, entry)
    if account.gid != 0 and not account.known and not users.has_group(account.gid, accounts.group):
        entry = users.group_entry(account, jsonval.text(container.config, "group_entry"))
        found[_GROUP] = _appended(accounts.group, entry)
    return found


def _appended(content: bytes, entry: str) -> str:
    text = content.decode("utf-8", "replace")
    return text + ("" if not text or text.endswith("\n") else "\n") + entry


def _host_file(path: str) -> bytes:
    try:
        with open(path, "rb") as file:
            return file.read(_LIMIT)
    except OSError:
        return b""
