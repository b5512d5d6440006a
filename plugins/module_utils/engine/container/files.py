# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a container mounted for a person who looks at them, whether it runs or not."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import InUse
from . import lookup
from .events import event
from .holding import held

if TYPE_CHECKING:
    from ..session.session import Session
    from .model import Container


def mount(session: Session, container: Container) -> str:
    """The path of its tree, mounted for one user more. Raises what the store raises."""
    rootfs = jsonval.text(container.config, "rootfs")
    if rootfs:
        return rootfs
    with held(session, container, "mount"):
        path = session.store.mount(container.id)
    event(session, container, "mount")
    return path


def unmount(session: Session, container: Container, *, force: bool = False) -> None:
    """For one user less, or for none. Raises InUse when only the running container itself has it mounted."""
    with held(session, container, "unmount") as current:
        path, count = ("", 0) if jsonval.text(current.config, "rootfs") else session.store.mounted(current.id)
        if not path:
            return
        if current.running and (force or count == 1):
            raise InUse(f"unmount container {current.name}", "it runs on these files", "Stop it first")
        session.store.unmount(current.id, force=force)
    event(session, container, "unmount")


def mounted(session: Session) -> list[tuple[Container, str]]:
    """Those whose files are mounted, and where."""
    found = []
    for container in lookup.all_containers(session):
        path = "" if jsonval.text(container.config, "rootfs") else session.store.mounted(container.id)[0]
        if path:
            found.append((container, path))
    return found
