# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container's options come to, read from libpod's config, whoever wrote it.

Each option has one canonical form here, so that two spellings, or podman's and ours, compare equal. A wish is brought
to the same form by writing its config and reading that (`config.build`): there is only this one reader.
"""

from __future__ import annotations

import hashlib
import json
from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.jsonval import flag, number, table, tables, text, texts
from ..spec import devices, environ, hosts, mounts, namespaces, ports, security, signals
from . import inspect_host, inspect_network, readers
from .config import NOTE_OPTIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..base.jsonval import Json
    from .desired import ContainerDesired

    Reader = Callable[[Json], object]

_RESERVED = (
    "io.podman.",
    "io.container.",
    "io.daemonless.",
    "io.kubernetes.",
    "org.systemd.",
    "org.opencontainers.image.",
    "run.oci.",
)
_PREFIX = "io.podman.annotations."
_UNIT_LABEL = "PODMAN_SYSTEMD_UNIT"  # systemd's units put it there; it says who starts the container, not what it is
_PROXY_NAMES = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")
PROXIES = frozenset((*_PROXY_NAMES, *(name.upper() for name in _PROXY_NAMES)))
_READ_ONLY_TMPFS = frozenset(("/tmp", "/var/tmp", "/run", "/dev"))
_HEALTH_LOG = (("healthLogDestination", "local"), ("healthMaxLogCount", 5), ("healthMaxLogSize", 500))
_INHERITED = frozenset(("nosuid", "nodev", "noexec"))
_DEFAULT_PERIOD = 100_000

#: Options whose effect is seen under another name; everything else stands for itself.
SEEN_UNDER = {
    "entrypoint": ("command",),
    "env_host": ("env",),
    "http_proxy": ("env",),
    "unsetenv": ("env",),
    "unsetenv_all": ("env",),
    "cap_add": ("capabilities",),
    "cap_drop": ("capabilities",),
    "cpus": ("cpu_quota", "cpu_period"),
    "uidmap": ("userns",),
    "gidmap": ("userns",),
    "image_volume": ("image_volume", "volume"),
    "publish_all": ("publish",),
    "seccomp_profile": ("security_opt",),
}


def keys_of(wish: ContainerDesired) -> tuple[str, ...]:
    """The keys to compare for what a task mentions; they are also what is remembered of it. Sorted."""
    found: set[str] = set()
    for option in wish.mentioned():
        if option == "ulimit":
            found.update(f"ulimit.{limit.name}" for limit in wish.ulimit or ())
        elif option == "mount":
            found.update("tmpfs" if mount.kind == mounts.TMPFS else "volume" for mount in wish.mount or ())
            if not wish.mount:
                found.update(("tmpfs", "volume"))
        elif option == "network" and wish.network is not None:
            found.add("network")
            for endpoint in wish.network.endpoints:
                found.update(name for name, value in _spelled_out(endpoint.addresses, endpoint) if value)
        else:
            found.update(SEEN_UNDER.get(option, (option,)))
    return tuple(sorted(found & known(found)))


def _spelled_out(addresses: Iterable[str], endpoint: object) -> list[tuple[str, object]]:
    """Options that may also be written inside `network`."""
    return [
        ("ip", [address for address in addresses if ":" not in address]),
        ("ip6", [address for address in addresses if ":" in address]),
        ("mac_address", getattr(endpoint, "mac", "")),
        ("network_aliases", getattr(endpoint, "aliases", ())),
        ("network_interface", getattr(endpoint, "interface", "")),
    ]


def recorded(config: Json) -> tuple[str, ...]:
    """The keys that this collection noted when it made the container; empty for a container of podman's."""
    note = text(table(table(config, "spec"), "annotations"), NOTE_OPTIONS)
    try:
        listed = json.loads(note) if note else []
    except ValueError:
        return ()
    return tuple(item for item in listed if isinstance(item, str)) if isinstance(listed, list) else ()


def is_ours(config: Json) -> bool:
    return NOTE_OPTIONS in table(table(config, "spec"), "annotations")


def known(keys: Iterable[str]) -> set[str]:
    """Those of the keys that can be read from a config."""
    return {key for key in keys if key in READERS or key.startswith("ulimit.")}


def read(config: Json, keys: Iterable[str] | None = None) -> dict[str, object]:
    """The canonical values of these keys, or of all."""
    wanted = list(READERS) + [f"ulimit.{name}" for name in sorted(_rlimits(config))] if keys is None else list(keys)
    return {key: _value(config, key) for key in sorted(wanted)}


def _value(config: Json, key: str) -> object:
    if key.startswith("ulimit."):
        return _rlimits(config).get(key[7:], "")
    return READERS[key](config)


def _spec(config: Json) -> Json:
    return table(config, "spec")


def _linux(config: Json) -> Json:
    return table(_spec(config), "linux")


def _process(config: Json) -> Json:
    return table(_spec(config), "process")


def _notes(config: Json) -> Json:
    return table(_spec(config), "annotations")


def _resource(part: str, key: str, default: int = 0) -> Reader:
    return lambda config: number(table(table(_linux(config), "resources"), part), key, default)


def _command(config: Json) -> object:
    args = texts(_process(config), "args")
    return args[2:] if args[:1] == ["/run/podman-init"] else args


def _env(config: Json) -> object:
    """Without what other options put there: the host name, a terminal's TERM, the mark that this is a container."""
    found = environ.from_list(texts(_process(config), "env"))
    for name, value in (
        ("HOSTNAME", text(_spec(config), "hostname")),
        ("TERM", "xterm" if flag(_process(config), "terminal") else ""),
        ("container", "podman"),
    ):
        if value and found.get(name) == value:
            del found[name]
    return found


def _labels(config: Json) -> object:
    return {key: value for key, value in table(config, "labels").items() if key != _UNIT_LABEL}


def _annotations(config: Json) -> object:
    return {key: value for key, value in _notes(config).items() if not key.startswith(_RESERVED)}


def _user(config: Json) -> object:
    user = text(config, "user")
    return "" if user in ("root", "0", "0:0", "root:root", "root:0", "0:root") else user


def _init_path(config: Json) -> str:
    for mount in tables(_spec(config), "mounts"):
        if mount.get("destination") == "/run/podman-init":
            return text(mount, "source")
    return ""


def _binds(config: Json) -> object:
    """Everything the user has mounted but tmpfs: target -> where from and how."""
    wanted = set(texts(config, "userVolumes"))
    found: dict[str, object] = {}
    shown: dict[str, object]
    for mount in tables(_spec(config), "mounts"):
        target, kind = text(mount, "destination"), text(mount, "type")
        if target in wanted and kind != mounts.TMPFS:
            source = text(mount, "source")
            shown = _shown(kind, _clean(source) if kind == mounts.BIND else source, texts(mount, "options"))
            found[_clean(target)] = shown
    for entry in tables(config, "namedVolumes"):
        target = text(entry, "dest")
        name = text(entry, "volumeName")
        shown = _shown(mounts.VOLUME, "" if mounts.is_anonymous(name) else name, texts(entry, "options"))
        if text(entry, "SubPath"):
            shown["subpath"] = text(entry, "SubPath")
        found[_clean(target)] = shown
    for entry in tables(config, "overlayVolumes"):
        found[_clean(text(entry, "dest"))] = _shown(mounts.OVERLAY, text(entry, "source"), texts(entry, "options"))
    for entry in tables(config, "ctrImageVolumes"):
        shown = _shown(mounts.IMAGE, text(entry, "source"), ["rw" if flag(entry, "rw") else "ro"])
        if text(entry, "subPath"):
            shown["subpath"] = text(entry, "subPath")
        found[_clean(text(entry, "dest"))] = shown
    return found


def _shown(kind: str, source: str, options: list[str]) -> dict[str, object]:
    return {"type": kind, "source": source, "options": mounts.canonical(kind, options)}


def _tmpfs(config: Json) -> object:
    wanted = set(texts(config, "userVolumes"))
    return {
        _clean(text(mount, "destination")): mounts.canonical(mounts.TMPFS, texts(mount, "options"))
        for mount in tables(_spec(config), "mounts")
        if text(mount, "type") == mounts.TMPFS and text(mount, "destination") in wanted
    }


def _image_volume(config: Json) -> object:
    """Which of the image's volumes are in memory; those that are real volumes are seen with the others."""
    wanted = set(texts(config, "userVolumes"))
    return sorted(
        text(mount, "destination")
        for mount in tables(_spec(config), "mounts")
        if text(mount, "type") == mounts.TMPFS and text(mount, "destination") not in wanted | _READ_ONLY_TMPFS
    )


def _clean(path: str) -> str:
    import posixpath

    return posixpath.normpath(path)


def _device_list(config: Json) -> object:
    found = []
    for entry in tables(config, "device_host_src"):
        try:
            found.append(str(devices.parse(text(entry, "path"))))
        except BadInput:
            found.append(text(entry, "path"))
    return sorted(found)


def _device_rules(config: Json) -> object:
    nodes = {(text(n, "type"), number(n, "major"), number(n, "minor")) for n in tables(_linux(config), "devices")}
    found = []
    for rule in tables(table(_linux(config), "resources"), "devices"):
        numbers = [str(rule[key]) if isinstance(rule.get(key), int) else "*" for key in ("major", "minor")]
        named = (text(rule, "type"), number(rule, "major", -1), number(rule, "minor", -1))
        if flag(rule, "allow") and named not in nodes and named[0]:
            found.append(f"{named[0]} {':'.join(numbers)} {text(rule, 'access')}")
    return sorted(found)


def _secrets(config: Json) -> object:
    files: list[list[object]] = []
    for entry in tables(config, "secrets"):
        owner = [number(entry, key) for key in ("UID", "GID", "Mode")]
        files.append([text(entry, "name"), text(entry, "id"), "mount", text(entry, "Target"), *owner])
    variables = table(config, "secret_env")
    for key in variables:
        files.append([text(table(variables, key), "name"), text(table(variables, key), "id"), "env", key])
    return sorted(files, key=str)


def _network(config: Json) -> object:
    mode = inspect_network.network_mode(config)
    if mode == "bridge":
        return sorted(table(config, "newNetworks"))
    options = texts(table(config, "network_options"), mode)
    return [f"{mode}:{','.join(options)}" if options else mode]


def _per_network(pick: Callable[[Json, Json], object]) -> Reader:
    def reader(config: Json) -> object:
        joined = table(config, "newNetworks")
        found = {name: pick(table(joined, name), config) for name in sorted(joined)}
        return {name: value for name, value in found.items() if value}

    return reader


def _aliases(options: Json, config: Json) -> object:
    own = {text(config, "id")[:12], text(_spec(config), "hostname")}
    return sorted(set(texts(options, "aliases")) - own)


def _interface(options: Json, _config: Json) -> object:
    name = text(options, "interface_name")
    return "" if name.startswith("eth") and name[3:].isdigit() else name


def _publish(config: Json) -> list[tuple[str, int, int, str]]:
    """Singles as [host address, host port, container port, protocol]; port 0 waits to be matched with any."""
    found = []
    for raw in tables(config, "newPortMappings"):
        try:
            mappings = ports.from_libpod(raw)
        except BadInput:
            mappings = ()
        for mapping in mappings:
            address = "" if mapping.host_ip == "0.0.0.0" else mapping.host_ip
            for offset in range(mapping.count):
                outside = mapping.host_port + offset if mapping.host_port else 0
                found.append((address, outside, mapping.container_port + offset, mapping.protocol))
    return sorted(set(found))


def _expose(config: Json) -> object:
    published = {f"{inside}/{protocol}" for _ip, _out, inside, protocol in _publish(config)}
    names = inspect_network.exposed({"exposedPorts": table(config, "exposedPorts")})
    return sorted(set(names) - published)


def _security(config: Json) -> object:
    linux, notes = _linux(config), _notes(config)
    extra, opened = security.mask_difference(texts(linux, "maskedPaths"), texts(linux, "readonlyPaths"))
    profile = "default"
    named = text(notes, f"{_PREFIX}seccomp")
    if "seccomp" not in linux:
        profile = security.UNCONFINED
    elif named:
        document = json.dumps(linux["seccomp"], sort_keys=True, separators=(",", ":"))
        profile = f"sha256:{hashlib.sha256(document.encode()).hexdigest()}"
    proc = next((texts(m, "options") for m in tables(_spec(config), "mounts") if m.get("destination") == "/proc"), [])
    cgroup = next((m for m in tables(_spec(config), "mounts") if m.get("destination") == "/sys/fs/cgroup"), {})
    return {
        "no-new-privileges": flag(_process(config), "noNewPrivileges"),
        "seccomp": profile,
        "apparmor": text(_process(config), "apparmorProfile") or text(notes, f"{_PREFIX}apparmor"),
        "label": sorted(word for word in text(notes, f"{_PREFIX}label").split(",") if word),
        "mask": extra,
        "unmask": opened,
        "proc-opts": sorted(proc),
        "cgroup": "rw" if "rw" in texts(cgroup, "options") else "ro",
    }


def _capabilities(config: Json) -> object:
    return sorted(name[4:] for name in texts(table(_process(config), "capabilities"), "bounding"))


def _namespace(kind: str) -> Reader:
    return lambda config: inspect_host.namespace_mode(config, _spec(config), kind)


def _userns(config: Json) -> object:
    """The mode as it was asked for; maps only where they were given by hand."""
    if text(config, "userNsCtr"):
        return {"mode": f"container:{config['userNsCtr']}"}
    word = text(_notes(config), f"{_PREFIX}userns")
    try:
        mode = namespaces.parse(word, "userns") if word else namespaces.Mode(namespaces.HOST)
    except BadInput:
        mode = namespaces.Mode(word)
    if mode.kind == namespaces.PRIVATE:
        maps = table(config, "idMappingsOptions")
        return {"mode": "private", "uidmap": maps.get("UIDMap"), "gidmap": maps.get("GIDMap")}
    return {"mode": str(mode)}


def _rlimits(config: Json) -> dict[str, str]:
    found = {}
    for limit in tables(_process(config), "rlimits"):
        found[text(limit, "type")[7:].lower()] = f"{number(limit, 'soft')}:{number(limit, 'hard')}"
    return found


def _memory_swap(config: Json) -> object:
    """-1: as much swap as there is; 0: no limit at all was set."""
    memory = table(table(_linux(config), "resources"), "memory")
    return number(memory, "swap") or (-1 if number(memory, "limit") else 0)


def _cpuset(key: str) -> Reader:
    def reader(config: Json) -> object:
        value = text(table(table(_linux(config), "resources"), "cpu"), key)
        try:
            return readers.cpu_set(value, key) if value else ""
        except BadInput:
            return value

    return reader


def _pids(config: Json) -> object:
    limit = number(table(table(_linux(config), "resources"), "pids"), "limit")
    return limit if limit > 0 else -1


def _quota(config: Json) -> object:
    return max(0, number(table(table(_linux(config), "resources"), "cpu"), "quota"))


def _block(key: str, value: str) -> Reader:
    def reader(config: Json) -> object:
        block = table(table(_linux(config), "resources"), "blockIO")
        return {f"{number(d, 'major')}:{number(d, 'minor')}": number(d, value) for d in tables(block, key)}

    return reader


def _log_driver(config: Json) -> object:
    driver = text(config, "logDriver")
    return "k8s-file" if driver == "json-file" else driver  # one and the same to podman


def _log_options(config: Json) -> object:
    path = text(config, "logPath")
    own = path if path != f"{text(config, 'staticDir')}/ctr.log" else ""
    return {"path": own, "max_size": max(0, number(config, "logSize")), "tag": text(config, "logTag")}


def _health(config: Json) -> object:
    check = table(config, "healthcheck")
    if not texts(check, "Test") or texts(check, "Test") == ["NONE"]:
        return {}
    return {
        "check": {key: value for key, value in check.items() if value},
        "startup": {key: value for key, value in table(config, "startupHealthCheck").items() if value},
        "on_failure": number(config, "healthcheck_on_failure_action"),
        "log": [config.get(key, default) for key, default in _HEALTH_LOG],
    }


def _host_entry(entry: str) -> str:
    try:
        return str(hosts.parse_entry(entry))
    except BadInput:
        return entry


def _restart(config: Json) -> object:
    name = text(config, "restart_policy") or "no"
    retries = number(config, "restart_retries")
    return f"{name}:{retries}" if retries else name


def _read_only_tmpfs(config: Json) -> object:
    return flag(config, "readWriteTmpfs") or not flag(table(_spec(config), "root"), "readonly")


def _own_file(key: str, name: str) -> Reader:
    """The path, or "" where it is the usual one in the container's run directory."""

    def reader(config: Json) -> object:
        path = text(config, key)
        return "" if path.endswith(f"/{text(config, 'id')}/userdata/{name}") else path

    return reader


READERS: dict[str, Reader] = {
    "image": lambda config: text(config, "rootfsImageID"),
    "rootfs": lambda config: text(config, "rootfs"),
    "command": _command,
    "env": _env,
    "label": _labels,
    "annotation": _annotations,
    "workdir": lambda config: _clean(text(_process(config), "cwd", "/")),
    "user": _user,
    "group_add": lambda config: sorted(texts(config, "groups")),
    "hostname": lambda config: text(_spec(config), "hostname"),
    "umask": lambda config: text(config, "umask").rjust(4, "0"),
    "timezone": lambda config: text(config, "timezone"),
    "tty": lambda config: flag(_process(config), "terminal"),
    "interactive": lambda config: flag(config, "stdin"),
    "init": lambda config: bool(_init_path(config)),
    "init_path": _init_path,
    "systemd": lambda config: flag(config, "systemd"),
    "sdnotify": lambda config: text(config, "sdnotifyMode"),
    "rm": lambda config: text(_notes(config), f"{_PREFIX}autoremove") == "TRUE",
    "stop_signal": lambda config: signals.name(number(config, "stopSignal", 15)),
    "stop_timeout": lambda config: number(config, "stopTimeout"),
    "timeout": lambda config: number(config, "timeout"),
    "restart_policy": _restart,
    "requires": lambda config: sorted(texts(config, "Dependencies")),
    "conmon_pidfile": _own_file("conmonPidFile", "conmon.pid"),
    "pid_file": _own_file("pid_file", "pidfile"),
    "cidfile": lambda config: text(_notes(config), f"{_PREFIX}cid-file"),
    "volume": _binds,
    "tmpfs": _tmpfs,
    "volumes_from": lambda config: sorted(filter(None, text(_notes(config), f"{_PREFIX}volumes-from").split(";"))),
    "image_volume": _image_volume,
    "read_only": lambda config: flag(table(_spec(config), "root"), "readonly"),
    "read_only_tmpfs": _read_only_tmpfs,
    "shm_size": lambda config: number(config, "shmSize"),
    "shm_size_systemd": lambda config: number(config, "shmSizeSystemd"),
    "device": _device_list,
    "device_cgroup_rule": _device_rules,
    "secrets": _secrets,
    "chrootdirs": lambda config: sorted(texts(config, "chroot_directories")),
    "passwd": lambda config: flag(config, "passwd", True),
    "passwd_entry": lambda config: text(config, "passwd_entry"),
    "group_entry": lambda config: text(config, "group_entry"),
    "hostuser": lambda config: sorted(texts(config, "HostUsers")),
    "network": _network,
    "network_aliases": _per_network(_aliases),
    "network_interface": _per_network(_interface),
    "ip": _per_network(lambda options, _config: sorted(ip for ip in texts(options, "static_ips") if ":" not in ip)),
    "ip6": _per_network(lambda options, _config: sorted(ip for ip in texts(options, "static_ips") if ":" in ip)),
    "mac_address": _per_network(lambda options, _config: text(options, "static_mac").lower()),
    "publish": _publish,
    "expose": _expose,
    "dns": lambda config: ["none"] if flag(config, "UseImageResolvConf") else texts(config, "dnsServer"),
    "dns_search": lambda config: texts(config, "dnsSearch"),
    "dns_option": lambda config: texts(config, "dnsOption"),
    "etc_hosts": lambda config: sorted(map(_host_entry, texts(config, "hostsAdd"))),
    "hosts_file": lambda config: text(config, "baseHostsFile"),
    "no_hosts": lambda config: flag(config, "UseImageHosts"),
    "no_hostname": lambda config: flag(config, "useImageHostname"),
    "privileged": lambda config: flag(config, "privileged") or text(_notes(config), f"{_PREFIX}privileged") == "TRUE",
    "capabilities": _capabilities,
    "security_opt": _security,
    "pid": _namespace("pid"),
    "ipc": lambda config: inspect_host.ipc_mode(config, _spec(config)),
    "uts": _namespace("uts"),
    "cgroupns": _namespace("cgroup"),
    "userns": _userns,
    "sysctl": lambda config: table(_linux(config), "sysctl"),
    "personality": lambda config: text(table(_linux(config), "personality"), "domain"),
    "cgroups": lambda config: text(config, "cgroupsMode") or "enabled",
    "cgroup_parent": lambda config: text(config, "cgroupParent"),
    "cgroup_conf": lambda config: table(table(_linux(config), "resources"), "unified"),
    "memory": _resource("memory", "limit"),
    "memory_reservation": _resource("memory", "reservation"),
    "memory_swap": _memory_swap,
    "memory_swappiness": _resource("memory", "swappiness", -1),
    "oom_kill_disable": lambda config: flag(table(table(_linux(config), "resources"), "memory"), "disableOOMKiller"),
    "oom_score_adj": lambda config: number(_process(config), "oomScoreAdj"),
    "cpu_period": lambda config: _resource("cpu", "period")(config) or _DEFAULT_PERIOD,
    "cpu_quota": _quota,
    "cpu_rt_period": _resource("cpu", "realtimePeriod"),
    "cpu_rt_runtime": _resource("cpu", "realtimeRuntime"),
    "cpu_shares": _resource("cpu", "shares"),
    "cpuset_cpus": _cpuset("cpus"),
    "cpuset_mems": _cpuset("mems"),
    "pids_limit": _pids,
    "blkio_weight": _resource("blockIO", "weight"),
    "blkio_weight_device": _block("weightDevice", "weight"),
    "device_read_bps": _block("throttleReadBpsDevice", "rate"),
    "device_write_bps": _block("throttleWriteBpsDevice", "rate"),
    "device_read_iops": _block("throttleReadIOPSDevice", "rate"),
    "device_write_iops": _block("throttleWriteIOPSDevice", "rate"),
    "rdt_class": lambda config: text(table(_linux(config), "intelRdt"), "closID"),
    "log_driver": _log_driver,
    "log_opt": _log_options,
    "healthcheck": _health,
}


def aligned(observed: dict[str, object], wanted: dict[str, object]) -> dict[str, object]:
    """`observed` with host ports that nobody chose shown as such: a wish for any port is met by the one there is."""
    before, after = observed.get("publish"), wanted.get("publish")
    if not isinstance(before, list) or not isinstance(after, list):
        return observed
    open_wishes = [item for item in after if not item[1]]
    rest = [item for item in before if item not in after]
    kept = [item for item in before if item in after]
    for address, _outside, inside, protocol in open_wishes:
        match = next((item for item in rest if (item[0], item[2], item[3]) == (address, inside, protocol)), None)
        if match is not None:
            rest.remove(match)
            kept.append((address, 0, inside, protocol))
    return {**observed, "publish": sorted(kept + rest)}


def tolerant(observed: dict[str, object], wanted: dict[str, object]) -> dict[str, object]:
    """`observed` of a container that podman made, without what podman adds by itself.

    It hands the proxies of whoever calls it to every container, and gives a bind the nosuid, nodev and noexec of the
    file system that its source lies on.
    """
    made = dict(observed)
    env, wanted_env = observed.get("env"), wanted.get("env")
    if isinstance(env, dict) and isinstance(wanted_env, dict):
        made["env"] = {key: value for key, value in env.items() if key in wanted_env or key not in PROXIES}
    binds, wanted_binds = observed.get("volume"), wanted.get("volume")
    if isinstance(binds, dict) and isinstance(wanted_binds, dict):
        made["volume"] = {target: _less_strict(shown, wanted_binds.get(target)) for target, shown in binds.items()}
    return made


def _less_strict(shown: object, wanted: object) -> object:
    if not isinstance(shown, dict) or not isinstance(wanted, dict) or shown.get("type") != mounts.BIND:
        return shown
    extra = set(texts(shown, "options")) - set(texts(wanted, "options"))
    if not extra or not extra <= _INHERITED:
        return shown
    return {**shown, "options": [word for word in texts(shown, "options") if word not in extra]}
