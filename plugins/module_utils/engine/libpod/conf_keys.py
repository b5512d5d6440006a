# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The keys of containers.conf that the engine uses: section, type, podman's built-in default."""

from __future__ import annotations

from enum import Enum
from typing import Union

from ..base.errors import BadInput
from ..base.tuples import NamedTuple
from ..base.units import parse_size

Value = Union[str, int, bool, None, "tuple[str, ...]", "tuple[tuple[str, int], ...]", "dict[str, tuple[str, ...]]"]


class Kind(Enum):
    STRING = 1
    INTEGER = 2
    BOOLEAN = 3
    STRINGS = 4
    SIZE = 5  # "65536k"
    PROGRAMS = 6  # name = [paths]
    POOLS = 7  # [{base = "10.89.0.0/16", size = 24}]
    LIMIT = 8  # a number above 0
    LIMIT_SIZE = 9  # a size above 0


class Key(NamedTuple):
    section: str
    name: str
    kind: Kind
    default: Value
    alias: str = ""  # the field, where the name alone would be ambiguous

    @property
    def field(self) -> str:
        return self.alias or self.name


_CAPABILITIES = (
    "CHOWN",
    "DAC_OVERRIDE",
    "FOWNER",
    "FSETID",
    "KILL",
    "NET_BIND_SERVICE",
    "SETFCAP",
    "SETGID",
    "SETPCAP",
    "SETUID",
    "SYS_CHROOT",
)
_PATH = ("PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin",)
_HELPERS = ("/usr/local/libexec/podman", "/usr/local/lib/podman", "/usr/libexec/podman", "/usr/lib/podman")
_PLACES = ("/usr/bin", "/usr/sbin", "/usr/local/bin", "/usr/local/sbin", "/sbin", "/bin")
_CONMON = (
    "/usr/libexec/podman/conmon",
    "/usr/local/libexec/podman/conmon",
    "/usr/local/lib/podman/conmon",
    "/usr/bin/conmon",
    "/usr/sbin/conmon",
    "/usr/local/bin/conmon",
    "/usr/local/sbin/conmon",
)
_NIXOS = "/run/current-system/sw/bin"
_PLUGINS = ("/usr/local/libexec/netavark", "/usr/libexec/netavark", "/usr/local/lib/netavark", "/usr/lib/netavark")
_RUNTIMES: dict[str, tuple[str, ...]] = {
    "crun": tuple(f"{place}/crun" for place in _PLACES) + (f"{_NIXOS}/crun",),
    "runc": tuple(f"{place}/runc" for place in _PLACES) + ("/usr/lib/cri-o-runc/sbin/runc", f"{_NIXOS}/runc"),
    "youki": ("/usr/local/bin/youki", "/usr/bin/youki", "/bin/youki", f"{_NIXOS}/youki"),
    "kata": tuple(f"{place}/kata-runtime" for place in _PLACES) + ("/usr/bin/kata-qemu", "/usr/bin/kata-fc"),
    "runsc": tuple(f"{place}/runsc" for place in _PLACES) + (f"{_NIXOS}/runsc",),
    "krun": ("/usr/bin/krun", "/usr/local/bin/krun"),
}
# 10.89.0.0/16 to 10.255.0.0/16 in /24s, as podman: one /16, then ever wider pools.
_POOLS = (("10.89.0.0/16", 24), ("10.90.0.0/15", 24), ("10.92.0.0/14", 24), ("10.96.0.0/11", 24), ("10.128.0.0/9", 24))


#: The table of what only this engine knows.
OWN_TABLE = "daemonless"


def _keys(section: str, kind: Kind, **defaults: Value) -> tuple[Key, ...]:
    return tuple(Key(section, name, kind, default) for name, default in defaults.items())


KEYS: tuple[Key, ...] = (
    *_keys(
        "containers",
        Kind.STRING,
        apparmor_profile="containers-default",
        base_hosts_file="",
        cgroupns="",
        cgroups="enabled",
        host_containers_internal_ip="",
        init_path="",
        interface_name="",
        ipcns="shareable",
        log_driver="",
        log_path="",
        log_tag="",
        netns="private",
        pidns="private",
        seccomp_profile="",
        tz="",
        umask="0022",
        userns="",
        utsns="private",
    ),
    *_keys(
        "containers",
        Kind.BOOLEAN,
        container_name_as_hostname=False,
        env_host=False,
        http_proxy=True,
        init=False,
        keyring=True,
        label=True,
        no_hosts=False,
        prepare_volume_on_create=False,
        privileged=False,
        read_only=False,
    ),
    *_keys("containers", Kind.INTEGER, oom_score_adj=None, pids_limit=2048),
    *_keys("containers", Kind.SIZE, log_size_max=-1, shm_size=65_536_000),
    *_keys(
        "containers",
        Kind.STRINGS,
        annotations=(),
        cgroup_conf=(),
        default_capabilities=_CAPABILITIES,
        default_sysctls=(),
        default_ulimits=(),
        devices=(),
        dns_options=(),
        dns_searches=(),
        dns_servers=(),
        env=_PATH,
        mounts=(),
        volumes=(),
    ),
    *_keys(
        "engine",
        Kind.STRING,
        cgroup_manager="",
        database_backend="",
        detach_keys="ctrl-p,ctrl-q",
        events_logfile_path="",
        events_logger="",
        image_copy_tmp_dir="",
        image_volume_mode="anonymous",
        infra_image="",
        lock_type="shm",
        network_cmd_path="",
        pull_policy="missing",
        runtime="",
        static_dir="",
        tmp_dir="",
        volume_path="",
    ),
    *_keys("engine", Kind.BOOLEAN, enable_port_reservation=True, no_pivot_root=False),
    *_keys("engine", Kind.INTEGER, exit_command_delay=300, num_locks=2048, stop_timeout=10),
    *_keys("engine", Kind.SIZE, events_logfile_max_size=1_000_000),
    *_keys(
        "engine",
        Kind.STRINGS,
        conmon_env_vars=_PATH,
        conmon_path=(*_CONMON, f"{_NIXOS}/conmon"),
        helper_binaries_dir=_HELPERS,
        hooks_dir=("/usr/share/containers/oci/hooks.d",),
        network_cmd_options=(),
        runtime_supports_json=("crun", "runc", "kata", "runsc", "youki", "krun", "ocijail"),
        runtime_supports_nocgroup=("crun", "krun"),
    ),
    Key("engine", "env", Kind.STRINGS, (), "engine_env"),
    Key("engine", "runtimes", Kind.PROGRAMS, _RUNTIMES),
    *_keys(
        "network",
        Kind.STRING,
        default_network="podman",
        default_rootless_network_cmd="pasta",
        default_subnet="10.88.0.0/16",
        firewall_driver="",
        network_backend="",
        network_config_dir="",
    ),
    *_keys("network", Kind.INTEGER, dns_bind_port=0),
    *_keys("network", Kind.STRINGS, netavark_plugin_dirs=_PLUGINS, pasta_options=()),
    Key("network", "default_subnet_pools", Kind.POOLS, _POOLS),
    # Ours: podman passes a table over that it does not know.
    *_keys(OWN_TABLE, Kind.LIMIT, max_layer_entries=4_000_000, max_layer_ratio=400),
    *_keys(OWN_TABLE, Kind.LIMIT_SIZE, max_layer_ratio_from=4 << 30, max_layer_size=1 << 42),
)


def convert(key: Key, value: object, where: str) -> tuple[Value, bool | None]:
    """The TOML value of `key` in our form, and what its `append` attribute says. Raises BadInput at `where`."""
    if key.kind is Kind.STRINGS:
        return _strings(value, where)
    if key.kind is Kind.PROGRAMS:
        return _programs(value, where), None
    if key.kind is Kind.POOLS:
        return _pools(value, where), None
    return _scalar(key.kind, value, where), None


def _scalar(kind: Kind, value: object, where: str) -> Value:
    if kind is Kind.STRING and isinstance(value, str):
        return value
    if kind is Kind.BOOLEAN and isinstance(value, bool):
        return value
    if kind in (Kind.LIMIT, Kind.LIMIT_SIZE):
        return _limit(kind, value, where)
    whole = isinstance(value, int) and not isinstance(value, bool)
    if kind in (Kind.INTEGER, Kind.SIZE) and whole and isinstance(value, int):
        return value
    if kind is Kind.SIZE and isinstance(value, str):
        return parse_size(value, where)
    raise BadInput(f"read {where}", f"{value!r} is not a {kind.name.lower()}")


def _limit(kind: Kind, value: object, where: str) -> int:
    found = _scalar(Kind.INTEGER if kind is Kind.LIMIT else Kind.SIZE, value, where)
    if not isinstance(found, int) or found < 1:
        raise BadInput(f"read {where}", f"{value!r} is not above zero")
    return found


def _strings(value: object, where: str) -> tuple[tuple[str, ...], bool | None]:
    if not isinstance(value, list):
        raise BadInput(f"read {where}", f"{value!r} is not a list of strings")
    found: list[str] = []
    append: bool | None = None
    for item in value:
        if isinstance(item, str):
            found.append(item)
        elif isinstance(item, dict) and set(item) == {"append"} and isinstance(item["append"], bool):
            append = item["append"]
        else:
            raise BadInput(f"read {where}", f"{item!r} is neither a string nor {{append=true}}")
    return tuple(found), append


def _programs(value: object, where: str) -> dict[str, tuple[str, ...]]:
    if not isinstance(value, dict):
        raise BadInput(f"read {where}", "not a table of name = [paths]")
    return {str(name): _strings(paths, f"{where}.{name}")[0] for name, paths in value.items()}


def _pools(value: object, where: str) -> tuple[tuple[str, int], ...]:
    pools: list[tuple[str, int]] = []
    for item in value if isinstance(value, list) else [value]:
        base = item.get("base") if isinstance(item, dict) else None
        size = item.get("size") if isinstance(item, dict) else None
        if not isinstance(base, str) or not isinstance(size, int):
            raise BadInput(f"read {where}", f"{item!r} is not {{base = NETWORK, size = PREFIX}}")
        pools.append((base, size))
    return tuple(pools)
