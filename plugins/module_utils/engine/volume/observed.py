# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Named volumes as they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.tuples import NamedTuple
from .desired import LOCAL

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..libpod.rows import VolumeRow
    from ..session.session import Session

_NO_MOUNT = frozenset(("UID", "GID", "SIZE", "NOQUOTA", "nocopy", "copy"))


class VolumeView(NamedTuple):
    """One volume. `needs_copy_up` and `needs_chown`: no container has mounted it yet. `needs_mount`: its options ask
    for a file system of its own. `users` are ids of containers, running or not.
    """

    name: str
    mountpoint: str
    driver: str
    options: dict[str, str]
    labels: dict[str, str]
    anonymous: bool
    needs_copy_up: bool
    needs_chown: bool
    needs_mount: bool
    mount_count: int
    lock_id: int
    created: str
    users: tuple[str, ...]
    uid: int = 0
    gid: int = 0
    never_mounted: bool = False


def find(session: Session, name: str) -> VolumeView | None:
    """By exact name."""
    row = session.database.volume(name)
    return None if row is None else view(session, row)


def all_volumes(session: Session) -> list[VolumeView]:
    return [view(session, row) for row in session.database.volumes()]


def view(session: Session, row: VolumeRow) -> VolumeView:
    config, state = row.config, row.state
    options = jsonval.text_map(config, "volumeOptions")
    driver = jsonval.text(config, "volumeDriver") or LOCAL
    return VolumeView(
        name=row.name,
        mountpoint=jsonval.text(state, "mountPoint") or jsonval.text(config, "mountPoint"),
        driver=driver,
        options=options,
        labels=jsonval.text_map(config, "labels"),
        anonymous=jsonval.flag(config, "isAnon"),
        needs_copy_up=jsonval.flag(state, "notYetMounted") and options.get("type", "") in ("", "bind"),
        needs_chown=jsonval.flag(state, "notYetChowned"),
        needs_mount=needs_mount(driver, options),
        mount_count=jsonval.number(state, "mountCount"),
        lock_id=jsonval.number(config, "lockID"),
        created=jsonval.text(config, "createdAt"),
        users=tuple(session.database.volume_users(row.name)),
        uid=jsonval.number(config, "uid"),
        gid=jsonval.number(config, "gid"),
        never_mounted=jsonval.flag(state, "notYetMounted"),
    )


def shown(volume: VolumeView) -> Json:
    """As `podman volume inspect` prints it."""
    found: Json = {
        "Name": volume.name,
        "Driver": volume.driver,
        "Mountpoint": volume.mountpoint,
        "CreatedAt": volume.created,
        "Labels": dict(volume.labels),
        "Scope": "local",
        "Options": dict(volume.options),
    }
    owner = {key: value for key, value in (("UID", volume.uid), ("GID", volume.gid)) if value}
    found.update(owner)
    flags = {"Anonymous": volume.anonymous, "NeedsCopyUp": volume.never_mounted, "NeedsChown": volume.needs_chown}
    found["MountCount"] = volume.mount_count
    found.update({name: True for name, value in flags.items() if value})
    return {**found, "LockNumber": volume.lock_id}


def needs_mount(driver: str, options: dict[str, str]) -> bool:
    """Whether the volume is a mount of its own. Owner and quota are written into `o` as well and ask for none."""
    if driver != LOCAL:
        return True
    harmless = sum(1 for key in options if key in _NO_MOUNT)
    return len(options) > harmless + (1 if harmless and "o" in options else 0)
