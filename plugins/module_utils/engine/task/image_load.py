# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The noun `image_load`: all images of an archive or directory in the local store."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {
    "input": {"type": "path", "required": True, "aliases": ["path"]},
    "executable": EXECUTABLE,
}


def reconcile(request: Request) -> Result:
    from ..image.inspect import inspect
    from ..image.loading import Loading

    session = request.session()
    path = request.text("input")
    loading = Loading(session, path)
    try:
        plan = loading.plan()
        if plan.changed and not request.check:
            loading.run()
    finally:
        loading.close()
    records = [session.store.image(identity) for identity in loading.ids]
    return Result(
        [inspect(session, record) for record in records if record is not None],
        plan=plan,
        actions=[f"Loaded image {step.detail}" for step in plan.steps],
        extra={
            "podman_actions": [f"podman load --input {path}"] if plan.changed else [],
            "stdout": "",
            "stderr": "",
        },
    )


NOUN = Noun("image", OPTIONS, reconcile)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
