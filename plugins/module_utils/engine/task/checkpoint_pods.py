# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states `checkpointed` and `restored` of the module `checkpoint` for all containers of a pod at once."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, NotFound
from .checkpoint_deeds import Done, freezing, kept, state, thawing

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..pod.model import Pod
    from ..session.session import Session
    from .frame import Request

_OF_ONE = ("pre_checkpoint", "with_previous", "create_image")


def whole(request: Request) -> bool:
    """Whether the task is about a pod, and not about one container."""
    return bool(request.text("pod")) and request.text("state") in ("checkpointed", "restored")


def refuse_together(request: Request) -> None:
    """Raises BadInput for options that mean nothing for a pod."""
    if request.text("name"):
        raise BadInput("read pod", "name says which container, and pod means all of a pod's", "Say one of them")
    for name in _OF_ONE:
        if request.params.get(name):
            raise BadInput(f"read {name}", "it is for one container, and pod means all of a pod's", "Say name instead")


def checkpointed(request: Request, session: Session) -> Done:
    from ..pod import freezing as together

    pod = _pod(request, session)
    chosen = together.to_freeze(session, pod)
    if not chosen and together.to_thaw(session, pod):
        return Done(None)
    wish, before, statistics = freezing(request, exported=False), _states(pod), {}
    if request.check:
        found = together.obstacles(session, pod, wish)
        if found:
            raise together.refusal(pod, found)
    else:
        statistics = together.freeze(session, pod, wish)
    actions = tuple(f"Checkpointed container {one.name}" for one in chosen)
    word = "running, with a checkpoint" if request.flag("leave_running") else "frozen"
    return Done(None, actions, *_diff(pod, before, [one.name for one in chosen], word), dict(statistics))


def restored(request: Request, session: Session) -> Done:
    from ..container import restore
    from ..pod import freezing as together

    pod = _pod(request, session)
    chosen = together.to_thaw(session, pod)
    if not chosen:
        if any(one.running for one in pod.members):
            return Done(None)
        raise NotFound(f"restore pod {pod.name}", "it cannot be restored: no checkpoint is kept of its containers")
    wish, before, statistics = thawing(request), _states(pod), {}
    for one in chosen if request.check else ():
        found = restore.obstacles(session, one, wish)
        if found:
            raise restore.refusal(one, found)
    if not request.check:
        statistics = together.thaw(session, pod, wish)
    actions = tuple(f"Restored container {one.name}" for one in chosen)
    return Done(None, actions, *_diff(pod, before, [one.name for one in chosen], "running"), dict(statistics))


def _pod(request: Request, session: Session) -> Pod:
    from ..pod import model

    return model.find(session, request.text("pod"))


def _states(pod: Pod) -> dict[str, str]:
    return {one.name: str(state(one)["state"]) for one in pod.members}


def _diff(pod: Pod, before: dict[str, str], names: list[str], word: str) -> tuple[Json, Json]:
    about: Json = {"name": pod.name}
    return {**about, "containers": before}, {**about, "containers": {**before, **dict.fromkeys(names, word)}}


def result(request: Request, session: Session) -> tuple[Json, Json]:
    """What of the result is other than for one container: the object, and further keys."""
    from ..container.inspect import inspect

    members = _pod(request, session).members
    found = [kept(one) for one in members]
    value: Json = {"name": request.text("pod"), "exists": any(one["exists"] for one in found)}
    return value, {"checkpoints": found, "containers": [inspect(session, one) for one in members]}
