# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""How each option of a task is read: the option's name, and what makes a value of it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..spec import (
    capabilities,
    command,
    devices,
    hosts,
    mounts,
    namespaces,
    networks,
    ports,
    restart,
    security,
    signals,
    ulimits,
    users,
)
from . import readers, wishes

if TYPE_CHECKING:
    from collections.abc import Callable

    Reader = Callable[[object, str], object]


def _image(value: object, option: str) -> str:
    found = readers.text(value, option).strip()
    if not found or any(char.isspace() for char in found):
        raise readers.bad(option, value, "is not the name of an image")
    return found


def _command(value: object, option: str) -> tuple[str, ...]:
    return command.words(value if isinstance(value, (str, list, tuple)) else str(value), option)


def _entrypoint(value: object, option: str) -> tuple[str, ...]:
    return command.entrypoint(value if isinstance(value, (str, list, tuple)) else str(value), option)


def _rejoined_mounts(value: object, option: str) -> tuple[mounts.Mount, ...]:
    """YAML's `mount: type=bind,src=..` arrives split at its commas: put the pieces together again."""
    joined: list[str] = []
    for item in readers.texts(value, option):
        if joined and "," not in item and not item.startswith("type=") and "type=" not in item:
            joined[-1] += f",{item}"
        else:
            joined.append(item)
    return mounts.merge([[mounts.parse_mount(item) for item in joined]], option)


def _volumes(value: object, option: str) -> tuple[mounts.Mount, ...]:
    return mounts.merge([[mounts.parse_volume(item) for item in readers.texts(value, option)]], option)


def _tmpfs(value: object, option: str) -> tuple[mounts.Mount, ...]:
    if isinstance(value, (list, tuple)):
        pairs = dict(str(item).partition(":")[::2] for item in value)
    else:
        pairs = readers.mapping(value, option)
    return mounts.merge([[mounts.parse_tmpfs(target, options) for target, options in pairs.items()]], option)


def _hosts(value: object, option: str) -> tuple[hosts.HostEntry, ...]:
    if isinstance(value, dict):
        items = [f"{name}:{address}" for name, address in value.items()]
    else:
        items = list(readers.texts(value, option))
    return tuple(hosts.parse_entry(item, option) for item in items)


def _expose(value: object, option: str) -> tuple[str, ...]:
    """`80`, `80/udp`, `8000-8010`: one entry per port and protocol."""
    found: set[tuple[int, str]] = set()
    for item in readers.texts(value, option):
        if ":" in item:
            raise readers.bad(option, item, "is not a port; publish maps one to the host")
        for mapping in ports.parse(item):
            found.update((mapping.container_port + offset, mapping.protocol) for offset in range(mapping.count))
    return tuple(f"{port}/{protocol}" for port, protocol in sorted(found))


def _dns(value: object, option: str) -> tuple[str, ...]:
    found = readers.texts(value, option)
    servers = [part.strip() for item in found for part in item.split(",")]
    if servers == ["none"]:
        return ("none",)
    return tuple(hosts.checked_address(server, option) for server in servers)


def _search(value: object, option: str) -> tuple[str, ...]:
    return tuple(item if item == "." else hosts.checked_hostname(item, option) for item in readers.texts(value, option))


def _dns_option(value: object, option: str) -> tuple[str, ...]:
    return tuple(hosts.checked_dns_option(part) for item in readers.texts(value, option) for part in item.split())


def _pairs(kind: str) -> Reader:
    def read(value: object, option: str) -> tuple[tuple[str, int], ...]:
        if kind == "weight":
            weights = readers.mapping(value, option)
            weight = readers.whole(10, 1000)
            return tuple(sorted((readers.path(path, option), weight(w, option)) for path, w in weights.items()))
        found = (devices.parse_throttle(item, option, is_size=kind == "size") for item in readers.texts(value, option))
        return tuple(sorted(found))

    return read


def _mode(namespace: str) -> Reader:
    return lambda value, option: namespaces.parse(readers.text(value, option), namespace)


def _ranges(value: object, option: str) -> tuple[namespaces.IdRange, ...]:
    return tuple(sorted(namespaces.parse_map(item, option) for item in readers.texts(value, option)))


def _user(value: object, option: str) -> str:
    found = readers.text(value, option)
    users.parse(found)
    return found


def _listed(read: Callable[[str], object]) -> Reader:
    return lambda value, option: tuple(read(item) for item in readers.texts(value, option))


def _addresses(version: int) -> Reader:
    def read(value: object, option: str) -> str:
        found = hosts.checked_address(readers.text(value, option), option)
        if (":" in found) != (version == 6):
            raise readers.bad(option, value, f"is not an IPv{version} address")
        return found

    return read


def _systemd(value: object, option: str) -> str:
    word = str(value).strip().lower()
    return "always" if word == "always" else str(readers.flag(value, option)).lower()


def _log_options(value: object, option: str) -> wishes.LogWish:
    return wishes.parse_log_options(readers.mapping(value, option))


def _network(value: object, option: str) -> networks.NetworkWish | None:
    items = readers.texts(value, option)
    return networks.parse(items) if items else None


def _restart(value: object, option: str) -> restart.RestartPolicy:
    return restart.parse(value if isinstance(value, bool) else readers.text(value, option))


def _rejoined_secrets(value: object, option: str) -> list[str]:
    """As with mounts: `secrets: NAME,type=env` arrives split at its commas."""
    joined: list[str] = []
    for item in readers.texts(value, option):
        if joined and "," not in item and item.split("=", 1)[0] in ("type", "target", "uid", "gid", "mode"):
            joined[-1] += f",{item}"
        else:
            joined.append(item)
    return joined


_COUNT = readers.whole(0)
READERS: dict[str, Reader] = {
    "image": _image,
    "command": _command,
    "entrypoint": _entrypoint,
    "env_merge": readers.mapping,
    "env_host": readers.flag,
    "http_proxy": readers.flag,
    "unsetenv": readers.texts,
    "unsetenv_all": readers.flag,
    "label": readers.mapping,
    "annotation": readers.mapping,
    "workdir": readers.path,
    "user": _user,
    "group_add": _listed(lambda item: users.checked_line(item, "group_add")),
    "hostname": lambda value, option: hosts.checked_hostname(readers.text(value, option), option),
    "umask": readers.umask,
    "timezone": readers.timezone,
    "tty": readers.flag,
    "interactive": readers.flag,
    "init": readers.flag,
    "init_path": readers.path,
    "systemd": _systemd,
    "sdnotify": readers.one_of("container", "conmon", "healthy", "ignore"),
    "rm": readers.flag,
    "rmi": readers.flag,
    "stop_signal": lambda value, option: signals.parse(readers.text(value, option), option),
    "stop_timeout": _COUNT,
    "timeout": _COUNT,
    "restart_policy": _restart,
    "requires": readers.texts,
    "pod": readers.text,
    "init_ctr": readers.one_of("once", "always"),
    "conmon_pidfile": readers.path,
    "pid_file": readers.path,
    "cidfile": readers.path,
    "volume": _volumes,
    "mount": _rejoined_mounts,
    "tmpfs": _tmpfs,
    "volumes_from": _listed(wishes.parse_volumes_from),
    "image_volume": readers.one_of("bind", "anonymous", "tmpfs", "ignore"),
    "read_only": readers.flag,
    "read_only_tmpfs": readers.flag,
    "shm_size": readers.size,
    "shm_size_systemd": readers.size,
    "device": _listed(devices.parse),
    "device_cgroup_rule": _listed(devices.parse_rule),
    "chrootdirs": lambda value, option: tuple(
        readers.path(part, option) for item in readers.texts(value, option) for part in item.split(",")
    ),
    "hooks_dir": lambda value, option: tuple(readers.path(item, option) for item in readers.texts(value, option)),
    "passwd": readers.flag,
    "passwd_entry": readers.text,
    "group_entry": readers.text,
    "hostuser": readers.texts,
    "secrets": lambda value, option: tuple(wishes.parse_secret(item) for item in _rejoined_secrets(value, option)),
    "network": _network,
    "network_aliases": lambda value, option: tuple(
        dict.fromkeys(hosts.checked_hostname(item, option) for item in readers.texts(value, option))
    ),
    "ip": _addresses(4),
    "ip6": _addresses(6),
    "mac_address": lambda value, option: networks.checked_mac(readers.text(value, option), option),
    "publish": lambda value, option: ports.parse_all(readers.texts(value, option)),
    "publish_all": readers.flag,
    "expose": _expose,
    "dns": _dns,
    "dns_search": _search,
    "dns_option": _dns_option,
    "etc_hosts": _hosts,
    "hosts_file": readers.text,
    "no_hosts": readers.flag,
    "no_hostname": readers.flag,
    "privileged": readers.flag,
    "cap_add": lambda value, option: capabilities.normalise(readers.texts(value, option), option),
    "cap_drop": lambda value, option: capabilities.normalise(readers.texts(value, option), option),
    "security_opt": lambda value, option: security.parse(readers.texts(value, option)),
    "seccomp_policy": readers.one_of("default", "image"),
    "pid": _mode("pid"),
    "ipc": _mode("ipc"),
    "uts": _mode("uts"),
    "cgroupns": _mode("cgroupns"),
    "userns": _mode("userns"),
    "uidmap": _ranges,
    "gidmap": _ranges,
    "subuidname": lambda value, option: users.checked_line(readers.text(value, option), option),
    "subgidname": lambda value, option: users.checked_line(readers.text(value, option), option),
    "sysctl": readers.mapping,
    "ulimit": lambda value, option: ulimits.parse_all(list(readers.texts(value, option))),
    "personality": lambda value, option: readers.one_of("linux", "linux32")(value, option).upper(),
    "cgroups": readers.one_of("enabled", "disabled", "no-conmon", "split"),
    "cgroup_parent": readers.text,
    "cgroup_conf": readers.mapping,
    "memory": readers.size_or_unlimited,
    "memory_reservation": readers.size_or_unlimited,
    "memory_swap": readers.size_or_unlimited,
    "memory_swappiness": readers.whole(-1, 100),
    "kernel_memory": readers.size,
    "oom_kill_disable": readers.flag,
    "oom_score_adj": readers.whole(-1000, 1000),
    "cpus": readers.cpus,
    "cpu_period": _COUNT,
    "cpu_quota": readers.limit,
    "cpu_rt_period": _COUNT,
    "cpu_rt_runtime": _COUNT,
    "cpu_shares": _COUNT,
    "cpuset_cpus": readers.cpu_set,
    "cpuset_mems": readers.cpu_set,
    "pids_limit": readers.limit,
    "blkio_weight": readers.whole(0, 1000),
    "blkio_weight_device": _pairs("weight"),
    "device_read_bps": _pairs("size"),
    "device_write_bps": _pairs("size"),
    "device_read_iops": _pairs("count"),
    "device_write_iops": _pairs("count"),
    "rdt_class": readers.text,
    "log_driver": readers.one_of("k8s-file", "json-file", "journald", "passthrough", "none"),
    "log_opt": _log_options,
}
