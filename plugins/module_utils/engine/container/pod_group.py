# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a start owes to the pod of a container, and what an end does to it."""

from __future__ import annotations

import os
import shutil
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import HostLacks
from ..host import cgroups
from ..host.cgroups import SYSTEMD
from . import lookup, own_ids
from .model import Container

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..session.session import Session

_PAUSE = "catatonit"


def prepare(session: Session, container: Container) -> None:
    """Before a container of a pod starts: the pod's limits are in force, the infra container has its program."""
    if not container.pod_id:
        return
    if container.infra:
        fill_rootfs(session, container)
    row = session.database.pod(container.pod_id)
    if row is not None:
        limit(session, row.name, jsonval.text(row.state, "cgroupPath"), limits_of(row.config), {})


def limits_of(config: Json) -> Json:
    return {key: part for key, part in jsonval.table(config, "ResourceLimits").items() if part}


def limit(session: Session, name: str, path: str, limits: Json, before: Json) -> None:
    """Hold the group of a pod to its limits. Raises HostLacks, naming what this host cannot give."""
    if not limits and not before:
        return
    deed = f"limit pod {name}"
    facts = session.cgroups
    cgroups.require(facts, cgroups.limits_in(limits), deed)
    if not path:
        raise HostLacks(deed, "share_parent is off: the pod has no cgroup that could be limited")
    if facts.manager == SYSTEMD:
        from ..host.systemd_scope import limit_slice

        uid = session.identity.uid if facts.rootless else None
        failure = limit_slice(os.path.basename(path), limits, before, uid)
        if failure:
            raise HostLacks(deed, failure)
        return
    if facts.rootless:
        raise HostLacks(deed, "only systemd makes groups for the pods of a plain user", "Log in, or enable linger")
    from ..host import cgroup_limits

    cgroup_limits.apply(facts, path, limits, before, deed)


def fill_rootfs(session: Session, container: Container) -> None:
    """The one program in the root file system of an infra container that has no image; nil work when it is there."""
    rootfs = jsonval.text(container.config, "rootfs")
    if not rootfs or os.path.dirname(rootfs) != container.static_dir:
        return
    target = os.path.join(rootfs, _PAUSE)
    if os.path.exists(target):
        return
    source = find_program(f"start container {container.name}")
    os.makedirs(rootfs, mode=0o755, exist_ok=True)
    os.chown(rootfs, *own_ids.outside(container.config, 0, 0))  # its root makes the places of its mounts
    part = f"{target}.part"
    shutil.copyfile(source, part)
    os.chmod(part, 0o755)
    os.rename(part, target)


def find_program(deed: str) -> str:
    """The one program of infra containers that have no image. Raises HostLacks."""
    from ..host import programs

    return programs.require(_PAUSE, deed)


def leave(session: Session, container: Container) -> None:
    """After an end: a pod whose exit policy is `stop` does not stay up for its infra container alone.

    The end of an init container is no such end: the others are about to start. Nor is a checkpoint: the container is to
    come back, into the pod's namespaces.
    """
    if jsonval.text(container.config, "init_container_type") or _frozen(container):
        return
    row = session.database.pod(container.pod_id) if container.pod_id and not container.infra else None
    if row is None or jsonval.text(row.config, "ExitPolicy") != "stop":
        return
    others = [Container(one) for one in session.database.pod_members(row.id)]
    if any(one.running or _frozen(one) for one in others if not one.infra):
        return
    from .cleanup import restart_pending
    from .stop import stop

    if any(restart_pending(one) for one in others if not one.infra):
        return
    infra = lookup.by_id(session, jsonval.text(row.state, "InfraContainerID"))
    if infra is not None and infra.running:
        stop(session, infra)


def _frozen(container: Container) -> bool:
    return jsonval.flag(container.state, "checkpointed")
