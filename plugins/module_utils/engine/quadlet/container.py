# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's options as the text of a `.container` file."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from . import flags, settings
from .unit import Unit
from .words import words

if TYPE_CHECKING:
    from collections.abc import Mapping

_SETTINGS = settings.table(
    """
    joined cap_add AddCapability
    each device AddDevice
    pairs annotation Annotation
    text name ContainerName
    each dns DNS
    each dns_option DNSOption
    each dns_search DNSSearch
    joined cap_drop DropCapability
    text cgroups CgroupsMode
    text entrypoint Entrypoint
    words env Environment
    each env_file EnvironmentFile
    text env_host EnvironmentHost
    colons etc_hosts AddHost
    text command Exec
    each expose ExposeHostPort
    each gidmap GIDMap
    each global_args GlobalArgs
    text group Group
    each group_add GroupAdd
    text healthcheck HealthCmd
    text healthcheck_interval HealthInterval
    text healthcheck_failure_action HealthOnFailure
    text healthcheck_retries HealthRetries
    text healthcheck_start_period HealthStartPeriod
    text healthcheck_timeout HealthTimeout
    text health_startup_cmd HealthStartupCmd
    text health_startup_interval HealthStartupInterval
    text health_startup_retries HealthStartupRetries
    text health_startup_success HealthStartupSuccess
    text health_startup_timeout HealthStartupTimeout
    text hostname HostName
    text image Image
    text ip IP
    text ip6 IP6
    words label Label
    text log_driver LogDriver
    pairs log_opt LogOpt
    each mount Mount
    each network Network
    each network_aliases NetworkAlias
    text no_new_privileges NoNewPrivileges
    text sdnotify Notify
    text pids_limit PidsLimit
    text pod Pod
    each publish PublishPort
    text pull Pull
    text read_only ReadOnly
    text read_only_tmpfs ReadOnlyTmpfs
    text rootfs Rootfs
    text init RunInit
    each secrets Secret
    text shm_size ShmSize
    text stop_signal StopSignal
    text stop_timeout StopTimeout
    text subgidname SubGIDMap
    text subuidname SubUIDMap
    pairs sysctl Sysctl
    text timezone Timezone
    colons tmpfs Tmpfs
    each uidmap UIDMap
    each ulimit Ulimit
    text user User
    text userns UserNS
    each volume Volume
    text workdir WorkingDir
    """
)
FLAGS = flags.table(
    """
    one arch
    one authfile
    one blkio_weight
    each blkio_weight_device
    one cgroupns
    pairs cgroup_conf
    one cert_dir
    one cgroup_parent
    one chrootdirs
    one cidfile
    one conmon_pidfile
    one cpus
    one cpuset_cpus
    one cpuset_mems
    one cpu_period
    one cpu_quota
    one cpu_rt_period
    one cpu_rt_runtime
    one cpu_shares
    one decryption_key
    one device_cgroup_rule
    each device_read_bps
    each device_read_iops
    each device_write_bps
    each device_write_iops
    pairs env_merge
    one gpus
    one health_log_destination
    one health_max_log_count
    one health_max_log_size
    one group_entry
    one hosts_file
    one hostuser
    truth http_proxy
    one image_volume
    one init_ctr
    one init_path
    switch interactive
    one ipc
    one kernel_memory
    one label_file
    one link_local_ip
    one mac_address
    one memory
    one memory_reservation
    one memory_swap
    one memory_swappiness
    switch no_healthcheck
    truth no_hostname
    truth no_hosts
    truth oom_kill_disable
    one oom_score_adj
    one os
    truth passwd
    one passwd_entry
    one personality
    one pid
    one pid_file --pidfile
    one platform
    switch privileged
    switch publish_all
    one rdt_class
    commas requires
    one retry
    one retry_delay
    switch rm
    switch rmi
    one seccomp_policy
    each security_opt
    one shm_size_systemd
    equals systemd
    one timeout
    truth tls_verify
    switch tty
    one umask
    each unsetenv
    switch unsetenv_all
    one uts
    one variant
    each volumes_from
    """
)
_RESTART = {"unless-stopped": "always"}  # systemd starts at boot what is enabled: it knows no other "unless"


def unit(params: Mapping[str, object]) -> Unit:
    """Raises BadInput."""
    values = {key: value for key, value in params.items() if value is not None}
    _refuse(values)
    values["global_args"] = _global(values)
    if isinstance(values.get("command"), (list, tuple)):
        values["command"] = words(values["command"], "command")  # type: ignore[arg-type]
    if values.pop("rootfs", False):
        values["rootfs"] = values.pop("image", None)
    user, colon, group = str(values.get("user", "")).partition(":")
    if colon:
        values["user"], values["group"] = user, group
    security = values.get("security_opt")
    if isinstance(security, (list, tuple)) and "no-new-privileges" in security:
        values["no_new_privileges"] = True
        values["security_opt"] = [item for item in security if item != "no-new-privileges"]
    if isinstance(values.get("log_opt"), dict):
        log = values["log_opt"]
        values["log_opt"] = {str(key).replace("max_size", "max-size"): item for key, item in log.items()}  # type: ignore[attr-defined]
    found = [*settings.of(values, _SETTINGS)]
    found += [("PodmanArgs", argument) for argument in flags.of(values, FLAGS)]
    extra = values.get("cmd_args")
    if isinstance(extra, (list, tuple)):
        found += settings.of({"cmd_args": extra}, (("cmd_args", settings.EACH, "PodmanArgs"),))
    service, warnings = _service(values)
    return Unit("Container", tuple(found), service, warnings)


def _refuse(values: Mapping[str, object]) -> None:
    if not values.get("image"):
        raise BadInput("write a unit file for the container", "the task names no image")
    if values.get("creds"):
        raise BadInput(
            "write creds into a unit file",
            "everybody who may look at processes would see them, on podman's command line",
            "Log in to the registry, and name the file with authfile",
        )


def _global(values: Mapping[str, object]) -> list[str]:
    found = [*flags.of(values, flags.table("one log_level\neach hooks_dir"))]
    return [*found, "--log-level debug"] if values.get("debug") is True else found


def _service(values: Mapping[str, object]) -> tuple[tuple[tuple[str, str], ...], tuple[str, ...]]:
    """The restart policy is systemd's business: podman's own would be in its way."""
    policy = str(values.get("restart_policy", "")).replace("_", "-")
    if not policy:
        return (), ()
    name, colon, _count = policy.partition(":")
    if name not in ("no", "on-failure", "always", "unless-stopped"):
        raise BadInput("read restart_policy", f"{policy[:40]!r} is not no, on-failure, always or unless-stopped")
    warnings: tuple[str, ...] = ()
    if colon:
        warnings = (f"restart_policy {policy}: systemd does not count so; set StartLimitBurst with quadlet_options",)
    return (("Restart", _RESTART.get(name, name)),), warnings
