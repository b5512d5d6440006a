# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container whose users are others on the host than inside: who they are, and how the runtime gets at its tree."""

from __future__ import annotations

import os
import stat
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..base.jsonval import Json
    from ..session.session import Session
    from .model import Container

_TRIES = 100


def outside(config: Json, uid: int, gid: int) -> tuple[int, int]:
    """The ids on the host (or in the namespace that all of a plain user's containers are in) of ids inside."""
    maps = jsonval.table(config, "idMappingsOptions")
    return outside_of(jsonval.tables(maps, "UIDMap"), uid), outside_of(jsonval.tables(maps, "GIDMap"), gid)


def outside_of(lines: list[Json], number: int) -> int:
    """Raises BadInput for an id that the namespace has none for."""
    if not lines:
        return number
    for line in lines:
        first = jsonval.number(line, "container_id")
        if 0 <= number - first < jsonval.number(line, "size"):
            return jsonval.number(line, "host_id") + number - first
    raise BadInput(f"find out who {number} is on the host", "the container's user namespace has no such id")


def hidden(container: Container) -> bool:
    """Whether we are nobody in the container's namespace: then its root cannot go through our closed directories."""
    lines = jsonval.tables(jsonval.table(container.config, "idMappingsOptions"), "UIDMap")
    return bool(lines) and not any(jsonval.number(line, "host_id", -1) == 0 for line in lines)


@contextmanager
def view(session: Session, container: Container, rootfs: str) -> Iterator[tuple[str, str] | None]:
    """(the tree, an empty directory where the runtime is to find it) for such a container, None for others."""
    yield (rootfs, place(session)) if hidden(container) else None


def place(session: Session) -> str:
    """An empty directory that everybody can go to, ours alone to write in. The tree is mounted there for the runtime
    only, in a mount namespace that ends with it; runc wants the directory later, too, to run programs.
    """
    rootless = session.identity.rootless
    base = f"/tmp/daemonless-root-{session.identity.uid}" if rootless else "/run/daemonless-root"
    for number in range(_TRIES):
        path = f"{base}.{number}" if number else base
        try:
            os.mkdir(path, 0o755)
            os.chmod(path, 0o755)
            return path
        except FileExistsError:
            info = os.lstat(path)
            if stat.S_ISDIR(info.st_mode) and info.st_uid == os.geteuid() and stat.S_IMODE(info.st_mode) == 0o755:
                return path
    raise BadInput("start a container with ids of its own", f"{base} and what begins so belongs to others")
