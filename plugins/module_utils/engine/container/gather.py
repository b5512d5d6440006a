# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Gathering what a container's configuration depends on: host, containers.conf, image, other containers, devices."""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Damaged, NotFound
from ..base.files import read_bytes
from ..base.jsonval import flag, text
from ..host import programs
from ..host.cgroups import SYSTEMD, V2
from ..spec import capabilities, platform, seccomp, ulimits
from ..spec.devices import DeviceNode
from . import lookup
from .surroundings import Defaults, HostFacts, ImageFacts, Peer, Surroundings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..base.jsonval import Json
    from ..image.view import ImageView
    from ..libpod.rows import PodRow
    from ..session.session import Session
    from ..spec.namespaces import IdRange
    from .desired import ContainerDesired
    from .membership import PodFacts

_CPU_DIRECTORY = "/sys/devices/system/cpu"
_DEFAULT_LIMIT = 1048576
_SECCOMP_PATHS = ("/etc/containers/seccomp.json", "/usr/share/containers/seccomp.json")


def surroundings(
    session: Session,
    desired: ContainerDesired,
    image: ImageView | None,
    *,
    runtime: str = "",
    planned: Mapping[str, Peer] | None = None,
    pod: PodFacts | None = None,
) -> Surroundings:
    """All of it. `runtime` is named only when the container is really made: planning needs none. `planned` are
    containers, by name, that are not there yet but will be, and so is `pod`.

    Raises NotFound for the pod, another container, or a device, that is not there.
    """
    return Surroundings(
        image=None if image is None else _image(image, desired),
        host=_host(session, desired, runtime),
        defaults=defaults(session, profile=_seccomp_profile(session) if runtime else None),
        peers={name: (planned or {}).get(name) or _peer(session, desired, name) for name in desired.references()},
        secrets=_secrets(session) if desired.secrets else {},
        granted=_granted(session, desired),
        pod=pod or (_pod(session, desired) if desired.pod else None),
    )


def _granted(session: Session, desired: ContainerDesired) -> tuple[tuple[IdRange, ...], tuple[IdRange, ...]]:
    """The ids of the names in /etc/subuid and /etc/subgid; the one name stands for the other where it is alone."""
    users, groups = desired.subuidname or desired.subgidname, desired.subgidname or desired.subuidname
    if not users or not groups:
        return (), ()
    if session.identity.rootless:
        raise BadInput(
            "read subuidname", "a plain user's containers have ids of that user", "Use uidmap, or userns: auto"
        )
    from ..host import subids
    from .id_maps import lined_up

    spans = subids.of_names(users, groups)
    for name, file, found in ((users, "subuid", spans.uids), (groups, "subgid", spans.gids)):
        if not found:
            raise NotFound(f"create container {desired.name}", f"/etc/{file} grants nothing to {name}")
    return lined_up(spans.uids), lined_up(spans.gids)


def _secrets(session: Session) -> dict[str, Json]:
    from ..secret.deeds import records

    return records(session)


def _image(image: ImageView, desired: ContainerDesired) -> ImageFacts:
    return ImageFacts(image.id, image.name, image.config, desired.image or "", image.digest)


def _peer(session: Session, desired: ContainerDesired, text: str) -> Peer:
    other = lookup.lookup(session, text)
    if other is None:
        raise NotFound(f"create container {desired.name}", f"container {text}, which it refers to, does not exist")
    return Peer(other.id, other.name, other.config)


def _pod(session: Session, desired: ContainerDesired) -> PodFacts:
    row = session.database.pod(desired.pod or "")
    if row is None:
        raise NotFound(f"create container {desired.name}", f"there is no pod {desired.pod}", "Make it first")
    return pod_facts(session, row)


def pod_facts(session: Session, row: PodRow) -> PodFacts:
    """Raises Damaged for a pod that has lost its infra container."""
    from . import membership

    infra = text(row.state, "InfraContainerID")
    found = lookup.by_id(session, infra) if infra else None
    if found is None and flag(row.config, "hasInfra"):
        raise Damaged(f"join pod {row.name}", "its infra container is gone", "Have the module pod repair it")
    peer = None if found is None else Peer(found.id, found.name, found.config)
    own_groups = not session.identity.rootless or session.cgroups.manager == SYSTEMD
    return membership.facts_of(row, peer, own_groups=own_groups)


def _host(session: Session, desired: ContainerDesired, runtime: str) -> HostFacts:
    identity = session.identity
    facts = session.cgroups
    return HostFacts(
        rootless=identity.rootless,
        uid=identity.uid,
        gid=identity.gid,
        arch=platform.host_platform(os.uname().machine).architecture,
        hostname=os.uname().nodename,
        cgroups_v2=facts.mode == V2,
        cgroup_manager=facts.manager,
        controllers=frozenset(facts.controllers),
        bounding=bounding(),
        sub_ids=sub_ids(identity.rootless),
        runtime=runtime or "crun",
        thermal=_thermal(),
        nodes=nodes_of(desired),
        environ=dict(os.environ),
        graph_root=session.paths.graph_root,
        run_root=session.paths.run_root,
    )


def _seccomp_profile(session: Session) -> bytes | None:
    """The profile that containers on this host get, where podman looks for it; None for the built-in one.

    Raises BadInput when containers.conf names one that cannot be read: no container must start with less than that.
    """
    named = session.conf.seccomp_profile
    for path in (named,) if named else _SECCOMP_PATHS:
        try:
            return read_bytes(path, seccomp.MAX_BYTES)
        except OSError as error:
            if named:
                raise BadInput(f"read the seccomp profile {path}", error.strerror or str(error)) from error
    return None


def defaults(session: Session, profile: bytes | None = None) -> Defaults:
    """containers.conf in the terms of a container's configuration."""
    conf = session.conf
    base = Defaults()
    return Defaults(
        capabilities=capabilities.normalise(conf.default_capabilities, "default_capabilities") or base.capabilities,
        ulimits=ulimits.parse_all(list(conf.default_ulimits)) if conf.default_ulimits else _default_ulimits(),
        sysctls=dict(item.partition("=")[::2] for item in conf.default_sysctls)
        if conf.default_sysctls
        else base.sysctls,
        env=tuple(conf.env) or base.env,
        annotations=dict(item.partition("=")[::2] for item in conf.annotations),
        label=False,
        seccomp_profile=profile,
        log_driver=session.log_driver,
        log_tag=conf.log_tag,
        pids_limit=conf.pids_limit,
        shm_size=conf.shm_size or base.shm_size,
        umask=conf.umask or base.umask,
        timezone=conf.tz,
        init=conf.init,
        init_path=conf.init_path or programs.find("catatonit") or base.init_path,
        read_only=conf.read_only,
        privileged=conf.privileged,
        no_hosts=conf.no_hosts,
        base_hosts_file=conf.base_hosts_file,
        dns=tuple(conf.dns_servers),
        dns_search=tuple(conf.dns_searches),
        dns_option=tuple(conf.dns_options),
        stop_timeout=conf.stop_timeout,
        cgroups=conf.cgroups or base.cgroups,
        rootless_network=conf.default_rootless_network_cmd or base.rootless_network,
        default_network=conf.default_network or base.default_network,
        ipcns=conf.ipcns or base.ipcns,
        pidns=conf.pidns or base.pidns,
        utsns=conf.utsns or base.utsns,
        cgroupns=conf.cgroupns,
    )


def _default_ulimits() -> tuple[ulimits.Ulimit, ...]:
    """podman's own: as many files and processes as this host allows, up to a bound."""
    import resource

    found = []
    for name, number in (("nofile", resource.RLIMIT_NOFILE), ("nproc", resource.RLIMIT_NPROC)):
        hard = resource.getrlimit(number)[1]
        value = _DEFAULT_LIMIT if hard == resource.RLIM_INFINITY else min(hard, _DEFAULT_LIMIT)
        found.append(ulimits.Ulimit(name, value, value))
    return tuple(found)


def bounding() -> tuple[str, ...]:
    """The capabilities that this process may hand on (capabilities(7))."""
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("CapBnd:"):
                return capabilities.from_mask(int(line.split()[1], 16))
    return ()


def sub_ids(rootless: bool) -> tuple[int, int]:
    """How many ids the rootless namespace, in which we are, maps beyond the user's own."""
    if not rootless:
        return 0, 0
    return _mapped("/proc/self/uid_map") - 1, _mapped("/proc/self/gid_map") - 1


def _mapped(path: str) -> int:
    with open(path, encoding="ascii") as file:
        return sum(int(line.split()[2]) for line in file)


def _thermal() -> tuple[str, ...]:
    """Directories that tell what the neighbours compute; they are masked."""
    try:
        names = sorted(name for name in os.listdir(_CPU_DIRECTORY) if name.startswith("cpu") and name[3:].isdigit())
    except OSError:
        return ()
    paths = [f"{_CPU_DIRECTORY}/{name}/thermal_throttle" for name in names]
    return tuple(path for path in paths if os.path.isdir(path))


def nodes_of(desired: ContainerDesired) -> dict[str, DeviceNode]:
    found: dict[str, DeviceNode] = {}
    for path in desired.device_paths():
        try:
            info = os.stat(path)
        except OSError as error:
            raise NotFound(f"create container {desired.name}", f"device {path}: {error.strerror}") from error
        if stat.S_ISDIR(info.st_mode):
            for folder, _folders, names in os.walk(path):
                for name in names:
                    _add_node(found, os.path.join(folder, name))
        else:
            _add_node(found, path)
    return found


def _add_node(found: dict[str, DeviceNode], path: str) -> None:
    try:
        info = os.stat(path)
    except OSError:
        return
    kind = "b" if stat.S_ISBLK(info.st_mode) else "c" if stat.S_ISCHR(info.st_mode) else ""
    if kind:
        mode = stat.S_IMODE(info.st_mode)
        found[path] = DeviceNode(kind, os.major(info.st_rdev), os.minor(info.st_rdev), mode, info.st_uid, info.st_gid)
