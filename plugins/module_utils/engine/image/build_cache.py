# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What builds keep from one to the next (`RUN --mount=type=cache`): one directory of each user, buildah's."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import EngineError
from ..base.files import scratch_directory
from ..host.rooted import remove_tree
from ..host.sizes import tree_bytes
from ..plan.pruning import CACHE, Doomed

if TYPE_CHECKING:
    from ..session.session import Session


def found(session: Session) -> list[Doomed]:
    """The directory, if this user has one."""
    path = _path(session)
    try:
        owner = os.lstat(path).st_uid
    except OSError:
        return []
    # anybody can make something of that name there
    return [Doomed(CACHE, path, (path,), tree_bytes(path))] if owner == os.geteuid() else []


def _path(session: Session) -> str:
    return os.path.join(os.path.abspath(scratch_directory()), f"buildah-cache-{session.identity.uid}")


def remove(doomed: Doomed) -> None:
    """Raises EngineError for what cannot be removed."""
    folder, name = os.path.split(doomed.id)
    try:
        fd = os.open(folder, os.O_RDONLY | os.O_DIRECTORY)
        try:
            remove_tree(fd, name)
        finally:
            os.close(fd)
    except OSError as error:
        raise EngineError(f"remove {doomed.id}", str(error.strerror)) from error
