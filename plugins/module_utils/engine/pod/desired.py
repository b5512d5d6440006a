# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a task wants of a pod: what its infra container is to be, and what only a pod has."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.values import dataclass

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..container.desired import ContainerDesired
    from ..spec.restart import RestartPolicy

ABSENT, CREATED, STARTED, STOPPED, PAUSED = "absent", "created", "started", "stopped", "paused"
UNPAUSED, RESTARTED, KILLED = "unpaused", "restarted", "killed"
DEFAULT_SHARE = frozenset(("ipc", "net", "uts"))
CONTINUE, STOP = "continue", "stop"


@dataclass(frozen=True)
class PodFlags:
    """How to get there. `timeout` in seconds for stopping, None for each container's own."""

    state: str = CREATED
    recreate: bool = False
    timeout: int | None = None


@dataclass(frozen=True)
class PodDesired:
    """None wherever the task said nothing. `base` is the infra container as a wish (its name is `infra_name` or made of
    the pod's id), `limits` one of which only the limits matter: they are the whole pod's. `noted` is what the task
    mentioned, once the rest has been filled in from what there is.
    """

    name: str
    base: ContainerDesired
    limits: ContainerDesired
    label: Mapping[str, str] | None = None
    infra: bool | None = None
    infra_name: str | None = None
    share: frozenset[str] | None = None
    share_parent: bool | None = None
    exit_policy: str | None = None
    restart_policy: RestartPolicy | None = None
    cgroup_parent: str | None = None
    pod_id_file: str | None = None
    noted: tuple[str, ...] | None = None

    @property
    def has_infra(self) -> bool:
        """`share: none` leaves nothing for an infra container to hold."""
        return self.infra is not False and self.share != frozenset()

    @property
    def shares(self) -> frozenset[str]:
        found = DEFAULT_SHARE if self.share is None else self.share
        own = self.base.userns is not None and self.base.userns.kind != "host"
        return found | {"user"} if own or self.base.uidmap or self.base.gidmap else found
