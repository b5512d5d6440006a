# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `store_check`: what is wrong with the storage, and putting it right."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {
    "quick": {"type": "bool", "default": False},
    "repair": {"type": "bool", "default": False},
    "force": {"type": "bool", "default": False},
    "max_age": {"type": "str", "default": "24h", "aliases": ["max"]},
    "executable": EXECUTABLE,
}


def reconcile(request: Request) -> Result:
    from ..base.units import parse_duration
    from ..container import store_care

    age = parse_duration(request.text("max_age"), "the option max_age") // 1_000_000_000
    wish = store_care.Wish(not request.flag("quick"), request.flag("repair"), request.flag("force"), age)
    session = request.session()
    found = store_care.look(session, wish)
    plan = store_care.plan(found)
    left = found.problems
    if plan.changed and not request.check:
        store_care.apply(session, found, wish)
        left = store_care.look(session, wish).problems
    return Result(
        [problem._asdict() for problem in found.problems],
        plan=plan,
        extra={
            "clean": not left,
            "removed": {
                "containers": list(found.containers),
                "images": list(found.images),
                "layers": list(found.layers),
                "leftovers": [problem.id for problem in found.garbage],
            },
        },
    )


NOUN = Noun("findings", OPTIONS, reconcile)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
