# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `image_prune`: images that nobody uses go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {
    "all": {"type": "bool", "default": False},
    "build_cache": {"type": "bool", "default": False},
    "external": {"type": "bool", "default": False},
    "filters": {"type": "dict"},
    "executable": EXECUTABLE,
}


def reconcile(request: Request) -> Result:
    from ..base.filters import given
    from ..plan.pruning import IMAGE, Pruned, take
    from ..pod.sweep import Sweep, remove

    session = request.session()
    filters = request.params.get("filters")
    sweep = Sweep(session)
    wanted = given(filters if isinstance(filters, dict) else None)
    sweep.look_at_images(wanted, every=request.flag("all"), external=request.flag("external"))
    if request.flag("build_cache"):
        sweep.look_at_build_cache()
    doomed = sweep.doomed["image"]
    done = Pruned(tuple(doomed)) if request.check else take(doomed, lambda one: remove(session, one))
    images = [one for one in done.gone if one.kind == IMAGE]
    names = [name for one in done.gone for name in one.names or (one.id,)]
    return Result(
        [one.shown() for one in images],
        changed=bool(done.gone),
        actions=[f"Removed {one.kind} {one.names[0] if one.names else one.id}" for one in done.gone],
        before={"images": names} if done.gone else None,
        after={"images": []} if done.gone else None,
        extra={"bytes": done.bytes, "podman_actions": ["podman image prune --force"] if done.gone else []},
        failure="; ".join(done.errors),
    )


NOUN = Noun("images", OPTIONS, reconcile)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
