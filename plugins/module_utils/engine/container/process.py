# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a process gets: command, environment, limits and walls, from the wish, the image and the defaults."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from ..base.errors import BadInput, NotFound
from ..base.tuples import NamedTuple
from ..spec import capabilities, devices, environ, expansion, mounts, namespaces, seccomp, security, signals, users
from ..spec.namespaces import IdRange, Mode
from ..spec.runtime_spec import INIT_PATH, Maps, Walls

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from .desired import ContainerDesired
    from .surroundings import Surroundings


_SYSTEMD_NAMES = ("/sbin/init", "/usr/sbin/init", "/usr/local/sbin/init")
_RTMIN_PLUS_3 = 37  # what systemd takes for "shut down"
_PREFIX = "io.podman.annotations."
_SECCOMP_LABEL = "io.containers.seccomp.profile"


class Command(NamedTuple):
    """As recorded, and the arguments of the process that come of it."""

    entrypoint: tuple[str, ...] | None
    command: tuple[str, ...]
    args: tuple[str, ...]


def command(wish: ContainerDesired, around: Surroundings) -> Command:
    """What is run.

    An entrypoint of the task drops the image's command; the entrypoint `[""]` drops the image's entrypoint.
    """
    image = around.image.config if around.image else None
    entrypoint = wish.entrypoint
    if entrypoint is None and image is not None:
        entrypoint = image.entrypoint
    own = wish.command or ()
    if not own and not wish.entrypoint and image is not None:
        own = image.cmd or ()
    head = () if entrypoint in (None, ("",)) else entrypoint or ()
    args = (*head, *own)
    if around.defaults.init if wish.init is None else wish.init:
        args = (INIT_PATH, "--", *args)
    return Command(entrypoint, own, args)


def environment(wish: ContainerDesired, around: Surroundings, hostname: str) -> tuple[str, ...]:
    """containers.conf, then the image, then the task; HOSTNAME only where the task names one.

    With `http_proxy` and `env_host`, and only then, the environment of the task is looked at.
    """
    image = around.image.config if around.image else None
    found: dict[str, str] = {}
    host = around.host.environ
    if not wish.unsetenv_all:
        found.update(environ.from_list(around.defaults.env))
        if wish.tty:
            found["TERM"] = "xterm"
        if wish.http_proxy:
            names = ("http_proxy", "https_proxy", "ftp_proxy", "no_proxy")
            found.update({key: value for key, value in host.items() if key.lower() in names})
        if image is not None:
            found["container"] = "podman"
            found.update(environ.from_list(image.env))
        for name, words in (wish.env_merge or {}).items():
            found[name] = expansion.expand(words, found)
        if wish.env_host:
            found.update(host)
        for name in wish.unsetenv or ():
            found.pop(name, None)
    found.update(wish.env or {})
    if wish.hostname:
        found.setdefault("HOSTNAME", hostname)
    return tuple(environ.to_list(found))


def is_systemd(wish: ContainerDesired, args: tuple[str, ...]) -> bool:
    """Whether the first process is an init that wants the mounts systemd wants (podman-run(1), --systemd)."""
    if wish.systemd == "always":
        return True
    if wish.systemd == "false" or not args:
        return False
    return args[0] in _SYSTEMD_NAMES or posixpath.basename(args[0]) == "systemd"


def stop_signal(wish: ContainerDesired, around: Surroundings, systemd: bool) -> int:
    if wish.stop_signal is not None:
        return wish.stop_signal
    image = around.image.config.stop_signal if around.image else ""
    if image:
        try:
            return signals.parse(image)
        except BadInput:
            pass  # an image may write what it likes: the default then
    return _RTMIN_PLUS_3 if systemd else 15


def effective_user(wish: ContainerDesired, around: Surroundings) -> str:
    if wish.user is not None:
        return wish.user
    if keeps_id(wish, around):
        inside = namespaces.options(wish.userns) if wish.userns else {}
        return f"{inside.get('uid', around.host.uid)}:{inside.get('gid', around.host.gid)}"
    user = around.image.config.user if around.image else ""
    users.parse(user)
    return user


def keeps_id(wish: ContainerDesired, around: Surroundings) -> bool:
    """Whether the caller is to be themselves inside; then they are the container's user too, unless one is named."""
    return around.host.rootless and wish.userns is not None and wish.userns.kind == "keep-id"


def working_dir(wish: ContainerDesired, around: Surroundings) -> tuple[str, bool]:
    """The directory, and whether the image asked for it (then it is created where missing)."""
    if wish.workdir is not None:
        return wish.workdir, False
    if around.image is None:
        return "/", False
    path = around.image.config.workdir or "/"
    if any(char in path for char in "\0\n\r"):
        raise BadInput(f"create container {wish.name}", "the image's working directory is no path")
    return "/" + posixpath.normpath("/" + path).lstrip("/"), True


def walls(wish: ContainerDesired, around: Surroundings, user: str, labels: tuple[str, str]) -> Walls:
    """Raises BadInput for capabilities at odds and for a seccomp profile that is none."""
    privileged = is_privileged(wish, around)
    wanted = wish.security_opt or security.SecurityWish()
    bounding = around.host.bounding
    if privileged:
        kept = tuple(sorted(bounding))
    else:
        kept = capabilities.merge(around.defaults.capabilities, wish.cap_add or (), wish.cap_drop or (), bounding)
    explicit = None
    if not users.is_root(user):
        explicit = capabilities.merge((), wish.cap_add or (), (), bounding) if wish.cap_add else ()
    profile: Json | None = None
    if wish.seccomp_policy == "image":
        profile = seccomp.load_profile(_profile_of_image(wish, around), "of the image", around.host.arch, kept)
    elif wanted.seccomp == security.UNCONFINED or (privileged and not wanted.seccomp):
        profile = None
    elif wanted.seccomp:
        content = wish.seccomp_profile or b""
        profile = seccomp.load_profile(content, wanted.seccomp, around.host.arch, kept)
    elif around.defaults.seccomp_profile is not None:
        profile = seccomp.load_profile(around.defaults.seccomp_profile, "of this host", around.host.arch, kept)
    else:
        profile = seccomp.default_profile(around.host.arch, kept)
    apparmor = wanted.apparmor or ("" if privileged else around.defaults.apparmor_profile)
    return Walls(
        privileged=privileged,
        bounding=kept,
        explicit_caps=explicit,
        seccomp=profile,
        security=wanted,
        thermal=around.host.thermal,
        apparmor="" if apparmor == security.UNCONFINED else apparmor,
        process_label=labels[0],
        mount_label=labels[1],
    )


def _profile_of_image(wish: ContainerDesired, around: Surroundings) -> bytes:
    """The profile that an image carries; only where the task asks for it does a label say what a process may do."""
    found = around.image.config.labels.get(_SECCOMP_LABEL, "") if around.image else ""
    if not found:
        raise BadInput(
            f"create container {wish.name}", f"seccomp_policy is image, and the image has no label {_SECCOMP_LABEL}"
        )
    return found.encode()


def is_privileged(wish: ContainerDesired, around: Surroundings) -> bool:
    return around.defaults.privileged if wish.privileged is None else wish.privileged


def maps(wish: ContainerDesired, around: Surroundings) -> Maps:
    """The id maps of the user namespace. Raises BadInput, NotFound."""
    host = around.host
    uids: tuple[IdRange, ...] = tuple(wish.uidmap or wish.gidmap or around.granted[0])
    gids: tuple[IdRange, ...] = tuple(wish.gidmap or wish.uidmap or around.granted[1])
    kind = wish.userns.kind if wish.userns else ""
    if kind == "keep-id" and wish.userns is not None:
        if not host.rootless:
            kind = "host"  # root is itself already, as podman takes it
        else:
            first, second = namespaces.keep_id(host.uid, host.gid, host.sub_ids, namespaces.options(wish.userns))
            uids, gids = tuple(first), tuple(second)
    elif kind == "nomap":
        if not host.rootless:
            raise BadInput("read userns", "nomap is for rootless containers")
        uids, gids = (IdRange(0, 1, host.sub_ids[0]),), (IdRange(0, 1, host.sub_ids[1]),)
    elif kind == "auto":
        if around.auto_maps is not None:
            uids, gids = around.auto_maps
    elif kind == "container" and wish.userns is not None:
        peer = around.peers.get(wish.userns.value)
        if peer is None:
            raise NotFound(f"join the user namespace of {wish.userns.value}", "no such container")
        uids, gids = _recorded_maps(peer.config, "UIDMap"), _recorded_maps(peer.config, "GIDMap")
    private = bool(uids) or kind == "auto"
    available = host.sub_ids[1] if host.rootless else 2**32
    gid5 = any(r.inside <= 5 < r.inside + r.size for r in gids) if gids else available >= 5
    in_userns = host.rootless or private or kind == "ns"
    return Maps(uids, gids, in_userns, host.rootless, gid5, private)


def _recorded_maps(config: Json, key: str) -> tuple[IdRange, ...]:
    options = config.get("idMappingsOptions")
    found = options.get(key) if isinstance(options, dict) else None
    ranges = found if isinstance(found, list) else []
    return tuple(IdRange(int(r["container_id"]), int(r["host_id"]), int(r["size"])) for r in ranges)


def device_entries(wish: ContainerDesired, around: Surroundings) -> tuple[list[Json], list[Json], list[Json]]:
    """(linux.devices, device rules, bind mounts): a rootless container cannot make nodes and gets them bound."""
    nodes: list[Json] = []
    rules: list[Json] = []
    binds: list[Json] = []
    privileged = is_privileged(wish, around)
    for device in wish.device or ():
        for source, target in () if device.cdi else _expanded(device, around):
            node = around.host.nodes[source]
            if around.host.rootless:
                access = "rw" if "w" in device.access else "ro"
                options = ["slave", "nosuid", "noexec", access, "rbind"]
                binds.append({"destination": target, "type": mounts.BIND, "source": source, "options": options})
                continue
            kind = 0o060000 if node.type == "b" else 0o020000
            numbers: Json = {"type": node.type, "major": node.major, "minor": node.minor}
            mode: Json = {"fileMode": kind | (node.mode & 0o7777), "uid": node.uid, "gid": node.gid}
            nodes.append({"path": target, **numbers, **mode})
            rules.append({"allow": True, **numbers, "access": device.access})
    if wish.device_cgroup_rule and around.host.rootless:
        raise BadInput("read device_cgroup_rule", "a rootless container has no device controller")
    for rule in () if privileged else wish.device_cgroup_rule or ():
        entry: Json = {"allow": True, "type": rule.type}
        if rule.major is not None:
            entry["major"] = rule.major
        if rule.minor is not None:
            entry["minor"] = rule.minor
        rules.append({**entry, "access": rule.access})
    return nodes, rules, binds


def _expanded(device: devices.Device, around: Surroundings) -> list[tuple[str, str]]:
    """A directory stands for the nodes in it."""
    if device.source in around.host.nodes:
        return [(device.source, device.target)]
    prefix = f"{device.source}/"
    below = [path for path in sorted(around.host.nodes) if path.startswith(prefix)]
    found = [(path, device.target + path[len(device.source) :]) for path in below]
    if not found:
        raise NotFound(f"find device {device.source}", "there is no device node at this path")
    return found


def modes(wish: ContainerDesired, around: Surroundings) -> dict[str, Mode]:
    """One mode per namespace, the defaults filled in; "network" as the spec sees it."""
    defaults, host = around.defaults, around.host
    found = {
        "pid": wish.pid or namespaces.parse(defaults.pidns, "pid"),
        "ipc": wish.ipc or namespaces.parse(defaults.ipcns, "ipc"),
        "uts": wish.uts or namespaces.parse(defaults.utsns, "uts"),
    }
    cgroup = defaults.cgroupns or (namespaces.PRIVATE if host.cgroups_v2 else namespaces.HOST)
    found["cgroupns"] = wish.cgroupns or namespaces.parse(cgroup, "cgroupns")
    if wish.userns is not None:
        found["userns"] = wish.userns
    for name, mode in found.items():
        if mode.kind == "container" and mode.value not in around.peers:
            raise NotFound(f"join the {name} namespace of {mode.value}", "no such container")
    return found


def notes(wish: ContainerDesired, around: Surroundings) -> dict[str, str]:
    """The user's, then the ones podman's inspect reads options back from."""
    found = {**around.defaults.annotations, **(wish.annotation or {})}
    if wish.publish_all:
        found[f"{_PREFIX}publish-all"] = "TRUE"
    if wish.rm:
        found[f"{_PREFIX}autoremove"] = "TRUE"
    if wish.rmi:
        found[f"{_PREFIX}autoremove-image"] = "TRUE"
    if is_privileged(wish, around):
        found[f"{_PREFIX}privileged"] = "TRUE"
    if around.defaults.init if wish.init is None else wish.init:
        found[f"{_PREFIX}init"] = "TRUE"
    if wish.volumes_from:
        found[f"{_PREFIX}volumes-from"] = ";".join(str(source) for source in wish.volumes_from)
    if wish.cidfile:
        found[f"{_PREFIX}cid-file"] = wish.cidfile
    wanted = wish.security_opt
    if wanted is not None:
        label = ",".join(wanted.label)
        for key, value in (("seccomp", wanted.seccomp), ("apparmor", wanted.apparmor), ("label", label)):
            if value:
                found[_PREFIX + key] = value
    if wish.userns is not None or wish.uidmap or wish.gidmap or wish.subuidname or wish.subgidname:
        found[f"{_PREFIX}userns"] = str(wish.userns) if wish.userns is not None else namespaces.PRIVATE
    return found
