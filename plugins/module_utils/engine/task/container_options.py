# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option table of `container`: names, aliases, types and defaults of containers.podman's podman_container.

It is the argument spec as it stands. What an option means, and how it is compared, is the business of container/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE
from .quadlet import OPTIONS as _QUADLET

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .frame import Options

    Option = Mapping[str, object]

_TEXT: Option = {"type": "str"}
_FLAG: Option = {"type": "bool"}
_NUMBER: Option = {"type": "int"}
_PATH: Option = {"type": "path"}
_MAP: Option = {"type": "dict"}
_LIST: Option = {"type": "list", "elements": "str"}


def _also(kind: Option, *aliases: str) -> Option:
    return {**kind, "aliases": list(aliases)}


_IDENTITY: Options = {
    "name": {"type": "str", "required": True},
    "state": {
        "type": "str",
        "default": "started",
        "choices": [
            "absent",
            "present",
            "created",
            "started",
            "stopped",
            "restarted",
            "paused",
            "unpaused",
            "killed",
            "healthy",
            "quadlet",
        ],
    },
    "image": _TEXT,
    "image_strict": {"type": "bool", "default": False},
    "pull": {"type": "str", "choices": ["always", "missing", "never", "newer"]},
    "recreate": {"type": "bool", "default": False},
    "force_restart": {"type": "bool", "default": False, "aliases": ["restart"]},
    "force_delete": {"type": "bool", "default": True},
    "delete_volumes": _FLAG,
    "detach": {"type": "bool", "default": True},
    "rm": _also(_FLAG, "remove", "auto_remove"),
    "executable": EXECUTABLE,
    "comparisons": _MAP,
    "update_order": {"type": "str", "choices": ["stop-first", "start-first"], "default": "stop-first"},
    "wait_timeout": {"type": "float", "default": 60.0},
    "delete_depend": _FLAG,
    "cidfile": _PATH,
    "conmon_pidfile": _PATH,
    "pid_file": _PATH,
    "init_ctr": {"type": "str", "choices": ["once", "always"]},
    "pod": _TEXT,
    "requires": _LIST,
    "rootfs": _FLAG,
    "attach": {"type": "list", "elements": "str", "choices": ["stdin", "stdout", "stderr"]},
    "delete_time": _TEXT,
    "restart_time": _TEXT,
    "stop_time": _TEXT,
    "rmi": _FLAG,
}

#: Taken so that playbooks go on working; each is warned about where it is set.
_WITHOUT_EFFECT: Options = {
    "cmd_args": _LIST,
    "debug": {"type": "bool", "default": False},
    "detach_keys": {"type": "str", "no_log": False},
    "link_local_ip": _TEXT,
    "log_level": {"type": "str", "choices": ["debug", "info", "warn", "error", "fatal", "panic"]},
    "preserve_fd": _LIST,
    "preserve_fds": _TEXT,
    "sig_proxy": _FLAG,
}
#: Asked for by some playbooks and not to be had: each is an error that says what to do instead.
_REFUSED: Options = {
    "decryption_key": {"type": "str", "no_log": True},
    "gpus": _TEXT,
    "hooks_dir": _LIST,
}

_PULLING: Options = {
    "arch": _TEXT,
    "authfile": _PATH,
    "cert_dir": _PATH,
    "creds": {"type": "str", "no_log": True},
    "os": _TEXT,
    "platform": _TEXT,
    "retry": _NUMBER,
    "retry_delay": _TEXT,
    "tls_verify": _FLAG,
    "variant": _TEXT,
}

_PROCESS: Options = {
    "annotation": _MAP,
    "command": {"type": "raw"},
    "entrypoint": _TEXT,
    "env": _MAP,
    "env_file": {"type": "list", "elements": "path", "aliases": ["env_files"]},
    "env_host": _FLAG,
    "env_merge": _MAP,
    "group_add": _also(_LIST, "groups"),
    "group_entry": _TEXT,
    "hostname": _TEXT,
    "hostuser": _TEXT,
    "http_proxy": _FLAG,
    "init": _FLAG,
    "init_path": _TEXT,
    "interactive": _FLAG,
    "label": _also(_MAP, "labels"),
    "label_file": _TEXT,
    "log_driver": {"type": "str", "choices": ["k8s-file", "journald", "json-file", "passthrough", "none"]},
    "log_opt": _also(_MAP, "log_options"),
    "passwd": {"type": "bool", "no_log": False},
    "passwd_entry": {"type": "str", "no_log": False},
    "restart_policy": _TEXT,
    "sdnotify": _TEXT,
    "stop_signal": _NUMBER,
    "stop_timeout": _NUMBER,
    "systemd": _TEXT,
    "timeout": _NUMBER,
    "timezone": _TEXT,
    "tty": _FLAG,
    "umask": _TEXT,
    "unsetenv": _LIST,
    "unsetenv_all": _FLAG,
    "user": _TEXT,
    "workdir": _also(_TEXT, "working_dir"),
}

_FILES: Options = {
    "chrootdirs": _TEXT,
    "image_volume": {"type": "str", "choices": ["bind", "tmpfs", "ignore", "anonymous"]},
    "mount": _also(_LIST, "mounts"),
    "read_only": _FLAG,
    "read_only_tmpfs": _FLAG,
    "shm_size": _TEXT,
    "shm_size_systemd": _TEXT,
    "tmpfs": _MAP,
    "volume": _also(_LIST, "volumes"),
    "volumes_from": _LIST,
}

_NETWORK: Options = {
    "dns": _also(_LIST, "dns_servers"),
    "dns_option": _also(_TEXT, "dns_opts"),
    "dns_search": _also(_LIST, "dns_search_domains"),
    "etc_hosts": _also(_MAP, "add_hosts"),
    "expose": _also(_LIST, "exposed", "exposed_ports"),
    "hosts_file": _TEXT,
    "ip": _TEXT,
    "ip6": _TEXT,
    "mac_address": _TEXT,
    "network": _also(_LIST, "net", "network_mode"),
    "network_aliases": _also(_LIST, "network_alias"),
    "no_hostname": _FLAG,
    "no_hosts": _FLAG,
    "publish": _also(_LIST, "ports", "published", "published_ports"),
    "publish_all": _FLAG,
}

_WALLS: Options = {
    "blkio_weight": _NUMBER,
    "blkio_weight_device": _MAP,
    "cap_add": _also(_LIST, "capabilities"),
    "cap_drop": _LIST,
    "cgroup_conf": _MAP,
    "cgroup_parent": _PATH,
    "cgroupns": _TEXT,
    "cgroups": _TEXT,
    "cpu_period": _NUMBER,
    "cpu_quota": _NUMBER,
    "cpu_rt_period": _NUMBER,
    "cpu_rt_runtime": _NUMBER,
    "cpu_shares": _NUMBER,
    "cpus": _TEXT,
    "cpuset_cpus": _TEXT,
    "cpuset_mems": _TEXT,
    "device": _LIST,
    "device_cgroup_rule": _TEXT,
    "device_read_bps": _LIST,
    "device_read_iops": _LIST,
    "device_write_bps": _LIST,
    "device_write_iops": _LIST,
    "gidmap": _LIST,
    "ipc": _also(_TEXT, "ipc_mode"),
    "kernel_memory": _TEXT,
    "memory": _TEXT,
    "memory_reservation": _TEXT,
    "memory_swap": _TEXT,
    "memory_swappiness": _NUMBER,
    "oom_kill_disable": _FLAG,
    "oom_score_adj": _NUMBER,
    "personality": _TEXT,
    "pid": _also(_TEXT, "pid_mode"),
    "pids_limit": _TEXT,
    "privileged": _FLAG,
    "rdt_class": _TEXT,
    "seccomp_policy": _TEXT,
    "secrets": {"type": "list", "elements": "str", "no_log": False},
    "security_opt": _LIST,
    "subgidname": _TEXT,
    "subuidname": _TEXT,
    "sysctl": _MAP,
    "uidmap": _LIST,
    "ulimit": _also(_LIST, "ulimits"),
    "userns": _also(_TEXT, "userns_mode"),
    "uts": _TEXT,
}

_HEALTH: Options = {
    "health_log_destination": _TEXT,
    "health_max_log_count": _NUMBER,
    "health_max_log_size": _NUMBER,
    "health_startup_cmd": _TEXT,
    "health_startup_interval": _TEXT,
    "health_startup_retries": _NUMBER,
    "health_startup_success": _NUMBER,
    "health_startup_timeout": _TEXT,
    "healthcheck": _also(_TEXT, "health_cmd"),
    "healthcheck_failure_action": {
        "type": "str",
        "choices": ["none", "kill", "restart", "stop"],
        "aliases": ["health_on_failure"],
    },
    "healthcheck_interval": _also(_TEXT, "health_interval"),
    "healthcheck_retries": _also(_NUMBER, "health_retries"),
    "healthcheck_start_period": _also(_TEXT, "health_start_period"),
    "healthcheck_timeout": _also(_TEXT, "health_timeout"),
    "no_healthcheck": _FLAG,
}

OPTIONS: Options = {
    **_IDENTITY,
    **_PULLING,
    **_PROCESS,
    **_FILES,
    **_NETWORK,
    **_WALLS,
    **_HEALTH,
    **_WITHOUT_EFFECT,
    **_REFUSED,
    **_QUADLET,
    "generate_systemd": {"type": "dict", "default": {}},
}
RULES = {"mutually_exclusive": [["no_hosts", "etc_hosts"], ["platform", "arch"], ["platform", "os"]]}
PULLING = frozenset(_PULLING)
