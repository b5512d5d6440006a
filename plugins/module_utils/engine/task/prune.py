# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `prune`: what nobody uses goes, of the kinds that the task names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from ..plan.pruning import Doomed, Pruned
    from ..pod.sweep import Sweep
    from .frame import Delivery, Json, Options

OPTIONS: Options = {
    "container": {"type": "bool", "default": False},
    "container_filters": {"type": "dict"},
    "image": {"type": "bool", "default": False},
    "image_filters": {"type": "dict"},
    "network": {"type": "bool", "default": False},
    "network_filters": {"type": "dict"},
    "volume": {"type": "bool", "default": False},
    "volume_filters": {"type": "dict"},
    "system": {"type": "bool", "default": False},
    "system_all": {"type": "bool", "default": False},
    "system_build": {"type": "bool", "default": False},
    "system_volumes": {"type": "bool", "default": False},
    "executable": EXECUTABLE,
}
_TARGETS = ("container", "image", "network", "volume", "system")


def reconcile(request: Request) -> Result:
    from ..plan.pruning import Pruned, take
    from ..pod.sweep import Sweep, remove

    session = request.session()
    sweep = Sweep(session)
    for kind in ("container", "image", "network", "volume"):
        if request.flag(kind):
            _look(sweep, request, kind)
    if request.flag("system"):
        every, build, volumes = (request.flag(f"system_{word}") for word in ("all", "build", "volumes"))
        sweep.look_everywhere(every=every, build=build, volumes=volumes)
    done: dict[str, Pruned] = {}
    for target in _TARGETS:
        if request.flag(target):
            doomed = sweep.doomed.get(target, [])
            done[target] = Pruned(tuple(doomed)) if request.check else take(doomed, lambda one: remove(session, one))
    return _result(done)


def _look(sweep: Sweep, request: Request, kind: str) -> None:
    """Among the filters of images, `dangling_only` tells whether those with names go as well, and `external` whether
    those that containers of other programs use."""
    from ..base.filters import given, truth

    raw = request.params.get(f"{kind}_filters")
    filters = given(raw if isinstance(raw, dict) else None)
    if kind != "image":
        sweep.look(kind, filters)
        return
    every = external = False
    rest = []
    for one in filters:
        if one.key == "dangling_only":
            every = not truth(one)
        elif one.key == "external":
            external = truth(one)
        else:
            rest.append(one)
    sweep.look_at_images(tuple(rest), every=every, external=external)


def _result(done: dict[str, Pruned]) -> Result:
    gone = [one for pruned in done.values() for one in pruned.gone]
    errors = [error for pruned in done.values() for error in pruned.errors]
    before: Json = {target: [_called(one) for one in pruned.gone] for target, pruned in done.items() if pruned.gone}
    extra: Json = {
        target: {
            "changed": bool(pruned.gone),
            target: _lines(target, pruned),
            "errors": "\n".join(pruned.errors),
            "details": [{"kind": one.kind, **one.shown()} for one in pruned.gone],
            "bytes": pruned.bytes,
        }
        for target, pruned in done.items()
    }
    return Result(
        sum(pruned.bytes for pruned in done.values()),
        changed=bool(gone),
        actions=[f"Removed {one.kind} {_called(one)}" for one in gone],
        before=before or None,
        after={target: [] for target in before} or None,
        extra={
            **extra,
            "podman_actions": [f"podman {target} prune --force" for target, pruned in done.items() if pruned.gone],
        },
        failure="; ".join(errors),
    )


def _called(one: Doomed) -> str:
    return ", ".join(one.names) or one.id


def _lines(target: str, pruned: Pruned) -> list[str]:
    if target == "system":
        from ..plan.pruning import system_lines

        return system_lines(pruned)
    return [one.line for one in pruned.gone]


NOUN = Noun("bytes", OPTIONS, reconcile)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
