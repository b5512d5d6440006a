# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The directory of network files, shared with podman."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from ..base import clock
from ..base.errors import BadInput, Conflict, Corrupt, NotFound
from ..base.files import atomic_write, read_json
from ..base.ids import is_id_prefix
from ..base.locks import FileLock
from ..base.steps import reached
from .network_file import Json, Network, Subnet, check_name, from_json, to_json
from .settings import DEFAULT_NETWORK_ID, NetSettings, make_directories

if TYPE_CHECKING:
    from collections.abc import Callable

    from .addresses import HostNetworks
    from .draft import Draft

_SUFFIX = ".json"
_FILE_LIMIT = 1024 * 1024


class NetworkDir:
    """What networks there are. Reading takes no lock: files appear and change by rename only."""

    def __init__(self, settings: NetSettings) -> None:
        self.settings = settings
        self.broken: dict[str, str] = {}  # file name -> why it was skipped by the last all()

    def all(self) -> list[Network]:
        """All networks by name, the default one included; files that are no networks are skipped, as by podman."""
        self.broken = {}
        found = {}
        for file_name in self._file_names():
            try:
                network = self._read(file_name)
            except (Corrupt, OSError) as error:
                self.broken[file_name] = str(error)
                continue
            if network:
                found[network.name] = network
        if self.settings.default_network not in found:
            found[self.settings.default_network] = self.default()
        return [found[name] for name in sorted(found)]

    def get(self, name: str) -> Network | None:
        """The network of exactly this name. Raises Corrupt when its file is no network."""
        check_name(name)
        network = self._read(name + _SUFFIX)
        if network is None and name == self.settings.default_network:
            return self.default()
        return network

    def id_of(self, name: str) -> str | None:
        """The id of the network of exactly this name; the default one without a file is not made up for that."""
        check_name(name)
        network = self._read(name + _SUFFIX)
        if network is not None:
            return network.id
        return DEFAULT_NETWORK_ID if name == self.settings.default_network else None

    def find(self, text: str) -> Network:
        """By name, else by id or the beginning of one. Raises NotFound, BadInput when several begin so."""
        networks = self.all()
        for network in networks:
            if text in (network.name, network.id):
                return network
        matches = [network for network in networks if is_id_prefix(text) and network.id.startswith(text)]
        if len(matches) > 1:
            names = ", ".join(network.name for network in matches)
            raise BadInput(f"find network {text}", f"several ids begin so: {names}")
        if not matches:
            raise NotFound(f"find network {text}", "no network of this name or id exists")
        return matches[0]

    def default(self) -> Network:
        """The network that exists without a file."""
        from .addresses import first_host, parse_network

        subnet = parse_network(self.settings.default_subnet, "read the default subnet")
        network = Network(
            name=self.settings.default_network,
            id=DEFAULT_NETWORK_ID,
            driver="bridge",
            interface="podman0",
            created=clock.now(),
            subnets=(Subnet(str(subnet), str(first_host(subnet))),),
            routes=(),
            ipv6_enabled=subnet.version == 6,
            internal=False,
            dns_enabled=False,
            dns_servers=(),
            labels={},
            options={},
            ipam_driver="host-local",
            raw={},
        )
        return network._replace(raw=to_json(network))

    def create(self, draft: Draft, read: Callable[[], HostNetworks] | None = None) -> Network:
        """Choose what the draft leaves open and write the file. Raises BadInput, Conflict."""
        with self.locked():
            network = self._filled(draft, self.all(), read)
            if os.path.lexists(self._path(network.name)):
                raise Conflict(f"create network {network.name}", f"{self._path(network.name)} exists and is no network")
            self._write(network)
        return network

    def recreate(self, draft: Draft, keep_id: str = "", read: Callable[[], HostNetworks] | None = None) -> Network:
        """Put a network of the draft in the place of the one of its name, whose leases are dropped.

        Nothing is touched when the draft cannot be filled. The caller has detached everybody.
        Raises BadInput, Conflict.
        """
        with self.locked():
            others = [network for network in self.all() if network.name != draft.name]
            network = self._filled(draft, others, read)
            if keep_id:
                network = network._replace(id=keep_id, raw={**network.raw, "id": keep_id})
            self._forget_leases(network.name)
            self._write(network)
        return network

    def replace(self, network: Network) -> None:
        """Write a changed network over its own file; keys of the file that we do not know are kept."""
        with self.locked():
            self.write_locked(network)

    def write_locked(self, network: Network) -> None:
        """As replace, by a caller that holds the lock."""
        known = to_json(network)
        optional = ("network_interface", "subnets", "routes", "network_dns_servers", "labels", "options")
        kept = {key: value for key, value in network.raw.items() if key not in known and key not in optional}
        self._write(network._replace(raw={**known, **kept}))

    def remove(self, name: str) -> bool:
        """Delete the file and the network's leases; False when there is no such file.

        The caller has made sure that nobody is attached.
        """
        check_name(name)
        with self.locked():
            return self.remove_locked(name)

    def remove_locked(self, name: str) -> bool:
        try:
            os.unlink(self._path(name))
        except FileNotFoundError:
            return False
        reached("network-file-removed")
        self._forget_leases(name)
        return True

    def locked(self) -> FileLock:
        """podman's lock around everything that changes networks or attaches to them."""
        lock_dir = os.path.dirname(self.settings.lock)
        make_directories([lock_dir, self.settings.config_dir])
        return FileLock(self.settings.lock)

    def _filled(self, draft: Draft, others: list[Network], read: Callable[[], HostNetworks] | None) -> Network:
        """Looking needs none of what choosing needs, and is what most tasks do."""
        from .addresses import read_host
        from .draft import fill

        return fill(draft, others, (read or read_host)(), self.settings.subnet_pools)

    def _forget_leases(self, name: str) -> None:
        from . import ipam

        ipam.forget_network(self.settings.ipam_db, name)

    def _write(self, network: Network) -> None:
        text = json.dumps(network.raw, indent=5, ensure_ascii=False) + "\n"
        make_directories([self.settings.config_dir])
        atomic_write(self._path(network.name), text.encode(), mode=0o644)
        reached("network-file-written")

    def _path(self, name: str) -> str:
        return os.path.join(self.settings.config_dir, name + _SUFFIX)

    def _file_names(self) -> list[str]:
        try:
            names = os.listdir(self.settings.config_dir)
        except FileNotFoundError:
            return []
        return [name for name in names if name.endswith(_SUFFIX) and not name.startswith(".")]

    def _read(self, file_name: str) -> Network | None:
        path = os.path.join(self.settings.config_dir, file_name)
        try:
            content = read_json(path, _FILE_LIMIT)
        except FileNotFoundError:
            return None
        network = from_json(content, path)
        if network.name + _SUFFIX != file_name:
            raise Corrupt(f"read {path}", f"it describes network {network.name!r}, which is not its file name")
        return network


def inspect(network: Network, containers: Json) -> Json:
    """What `podman network inspect` shows: the file's content and who is attached."""
    return {**network.public, "containers": containers}
