# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `container_rename`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "str", "required": True},
    "new_name": {"type": "str", "required": True},
    "executable": EXECUTABLE,
}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("container", OPTIONS, reconcile))


def reconcile(request: Request) -> Result:
    from ..container import inspect, lookup
    from ..container.reconcile import put_right
    from ..container.rename import rename, wanted

    session, name = request.session(), request.text("new_name")
    if not request.check:
        put_right(session)
    container, due = wanted(session, request.text("name"), name)
    if not due:
        return Result(inspect.inspect(session, container), changed=False)
    if not request.check:
        rename(session, container, name)
        container_now = lookup.find(session, container.id)
    else:
        container_now = container
    return Result(
        inspect.inspect(session, container_now),
        changed=True,
        actions=[f"renamed {container.name} to {name}"],
        before={"name": container.name},
        after={"name": name},
        extra={"podman_actions": [f"podman rename {container.name} {name}"]},
    )
