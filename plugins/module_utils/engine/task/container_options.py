# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The option table of `container`: names, aliases, types and defaults of containers.podman's podman_container.

It is the argument spec as it stands. What an option means, and how it is compared, is the business of container/.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE

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
        "choices": ["absent", "present", "stopped", "started", "created"],
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
    "group_add": _also(_LIST, "groups"),
    "hostname": _TEXT,
    "init": _FLAG,
    "interactive": _FLAG,
    "label": _also(_MAP, "labels"),
    "log_driver": {"type": "str", "choices": ["k8s-file", "journald", "json-file", "passthrough", "none"]},
    "log_opt": _also(_MAP, "log_options"),
    "restart_policy": _TEXT,
    "stop_signal": _NUMBER,
    "stop_timeout": _NUMBER,
    "tty": _FLAG,
    "user": _TEXT,
    "workdir": _also(_TEXT, "working_dir"),
}

_FILES: Options = {
    "mount": _also(_LIST, "mounts"),
    "read_only": _FLAG,
    "read_only_tmpfs": _FLAG,
    "shm_size": _TEXT,
    "tmpfs": _MAP,
    "volume": _also(_LIST, "volumes"),
}

_NETWORK: Options = {
    "dns": _also(_LIST, "dns_servers"),
    "dns_option": _also(_TEXT, "dns_opts"),
    "dns_search": _also(_LIST, "dns_search_domains"),
    "etc_hosts": _also(_MAP, "add_hosts"),
    "ip": _TEXT,
    "ip6": _TEXT,
    "mac_address": _TEXT,
    "network": _also(_LIST, "net", "network_mode"),
    "network_aliases": _also(_LIST, "network_alias"),
    "no_hosts": _FLAG,
    "publish": _also(_LIST, "ports", "published", "published_ports"),
}

_WALLS: Options = {
    "cap_add": _also(_LIST, "capabilities"),
    "cap_drop": _LIST,
    "cpu_shares": _NUMBER,
    "cpus": _TEXT,
    "cpuset_cpus": _TEXT,
    "cpuset_mems": _TEXT,
    "device": _LIST,
    "memory": _TEXT,
    "memory_reservation": _TEXT,
    "memory_swap": _TEXT,
    "pids_limit": _TEXT,
    "privileged": _FLAG,
    "secrets": {"type": "list", "elements": "str", "no_log": False},
    "security_opt": _LIST,
    "sysctl": _MAP,
    "ulimit": _also(_LIST, "ulimits"),
}

OPTIONS: Options = {**_IDENTITY, **_PULLING, **_PROCESS, **_FILES, **_NETWORK, **_WALLS}
RULES = {"mutually_exclusive": [["no_hosts", "etc_hosts"], ["platform", "arch"], ["platform", "os"]]}
PULLING = frozenset(_PULLING)
