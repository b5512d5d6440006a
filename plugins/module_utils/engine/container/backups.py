# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints of a container as archives in a directory, one after another, and which of them may go.

An archive has its name only when it is whole. So what is called `NAME.20260131T120000Z.tar.zst` is a backup of that
container and time, and anything else in the directory is nothing to us.
"""

from __future__ import annotations

import os
import stat
from typing import TYPE_CHECKING

from ..base import clock, patterns
from ..base.errors import BadInput, Conflict, Corrupt, HostLacks, NotFound
from ..base.locks import FileLock
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..base.units import parse_duration

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..session.session import Session
    from .checkpoint import Wish as Freezing
    from .checkpoint_pack import Wish as Packing
    from .model import Container

_ENDINGS = {"zstd": ".tar.zst", "gzip": ".tar.gz", "none": ".tar"}
_NAME = patterns.compile(r"(.+)\.(\d{8}T\d{6}Z)\.tar(?:\.zst|\.gz)?", patterns.ASCII)
_DRAFT = patterns.compile(r"\.(.+)\.daemonless-export")
_SECOND = 1_000_000_000
_AGES = {"d": 86400, "w": 7 * 86400}


class Backup(NamedTuple):
    """`taken` in seconds since 1970."""

    path: str
    taken: int


class Keeping(NamedTuple):
    """At most `most` of them, and none older than `seconds`; 0 for as many, or as old, as they get."""

    most: int = 0
    seconds: int = 0


def age(text: str) -> int:
    """Seconds of `30d`, `2w` or a duration such as `36h`. Raises BadInput."""
    unit = _AGES.get(text[-1:])
    if unit is None:
        return parse_duration(text, "age") // _SECOND
    if not (text[:-1].isascii() and text[:-1].isdecimal()):
        raise BadInput("read age", f"{text[:60]!r} is not an age such as 30d, 2w or 36h")
    return int(text[:-1]) * unit


def doomed(backups: Sequence[Backup], keeping: Keeping, now: int, good: Backup | None) -> list[Backup]:
    """Which may go. `backups` from the oldest to the newest; `good` is the newest that can be read, which stays always.
    Where none can be read, all stay: it is for people to see why."""
    if good is None:
        return []
    found = []
    for number, backup in enumerate(reversed(backups)):
        too_many = keeping.most and number >= keeping.most
        too_old = keeping.seconds and backup.taken < now - keeping.seconds
        if (too_many or too_old) and backup != good:
            found.append(backup)
    return found[::-1]


def listed(folder: str, name: str) -> list[Backup]:
    """The backups of a container, from the oldest to the newest. Raises HostLacks."""
    found = []
    try:
        for entry in os.listdir(folder):
            match = _NAME.fullmatch(entry)
            path = os.path.join(folder, entry)
            if match and match.group(1) == name and stat.S_ISREG(os.lstat(path).st_mode):
                found.append(Backup(path, _seconds(match.group(2))))
    except OSError as error:
        raise HostLacks(f"list the backups of container {name}", f"{folder}: {error.strerror}") from error
    return sorted(found, key=lambda one: (one.taken, one.path))


def _seconds(text: str) -> int:
    year, month, day, hour, minute, second = (text[at : at + 2] for at in (2, 4, 6, 9, 11, 13))
    return clock.parse_or_zero(f"{text[:2]}{year}-{month}-{day}T{hour}:{minute}:{second}Z") // _SECOND


def take(session: Session, container: Container, folder: str, freezing: Freezing, packing: Packing) -> Backup:
    """One more, while the container goes on. Killed at any point it leaves no backup, and what it leaves goes with the
    next. Raises BadInput for a directory that is not there, and as a checkpoint does."""
    from . import checkpoint, checkpoint_pack, frozen, lookup

    deed = f"back up container {container.name}"
    if not os.path.isdir(folder):
        raise BadInput(deed, f"there is no directory {folder}")
    if not container.running:
        raise Conflict(deed, f"it is not running but {container.status}, so there is no memory to keep")
    with FileLock(os.path.join(folder, f".{container.name}.lock"), mode=0o600):
        _clear(folder, container.name)
        now = clock.now()
        stamp = now.partition(".")[0].rstrip("Z").replace("-", "").replace(":", "") + "Z"
        path = os.path.join(folder, f"{container.name}.{stamp}{_ENDINGS[packing.compression]}")
        checkpoint.checkpoint(session, container, freezing)
        reached("backup-frozen")
        try:
            checkpoint_pack.write(session, lookup.find(session, container.id), path, packing)
        finally:
            frozen.forget(lookup.find(session, container.id))
        return Backup(path, _seconds(stamp))


def _clear(folder: str, name: str) -> None:
    """Archives that killed runs did not finish: nobody else is at it, since we hold the lock."""
    for entry in os.listdir(folder):
        draft = _DRAFT.fullmatch(entry)
        match = _NAME.fullmatch(draft.group(1)) if draft else None
        if match and match.group(1) == name:
            os.unlink(os.path.join(folder, entry))


def thin(session: Session, folder: str, name: str, keeping: Keeping) -> list[Backup]:
    """Remove what is not to be kept; what was removed."""
    backups = listed(folder, name)
    good = next((one for one in reversed(backups) if _readable(session, one)), None)
    gone = doomed(backups, keeping, clock.parse(clock.now()) // _SECOND, good)
    for backup in gone:
        try:
            os.unlink(backup.path)
        except OSError as error:
            raise HostLacks(f"remove {backup.path}", error.strerror or str(error)) from error
        reached("backup-removed")
    return gone


def _readable(session: Session, backup: Backup) -> bool:
    from .checkpoint_unpack import Origin, look

    try:
        return not look(session, Origin(backup.path)).early
    except (Corrupt, NotFound, BadInput):
        return False
