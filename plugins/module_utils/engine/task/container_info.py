# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `container_info`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from ..container.model import Container
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "list", "elements": "str"},
    "processes": {"type": "bool", "default": False},
    "stats": {"type": "bool", "default": False},
    "changes": {"type": "bool", "default": False},
    "spec": {"type": "bool", "default": False},
    "executable": EXECUTABLE,
}


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
    return Result([{**inspect(session, container), **_more(request, container)} for container in chosen])


def _more(request: Request, container: Container) -> dict[str, object]:
    """What was asked for beyond podman's document. Of a container that does not run nothing is counted."""
    from ..container import looks

    session = request.session()
    more: dict[str, object] = {}
    if request.flag("processes"):
        more["Processes"] = looks.processes(container)
    if request.flag("stats"):
        more["Stats"] = looks.stats(session, container)
    if request.flag("changes"):
        more["Changes"] = looks.changes(session, container)
    if request.flag("spec"):
        more["Spec"] = looks.spec(container)
    return more
