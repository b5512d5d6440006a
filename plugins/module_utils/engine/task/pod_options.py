# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option table of `pod`: names, aliases, types and defaults of containers.podman's podman_pod, and `containers`."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping

    from .frame import Options

    Option = Mapping[str, object]

_TEXT: Option = {"type": "str"}
_FLAG: Option = {"type": "bool"}
_PATH: Option = {"type": "path"}
_LIST: Option = {"type": "list", "elements": "str"}
_MAP: Option = {"type": "dict"}


def _also(kind: Option, *aliases: str) -> Option:
    return {**kind, "aliases": list(aliases)}


OPTIONS: Options = {
    "name": {"type": "str", "required": True},
    "state": {
        "type": "str",
        "default": "created",
        "choices": ["created", "killed", "restarted", "absent", "started", "stopped", "paused", "unpaused", "quadlet"],
    },
    "recreate": {"type": "bool", "default": False},
    "add_host": _LIST,
    "blkio_weight": _TEXT,
    "blkio_weight_device": _LIST,
    "cgroup_parent": _TEXT,
    "containers": {"type": "list", "elements": "dict"},
    "cpu_shares": _TEXT,
    "cpus": _TEXT,
    "cpuset_cpus": _TEXT,
    "cpuset_mems": _TEXT,
    "debug": {"type": "bool", "default": False},
    "device": _LIST,
    "device_read_bps": _LIST,
    "device_write_bps": _LIST,
    "dns": _LIST,
    "dns_opt": _also(_LIST, "dns_option"),
    "dns_search": _LIST,
    "exit_policy": {"type": "str", "choices": ["continue", "stop"]},
    "gidmap": _LIST,
    "gpus": _TEXT,
    "hostname": _TEXT,
    "hosts_file": _TEXT,
    "infra": _FLAG,
    "infra_command": _TEXT,
    "infra_conmon_pidfile": _TEXT,
    "infra_image": _TEXT,
    "infra_name": _TEXT,
    "ip": _TEXT,
    "ip6": _TEXT,
    "label": _MAP,
    "label_file": _TEXT,
    "mac_address": _TEXT,
    "memory": _TEXT,
    "memory_swap": _TEXT,
    "network": _LIST,
    "network_alias": _also(_LIST, "network_aliases"),
    "no_hostname": _FLAG,
    "no_hosts": _FLAG,
    "parallel": {"type": "int", "default": 4},
    "pid": _TEXT,
    "pod_id_file": _TEXT,
    "publish": _also(_LIST, "ports"),
    "restart_policy": _TEXT,
    "security_opt": _LIST,
    "share": _TEXT,
    "share_parent": _FLAG,
    "shm_size": _TEXT,
    "shm_size_systemd": _TEXT,
    "subgidname": _TEXT,
    "subuidname": _TEXT,
    "sysctl": _MAP,
    "uidmap": _LIST,
    "userns": _TEXT,
    "uts": _TEXT,
    "volume": _also(_LIST, "volumes"),
    "volumes_from": _LIST,
}
RULES = {"mutually_exclusive": [["no_hosts", "add_host"]]}
