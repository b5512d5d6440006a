# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The module `network_reload`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import EngineError
from .frame import EXECUTABLE, Noun, Request, Result, run

if TYPE_CHECKING:
    from ..container.model import Container
    from ..session.session import Session
    from .frame import Delivery, Options

OPTIONS: Options = {
    "container": {"type": "list", "elements": "str", "aliases": ["name", "containers"]},
    "executable": EXECUTABLE,
}


def main(delivery: Delivery) -> None:
    run(delivery, Noun("containers", OPTIONS, reconcile))


def reconcile(request: Request) -> Result:
    """One that fails does not keep the others from being set up again."""
    from ..container import endpoints

    session = request.session()
    chosen = _chosen(request, session)
    failures = []
    for container in () if request.check else chosen:
        try:
            endpoints.reload(session, container)
        except EngineError as error:
            failures.append(str(error))
    return Result(
        [container.name for container in chosen],
        changed=bool(chosen),
        actions=[f"reload the networks of container {container.name}" for container in chosen],
        failure="; ".join(failures),
    )


def _chosen(request: Request, session: Session) -> list[Container]:
    """The named ones; without names all that are on networks now. Raises NotFound, Refused."""
    from ..container import endpoints, lookup

    if request.params.get("container") is None:
        return endpoints.on_networks(session)
    found = [lookup.find(session, name, "reload the networks of container") for name in request.texts("container")]
    for container in found:
        endpoints.refuse_others(session, container, f"reload the networks of container {container.name}")
    return [container for container in found if endpoints.live(container)]
