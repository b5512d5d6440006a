# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The rows of a pod, as podman 5 writes them, and the wish that its infra container is made from."""

from __future__ import annotations

import posixpath
from typing import TYPE_CHECKING

from ..base.values import replace
from ..container import limits
from ..container.config import NOTE_OPTIONS
from ..container.membership import SHARES, PodFacts
from ..container.surroundings import CGROUPFS_PARENT
from ..spec import restart
from .desired import CONTINUE

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..container.desired import ContainerDesired
    from ..container.surroundings import HostFacts, Surroundings
    from .desired import PodDesired

NO_ID = "0" * 64
PAUSE = ("/catatonit", "-P")


def infra_name(wish: PodDesired, pod_id: str) -> str:
    return wish.infra_name or f"{pod_id[:12]}-infra"


def config(wish: PodDesired, host: HostFacts, key: tuple[str, int, str], command: tuple[str, ...] = ()) -> Json:
    """The config row; `key` are id, lock number and time. Raises BadInput, NotFound, HostLacks (limits)."""
    pod_id, lock, created = key
    made: Json = {"id": pod_id, "name": wish.name}
    if wish.base.hostname:
        made["hostname"] = wish.base.hostname
    made["labels"] = dict(wish.label or {})
    made["cgroupParent"] = wish.cgroup_parent or default_parent(host)
    if wish.share_parent is not False:
        made["sharesCgroup"] = True
    if wish.has_infra:
        made.update({name: True for word, name, _kind in SHARES if word in wish.shares})
        made["hasInfra"] = True
    made["created"] = created
    if command:
        made["CreateCommand"] = list(command)
    made["ExitPolicy"] = wish.exit_policy or CONTINUE
    policy = wish.restart_policy
    if policy is not None and policy.name != restart.NO:
        made["RestartPolicy"] = policy.name
        made["RestartRetries"] = policy.retries
    made["lockID"] = lock
    made["ResourceLimits"] = resources(wish, host)
    return made


def remembered(config: Json, notes: tuple[str, ...]) -> Json:
    """With what a task has mentioned, where no infra container could remember it. Podman passes over such a key."""
    rest = {key: value for key, value in config.items() if key != NOTE_OPTIONS}
    return rest if rest.get("hasInfra") else {**rest, NOTE_OPTIONS: list(notes)}


def resources(wish: PodDesired, host: HostFacts) -> Json:
    limits.check_host(wish.limits, host)
    return {"cpu": {}, **limits.resources(wish.limits, host, 0)[0]}


def default_parent(host: HostFacts) -> str:
    if host.cgroup_manager == "systemd":
        return "user.slice" if host.rootless else "machine.slice"
    return CGROUPFS_PARENT


def cgroup_path(config: Json) -> str:
    """Where the pod's own group is, "" when its containers are not put into one."""
    parent, pod_id = str(config.get("cgroupParent", "")), str(config["id"])
    if not config.get("sharesCgroup") or not parent:
        return ""
    if parent.endswith(".slice"):
        return posixpath.join(parent, f"{parent[: -len('.slice')]}-libpod_pod_{pod_id}.slice")
    return posixpath.join(parent, pod_id)


def infra_wish(wish: PodDesired, pod_id: str, rootfs: str) -> ContainerDesired:
    """The infra container: what the pod's options say, and a program that does nothing but be there. Without an image
    it runs from `rootfs`, where that program is all there is."""
    base = replace(wish.base, name=infra_name(wish, pod_id), label=wish.label or {})
    if base.hostname is None and (base.uts is None or base.uts.kind != "host"):
        base = replace(base, hostname=wish.name)
    if wish.restart_policy is not None:
        base = replace(base, restart_policy=wish.restart_policy)
    if base.image is not None:
        return base
    return replace(base, rootfs=rootfs, entrypoint=base.entrypoint or PAUSE, env={"container": "podman"})


def within(around: Surroundings, config: Json) -> Surroundings:
    """The surroundings of the infra container of the pod that `config` describes."""
    cgroup = cgroup_path(config)
    if around.host.rootless and not config.get("sharesCgroup"):
        cgroup = ""
    facts = PodFacts(str(config["id"]), str(config["name"]), cgroup=cgroup, is_infra=True)
    defaults = replace(around.defaults, pids_limit=0, init=False, read_only=False, privileged=False)
    return replace(around, pod=facts, defaults=defaults)
