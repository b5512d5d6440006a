# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The two sides of a copy: paths in containers and on this host, and what they are opened from."""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import BadInput
from ..base.tuples import NamedTuple
from ..host.rooted import Root
from . import copy_ends, view
from .copy_ends import Place

if TYPE_CHECKING:
    from contextlib import ExitStack

    from ..session.session import Session
    from .copy_ends import Source
    from .model import Container

_HOST = "the host"


class Spot(NamedTuple):
    """A path in a container, or, without one, of this host. `content` instead of a path: a file of these bytes."""

    path: str
    container: Container | None = None
    content: bytes | None = None

    @property
    def where(self) -> str:
        return f"container {self.container.name}" if self.container else _HOST

    def __str__(self) -> str:
        return f"{self.container.name}:{self.path}" if self.container else self.path


def source_of(session: Session, source: Spot, stack: ExitStack) -> Source:
    if source.content is None:
        root = root_of(session, source, stack, write=False)
        return copy_ends.source(Place(root, absolute(source), source.where))
    from ..base.scratch import Scratch
    from ..files.end import End

    # In memory: what is written may be a secret.
    folder = stack.enter_context(Scratch("copy", "/dev/shm"))
    path = os.path.join(folder, "content")
    with open(os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as file:
        file.write(source.content)
    os.chmod(path, 0o644)
    return copy_ends.Source(
        End(os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC), b"content"), False, b"", False
    )


def root_of(session: Session, spot: Spot, stack: ExitStack, *, write: bool) -> Root:
    if spot.container is None:
        return stack.enter_context(Root.of("/"))
    return stack.enter_context(view.opened(session, spot.container, write=write))


def absolute(spot: Spot) -> str:
    """Relative paths of the host start here, those of a container at its working directory, as podman has it."""
    if spot.path.startswith("/"):
        return spot.path
    if spot.container is None:
        return os.path.join(os.getcwd(), spot.path)
    cwd = jsonval.text(jsonval.table(spot.container.spec, "process"), "cwd", "/")
    return posixpath.join(cwd, spot.path)


def refuse_memory(target: Spot) -> None:
    """What a stopped container has in memory begins empty with its start: a copy into that would be lost."""
    container = target.container
    if container is None or container.running:
        return
    path = posixpath.normpath(absolute(target))
    for mount in jsonval.tables(container.spec, "mounts"):
        place = jsonval.text(mount, "destination")
        if jsonval.text(mount, "type") == "tmpfs" and (path == place or path.startswith(place.rstrip("/") + "/")):
            raise BadInput(
                f"copy to {target}", f"{place} is a tmpfs of the container, empty at each start", "Start it first"
            )
