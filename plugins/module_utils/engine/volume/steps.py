# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Making and removing named volumes."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.clock import now
from ..base.errors import Conflict, EngineError, HostLacks, InUse, NotFound
from ..base.steps import reached
from ..base.units import parse_size
from ..libpod.events import Event
from . import observed
from .desired import check

if TYPE_CHECKING:
    from ..libpod.rows import Json
    from ..session.session import Session
    from .desired import VolumeDesired
    from .observed import VolumeView

_DATA = "_data"
_ASIDE = ".removed-"  # no volume can be called so


def ensure(session: Session, desired: VolumeDesired) -> VolumeView:
    """The volume, made when it is not there; an existing one is taken as it is.

    Interrupted, it leaves a directory that the next call takes over, and at worst an allocated lock.
    Raises BadInput, HostLacks (the directory cannot be made).
    """
    found = observed.find(session, desired.name)
    if found is not None and not _half_removed(session, found):
        return found
    check(desired)
    mountpoint = _make_directories(session, desired)
    _remove_trees(session, desired.name)
    reached("volume-directory-made")
    lock = session.locks.allocate()
    reached("volume-lock-allocated")
    try:
        session.database.add_volume(_config(desired, mountpoint, lock), _state(desired))
    except Conflict:  # somebody made it meanwhile
        session.locks.free(lock)
    except BaseException:
        session.locks.free(lock)
        raise
    else:
        reached("volume-added")
        session.emit(Event("volume", "create", name=desired.name))
    made = observed.find(session, desired.name)
    if made is None:
        raise EngineError(f"create volume {desired.name}", "it was removed at once by another process")
    return made


def remove(session: Session, name: str, force: bool = False) -> bool:
    """Remove a volume and what is in it; False when there is none. Raises InUse naming the containers.

    `force` also removes one that is still mounted; containers that use it are never removed here.
    """
    found = observed.find(session, name)
    if found is None:
        return False
    with session.locks.hold(found.lock_id):
        again = observed.find(session, name)
        if again is None:
            return False
        if again.needs_mount and again.mount_count and not force:
            raise InUse(f"remove volume {name}", "it is mounted")
        if not again.users:
            _unmount(again)
        doomed = _set_aside(session, name)
        reached("volume-set-aside")
        try:
            session.database.remove_volume(name)
        except InUse:
            _put_back(doomed, session, name)
            raise
        reached("volume-row-removed")
        _remove_trees(session, name)
    session.locks.free(found.lock_id)
    session.emit(Event("volume", "remove", name=name))
    return True


def _make_directories(session: Session, desired: VolumeDesired) -> str:
    outer = os.path.join(session.paths.volume_path, desired.name)
    inner = os.path.join(outer, _DATA)
    try:
        os.makedirs(session.paths.volume_path, mode=0o700, exist_ok=True)
        for path, mode in ((outer, 0o700), (inner, 0o755)):
            try:
                os.mkdir(path, mode)
                os.chmod(path, mode)
            except FileExistsError:
                pass
            uid, gid = desired.owner()
            os.chown(path, uid or 0, gid or 0, follow_symlinks=False)
    except OSError as error:
        raise HostLacks(f"create volume {desired.name}", f"{error.filename}: {error.strerror}") from error
    return inner


def _config(desired: VolumeDesired, mountpoint: str, lock: int) -> Json:
    config: Json = {
        "name": desired.name,
        "lockID": lock,
        "labels": dict(desired.labels),
        "volumeDriver": desired.driver,
        "mountPoint": mountpoint,
        "createdAt": now(),
    }
    if desired.options:
        config["volumeOptions"] = desired.stored_options()
    uid, gid = desired.owner()
    config.update(isAnon=desired.anonymous, uid=uid or 0, gid=gid or 0, size=_size(desired), inodes=0)
    return config


def _state(desired: VolumeDesired) -> Json:
    state: Json = {"mountCount": 0, "notYetMounted": True}
    if desired.owner() == (None, None):
        state["notYetChowned"] = True
    return state


def _size(desired: VolumeDesired) -> int:
    text = desired.stored_options().get("SIZE", "")
    return parse_size(text, "size") if text else 0


def change(session: Session, desired: VolumeDesired, options: frozenset[str]) -> None:
    """Make an existing volume as wished in these options ("labels", "options", "owner"), its content untouched.

    Raises NotFound, InUse when it is mounted now and its mount would have to be another.
    """
    deed = f"change volume {desired.name}"
    found = observed.find(session, desired.name)
    if found is None:
        raise NotFound(deed, "it was removed meanwhile")
    with session.locks.hold(found.lock_id):
        row = session.database.volume(desired.name)
        if row is None:
            raise NotFound(deed, "it was removed meanwhile")
        config = dict(row.config)
        if "labels" in options:
            config["labels"] = dict(desired.labels)
        if "options" in options:
            if jsonval.number(row.state, "mountCount"):
                raise InUse(deed, "it is mounted", "Stop the containers that run with it first")
            config["volumeOptions"] = desired.stored_options()
            config["size"] = _size(desired)
        if options & {"owner", "options"}:
            _hand_over(config, desired, deed)
        session.database.save_volume_config(desired.name, config)
        reached("volume-changed")


def _hand_over(config: Json, desired: VolumeDesired, deed: str) -> None:
    """The directory goes to its new owner; what is in it stays with theirs, which containers gave it."""
    uid, gid = desired.owner()
    if uid is None and gid is None:
        return
    config.update({"uid": uid or 0, "gid": gid or 0})
    path = jsonval.text(config, "mountPoint")
    try:
        fd = os.open(path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    except OSError as error:
        raise HostLacks(deed, f"{path}: {error.strerror}") from error
    try:
        os.fchown(fd, uid or 0, gid or 0)
    finally:
        os.close(fd)


def _unmount(volume: VolumeView) -> None:
    if volume.needs_mount:
        from ..host import mounts

        mounts.unmount_all(volume.mountpoint)


def _half_removed(session: Session, volume: VolumeView) -> bool:
    """Bring a removal that was killed to its end; False when there is none, or when a container came to use the
    volume meanwhile: then it gets its content back."""
    top = session.paths.volume_path
    if os.path.isdir(os.path.join(top, volume.name)):
        return False
    aside = _entries_aside(top, volume.name)
    if not aside:
        return False
    if not volume.users:
        return remove(session, volume.name)
    _put_back(aside[-1], session, volume.name)
    return False


def _entries_aside(top: str, name: str) -> list[str]:
    """Full paths, the latest last."""
    stem = f"{_ASIDE}{name}."
    entries = [entry for entry in os.listdir(top) if entry.startswith(stem) and "." not in entry[len(stem) :]]
    return sorted((os.path.join(top, entry) for entry in entries), key=os.path.getctime)


def _set_aside(session: Session, name: str) -> str:
    """Rename the volume's directory, so that content that was to go never comes back in a new volume of that name."""
    doomed = os.path.join(session.paths.volume_path, f"{_ASIDE}{name}.{os.urandom(4).hex()}")
    try:
        os.rename(os.path.join(session.paths.volume_path, name), doomed)
    except FileNotFoundError:
        return ""
    return doomed


def _put_back(doomed: str, session: Session, name: str) -> None:
    if doomed:
        os.rename(doomed, os.path.join(session.paths.volume_path, name))


def _remove_trees(session: Session, name: str) -> None:
    """Everything set aside for this name, earlier interrupted removals included; descriptors all the way down, so
    that no link leads out."""
    import shutil

    for path in _entries_aside(session.paths.volume_path, name):
        try:
            shutil.rmtree(path)
        except FileNotFoundError:
            pass
        except OSError as error:
            raise HostLacks(f"remove volume {name}", f"{error.filename}: {error.strerror}") from error
