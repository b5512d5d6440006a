# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Parts of a container's config row that stand for themselves: ids, secrets, cgroup, log, health, sysctls,
users and labels, name files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, NotFound
from ..spec import healthcheck
from ..spec.id_maps import AutoWish, parse_auto
from . import process
from .surroundings import CGROUPFS_PARENT

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..base.jsonval import Json
    from ..spec.namespaces import IdRange, Mode
    from ..spec.runtime_spec import Maps
    from .desired import ContainerDesired
    from .surroundings import Surroundings

_SECRET_KEYS = ("name", "id", "createdAt", "updatedAt", "driver", "driverOptions")


def id_mappings(wish: ContainerDesired, maps: Maps) -> Json:
    """`idMappingsOptions`."""
    kind = wish.userns.kind if wish.userns else ""
    private = maps.private and kind != "nomap"  # podman takes that one for the host's
    auto = kind == "auto"
    options = parse_auto(wish.userns) if auto and wish.userns else AutoWish()
    return {
        "HostUIDMapping": not private,
        "HostGIDMapping": not private,
        "UIDMap": _lines(maps.uids),
        "GIDMap": _lines(maps.gids),
        "AutoUserNs": auto,
        "AutoUserNsOpts": {
            "Size": options.size,
            "InitialSize": 0,
            "PasswdFile": "",
            "GroupFile": "",
            "AdditionalUIDMappings": _lines(options.uids),
            "AdditionalGIDMappings": _lines(options.gids),
        },
    }


def _lines(ranges: tuple[IdRange, ...]) -> list[Json] | None:
    return [{"container_id": line.inside, "host_id": line.outside, "size": line.size} for line in ranges] or None


def secrets(wish: ContainerDesired, around: Surroundings) -> Json:
    """Secrets as files and as variables. Raises NotFound."""
    config: Json = {}
    files: list[Json] = []
    variables: dict[str, Json] = {}
    for item in wish.secrets or ():
        stored = around.secrets.get(item.name)
        if stored is None:
            raise NotFound(f"give secret {item.name} to container {wish.name}", "no such secret")
        known = {key: stored[key] for key in _SECRET_KEYS if key in stored}
        if item.as_env:
            variables[item.target or item.name] = known
        else:
            files.append({**known, "UID": item.uid, "GID": item.gid, "Mode": item.mode, "Target": item.target})
    if files:
        config["secrets"] = files
    if variables:
        config["secret_env"] = variables
    return config


def cgroup(wish: ContainerDesired, around: Surroundings) -> Json:
    """Where its processes are counted. Raises BadInput."""
    config: Json = {}
    mode = wish.cgroups or around.defaults.cgroups
    config["cgroupsMode"] = mode
    if mode == "disabled":
        config["noCgroups"] = True
        config["cgroupParent"] = ""
        return config
    manager = around.host.cgroup_manager
    config["cgroupManager"] = manager
    default = "" if around.host.rootless else CGROUPFS_PARENT
    if manager == "systemd":
        default = "user.slice" if around.host.rootless else "machine.slice"
    parent = wish.cgroup_parent or default
    if manager == "systemd" and not parent.endswith(".slice"):
        raise BadInput("read cgroup_parent", f"{parent[:60]!r} is no slice, which the systemd cgroup manager needs")
    config["cgroupParent"] = parent
    return config


def log(wish: ContainerDesired, around: Surroundings, static: str) -> Json:
    """Where its output goes. Raises BadInput."""
    config: Json = {}
    driver = wish.log_driver or around.defaults.log_driver
    options = wish.log_opt
    keeps_file = driver in ("k8s-file", "json-file")
    own = options.path if options else ""
    if own and not keeps_file:
        raise BadInput("read log_opt", f"log driver {driver} writes no file: path has no meaning")
    config["logPath"] = (own or f"{static}/ctr.log") if keeps_file else ""
    config["logTag"] = (options.tag if options else "") or around.defaults.log_tag
    size = options.max_size if options else None
    config["logSize"] = 0 if size is None else size
    config["logDriver"] = driver
    return config


def health(wish: ContainerDesired, around: Surroundings) -> Json:
    """The health check, the image's where the task has none. Raises BadInput."""
    config: Json = {}
    asked = wish.healthcheck
    image = around.image.config.healthcheck if around.image else None
    test, settings = healthcheck.from_image(image) if image else ((), {})
    if asked is not None:
        test = asked.test if asked.test is not None else test
        settings = {**(settings if asked.test is None else {}), **dict(asked.settings)}
        if (asked.settings or asked.on_failure or asked.startup_test) and not test:
            raise BadInput("read healthcheck options", "neither the task nor the image says what to check")
    config["healthcheck"] = healthcheck.document(test, settings) if test else None
    if asked is not None and asked.startup_test:
        config["startupHealthCheck"] = healthcheck.document(
            asked.startup_test, {"Retries": 0, **dict(asked.startup_settings)}
        )
    defaults = around.defaults
    config["healthcheck_on_failure_action"] = healthcheck.ON_FAILURE[(asked and asked.on_failure) or "none"]
    config["healthLogDestination"] = (asked and asked.destination) or defaults.health_log_destination
    for key, own, default in (
        ("healthMaxLogCount", asked.max_log_count if asked else None, defaults.health_max_log_count),
        ("healthMaxLogSize", asked.max_log_size if asked else None, defaults.health_max_log_size),
    ):
        config[key] = default if own is None else own
    return config


def sysctls(wish: ContainerDesired, around: Surroundings, modes: Mapping[str, Mode], network: Mode) -> dict[str, str]:
    """Defaults of a namespace that the container does not have of its own are left out. Raises BadInput where the
    task sets one that would change the host."""
    prefixes = []
    for key, mode, names in (
        ("ipc", modes["ipc"], ("fs.mqueue.", "kernel.msg", "kernel.sem", "kernel.shm")),
        ("network", network, ("net.",)),
        ("uts", modes["uts"], ("kernel.domainname", "kernel.hostname")),
    ):
        prefixes += [(name, key, mode) for name in names if mode.kind in ("host", "container")]
    found = {}
    for key, value in around.defaults.sysctls.items():
        if not any(key.startswith(prefix) for prefix, _key, _mode in prefixes):
            found[key] = value
    for key, value in (wish.sysctl or {}).items():
        clean = key.replace("/", ".")
        for prefix, what, mode in prefixes:
            if clean.startswith(prefix) and mode.kind == "host":
                raise BadInput(f"read sysctl {key}", f"the container shares the {what} namespace of the host")
        if not clean.startswith(("net.", "fs.mqueue.", "kernel.")):
            raise BadInput(f"read sysctl {key}", "belongs to no namespace: it would change the host")
        found[clean] = value
    return dict(sorted(found.items()))


def identity(wish: ContainerDesired, around: Surroundings, user: str) -> Json:
    """Who it is: users, groups, labels."""
    config: Json = {"passwd": True if wish.passwd is None else wish.passwd}
    for key, value in (
        ("passwd_entry", wish.passwd_entry),
        ("group_entry", wish.group_entry),
        ("user", user),
        ("groups", list(wish.group_add or ())),
        ("HostUsers", list(wish.hostuser or ())),
        ("chroot_directories", list(wish.chrootdirs or ())),
        ("timezone", around.defaults.timezone if wish.timezone is None else wish.timezone),
    ):
        if value:
            config[key] = value
    if process.keeps_id(wish, around):
        config["addCurrentUserPasswdEntry"] = True
    config["umask"] = wish.umask or around.defaults.umask
    image = around.image.config.labels if around.image else {}
    labels = {**image, **(wish.label or {})}
    if labels:
        config["labels"] = labels
    return config


def name_files(wish: ContainerDesired, around: Surroundings) -> Json:
    """What goes into its resolv.conf and hosts."""
    defaults = around.defaults
    config: Json = {}
    servers = wish.dns if wish.dns is not None else defaults.dns
    config["UseImageResolvConf"] = servers == ("none",)
    if servers and servers != ("none",):
        config["dnsServer"] = list(servers)
    search = wish.dns_search if wish.dns_search is not None else defaults.dns_search
    options = wish.dns_option if wish.dns_option is not None else defaults.dns_option
    for key, value in (("dnsSearch", search), ("dnsOption", options)):
        if value:
            config[key] = list(value)
    config["UseImageHosts"] = defaults.no_hosts if wish.no_hosts is None else wish.no_hosts
    config["useImageHostname"] = bool(wish.no_hostname)
    if wish.etc_hosts:
        config["hostsAdd"] = [str(entry) for entry in wish.etc_hosts]
    base = wish.hosts_file or defaults.base_hosts_file
    if base:
        config["baseHostsFile"] = base
    return config
