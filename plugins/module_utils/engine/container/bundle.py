# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The config.json of one start: the container's own spec, completed with what only this start knows.

Pure: paths, ids and addresses come in as values. What is decided at creation lies in the `spec` of the libpod
configuration; podman completes that spec at each start in the same way, so either may start the container.
"""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING, NamedTuple

from ..base import jsonval

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..spec.users import Account
    from .model import Container

_OCI_VERSION = "1.0.2"  # nothing newer is used, and runtimes of 2022 and 2023 refuse 1.1 and later
_PRIVATE_BIND = ("bind", "rprivate")
_SHM_BIND = ("bind", "rprivate", "nosuid", "noexec", "nodev")
_SHM = "/dev/shm"


class Mounted(NamedTuple):
    """One bind mount that this start adds."""

    destination: str
    source: str
    options: tuple[str, ...]


class Start(NamedTuple):
    """What this start knows. `namespaces` maps an OCI namespace type to the path of the namespace to join."""

    rootfs: str
    hostname: str
    account: Account
    files: tuple[tuple[str, str], ...] = ()
    volumes: tuple[Mounted, ...] = ()
    shm: str = ""
    cgroups_path: str = ""
    namespaces: tuple[tuple[str, str], ...] = ()
    environment: tuple[tuple[str, str], ...] = ()


def complete(container: Container, start: Start) -> Json:
    """The whole runtime spec (OCI runtime-spec, config.md)."""
    spec: Json = dict(container.spec)
    spec["ociVersion"] = _OCI_VERSION
    spec["root"] = {**jsonval.table(spec, "root"), "path": start.rootfs}
    spec["process"] = _process(container, start)
    if _has_own(spec, "uts"):
        spec["hostname"] = start.hostname
    spec["mounts"] = _mounts(spec, start)
    spec["annotations"] = _annotations(container)
    linux: Json = dict(jsonval.table(spec, "linux"))
    if start.cgroups_path:
        linux["cgroupsPath"] = start.cgroups_path
    linux["namespaces"] = _namespaces(jsonval.tables(linux, "namespaces"), dict(start.namespaces))
    spec["linux"] = linux
    return spec


def _process(container: Container, start: Start) -> Json:
    process: Json = dict(jsonval.table(container.spec, "process"))
    account = start.account
    user: Json = {**jsonval.table(process, "user"), "uid": account.uid, "gid": account.gid}
    if account.additional:
        user["additionalGids"] = list(account.additional)
    umask = jsonval.text(container.config, "umask")
    if umask:
        user["umask"] = int(umask, 8)
    process["user"] = user
    env = jsonval.texts(process, "env")
    known = {item.partition("=")[0] for item in env}
    defaults = (("HOME", account.home or "/"), ("HOSTNAME", start.hostname), *start.environment)
    process["env"] = env + [f"{name}={value}" for name, value in defaults if name not in known]
    return process


def _mounts(spec: Json, start: Start) -> list[Json]:
    """The spec's own mounts, then ours where nothing else was put at the same place; parents before children."""
    mounts = jsonval.tables(spec, "mounts")
    taken = {posixpath.normpath(jsonval.text(mount, "destination")) for mount in mounts}
    added = [*start.volumes, *(Mounted(target, source, _PRIVATE_BIND) for target, source in start.files)]
    if start.shm:
        added.append(Mounted(_SHM, start.shm, _SHM_BIND))
    for item in added:
        if posixpath.normpath(item.destination) in taken:
            continue
        mounts.append(
            {
                "destination": item.destination,
                "type": "bind",
                "source": item.source,
                "options": list(item.options),
            }
        )
    return sorted(mounts, key=lambda mount: _depth(jsonval.text(mount, "destination")))


def _depth(path: str) -> int:
    return len([part for part in posixpath.normpath(path).split("/") if part])


def _annotations(container: Container) -> Json:
    """systemd's scopes are stopped with the container's own signal and time."""
    stop_signal = jsonval.number(container.config, "stopSignal", 15)
    microseconds = jsonval.number(container.config, "stopTimeout", 10) * 1_000_000
    found: Json = {
        "io.container.manager": "libpod",
        "org.opencontainers.image.stopSignal": str(stop_signal),
        "org.systemd.property.KillSignal": str(stop_signal),
        "org.systemd.property.TimeoutStopUSec": f"uint64 {microseconds}",
    }
    found.update(container.annotations)
    return found


def _namespaces(spaces: list[Json], joined: dict[str, str]) -> list[Json]:
    found = [dict(space) for space in spaces if jsonval.text(space, "type") not in joined]
    return found + [{"type": kind, "path": path} for kind, path in joined.items()]


def _has_own(spec: Json, kind: str) -> bool:
    """A host name can be set only in a uts namespace that this container makes."""
    spaces = jsonval.tables(jsonval.table(spec, "linux"), "namespaces")
    return any(space.get("type") == kind and not space.get("path") for space in spaces)
