# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named volumes of a container at its start: mounted, filled from the image the first time, owned as the image says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import NotFound
from ..base.steps import reached
from .bundle import Mounted

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..session.session import Session
    from ..spec.users import Account
    from .model import Container

_OURS = frozenset(("U", "z", "Z", "copy", "nocopy", "O", "idmap"))  # not words of a mount


def attach(session: Session, container: Container, rootfs: str, account: Account) -> tuple[Mounted, ...]:
    """The bind mounts of the container's named volumes. Raises NotFound for a volume that was removed."""
    return tuple(
        _attach(session, container, rootfs, account, named)
        for named in jsonval.tables(container.config, "namedVolumes")
    )


def _attach(session: Session, container: Container, rootfs: str, account: Account, named: Json) -> Mounted:
    from ..volume import mount, observed

    name, target = jsonval.text(named, "volumeName"), jsonval.text(named, "dest")
    options = jsonval.texts(named, "options")
    view = observed.find(session, name)
    if view is None:
        raise NotFound(f"start container {container.name}", f"volume {name}, which it mounts at {target}, is gone")
    source = mount.attach(session, name)
    reached("volume-attached")
    if view.needs_copy_up or view.needs_chown:
        from .copyup import prepare_volume

        prepare_volume(session, view, rootfs, target, copy="nocopy" not in options)
    if "U" in options:
        from .copyup import chown_tree

        chown_tree(source, account.uid, account.gid)
    subpath = jsonval.text(named, "subPath")
    if subpath:
        from .copyup import inside

        source = inside(source, subpath, f"start container {container.name}")
    return Mounted(target, source, tuple(option for option in options if option not in _OURS))
