# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A pod as another host is told of it: its row, its infra container, its containers, and how those have ended that
neither run nor are frozen."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import clock, jsonval, patterns
from ..base.errors import BadInput, Corrupt
from ..base.tuples import NamedTuple
from ..container import adopted, frozen, landing, restore
from ..libpod.rows import EXITED
from ..spec.names import check_name
from . import freezing

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..container.checkpoint import Wish as Freezing
    from ..container.checkpoint_unpack import Said
    from ..container.model import Container
    from ..session.session import Session
    from .model import Pod

_ID = patterns.compile(r"[0-9a-f]{64}\Z")
_AT_REST = ("created", "exited", "stopped")
_TIMES = ("startedTime", "finishedTime")


class Member(NamedTuple):
    """`ended` is what its state says of its end, {} when it never ran, None for one that runs or is frozen."""

    said: Said
    ended: Json | None

    @property
    def name(self) -> str:
        return jsonval.text(self.said.config, "name")


class PodSaid(NamedTuple):
    config: Json
    infra: Said | None
    members: tuple[Member, ...]

    @property
    def id(self) -> str:
        return jsonval.text(self.config, "id")

    @property
    def name(self) -> str:
        return jsonval.text(self.config, "name")

    @property
    def all(self) -> tuple[Said, ...]:
        """What is said of each container, the infra container first."""
        return (*([self.infra] if self.infra is not None else ()), *(one.said for one in self.members))


def moving(pod: Pod) -> list[Container]:
    """Those with memory to move: they run, or are frozen."""
    return [one for one in pod.members if one.running or frozen.kept(one) is not None]


def ended(container: Container) -> Json | None:
    """How it ended, as `Member` has it."""
    if container.running or frozen.kept(container) is not None:
        return None
    if container.status == "created":
        return {}
    return {"exitCode": container.exit_code, **{key: jsonval.text(container.state, key) for key in _TIMES}}


def past(told: Json) -> Json:
    """What a state row says of one that has ended so; what makes no sense is left out."""
    if not told:
        return {}
    times = {key: jsonval.text(told, key) for key in _TIMES if _is_time(jsonval.text(told, key))}
    return {"state": EXITED, "exited": True, "exitCode": jsonval.number(told, "exitCode"), **times}


def _is_time(text: str) -> bool:
    try:
        clock.parse(text)
    except BadInput:
        return False
    return True


def obstacles(session: Session, pod: Pod, wish: Freezing) -> list[str]:
    """What keeps the pod from being moved as it is, found without touching it."""
    if not moving(pod):
        return ["none of its containers runs or is frozen: there is no memory to move"]
    found = freezing.obstacles(session, pod, wish) if freezing.to_freeze(session, pod) else []
    for one in pod.members:
        causes = []
        if not one.running and one.status not in _AT_REST:
            causes.append(f"it is {one.status}")
        if ended(one) is not None and adopted.has_own_ids(one.config):
            causes.append("it has ids of its own (userns), which archives do not carry")
        if ended(one) is not None and one.config.get("Dependencies"):
            causes.append("it needs other containers (requires), which archives do not carry: remove it first")
        if causes:
            found.append(f"container {one.name}: {'; '.join(causes)}")
    return found


def portrait(pod: Pod, criu: str) -> Json:
    """`criu` is the version here."""
    infra = pod.infra
    members = [{**landing.portrait(one, criu), "ended": ended(one)} for one in pod.members]
    return {
        "pod": pod.config,
        "infra": landing.portrait(infra, criu) if infra is not None else None,
        "members": members,
    }


def said(told: Json) -> PodSaid:
    """A portrait of another host. Raises Corrupt, BadInput for one that is none."""
    config, infra = jsonval.table(told, "pod"), jsonval.table(told, "infra")
    if not _ID.match(jsonval.text(config, "id")):
        raise Corrupt("read the portrait of a pod", "it does not say the id of the pod")
    check_name(jsonval.text(config, "name"), "pod")
    members = []
    for one in jsonval.tables(told, "members"):
        how = one.get("ended")
        members.append(Member(landing.said(one), how if isinstance(how, dict) else None))
    return PodSaid(config, _without_rootfs(landing.said(infra)) if infra else None, tuple(members))


def _without_rootfs(infra: Said) -> Said:
    """Where its only program lies there is no matter: here it has a place of its own."""
    config = {key: value for key, value in infra.config.items() if key != "rootfs"}
    return infra._replace(config=config)


def runtimes(told: PodSaid) -> list[str]:
    """Of those that are to be restored."""
    return sorted({adopted.runtime_name(one.said.config) for one in told.members if one.ended is None})


def host_obstacles(session: Session, told: PodSaid, criu: str) -> list[str]:
    """What keeps this host from restoring containers of such runtimes."""
    found = [cause for runtime in runtimes(told) for cause in restore.of_host(session, runtime, criu)]
    return list(dict.fromkeys(found))
