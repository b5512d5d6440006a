# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container that runs holds besides its process: its root file system, shared memory, volumes, network."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import EngineError, HostLacks
from ..base.steps import reached
from ..host import mounts
from . import networking, own_ids

if TYPE_CHECKING:
    from ..session.session import Session
    from .model import Container

_DEFAULT_SHM = 65536000


def mount_rootfs(session: Session, container: Container) -> str:
    """The mounted root file system. Raises what the store raises."""
    rootfs = jsonval.text(container.config, "rootfs")
    if rootfs:
        return rootfs
    path = session.store.mount(container.id)
    reached("rootfs-mounted")
    return path


def mount_shm(session: Session, container: Container) -> str:
    """The directory that becomes /dev/shm: a tmpfs of the container's own, or where its mode says; "" for none."""
    path = jsonval.text(container.config, "ShmDir")
    if not path or jsonval.flag(container.config, "NoShm"):
        return ""
    if path not in jsonval.texts(container.config, "mounts"):
        return path  # /dev/shm of the host, or another container's
    if mounts.is_mountpoint(path):
        return path
    from ..host import libc

    os.makedirs(path, mode=0o700, exist_ok=True)
    size = jsonval.number(container.config, "shmSize") or _DEFAULT_SHM
    try:
        mounts.tmpfs(path, f"mode=1777,size={size}", libc.MS_NOSUID | libc.MS_NODEV | libc.MS_NOEXEC, source="shm")
    except OSError as error:
        raise HostLacks(f"start container {container.name}", f"/dev/shm cannot be mounted: {error.strerror}") from error
    os.chown(path, *own_ids.outside(container.config, 0, 0))
    reached("shm-mounted")
    return path


def release_network(session: Session, container: Container) -> None:
    networking.disconnect(session, container)


def release_mounts(session: Session, container: Container) -> None:
    """Unmount shared memory, volumes and root file system; nil work when they are not mounted."""
    from ..volume import mount as volumes

    try:
        for path in jsonval.texts(container.config, "mounts"):
            mounts.unmount_all(path)
    except OSError as error:
        raise EngineError(f"unmount {path}", error.strerror or str(error)) from error
    if any(container.config.get(key) for key in ("overlayVolumes", "namedVolumes", "ctrImageVolumes")):
        from .mount_sources import forget_overlays, forget_parts

        forget_overlays(container)
        forget_parts(session, container)
    if jsonval.flag(container.state, "mounted"):  # attaching counts: give back once for each start
        for named in jsonval.tables(container.config, "namedVolumes"):
            volumes.detach(session, jsonval.text(named, "volumeName"))
        if container.config.get("ctrImageVolumes"):
            from . import image_mounts

            image_mounts.detach(session, container)
    # a removal that was interrupted may have taken the storage away already
    if not jsonval.text(container.config, "rootfs") and session.store.container(container.id) is not None:
        session.store.unmount(container.id, force=True)
