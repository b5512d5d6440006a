# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The noun `image_tag`: further names of a local image."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {
    "image": {"type": "str", "required": True},
    "target_names": {"type": "list", "elements": "str", "required": True},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
    "executable": EXECUTABLE,
}


def reconcile(request: Request) -> Result:
    from ..image import naming

    present = request.text("state") == "present"
    targets = tuple(naming.full(text) for text in request.texts("target_names"))
    wish = naming.Names(request.text("image"), targets, present)
    session = request.session()
    record = naming.find(session, wish)
    plan = naming.plan(session.store.images(), record, wish)
    if plan.changed and record is not None and not request.check:
        naming.apply(session, plan, record.id)
    moved = [step.detail for step in plan.steps]
    held = record.names if record else ()
    names = (*moved[::-1], *held) if present else tuple(name for name in held if name not in moved)
    verb, word = ("Tagged", "tag") if present else ("Untagged", "untag")
    return Result(
        list(names),
        plan=plan,
        actions=[f"{verb} image {wish.image} as {name}" if present else f"{verb} image {name}" for name in moved],
        extra={
            "id": record.id if record else "",
            "podman_actions": [f"podman {word} {wish.image} {name}" for name in moved],
            "stdout": "",
            "stderr": "",
        },
    )


NOUN = Noun("names", OPTIONS, reconcile)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
