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
    "filters": {"type": "dict"},
    "executable": EXECUTABLE,
}


def reconcile(request: Request) -> Result:
    from ..base.filters import given
    from ..image import prune
    from ..plan.pruning import Pruned, take

    session = request.session()
    filters = request.params.get("filters")
    doomed = prune.unused(session, given(filters if isinstance(filters, dict) else None), every=request.flag("all"))
    done = Pruned(tuple(doomed)) if request.check else take(doomed, lambda one: prune.remove(session, one))
    names = [name for one in done.gone for name in one.names or (one.id,)]
    return Result(
        [one.shown() for one in done.gone],
        changed=bool(done.gone),
        actions=[f"Removed image {one.names[0] if one.names else one.id}" for one in done.gone],
        before={"images": names} if done.gone else None,
        after={"images": []} if done.gone else None,
        extra={"bytes": done.bytes, "podman_actions": ["podman image prune --force"] if done.gone else []},
        failure="; ".join(done.errors),
    )


NOUN = Noun("images", OPTIONS, reconcile)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
