# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""containers.conf(5): which files are read, how they merge, and the values the engine uses.

Lookup as podman 4.4 to 5 does it: the built-in defaults, /usr/share/containers/containers.conf, /etc/containers/
containers.conf and its `.d` directory, for a plain user also /etc/containers/containers.rootless.conf with `.d` and
`.d/UID`, the user's own file and `.d`; each sets only the keys it names. CONTAINERS_CONF replaces all of them,
CONTAINERS_CONF_OVERRIDE comes last.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput, HostLacks
from ..base.files import read_bytes
from ..base.tuples import NamedTuple
from .conf_keys import KEYS, OWN_TABLE, Kind, convert

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..host.identity import Identity
    from .conf_keys import Value


_IDLE_LINE = patterns.compile(r"\s*(?:\[\w+(?:\.\w+)*\]\s*)?(?:#.*)?", patterns.ASCII)


class ContainersConf(NamedTuple):
    """The merged values; names are those of containers.conf(5), sizes in bytes, times in seconds.

    `files` are the files that were read, in order. `runtime`, `cgroup_manager`, `log_driver`, `events_logger` are ""
    where no file names one: the host decides, for the last two by the functions below.
    """

    files: tuple[str, ...]
    # [containers]
    annotations: tuple[str, ...]
    apparmor_profile: str
    base_hosts_file: str
    cgroup_conf: tuple[str, ...]
    cgroupns: str
    cgroups: str
    container_name_as_hostname: bool
    default_capabilities: tuple[str, ...]
    default_sysctls: tuple[str, ...]
    default_ulimits: tuple[str, ...]
    devices: tuple[str, ...]
    dns_options: tuple[str, ...]
    dns_searches: tuple[str, ...]
    dns_servers: tuple[str, ...]
    env: tuple[str, ...]
    env_host: bool
    host_containers_internal_ip: str
    http_proxy: bool
    init: bool
    init_path: str
    interface_name: str
    ipcns: str
    keyring: bool
    label: bool
    log_driver: str
    log_path: str
    log_size_max: int
    log_tag: str
    mounts: tuple[str, ...]
    netns: str
    no_hosts: bool
    oom_score_adj: int | None
    pidns: str
    pids_limit: int
    prepare_volume_on_create: bool
    privileged: bool
    read_only: bool
    seccomp_profile: str
    shm_size: int
    tz: str
    umask: str
    userns: str
    utsns: str
    volumes: tuple[str, ...]
    # [engine]
    cgroup_manager: str
    conmon_env_vars: tuple[str, ...]
    conmon_path: tuple[str, ...]
    database_backend: str
    detach_keys: str
    enable_port_reservation: bool
    engine_env: tuple[str, ...]
    events_logfile_max_size: int
    events_logfile_path: str
    events_logger: str
    exit_command_delay: int
    helper_binaries_dir: tuple[str, ...]
    hooks_dir: tuple[str, ...]
    image_copy_tmp_dir: str
    image_volume_mode: str
    infra_image: str
    lock_type: str
    network_cmd_options: tuple[str, ...]
    network_cmd_path: str
    no_pivot_root: bool
    num_locks: int
    pull_policy: str
    runtime: str
    runtime_supports_json: tuple[str, ...]
    runtime_supports_nocgroup: tuple[str, ...]
    runtimes: Mapping[str, tuple[str, ...]]
    static_dir: str
    stop_timeout: int
    tmp_dir: str
    volume_path: str
    # [network]
    default_network: str
    default_rootless_network_cmd: str
    default_subnet: str
    default_subnet_pools: tuple[tuple[str, int], ...]
    dns_bind_port: int
    firewall_driver: str
    netavark_plugin_dirs: tuple[str, ...]
    network_backend: str
    network_config_dir: str
    pasta_options: tuple[str, ...]
    # [daemonless]
    max_layer_entries: int
    max_layer_ratio: int
    max_layer_ratio_from: int
    max_layer_size: int


def load(identity: Identity, environ: Mapping[str, str] | None = None, root: str = "/") -> ContainersConf:
    """Read and merge. `root` is where /etc and /usr/share are (tests).

    Raises BadInput naming file and key or line, HostLacks when CONTAINERS_CONF names a file that is not there.
    """
    environ = os.environ if environ is None else environ
    merged: dict[str, Value] = {key.field: key.default for key in KEYS}
    appending: set[str] = set()
    used: list[str] = []
    for path, required in _candidates(identity, environ, root):
        text = _read(path, required)
        if text is None:
            continue
        _merge(text, path, merged, appending)
        used.append(path)
    _finish(merged)
    return ContainersConf(files=tuple(used), **merged)  # type: ignore[arg-type]


def _candidates(identity: Identity, environ: Mapping[str, str], root: str) -> Iterator[tuple[str, bool]]:
    """Paths in the order in which they are read, and whether a missing one is an error."""
    only = environ.get("CONTAINERS_CONF")
    if only:
        yield only, True
    else:
        yield os.path.join(root, "usr/share/containers/containers.conf"), False
        etc = os.path.join(root, "etc/containers")
        yield from _with_directory(os.path.join(etc, "containers.conf"))
        if identity.rootless:
            yield from _with_directory(os.path.join(etc, "containers.rootless.conf"))
            yield from _directory(os.path.join(etc, "containers.rootless.conf.d", str(identity.uid)))
        config_home = environ.get("XDG_CONFIG_HOME") or os.path.join(identity.home, ".config")
        yield from _with_directory(os.path.join(config_home, "containers/containers.conf"))
    override = environ.get("CONTAINERS_CONF_OVERRIDE")
    if override:
        yield override, False


def _with_directory(path: str) -> Iterator[tuple[str, bool]]:
    yield path, False
    yield from _directory(f"{path}.d")


def _directory(path: str) -> Iterator[tuple[str, bool]]:
    try:
        names = sorted(os.listdir(path))
    except OSError:
        return
    for name in names:
        full = os.path.join(path, name)
        if name.endswith(".conf") and not os.path.isdir(full):
            yield full, False


def _read(path: str, required: bool) -> str | None:
    deed = f"read {path}"
    try:
        return read_bytes(path).decode()
    except FileNotFoundError:
        if required:
            raise HostLacks(deed, "CONTAINERS_CONF names it and it is not there") from None
        return None
    except NotADirectoryError:
        return None
    except UnicodeDecodeError as error:
        raise BadInput(deed, f"not UTF-8 ({error})") from error
    except OSError as error:
        raise HostLacks(deed, str(error.strerror)) from error


def _merge(text: str, path: str, merged: dict[str, Value], appending: set[str]) -> None:
    """Put the keys of one file on top. `{append=true}` in a list makes this and every later file add to it."""
    if _sets_nothing(text):
        return
    from ..base.toml import loads

    tables = loads(text, path)
    _check_own(tables.get(OWN_TABLE, {}), path)
    for key in KEYS:
        table = tables.get(key.section)
        if not isinstance(table, dict) or key.name not in table:
            continue
        value, append = convert(key, table[key.name], f"{path}: [{key.section}] {key.name}")
        old = merged[key.field]
        if append is not None:
            (appending.add if append else appending.discard)(key.field)
        if key.kind is Kind.STRINGS and key.field in appending:
            value = (*_texts(old), *_texts(value))
        elif key.kind is Kind.PROGRAMS and isinstance(old, dict) and isinstance(value, dict):
            value = {**old, **value}
        merged[key.field] = value


def _check_own(table: object, path: str) -> None:
    """In podman's tables newer keys than we know are passed over; in ours a slip of the pen is an error."""
    known = sorted(key.name for key in KEYS if key.section == OWN_TABLE)
    unknown = sorted(set(table) - set(known)) if isinstance(table, dict) else []
    if unknown or not isinstance(table, dict):
        cause = f"no such key: {', '.join(map(str, unknown))}" if unknown else "it is not a table"
        raise BadInput(f"read {path}: [{OWN_TABLE}]", cause, f"Known are {', '.join(known)}")


def _sets_nothing(text: str) -> bool:
    """Headers and comments only, as most distributions ship the file: then nobody waits for a TOML parser."""
    return all(_IDLE_LINE.fullmatch(line) for line in text.split("\n"))


def _texts(value: Value) -> tuple[str, ...]:
    return tuple(item for item in value if isinstance(item, str)) if isinstance(value, tuple) else ()


def _finish(merged: dict[str, Value]) -> None:
    merged["default_capabilities"] = tuple(
        name if name.lower().startswith("cap_") else f"CAP_{name.upper()}"
        for name in _texts(merged["default_capabilities"])
    )
    folder = str(merged["image_copy_tmp_dir"])
    if folder not in ("", "storage") and not os.path.isabs(folder):
        raise BadInput(
            "read containers.conf",
            f'image_copy_tmp_dir is "{folder}"',
            'Name a directory by its absolute path, or "storage" for one beside the images',
        )


def booted_with_systemd(proc: str = "/proc") -> bool:
    """Whether process 1 is systemd, podman's test for its systemd defaults."""
    try:
        return read_bytes(os.path.join(proc, "1/comm")).strip() == b"systemd"
    except OSError:
        return False


def journald_runs(root: str = "/", proc: str = "/proc") -> bool:
    """Whether podman would log and write events to the journal by default: systemd, and a readable journal."""
    if not booted_with_systemd(proc):
        return False
    for place in ("run/log/journal", "var/log/journal"):
        directory = os.path.join(root, place)
        try:
            names = os.listdir(directory)
        except OSError:
            continue
        if any(os.access(os.path.join(directory, name), os.R_OK | os.X_OK) for name in names):
            return True
    return False


def default_log_driver(conf: ContainersConf) -> str:
    """The log driver of a container that names none."""
    return conf.log_driver or ("journald" if journald_runs() else "k8s-file")


def default_events_logger(conf: ContainersConf) -> str:
    return conf.events_logger or ("journald" if journald_runs() else "file")


def session_bus(identity: Identity) -> str | None:
    """The address of the user's own D-Bus, when its socket is there."""
    named = os.environ.get("DBUS_SESSION_BUS_ADDRESS", "")
    for part in named.split(","):
        if part.startswith("unix:path=") and os.path.exists(part[len("unix:path=") :]):
            return named
    socket = os.path.join(identity.runtime_dir, "bus")
    return f"unix:path={os.path.realpath(socket)}" if os.path.exists(socket) else None
