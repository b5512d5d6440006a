# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The names under which podman_container 1.20 knows its options, plus our own."""

from __future__ import annotations

#: Every other spelling -> the option.
ALIASES = {
    "add_host": "etc_hosts",
    "add_hosts": "etc_hosts",
    "auto_remove": "rm",
    "remove": "rm",
    "capabilities": "cap_add",
    "dns_opts": "dns_option",
    "dns_opt": "dns_option",
    "dns_servers": "dns",
    "dns_search_domains": "dns_search",
    "env_files": "env_file",
    "environment": "env",
    "exposed": "expose",
    "exposed_ports": "expose",
    "groups": "group_add",
    "health_cmd": "healthcheck",
    "health_on_failure": "healthcheck_failure_action",
    "health_interval": "healthcheck_interval",
    "health_retries": "healthcheck_retries",
    "health_start_period": "healthcheck_start_period",
    "health_timeout": "healthcheck_timeout",
    "ipc_mode": "ipc",
    "labels": "label",
    "log_options": "log_opt",
    "mounts": "mount",
    "net": "network",
    "network_alias": "network_aliases",
    "network_mode": "network",
    "pid_mode": "pid",
    "ports": "publish",
    "published": "publish",
    "published_ports": "publish",
    "restart": "force_restart",
    "ulimits": "ulimit",
    "userns_mode": "userns",
    "volumes": "volume",
    "working_dir": "workdir",
}
#: Options that name files whose content is wanted.
FILES = ("env_file", "label_file")
_OURS = "comparisons update_order wait_timeout"
#: Options that ask for what cannot be had here: refused, with the way around.
UNSUPPORTED = {
    "decryption_key": "encrypted layers are not decrypted here; pull a plain image",
    "pod_id_file": "use pod with the pod's name or id",
}
#: Options that only say how podman's command behaves: nothing here could follow them, and a playbook may keep them.
WITHOUT_EFFECT = {
    "cmd_args": "no command line of podman is made",
    "debug": "raise Ansible's verbosity instead",
    "detach_keys": "nobody types at a container that a task runs",
    "link_local_ip": "netavark, as podman 5, has no such address",
    "log_level": "no podman runs that would log",
    "preserve_fd": "a task hands no open files on",
    "preserve_fds": "a task hands no open files on",
    "sig_proxy": "a task sends no signals on",
}
#: What says how a unit for the container is written: see the rooms quadlet and units.
UNITS = frozenset("generate_systemd quadlet_dir quadlet_file_mode quadlet_filename quadlet_options".split())
_PODMAN = """
annotation arch attach authfile blkio_weight blkio_weight_device cap_add cap_drop cert_dir cgroup_conf cgroup_parent
cgroupns cgroups chrootdirs cidfile cmd_args command conmon_pidfile cpu_period cpu_quota cpu_rt_period cpu_rt_runtime
cpu_shares cpus cpuset_cpus cpuset_mems creds debug decryption_key delete_depend delete_time delete_volumes detach
detach_keys device device_cgroup_rule device_read_bps device_read_iops device_write_bps device_write_iops dns dns_option
dns_search entrypoint env env_file env_host env_merge etc_hosts executable expose force_delete force_restart
generate_systemd gidmap gpus group_add group_entry health_log_destination health_max_log_count health_max_log_size
health_startup_cmd health_startup_interval health_startup_retries health_startup_success health_startup_timeout
healthcheck healthcheck_failure_action healthcheck_interval healthcheck_retries healthcheck_start_period
healthcheck_timeout hooks_dir hostname hosts_file hostuser http_proxy image image_strict image_volume init init_ctr
init_path interactive ip ip6 ipc kernel_memory label label_file link_local_ip log_driver log_level log_opt mac_address
memory memory_reservation memory_swap memory_swappiness mount name network network_aliases no_healthcheck no_hostname
no_hosts oom_kill_disable oom_score_adj os passwd passwd_entry personality pid pid_file pids_limit platform pod
pod_id_file preserve_fd preserve_fds privileged publish publish_all pull quadlet_dir quadlet_file_mode quadlet_filename
quadlet_options rdt_class read_only read_only_tmpfs recreate requires restart_policy restart_time retry retry_delay rm
rmi rootfs sdnotify seccomp_policy secrets security_opt shm_size shm_size_systemd sig_proxy state stop_signal stop_time
stop_timeout subgidname subuidname sysctl systemd timeout timezone tls_verify tmpfs tty uidmap ulimit umask unsetenv
unsetenv_all user userns uts variant volume volumes_from workdir
"""
KNOWN = frozenset(f"{_PODMAN} {_OURS}".split())
