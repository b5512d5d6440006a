# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod as its rows tell it, with its containers."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.tuples import NamedTuple
from ..container.membership import shares_of
from ..container.model import Container

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..libpod.rows import PodRow
    from ..session.session import Session

RUNNING, CREATED, EXITED, STOPPED, PAUSED = "Running", "Created", "Exited", "Stopped", "Paused"
DEGRADED, ERROR = "Degraded", "Error"
_ENDED = ("exited", "stopped", "stopping")
_NEVER = ("created", "initialized")


class Pod(NamedTuple):
    """`containers` are all of them, the infra container too, the oldest first."""

    id: str
    name: str
    config: Json
    state: Json
    containers: tuple[Container, ...]

    @property
    def infra_id(self) -> str:
        return jsonval.text(self.state, "InfraContainerID")

    @property
    def infra(self) -> Container | None:
        return next((one for one in self.containers if one.id == self.infra_id), None)

    @property
    def network_owner(self) -> Container | None:
        """The infra container where the pod shares its network."""
        return self.infra if "net" in self.shares else None

    @property
    def members(self) -> tuple[Container, ...]:
        """Without the infra container."""
        return tuple(one for one in self.containers if one.id != self.infra_id)

    @property
    def has_infra(self) -> bool:
        return jsonval.flag(self.config, "hasInfra")

    @property
    def labels(self) -> dict[str, str]:
        return jsonval.text_map(self.config, "labels")

    @property
    def created(self) -> str:
        return jsonval.text(self.config, "created")

    @property
    def shares(self) -> frozenset[str]:
        return shares_of(self.config)

    @property
    def cgroup(self) -> str:
        return jsonval.text(self.state, "cgroupPath")

    @property
    def lock_id(self) -> int:
        return jsonval.number(self.config, "lockID")

    @property
    def status(self) -> str:
        """podman's word for the whole of its containers."""
        return status_of([one.status for one in self.containers])

    @property
    def active(self) -> bool:
        return any(one.running for one in self.containers)


def status_of(words: list[str]) -> str:
    running = words.count("running")
    paused = words.count("paused")
    ended = sum(word in _ENDED for word in words)
    never = sum(word in _NEVER for word in words)
    if not words:
        return CREATED
    for holds, word in (
        (running == len(words), RUNNING),
        (running > 0, DEGRADED),
        (paused == len(words), PAUSED),
        (ended == len(words), EXITED),
        (ended > 0, STOPPED),
        (running + paused + ended + never < len(words), ERROR),
    ):
        if holds:
            return word
    return CREATED


def of_row(session: Session, row: PodRow) -> Pod:
    members = tuple(Container(one) for one in session.database.pod_members(row.id))
    return Pod(row.id, row.name, row.config, row.state, members)


def by_name(session: Session, name: str) -> Pod | None:
    """By its exact name."""
    row = session.database.pod(name)
    return of_row(session, row) if row is not None and row.name == name else None


def lookup(session: Session, text: str) -> Pod | None:
    """By name, id or unique beginning of an id. Raises BadInput."""
    row = session.database.pod(text)
    return of_row(session, row) if row is not None else None


def find(session: Session, text: str) -> Pod:
    """As `lookup`; raises NotFound."""
    from ..base.errors import NotFound

    found = lookup(session, text)
    if found is None:
        raise NotFound(f"find pod {text}", f"no pod with name or ID {text} found: no such pod")
    return found


def every(session: Session) -> list[Pod]:
    """The oldest first."""
    return [of_row(session, row) for row in session.database.pods()]


def latest(session: Session) -> Pod:
    """The one created last. Raises NotFound when there is none."""
    from ..base.errors import NotFound

    found = every(session)
    if not found:
        raise NotFound("find the latest pod", "there are no pods")
    return max(found, key=lambda pod: pod.created)
