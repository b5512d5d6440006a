# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Removing a pod: its containers, its infra container, its group, its row."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import Refused
from ..base.steps import reached
from ..container.remove import free_unused
from ..container.remove import remove as remove_container
from ..host import cgroup_trees
from ..host.cgroups import SYSTEMD
from . import lifecycle, model
from .create import journal
from .events import event

if TYPE_CHECKING:
    from ..container.journal import Entry
    from ..session.session import Session
    from .model import Pod


def remove(session: Session, pod: Pod, *, force: bool = False, timeout: int | None = None) -> None:
    """Raises Refused when containers of it run and `force` is false, InUse when others need one of its containers.

    Interrupted anywhere, what is left is a pod with fewer containers, which the next removal takes away.
    """
    running = [one.name for one in pod.members if one.running]
    if running and not force:
        raise Refused(
            f"remove pod {pod.name}",
            f"its containers {', '.join(running)} run",
            "Stop the pod first, or remove it with force",
        )
    members = list(pod.members)
    for wave in lifecycle.in_waves(session, members, needed_first=False):
        for number in wave:
            remove_container(session, members[number], force=force, volumes=True, timeout=timeout)
            reached("member-removed")
    infra = [one for one in pod.containers if one.infra]
    for container in infra:
        remove_container(session, container, force=True, volumes=True, timeout=timeout, infra=True)
    reached("infra-removed")
    _remove_group(session, pod)
    with journal(session).begin(pod.id, "remove", lock=pod.lock_id):
        with session.locks.hold(pod.lock_id):
            session.database.remove_pod(pod.id)
        reached("pod-removed")
        session.locks.free(pod.lock_id)
    event(session, pod.id, pod.name, "remove", pod.labels)


def settle_interrupted(session: Session, entry: Entry) -> str:
    """Of a pod that is gone, the number of its lock may be left."""
    lock = entry.notes.get("lock")
    if model.lookup(session, entry.key) is None and isinstance(lock, int):
        free_unused(session, lock)
    return ""


def _remove_group(session: Session, pod: Pod) -> None:
    """The runtimes remove the groups of containers, not the one above them."""
    facts = session.cgroups
    if not pod.cgroup or not facts.can_create or model.lookup(session, pod.id) is None:
        return
    if facts.manager == SYSTEMD:
        from ..host.systemd_scope import stop_unit

        stop_unit(pod.cgroup.rpartition("/")[2], session.identity.uid if facts.rootless else None)
    elif not facts.rootless:
        cgroup_trees.remove(facts, pod.cgroup)
