# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Volumes in use: mounted and counted where their options ask for a mount, and marked after their first use."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import NotFound
from ..base.steps import reached
from . import observed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..libpod.rows import Json
    from ..session.session import Session
    from .observed import VolumeView


def attach(session: Session, name: str) -> str:
    """The directory to bind into a container; a volume with type, device or mount options is mounted first.

    Each call counts; undo it with `detach`. Raises NotFound, ToolFailed (mount(8)), HostLacks.
    """
    found = _required(session, name)
    if not found.needs_mount:
        return found.mountpoint
    with session.locks.hold(found.lock_id):
        found = _required(session, name)
        if found.mount_count == 0 or not _is_mounted(found):
            _mount(session, found)
            reached("volume-mounted")
        _save(session, name, lambda state: {**state, "mountCount": found.mount_count + 1})
    return found.mountpoint


def detach(session: Session, name: str) -> None:
    """Uncount, and unmount with the last user. One that is gone, or needs no mount, is no error."""
    found = observed.find(session, name)
    if found is None or not found.needs_mount:
        return
    with session.locks.hold(found.lock_id):
        found = observed.find(session, name)
        if found is None or found.mount_count == 0:
            return
        if found.mount_count == 1:
            from ..host import mounts

            mounts.unmount_all(found.mountpoint)
            reached("volume-unmounted")
        count = found.mount_count - 1
        _save(session, name, lambda state: {**state, "mountCount": count})


def look(session: Session, view: VolumeView) -> str:
    """The directory of a volume; one that asks for a mount is mounted if it is not, uncounted, in the mount namespace
    of the caller's own (host/private_mounts)."""
    if view.needs_mount:
        from ..host import mounts

        if not mounts.is_mountpoint(view.mountpoint, "thread-self"):
            _mount(session, view)
    return view.mountpoint


def copied_up(session: Session, name: str) -> None:
    """Remember that the volume has had its first content."""
    _mark(session, name, lambda state: {key: state[key] for key in state if key != "notYetMounted"})


def chowned(session: Session, name: str, uid: int, gid: int) -> None:
    """Remember that the volume has had its first owner."""

    def change(state: Json) -> Json:
        fresh = {key: state[key] for key in state if key != "notYetChowned"}
        return {**fresh, "uidChowned": uid, "gidChowned": gid} if uid or gid else fresh

    _mark(session, name, change)


def _mark(session: Session, name: str, change: Callable[[Json], Json]) -> None:
    found = _required(session, name)
    with session.locks.hold(found.lock_id):
        _save(session, name, change)


def _save(session: Session, name: str, change: Callable[[Json], Json]) -> None:
    row = session.database.volume(name)
    if row is None:
        raise NotFound(f"use volume {name}", "it was removed meanwhile")
    session.database.save_volume_state(name, change(row.state))


def _required(session: Session, name: str) -> VolumeView:
    found = observed.find(session, name)
    if found is None:
        raise NotFound(f"use volume {name}", "there is none")
    return found


def _is_mounted(volume: VolumeView) -> bool:
    from ..host import mounts

    return mounts.is_mountpoint(volume.mountpoint)


def _mount(session: Session, volume: VolumeView) -> None:
    """By mount(8): it alone knows what `o` may hold for each file system, helpers such as mount.nfs included."""
    from ..host import programs

    deed = f"mount volume {volume.name}"
    kind, device = volume.options.get("type", ""), volume.options.get("device", "")
    arguments = [programs.require("mount", deed)]
    if volume.options.get("o"):
        arguments += ["-o", volume.options["o"]]
    if kind == "bind":
        arguments += ["-o", "bind"]
    elif kind:
        arguments += ["-t", kind]
    session.runner.run([*arguments, "--", device or kind, volume.mountpoint], timeout=120, check=deed)
