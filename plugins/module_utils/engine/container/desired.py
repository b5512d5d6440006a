# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task wants of a container: one value, None wherever the task said nothing.

Everything is parsed and checked already; `params.parse` makes one from a module's parameters. Sizes are bytes,
durations nanoseconds, timeouts seconds. -1 means "no limit" where the kernel knows such a thing.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.values import dataclass, fields

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..spec.devices import Device, Rule
    from ..spec.hosts import HostEntry
    from ..spec.mounts import Mount
    from ..spec.namespaces import IdRange, Mode
    from ..spec.networks import NetworkWish
    from ..spec.ports import PortMapping
    from ..spec.restart import RestartPolicy
    from ..spec.security import SecurityWish
    from ..spec.ulimits import Ulimit
    from .wishes import HealthWish, LogWish, SecretWish, VolumesFrom

ABSENT, CREATED, STARTED, STOPPED = "absent", "created", "started", "stopped"
START_FIRST, STOP_FIRST = "start-first", "stop-first"  # what ContainerFlags.update_order may say
PAUSED, KILLED, HEALTHY = "paused", "killed", "healthy"  # what ContainerFlags.then may say


@dataclass(frozen=True)
class ContainerFlags:
    """How to get there, as opposed to what to get: these are never compared.

    `pull` is always, missing, never or newer; `image_strict` also compares the image's name; `comparisons` maps an
    option to strict, subset or ignore; `noted` tells whether what is mentioned is remembered. `then` goes beyond the
    state: PAUSED and HEALTHY beyond STARTED, KILLED in place of STOPPED; `wait_timeout` are seconds for HEALTHY.
    `attach` names the streams that are wanted of a container whose end is awaited, None for all; the times are seconds
    until SIGKILL, in place of the container's own, for stopping, restarting and removing it. `update_order` tells
    whether one that is made anew is started before the old one is stopped (START_FIRST), or after.
    """

    state: str = STARTED
    recreate: bool = False
    force_restart: bool = False
    force_delete: bool = True
    delete_depend: bool = False
    delete_volumes: bool = False
    detach: bool = True
    pull: str = "missing"
    image_strict: bool = False
    noted: bool = True
    comparisons: tuple[tuple[str, str], ...] = ()
    then: str = ""
    wait_timeout: float = 60.0
    attach: tuple[str, ...] | None = None
    stop_time: int | None = None
    restart_time: int | None = None
    delete_time: int | None = None
    update_order: str = STOP_FIRST


@dataclass(frozen=True)
class ContainerDesired:
    name: str
    image: str | None = None
    rootfs: str | None = None
    command: tuple[str, ...] | None = None
    entrypoint: tuple[str, ...] | None = None
    env: Mapping[str, str] | None = None
    env_merge: Mapping[str, str] | None = None
    env_host: bool | None = None
    http_proxy: bool | None = None
    unsetenv: tuple[str, ...] | None = None
    unsetenv_all: bool | None = None
    label: Mapping[str, str] | None = None
    annotation: Mapping[str, str] | None = None
    workdir: str | None = None
    user: str | None = None
    group_add: tuple[str, ...] | None = None
    hostname: str | None = None
    umask: str | None = None
    timezone: str | None = None
    tty: bool | None = None
    interactive: bool | None = None
    init: bool | None = None
    init_path: str | None = None
    systemd: str | None = None
    sdnotify: str | None = None
    rm: bool | None = None
    rmi: bool | None = None
    stop_signal: int | None = None
    stop_timeout: int | None = None
    timeout: int | None = None
    restart_policy: RestartPolicy | None = None
    requires: tuple[str, ...] | None = None
    pod: str | None = None
    init_ctr: str | None = None
    conmon_pidfile: str | None = None
    pid_file: str | None = None
    cidfile: str | None = None
    # file systems
    volume: tuple[Mount, ...] | None = None
    mount: tuple[Mount, ...] | None = None
    tmpfs: tuple[Mount, ...] | None = None
    volumes_from: tuple[VolumesFrom, ...] | None = None
    image_volume: str | None = None
    read_only: bool | None = None
    read_only_tmpfs: bool | None = None
    shm_size: int | None = None
    shm_size_systemd: int | None = None
    device: tuple[Device, ...] | None = None
    device_cgroup_rule: tuple[Rule, ...] | None = None
    secrets: tuple[SecretWish, ...] | None = None
    chrootdirs: tuple[str, ...] | None = None
    hooks_dir: tuple[str, ...] | None = None
    passwd: bool | None = None
    passwd_entry: str | None = None
    group_entry: str | None = None
    hostuser: tuple[str, ...] | None = None
    # network
    network: NetworkWish | None = None
    network_aliases: tuple[str, ...] | None = None
    ip: str | None = None
    ip6: str | None = None
    mac_address: str | None = None
    publish: tuple[PortMapping, ...] | None = None
    publish_all: bool | None = None
    expose: tuple[str, ...] | None = None
    dns: tuple[str, ...] | None = None
    dns_search: tuple[str, ...] | None = None
    dns_option: tuple[str, ...] | None = None
    etc_hosts: tuple[HostEntry, ...] | None = None
    hosts_file: str | None = None
    no_hosts: bool | None = None
    no_hostname: bool | None = None
    # walls
    privileged: bool | None = None
    cap_add: tuple[str, ...] | None = None
    cap_drop: tuple[str, ...] | None = None
    security_opt: SecurityWish | None = None
    seccomp_profile: bytes | None = None
    seccomp_policy: str | None = None
    pid: Mode | None = None
    ipc: Mode | None = None
    uts: Mode | None = None
    cgroupns: Mode | None = None
    userns: Mode | None = None
    uidmap: tuple[IdRange, ...] | None = None
    gidmap: tuple[IdRange, ...] | None = None
    subuidname: str | None = None
    subgidname: str | None = None
    sysctl: Mapping[str, str] | None = None
    ulimit: tuple[Ulimit, ...] | None = None
    personality: str | None = None
    # resources
    cgroups: str | None = None
    cgroup_parent: str | None = None
    cgroup_conf: Mapping[str, str] | None = None
    memory: int | None = None
    memory_reservation: int | None = None
    memory_swap: int | None = None
    memory_swappiness: int | None = None
    kernel_memory: int | None = None
    oom_kill_disable: bool | None = None
    oom_score_adj: int | None = None
    cpus: int | None = None
    cpu_period: int | None = None
    cpu_quota: int | None = None
    cpu_rt_period: int | None = None
    cpu_rt_runtime: int | None = None
    cpu_shares: int | None = None
    cpuset_cpus: str | None = None
    cpuset_mems: str | None = None
    pids_limit: int | None = None
    blkio_weight: int | None = None
    blkio_weight_device: tuple[tuple[str, int], ...] | None = None
    device_read_bps: tuple[tuple[str, int], ...] | None = None
    device_write_bps: tuple[tuple[str, int], ...] | None = None
    device_read_iops: tuple[tuple[str, int], ...] | None = None
    device_write_iops: tuple[tuple[str, int], ...] | None = None
    rdt_class: str | None = None
    # logs and health
    log_driver: str | None = None
    log_opt: LogWish | None = None
    healthcheck: HealthWish | None = None

    def mentioned(self) -> frozenset[str]:
        """The options that the task said something about, by the names above."""
        return frozenset(field.name for field in fields(self) if getattr(self, field.name) is not None) - {"name"}

    def references(self) -> tuple[str, ...]:
        """Names or ids of the other containers that this one cannot be made without."""
        modes = (self.pid, self.ipc, self.uts, self.cgroupns, self.userns)
        found = [mode.value for mode in modes if mode is not None and mode.kind == "container"]
        if self.network is not None and self.network.mode == "container":
            found.append(self.network.value)
        found += [source.container for source in self.volumes_from or ()]
        return tuple(dict.fromkeys((*found, *(self.requires or ()))))

    def device_paths(self) -> tuple[str, ...]:
        """The paths of the host that have to be looked at before a config can be written."""
        found = [device.source for device in self.device or () if not device.cdi]
        for pairs in (
            self.blkio_weight_device,
            self.device_read_bps,
            self.device_write_bps,
            self.device_read_iops,
            self.device_write_iops,
        ):
            found += [path for path, _value in pairs or ()]
        return tuple(dict.fromkeys(found))
