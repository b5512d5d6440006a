# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a checkpoint that a container keeps, in podman's places, and taking a finished one over.

A dump goes into a directory of its own beside what was kept before. It takes the old one's place when the runtime says
that it is whole; whoever comes first after a kill (conmon's exit command, the next task) does that from what the log of
CRIU says. So a kill never loses memory that has been written, nor an older checkpoint for one that was not finished.
"""

from __future__ import annotations

import os
import shutil
from contextlib import closing
from typing import TYPE_CHECKING

from ..base import clock, jsonval
from ..base.errors import Corrupt, HostLacks
from ..base.files import atomic_write, dump_json, read_json
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..criu import archive, logs
from ..host import mounts
from ..runtime.checkpoint import Keep

if TYPE_CHECKING:
    from collections.abc import Generator

    from ..base.jsonval import Json
    from .model import Container

_WORK = "checkpointing"
_NEW = "checkpoint.new"  # beside pre-checkpoint, since CRIU finds an earlier round by a relative path
_COMPLETE = "complete"
_BESIDE = (logs.DUMP_LOG, logs.DUMP_STATS, archive.NETWORK, archive.SHM)


class Kept(NamedTuple):
    """What is known of a checkpoint: `notes` are ours, {} for one that podman made."""

    path: str
    notes: Json

    @property
    def keep(self) -> Keep:
        return Keep(
            jsonval.flag(self.notes, "tcp_established"),
            jsonval.flag(self.notes, "file_locks"),
            jsonval.flag(self.notes, "ext_unix_sk"),
        )

    @property
    def taken(self) -> str:
        """When: noted, or the time of CRIU's last file."""
        noted = jsonval.text(self.notes, "time")
        if noted:
            return noted
        return clock.from_unix_ns(os.stat(os.path.join(self.path, archive.INVENTORY)).st_mtime_ns)


def kept(container: Container) -> Kept | None:
    """The checkpoint that the container has, None when it has none. One that a killed task has left whole counts."""
    static = container.static_dir
    path, notes = os.path.join(static, archive.IMAGES), os.path.join(static, archive.NOTES)
    if in_hand(container) and not container.running and whole(container):
        new, noted = os.path.join(static, _NEW), os.path.join(_work(container), archive.NOTES)
        path, notes = new if os.path.isdir(new) else path, noted if os.path.isfile(noted) else notes
    if not os.path.isfile(os.path.join(path, archive.INVENTORY)):
        return None
    return Kept(path, _notes(notes))


def earlier(container: Container) -> bool:
    """Whether a round before the checkpoint has been made."""
    return os.path.isdir(os.path.join(container.static_dir, archive.EARLIER))


def _notes(path: str) -> Json:
    try:
        found = read_json(path, archive.SMALL[archive.NOTES])
    except (OSError, Corrupt):
        return {}
    return found if isinstance(found, dict) else {}


def _work(container: Container) -> str:
    return os.path.join(container.static_dir, _WORK)


class Places(NamedTuple):
    """Where a dump goes: `images`, and `work` for its logs."""

    images: str
    work: str


def begin(container: Container, notes: Json) -> Places:
    """Empty places for a dump; what an interrupted one has left goes."""
    abandon(container)
    places = Places(os.path.join(container.static_dir, _NEW), _work(container))
    for path in places:
        os.mkdir(path, 0o700)
    atomic_write(os.path.join(places.work, archive.NOTES), dump_json(notes), durable=False)
    reached("checkpoint-begun")
    return places


def abandon(container: Container) -> None:
    """Remove an unfinished dump. Nil work when there is none."""
    for name in (_NEW, _WORK):
        path = os.path.join(container.static_dir, name)
        if os.path.isdir(path):
            shutil.rmtree(path, ignore_errors=True)


def whole(container: Container) -> bool:
    """Whether the dump under way came to its end: CRIU says so last, when all is written."""
    work = _work(container)
    return os.path.isfile(os.path.join(work, _COMPLETE)) or (
        os.path.isfile(os.path.join(container.static_dir, _NEW, archive.INVENTORY)) and logs.finished(work)
    )


def in_hand(container: Container) -> bool:
    """Whether a dump was begun and has not been taken over."""
    return os.path.isdir(_work(container))


def finish(container: Container) -> bool:
    """Make a whole dump the one that is kept; False, and it is gone, when it is not whole. Can be repeated."""
    if not in_hand(container):
        return False
    if not whole(container):
        abandon(container)
        return False
    static, work = container.static_dir, _work(container)
    if not os.path.isfile(os.path.join(work, _COMPLETE)):
        _save_shared_memory(container, os.path.join(work, archive.SHM))
        status = jsonval.table(container.state, "networkStatus") or None
        atomic_write(os.path.join(work, archive.NETWORK), dump_json(status), durable=False)
        atomic_write(os.path.join(work, _COMPLETE), b"", durable=False)
    reached("checkpoint-whole")
    new, final = os.path.join(static, _NEW), os.path.join(static, archive.IMAGES)
    if os.path.isdir(new):
        shutil.rmtree(final, ignore_errors=True)
        os.rename(new, final)
    reached("checkpoint-moved")
    for name in (*_BESIDE, archive.NOTES):
        source, target = os.path.join(work, name), os.path.join(static, name)
        if os.path.isfile(source):
            os.replace(source, target)
    shutil.rmtree(work, ignore_errors=True)
    return True


def forget(container: Container) -> None:
    """Remove the checkpoint that is kept, earlier rounds and logs included. Nil work when there is none."""
    abandon(container)
    for name in (archive.IMAGES, archive.EARLIER):
        shutil.rmtree(os.path.join(container.static_dir, name), ignore_errors=True)
    for name in (*_BESIDE, archive.NOTES, logs.RESTORE_LOG, logs.RESTORE_STATS):
        try:
            os.unlink(os.path.join(container.static_dir, name))
        except FileNotFoundError:
            pass


def _save_shared_memory(container: Container, path: str) -> None:
    """/dev/shm is a mount from outside to CRIU: what is in it must be kept beside the images. That of a pod may be gone
    when the container comes back, or is another pod's then."""
    from ..host.rooted import Root
    from ..store.pack import pack

    folder = jsonval.text(container.config, "ShmDir")
    own = folder in jsonval.texts(container.config, "mounts")
    if not (own or jsonval.text(container.config, "ipcNsCtr")) or not mounts.is_mountpoint(folder):
        return
    try:
        with Root.of(folder) as top, open(path, "wb") as file:
            for piece in pack(top, f"the shared memory of container {container.name}", whiteouts=False):
                file.write(piece)
    except OSError as error:
        deed = f"keep the shared memory of container {container.name}"
        raise HostLacks(deed, error.strerror or str(error)) from error


def fill_shared_memory(container: Container, folder: str) -> None:
    """Put back what `_save_shared_memory` kept; where others have the same memory, only what is missing."""
    from ..store.loose import unpack_below

    path = os.path.join(container.static_dir, archive.SHM)
    if not folder or not os.path.isfile(path):
        return
    what, shared = f"the shared memory of container {container.name}", bool(container.config.get("ipcNsCtr"))
    top = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        with closing(_pieces(path)) as pieces:
            unpack_below(top, lambda: next(pieces, b""), what, fill=shared)
    finally:
        os.close(top)


def _pieces(path: str) -> Generator[bytes, None, None]:
    with open(path, "rb") as file:
        while True:
            piece = file.read(1 << 18)
            if not piece:
                return
            yield piece


def marks(static: str) -> Json:
    """What a state row says of a container that was frozen and has ended; `static` is its directory."""
    return {
        "checkpointed": True,
        "checkpointedTime": clock.now(),
        "restoredTime": clock.ZERO,
        "restored": None,
        "checkpointPath": os.path.join(static, archive.IMAGES),
        "checkpointLog": os.path.join(static, logs.DUMP_LOG),
        "exitCode": 0,
    }
