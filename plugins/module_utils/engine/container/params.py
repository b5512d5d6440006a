# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""From a module's parameters to a ContainerDesired.

Names, aliases and spellings are those of podman_container of containers.podman 1.20; each mistake is one BadInput that
names the option.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..spec import (
    capabilities,
    command,
    devices,
    environ,
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
from .desired import ABSENT, CREATED, STARTED, STOPPED, ContainerDesired, ContainerFlags
from .params_names import ALIASES, FILES, KNOWN, UNSUPPORTED

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    Reader = Callable[[object, str], object]
    Params = Mapping[str, object]

_STATES = {"absent": ABSENT, "present": CREATED, "created": CREATED, "started": STARTED, "stopped": STOPPED}
_NAME = re.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*\Z")
_FLAGS = ("recreate", "force_restart", "force_delete", "delete_depend", "delete_volumes", "detach", "image_strict")
_MODES = ("strict", "subset", "ignore")


def parse(params: Params, files: Mapping[str, bytes] | None = None) -> ContainerDesired:
    """Read every option. `files` holds the content of the files that `files_needed` named. Raises BadInput."""
    given = canonical_names(params)
    found: dict[str, object] = {"name": _name(given)}
    for name, read in _READERS.items():
        if name in given:
            found[name] = read(given[name], name)
    _join(given, found, files or {})
    _check(found)
    return ContainerDesired(**found)  # type: ignore[arg-type]  # each reader answers with its field's type


def parse_flags(params: Params) -> ContainerFlags:
    """How to get there. Raises BadInput."""
    given = canonical_names(params)
    found: dict[str, object] = {}
    for name in _FLAGS:
        if name in given:
            found[name] = readers.flag(given[name], name)
    if "pull" in given:
        found["pull"] = readers.one_of("always", "missing", "never", "newer")(given["pull"], "pull")
    if "state" in given:
        found["state"] = _STATES[readers.one_of(*_STATES)(given["state"], "state")]
    if "comparisons" in given:
        pairs = readers.mapping(given["comparisons"], "comparisons")
        for option, mode in pairs.items():
            readers.one_of(*_MODES)(mode, f"comparisons of {option[:40]}")
        found["comparisons"] = tuple(sorted((ALIASES.get(option, option), mode) for option, mode in pairs.items()))
    return ContainerFlags(**found)  # type: ignore[arg-type]


def files_needed(params: Params) -> tuple[str, ...]:
    """Paths on the managed host whose content `parse` needs: env files, label files, a seccomp profile."""
    given = canonical_names(params)
    found: list[str] = []
    for name in FILES:
        found += readers.texts(given.get(name, ()), name)
    for option in readers.texts(given.get("security_opt", ()), "security_opt"):
        profile = security.parse((option,)).seccomp
        if profile and profile != security.UNCONFINED:
            found.append(profile)
    return tuple(dict.fromkeys(found))


def canonical_names(params: Params) -> dict[str, object]:
    """Aliases resolved, what is None left out. Raises BadInput for a name that nobody knows or one given twice.

    Ansible leaves an alias in the parameters beside the option it stands for, and converts only the latter: that wins.
    """
    found: dict[str, object] = {}
    for key, value in params.items():
        name = ALIASES.get(key, key)
        if name not in KNOWN:
            raise BadInput("read container options", f"{key[:60]!r} is not an option{_suggest(key)}")
        if value is None:
            continue
        if name in UNSUPPORTED and value not in (False, "", [], {}):
            raise BadInput(f"read {name}", "this option is not supported")
        if key != name and params.get(name) is not None:
            continue
        if name in found and found[name] != value:
            raise BadInput(f"read {name}", f"given twice, also as {key}")
        found[name] = value
    return found


def _suggest(key: str) -> str:
    import difflib

    near = difflib.get_close_matches(key, [*KNOWN, *ALIASES], 1)
    return f"; did you mean {near[0]!r}?" if near else ""


def _name(given: Mapping[str, object]) -> str:
    name = str(given.get("name", ""))
    if not _NAME.match(name):
        raise BadInput("read name", f"{name[:60]!r} is not a container name: letters, digits, dot, dash, underscore")
    return name


def _join(given: Mapping[str, object], found: dict[str, object], files: Mapping[str, bytes]) -> None:
    """The options that are made of several parameters."""
    variables: dict[str, str] = {}
    for path in readers.texts(given.get("env_file", ()), "env_file"):
        variables.update(environ.from_file(_content(files, path, "env_file"), path))
    if "env_file" in given or "env" in given:
        own = given.get("env", {})
        if not isinstance(own, dict):
            own = readers.mapping(own, "env")
        variables.update(environ.from_mapping(own))
        found["env"] = variables
    if "label_file" in given:
        path = readers.text(given["label_file"], "label_file")
        from_file = environ.from_file(_content(files, path, "label_file"), path)
        label = found.get("label")
        found["label"] = {**from_file, **(label if isinstance(label, dict) else {})}
    health = wishes.HealthReader(given).read()
    if health is not None:
        found["healthcheck"] = health
    wish = found.get("security_opt")
    if isinstance(wish, security.SecurityWish) and wish.seccomp not in ("", security.UNCONFINED):
        found["seccomp_profile"] = _content(files, wish.seccomp, "security_opt seccomp")
    if "rootfs" in given and readers.flag(given["rootfs"], "rootfs"):
        found["rootfs"] = readers.path(found.pop("image", ""), "image (rootfs)")


def _content(files: Mapping[str, bytes], path: str, option: str) -> bytes:
    if path not in files:
        raise BadInput(f"read {option}", f"{path[:120]} was not read")
    return files[path]


def _check(found: Mapping[str, object]) -> None:
    """Options that exclude each other, where podman refuses them too."""
    if found.get("no_hosts") and found.get("etc_hosts"):
        raise BadInput("read no_hosts", "etc_hosts is set as well")
    if found.get("cpus") and (found.get("cpu_quota") or found.get("cpu_period")):
        raise BadInput("read cpus", "cpu_quota or cpu_period is set as well")
    memory, swap = found.get("memory"), found.get("memory_swap")
    if isinstance(swap, int) and swap > 0:
        if not memory:
            raise BadInput("read memory_swap", "memory is not set: the limit on swap counts memory and swap together")
        if isinstance(memory, int) and swap < memory:
            raise BadInput("read memory_swap", "smaller than memory: it counts memory and swap together")
    wish = found.get("network")
    if isinstance(wish, networks.NetworkWish) and wish.mode not in (networks.BRIDGE, networks.SLIRP, networks.PASTA):
        for name in ("ip", "ip6", "mac_address", "network_aliases"):
            if found.get(name):
                raise BadInput(f"read {name}", f"network is {wish.mode}, which has no addresses of its own to set")
        if found.get("publish") and wish.mode == networks.CONTAINER:
            raise BadInput("read publish", f"ports belong to the container whose network is shared: {wish.value}")
    if isinstance(wish, networks.NetworkWish) and len(wish.endpoints) > 1:
        for name in ("ip", "ip6", "mac_address"):
            if found.get(name):
                raise BadInput(f"read {name}", "several networks are given; write it as NETWORK:ip=..,mac=..")
    userns = found.get("userns")
    mapped = found.get("uidmap") or found.get("gidmap")
    if mapped and isinstance(userns, namespaces.Mode) and userns.kind not in (namespaces.PRIVATE, "auto"):
        raise BadInput("read userns", f"{userns} cannot be combined with uidmap or gidmap")
    policy = found.get("restart_policy")
    name = policy.name if isinstance(policy, restart.RestartPolicy) else restart.NO
    if found.get("rm") and name not in (restart.NO, restart.ON_FAILURE):
        raise BadInput("read rm", f"a container that restarts {name} is never removed")


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


_COUNT = readers.whole(0)
_READERS: dict[str, Reader] = {
    "image": _image,
    "command": _command,
    "entrypoint": _entrypoint,
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
    "stop_signal": lambda value, option: signals.parse(readers.text(value, option), option),
    "stop_timeout": _COUNT,
    "timeout": _COUNT,
    "restart_policy": _restart,
    "requires": readers.texts,
    "pod": readers.text,
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
    "pid": _mode("pid"),
    "ipc": _mode("ipc"),
    "uts": _mode("uts"),
    "cgroupns": _mode("cgroupns"),
    "userns": _mode("userns"),
    "uidmap": _ranges,
    "gidmap": _ranges,
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


def _rejoined_secrets(value: object, option: str) -> list[str]:
    """As with mounts: `secrets: NAME,type=env` arrives split at its commas."""
    joined: list[str] = []
    for item in readers.texts(value, option):
        if joined and "," not in item and item.split("=", 1)[0] in ("type", "target", "uid", "gid", "mode"):
            joined[-1] += f",{item}"
        else:
            joined.append(item)
    return joined
