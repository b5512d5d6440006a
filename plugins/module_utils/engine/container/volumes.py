# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named volumes of a container at its start: mounted, filled from the image the first time, owned as the image says."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import NotFound
from ..base.steps import reached

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..session.session import Session
    from ..spec.users import Account
    from .model import Container


def attach(session: Session, container: Container, rootfs: str, account: Account) -> dict[str, str]:
    """Name -> directory of the container's named volumes, ready for use. Raises NotFound for one that was removed."""
    return {
        jsonval.text(named, "volumeName"): _attach(session, container, rootfs, account, named)
        for named in jsonval.tables(container.config, "namedVolumes")
    }


def _attach(session: Session, container: Container, rootfs: str, account: Account, named: Json) -> str:
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

        prepare_volume(session, view, rootfs, target, (account.uid, account.gid), copy="nocopy" not in options)
    if "U" in options:
        from .copyup import chown_tree

        chown_tree(source, account.uid, account.gid)
    return source
