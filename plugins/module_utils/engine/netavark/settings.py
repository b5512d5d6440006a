# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Where networks live and with what they are made: the same places and defaults as podman's (containers.conf(5))."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple
from ..host import programs

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..host.process import Runner

DEFAULT_NETWORK = "podman"
DEFAULT_NETWORK_ID = "2f259bab93aaaaa2542ba43ef33eb990d0999ee1b9924b557b7be53c0b7a1bb9"
DEFAULT_SUBNET = "10.88.0.0/16"
DEFAULT_POOLS = (
    ("10.89.0.0/16", 24),
    ("10.90.0.0/15", 24),
    ("10.92.0.0/14", 24),
    ("10.96.0.0/11", 24),
    ("10.128.0.0/9", 24),
)


class NetSettings(NamedTuple):
    """What the room needs to know of its host and configuration.

    `config_dir` holds NAME.json, `run_dir` ipam.db and what netavark keeps at run time, `lock` is the file podman
    locks for every network deed, `netns_dir` where namespaces are bound, `ports_dir` where the processes that carry a
    plain user's ports listen for new addresses. `firewall` "" lets netavark choose.
    """

    config_dir: str
    run_dir: str
    lock: str
    netns_dir: str
    runtime_dir: str
    rootless: bool
    default_network: str = DEFAULT_NETWORK
    default_subnet: str = DEFAULT_SUBNET
    subnet_pools: tuple[tuple[str, int], ...] = DEFAULT_POOLS
    firewall: str = ""
    dns_port: int = 0
    plugin_dirs: tuple[str, ...] = ()
    helper_dirs: tuple[str, ...] = programs.HELPER_DIRECTORIES
    rootless_command: str = "pasta"
    pasta_options: tuple[str, ...] = ()
    slirp_options: tuple[str, ...] = ()
    ports_dir: str = ""

    @property
    def ipam_db(self) -> str:
        return os.path.join(self.run_dir, "ipam.db")

    @property
    def rootless_netns_dir(self) -> str:
        return os.path.join(self.run_dir, "rootless-netns")


def standard_settings(*, rootless: bool, graph_root: str, runtime_dir: str, run_root: str = "") -> NetSettings:
    """podman's own places. `run_root` is the store's; only a rootless user's networks live under it."""
    if not rootless:
        return NetSettings(
            config_dir="/etc/containers/networks",
            run_dir="/run/containers/networks",
            lock="/run/lock/netavark.lock",
            netns_dir="/run/netns",
            runtime_dir="/run",
            rootless=False,
        )
    config_dir = os.path.join(graph_root, "networks")
    return NetSettings(
        config_dir=config_dir,
        run_dir=os.path.join(run_root or os.path.join(runtime_dir, "containers"), "networks"),
        lock=os.path.join(config_dir, "netavark.lock"),
        netns_dir=os.path.join(runtime_dir, "netns"),
        runtime_dir=runtime_dir,
        rootless=True,
    )


class NetContext(NamedTuple):
    """What every deed of this room is given."""

    settings: NetSettings
    runner: Runner

    def program(self, name: str, deed: str) -> str:
        """The path of a helper program; raises HostLacks with the package to install."""
        return programs.require(name, deed, self.settings.helper_dirs)


def make_directories(paths: Sequence[str], mode: int = 0o755) -> None:
    """Make what is missing, parents included."""
    for path in paths:
        os.makedirs(path, mode, exist_ok=True)
