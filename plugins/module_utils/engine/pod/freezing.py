# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The containers of a pod, frozen and thawed together. The infra container stays: what the pod shares is kept in it."""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.errors import Conflict, EngineError
from ..base.steps import reached
from ..container import checkpoint, frozen, lookup, restore, stillness
from ..container.journal import undoing
from ..container.start import start
from ..container.stop import stop
from . import model
from .lifecycle import in_waves

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..base.jsonval import Json
    from ..container.model import Container
    from ..session.session import Session
    from .model import Pod

    Numbers = dict[str, Json]


def to_freeze(session: Session, pod: Pod) -> list[Container]:
    """Those that run, each after all that need it."""
    return in_order(session, [one for one in pod.members if one.running], needed_first=False)


def to_thaw(session: Session, pod: Pod) -> list[Container]:
    """Those that are frozen, each after all that it needs."""
    found = [one for one in pod.members if not one.running and frozen.kept(one) is not None]
    return in_order(session, found, needed_first=True)


def in_order(session: Session, containers: Sequence[Container], *, needed_first: bool) -> list[Container]:
    """Each after, or with `needed_first` false before, all that it needs."""
    waves = in_waves(session, containers, needed_first=needed_first)
    return [containers[number] for wave in waves for number in wave]


def obstacles(session: Session, pod: Pod, wish: checkpoint.Wish) -> list[str]:
    """What keeps the containers that run from being frozen; what it is for one alone is said once."""
    chosen = to_freeze(session, pod)
    if not chosen:
        return ["none of its containers runs"]
    along = wish._replace(along=frozenset(one.id for one in chosen))
    found = {one.name: checkpoint.obstacles(session, one, along) for one in chosen}
    return [f"container {name}: {'; '.join(causes)}" for name, causes in found.items() if causes]


def refusal(pod: Pod, found: list[str]) -> Conflict:
    return Conflict(f"checkpoint pod {pod.name}", f"it cannot be checkpointed: {'; '.join(found)}")


def freeze(session: Session, pod: Pod, wish: checkpoint.Wish, earlier: frozenset[str] = frozenset()) -> Numbers:
    """Freeze all that run, those named in `earlier` with an earlier round to build on; CRIU's statistics by container.
    When one cannot be frozen, those that were go on. Raises Conflict naming what stands in the way, as for one
    container."""
    chosen = to_freeze(session, pod)
    if not chosen:
        raise refusal(pod, ["none of its containers runs"])
    wish = wish._replace(along=frozenset(one.id for one in chosen))  # with leave_running they all go on running
    done: Numbers = {}
    with stillness.around(session, pod.network_owner):
        for container in chosen:
            try:
                own = wish._replace(after_early=wish.after_early or container.name in earlier)
                done[container.name] = checkpoint.checkpoint(session, container, own)
            except EngineError as error:
                _go_on(session, pod, [one for one in chosen if one.name in done], wish.criu, error)
                raise
            reached("pod-container-frozen")
    return done


def go_on(session: Session, pod: Pod, containers: Sequence[Container], criu: str, error: EngineError) -> None:
    """Have all of them run as before, given in the order in which they were frozen: what was frozen last is needed by
    what was frozen before it. What of it fails is told in `error`."""
    with stillness.around(session, pod.network_owner):
        _go_on(session, pod, containers, criu, error)


def _go_on(session: Session, pod: Pod, containers: Sequence[Container], criu: str, error: EngineError) -> None:
    _keep_still(session, pod.network_owner, containers, restore.Wish())
    for container in reversed(containers):
        try:
            restore.go_on(session, container.id, criu, along=True)
        except EngineError as failure:
            error.add_cleanup_failure(str(failure))


def _keep_still(
    session: Session, owner: Container | None, containers: Sequence[Container], wish: restore.Wish
) -> None:
    """Where connections are kept of any that are frozen: an end that comes back before the other would be cut off."""
    kept = (frozen.kept(one) for one in containers)
    if any(found is not None and restore.keep_of(found, wish).tcp_established for found in kept):
        stillness.shut(session, owner)


def thaw(session: Session, pod: Pod, wish: restore.Wish) -> Numbers:
    """Have all that are frozen go on; CRIU's statistics by container. What has come back runs, whatever becomes of the
    rest, which stays frozen. Raises as for one container."""
    done: Numbers = {}
    chosen = to_thaw(session, pod)
    with _sandbox(session, pod) as owner, stillness.around(session, owner):
        _keep_still(session, owner, chosen, wish)
        for container in chosen:
            try:
                done[container.name] = restore.restore(session, container, wish._replace(along=True))
            except EngineError as error:
                if done:
                    error.hint = f"{error.hint} What came back and runs of pod {pod.name}: {', '.join(done)}".strip()
                raise
            reached("pod-container-thawed")
    return done


@contextmanager
def _sandbox(session: Session, pod: Pod) -> Iterator[Container | None]:
    """The container whose network all share, running. Started for them, it is stopped again when none comes back."""
    owner = pod.network_owner
    if owner is None or owner.running:
        yield owner
        return
    start(session, owner)
    with undoing(lambda: _stop_unused(session, pod.id)):
        yield lookup.by_id(session, owner.id)


def _stop_unused(session: Session, id: str) -> None:
    pod = model.find(session, id)
    if pod.infra is not None and not any(one.running for one in pod.members):
        stop(session, pod.infra)
