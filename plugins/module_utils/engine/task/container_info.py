# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `container_info`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from .frame import Delivery, Options

OPTIONS: Options = {"name": {"type": "list", "elements": "str"}, "executable": EXECUTABLE}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("containers", OPTIONS, look, reads=True))


def look(request: Request) -> Result:
    from ..container.inspect import inspect
    from ..container.lookup import all_containers, lookup

    session = request.session()
    names = request.texts("name")
    if request.params.get("name") is None:
        chosen = all_containers(session)
    else:
        found = [lookup(session, name) for name in names]
        chosen = list({container.id: container for container in found if container is not None}.values())
    return Result([inspect(session, container) for container in chosen])
