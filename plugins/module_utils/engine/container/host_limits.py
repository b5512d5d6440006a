# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Fitting a container to what this host can give: limits that were asked for are never dropped in silence."""

from __future__ import annotations

import os
import resource
import stat
from typing import TYPE_CHECKING, TypedDict

from ..base import jsonval
from ..host import cgroups

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..session.session import Session
    from .model import Container

_CAP_SYS_RESOURCE = 24
_DEFAULT_PIDS = 2048  # podman's own default, which nobody asked for
_RUNTIME_DEVICES = frozenset(  # made by the runtime in every container
    ("/dev/null", "/dev/zero", "/dev/full", "/dev/random", "/dev/urandom", "/dev/tty", "/dev/console", "/dev/ptmx")
)


class ProcessLimits(TypedDict):
    """The part of start_spec.StartFacts that is about this process."""

    rlimits: dict[str, tuple[int, int]]
    may_raise: bool
    oom_score: int | None


def process_limits(session: Session) -> ProcessLimits:
    """Only CAP_SYS_RESOURCE of the initial user namespace raises a hard limit (setrlimit(2)) or lowers an oom score."""
    may_raise = not session.identity.rootless and _has_capability(_CAP_SYS_RESOURCE)
    names = [name for name in dir(resource) if name.startswith("RLIMIT_")]
    found = {}
    for name in names:
        soft, hard = resource.getrlimit(getattr(resource, name))
        if hard != resource.RLIM_INFINITY:
            found[name] = (soft, hard)
    score = None
    if not may_raise:
        with open("/proc/self/oom_score_adj", encoding="ascii") as file:
            score = int(file.read())
    return ProcessLimits(rlimits=found, may_raise=may_raise, oom_score=score)


def _has_capability(number: int) -> bool:
    with open("/proc/self/status", encoding="ascii", errors="replace") as file:
        for line in file:
            if line.startswith("CapEff:"):
                return bool(int(line.split()[1], 16) >> number & 1)
    return False


def require(session: Session, spec: Json, deed: str) -> None:
    """Raise one HostLacks naming every limit of the spec that this host cannot give."""
    wanted = jsonval.table(jsonval.table(spec, "linux"), "resources")
    cgroups.require(session.cgroups, cgroups.limits_in(_given(session, wanted)), deed)


def fit(session: Session, spec: Json, deed: str) -> Json:
    """The spec without a default limit that this host has no controller for. Raises HostLacks as `require`."""
    require(session, spec, deed)
    linux: Json = dict(jsonval.table(spec, "linux"))
    wanted = _given(session, jsonval.table(linux, "resources"))
    if not session.cgroups.can_create:  # the runtime would try to make a group for the device rules
        wanted = {key: value for key, value in wanted.items() if key != "devices"}
    linux["resources"] = wanted
    return {**spec, "linux": linux}


def _given(session: Session, wanted: Json) -> Json:
    pids = jsonval.number(jsonval.table(wanted, "pids"), "limit")
    if pids == _DEFAULT_PIDS and "pids" not in session.cgroups.controllers:
        return {key: value for key, value in wanted.items() if key != "pids"}
    return wanted


def all_devices(session: Session, container: Container) -> tuple[Json, ...]:
    """The `linux.devices` of a privileged container: this host's, but those every container gets and terminals.

    A plain user cannot make nodes: the runtime binds what he may open, so nothing is added for him.
    """
    if not jsonval.flag(container.config, "mountAllDevices") or session.identity.rootless:
        return ()
    found: list[Json] = []
    for folder, folders, names in os.walk("/dev"):
        folders[:] = [
            name for name in folders if name not in ("pts", "shm", "fd", "mqueue", ".lxc", ".lxd-mounts", "hugepages")
        ]
        found += [node for name in sorted(names) for node in [_node(os.path.join(folder, name))] if node]
    return tuple(found)


def _node(path: str) -> Json:
    if path in _RUNTIME_DEVICES or path.startswith("/dev/tty"):
        return {}
    try:
        info = os.lstat(path)
    except OSError:
        return {}
    kind = "b" if stat.S_ISBLK(info.st_mode) else "c" if stat.S_ISCHR(info.st_mode) else ""
    if not kind:
        return {}
    return {
        "path": path,
        "type": kind,
        "major": os.major(info.st_rdev),
        "minor": os.minor(info.st_rdev),
        "fileMode": stat.S_IMODE(info.st_mode),
        "uid": info.st_uid,
        "gid": info.st_gid,
    }
