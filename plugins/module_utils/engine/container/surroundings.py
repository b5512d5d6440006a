# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container's config depends on besides the wish: the image, the host, the defaults, the other containers.

All of it is gathered by the caller; nothing in the pure half of this room looks anything up.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import ids
from ..base.values import dataclass, field
from ..spec import capabilities

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from ..base.jsonval import Json
    from ..spec.devices import DeviceNode
    from ..spec.image_config import ImageConfig
    from ..spec.namespaces import IdRange
    from ..spec.ports import PortMapping
    from ..spec.ulimits import Ulimit
    from .membership import PodFacts


CGROUPFS_PARENT = "/libpod_parent"
DEFAULT_PATH = "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
ALL_CONTROLLERS = frozenset(("memory", "cpu", "cpuset", "pids", "io"))


@dataclass(frozen=True)
class ImageFacts:
    """An image of the store. `name` is its full name as podman shows it, `raw_name` what the task wrote."""

    id: str
    name: str
    config: ImageConfig
    raw_name: str = ""
    digest: str = ""


@dataclass(frozen=True)
class Defaults:
    """What containers.conf says where a task says nothing; the values here are podman's built-in ones.

    `pids_limit` 0 is none; `network` is the rootful default mode, `rootless_network` the other. `seccomp_profile` is
    the content of this host's default profile, None for the built-in one.
    """

    capabilities: tuple[str, ...] = capabilities.DEFAULT
    ulimits: tuple[Ulimit, ...] = ()
    sysctls: Mapping[str, str] = field(default_factory=lambda: {"net.ipv4.ping_group_range": "0 0"})
    env: tuple[str, ...] = (DEFAULT_PATH,)
    annotations: Mapping[str, str] = field(default_factory=dict)
    label: bool = False
    apparmor_profile: str = ""
    seccomp_profile: bytes | None = None
    log_driver: str = "k8s-file"
    log_tag: str = ""
    pids_limit: int = 2048
    shm_size: int = 65536000
    umask: str = "0022"
    timezone: str = ""
    init: bool = False
    init_path: str = "/usr/libexec/podman/catatonit"
    read_only: bool = False
    privileged: bool = False
    no_hosts: bool = False
    base_hosts_file: str = ""
    dns: tuple[str, ...] = ()
    dns_search: tuple[str, ...] = ()
    dns_option: tuple[str, ...] = ()
    stop_timeout: int = 10
    cgroups: str = "enabled"
    network: str = "bridge"
    rootless_network: str = "pasta"
    default_network: str = "podman"
    ipcns: str = "shareable"
    pidns: str = "private"
    utsns: str = "private"
    cgroupns: str = ""
    health_log_destination: str = "local"
    health_max_log_count: int = 5
    health_max_log_size: int = 500


@dataclass(frozen=True)
class HostFacts:
    """`arch` is a GOARCH; `bounding` the capabilities this process may hand on; `sub_ids` how many uids and gids the
    rootless namespace maps beyond 0; `controllers` the cgroup controllers that limits can be set on; `nodes` what is
    at the paths of `ContainerDesired.device_paths` (a directory's nodes by their own paths)."""

    rootless: bool = False
    uid: int = 0
    gid: int = 0
    arch: str = "amd64"
    hostname: str = "localhost"
    cgroups_v2: bool = True
    cgroup_manager: str = "cgroupfs"
    controllers: frozenset[str] = ALL_CONTROLLERS
    bounding: tuple[str, ...] = tuple(sorted(capabilities.NAMES))
    sub_ids: tuple[int, int] = (65536, 65536)
    runtime: str = "crun"
    thermal: tuple[str, ...] = ()
    nodes: Mapping[str, DeviceNode] = field(default_factory=dict)
    environ: Mapping[str, str] = field(default_factory=dict)
    graph_root: str = "/var/lib/containers/storage"
    run_root: str = "/run/containers/storage"


@dataclass(frozen=True)
class Peer:
    """Another container that this one joins or follows: its id, name and config row."""

    id: str
    name: str
    config: Json

    @property
    def hostname(self) -> str:
        spec = self.config.get("spec")
        named = spec.get("hostname") if isinstance(spec, dict) else None
        return str(named) if named else ids.short(self.id)


@dataclass(frozen=True)
class Surroundings:
    """`image` None: a rootfs container. `peers` by the words of `ContainerDesired.references`; `secrets` as libpod's
    store lists them, by name; `pod` the one that it joins. `auto_maps` are the ids chosen for `userns: auto`, once a
    container is really made; `granted` those of the users and groups that subuidname and subgidname name."""

    image: ImageFacts | None
    host: HostFacts = field(default_factory=HostFacts)
    defaults: Defaults = field(default_factory=Defaults)
    peers: Mapping[str, Peer] = field(default_factory=dict)
    secrets: Mapping[str, Json] = field(default_factory=dict)
    pod: PodFacts | None = None
    auto_maps: tuple[tuple[IdRange, ...], tuple[IdRange, ...]] | None = None
    granted: tuple[tuple[IdRange, ...], tuple[IdRange, ...]] = ((), ())


_NO_ID = "0" * 64


def _no_port(_mapping: PortMapping) -> int:
    return 0


@dataclass(frozen=True)
class Birth:
    """What is only decided when a container is really made; the defaults serve planning, where none of it is compared.

    `created` is RFC 3339; `pick_port` answers with a free port of the host for a mapping that names none;
    `volume_name` invents the name of an anonymous volume.
    """

    id: str = _NO_ID
    lock_id: int = 0
    created: str = "0001-01-01T00:00:00Z"
    create_command: tuple[str, ...] = ()
    pick_port: Callable[[PortMapping], int] = _no_port
    volume_name: Callable[[], str] = ids.new_id
    process_label: str = ""
    mount_label: str = ""

    @property
    def real(self) -> bool:
        """Whether a container is being made, as opposed to planned."""
        return self.id != _NO_ID
