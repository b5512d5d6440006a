# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What can be told of a container beside its inspect document: processes, use of resources, changes, runtime spec."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import EngineError
from ..base.files import read_json
from ..runtime.errors import NotRunning

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..session.session import Session
    from .model import Container


def processes(container: Container) -> list[Json]:
    """The first process first; [] when it does not run. Seen from the host, as `daemonless top` sees them."""
    from ..runtime import processes as room

    if not container.running:
        return []
    try:
        return [one._asdict() for one in room.processes(container.init, container.name)]
    except NotRunning:  # it ended while we looked
        return []


def stats(session: Session, container: Container) -> Json:
    """One sample; {} when it does not run. Raises HostLacks where nobody counts."""
    from .stats import sample

    found = sample(session, container)
    if found is None:
        return {}
    return {
        "cpu_percent": found.cpu,
        "memory_percent": found.memory_percent,
        **found.usage._asdict(),
        "networks": {name: link._asdict() for name, link in (found.links or {}).items()},
    }


def changes(session: Session, container: Container) -> dict[str, list[str]]:
    """Paths that were changed, added and deleted, under podman's words."""
    from ..image.difference import grouped
    from .tree import changes as compare

    return grouped(compare(session, container))


def spec(container: Container) -> Json:
    """The config.json that the runtime got at the last start; the stored one of a container that never started.

    Values of variables that come from secrets are hidden, as inspect hides them.
    """
    try:
        found = read_json(os.path.join(container.static_dir, "config.json"))
    except (OSError, EngineError):
        found = container.spec
    shown: Json = dict(found) if isinstance(found, dict) else dict(container.spec)
    hidden = jsonval.table(container.config, "secret_env")
    process = dict(jsonval.table(shown, "process"))
    if hidden and process:
        names = [entry.partition("=")[0] for entry in jsonval.texts(process, "env")]
        process["env"] = [
            f"{name}=*******" if name in hidden else entry for name, entry in zip(names, jsonval.texts(process, "env"))
        ]
        shown["process"] = process
    return shown
