# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Creating a container: storage, lock, volumes, then its rows, whose insertion is the moment it exists."""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ..base import clock, jsonval
from ..base.files import dump_json
from ..base.ids import new_id
from ..base.steps import reached
from ..base.tuples import NamedTuple
from . import config as configuration
from . import host_limits, lookup, parts
from .events import event
from .journal import undoing
from .surroundings import Birth

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..session.session import Session
    from .desired import ContainerDesired
    from .journal import Entry
    from .model import Container
    from .surroundings import Surroundings

_LOCK_TRIES = 64
_FOREIGN_CREATE_SECONDS = 1.0


class Memory(NamedTuple):
    """What is remembered of who asked: `notes` are the options that a task mentioned, `command` the command line of a
    person."""

    notes: tuple[str, ...] = ()
    command: tuple[str, ...] = ()


NOTHING = Memory()


def create(session: Session, desired: ContainerDesired, around: Surroundings, memory: Memory = NOTHING) -> Container:
    """Make it, ready to be started; after an error nothing of it is left.

    Raises Conflict when the name is taken, HostLacks naming limits this host cannot give, NotFound.
    """
    with parts.journal(session).begin(new_id(), "create", name=desired.name) as entry:
        return create_journaled(session, desired, around, entry, memory)


def create_journaled(
    session: Session, desired: ContainerDesired, around: Surroundings, entry: Entry, memory: Memory = NOTHING
) -> Container:
    """As `create`, under a journal entry of the caller's: its key becomes the id."""
    with undoing(lambda: undo(session, entry)):
        return _create(session, desired, around, entry, memory)


def undo(session: Session, entry: Entry) -> None:
    """Remove what a creation that did not come to its end has left. Nil work when there is nothing."""
    if lookup.by_id(session, entry.key) is not None:
        return
    if session.store.container(entry.key) is not None:
        session.store.remove_container(entry.key)
    lock = entry.notes.get("lock")
    wanted = entry.notes.get("lock_wanted")
    from .remove import free_unused

    if isinstance(lock, int):
        free_unused(session, lock)
    elif isinstance(wanted, int):
        # Killed around the very allocation: it may be another's, who will have shown it in a row by then.
        time.sleep(_FOREIGN_CREATE_SECONDS)
        free_unused(session, wanted)


def _create(
    session: Session, desired: ContainerDesired, around: Surroundings, entry: Entry, memory: Memory
) -> Container:
    cid = entry.key
    deed = f"create container {desired.name}"
    around = _store(session, desired, around, cid)
    reached("container-stored")
    lock = allocate_lock(session, entry)
    reached("container-locked")
    birth = Birth(id=cid, lock_id=lock, created=clock.now(), pick_port=pick_port, create_command=memory.command)
    built = configuration.build(desired, around, birth, memory.notes)
    for warning in (*built.warnings, *_of_boots(session, desired)):
        session.warn(warning)
    host_limits.require(session, jsonval.table(built.config, "spec"), deed)
    _make_volumes(session, built)
    make_directories(session, cid)
    if jsonval.tables(built.config, "secrets"):
        from .secret_files import copy

        copy(session, built.config)
    session.database.add_container(built.config, built.state, depends=built.depends_on, volumes=built.volumes)
    reached("container-recorded")
    container = lookup.find(session, cid)
    event(session, container, "create")
    return container


def _store(session: Session, desired: ContainerDesired, around: Surroundings, cid: str) -> Surroundings:
    """Its layer and record in the storage; the surroundings with the ids that were chosen for it."""
    from ..store.records import ContainerDraft
    from . import id_maps

    with id_maps.choosing(session, desired, around) as settled:
        uids, gids = id_maps.of_storage(desired, settled)
        image = settled.image
        session.store.create_container(
            ContainerDraft(
                id=cid,
                names=(desired.name,),
                image_id=image.id if image else "",
                metadata=_metadata(desired, settled),
                uid_map=uids,
                gid_map=gids,
            )
        )
    return settled


def _of_boots(session: Session, desired: ContainerDesired) -> list[str]:
    """A policy that reaches over boots is worth nothing where nobody acts on it."""
    if desired.restart_policy is None or desired.restart_policy.name not in ("always", "unless-stopped"):
        return []
    from ..host.boot import boot_of

    boot = boot_of(session.identity)
    name, policy = desired.name, desired.restart_policy.name
    return [] if boot.starts else [f"{name} has restart_policy {policy}, but will not start at boot: {boot.reason}"]


def _metadata(desired: ContainerDesired, around: Surroundings) -> str:
    """What podman keeps in the storage record, so that its tools show the container there too."""
    image = around.image
    record: Json = {
        "image-name": image.name if image else "",
        "image-id": image.id if image else "",
        "name": desired.name,
        "created-at": int(time.time()),
    }
    return dump_json(record).decode()


def allocate_lock(session: Session, entry: Entry) -> int:
    """A lock number, noted before it is taken: a kill in between must not lose it."""
    for _turn in range(_LOCK_TRIES):
        taken = session.locks.allocated()
        number = next(candidate for candidate in range(len(taken) + 1) if candidate not in taken)
        entry.note(lock_wanted=number)
        if session.locks.allocate_given(number):
            reached("lock-allocated")
            entry.note(lock=number)
            return number
    number = session.locks.allocate()
    entry.note(lock=number)
    return number


def pick_port(mapping: object) -> int:
    from ..netavark.ports import choose_free
    from ..spec.ports import PortMapping

    if not isinstance(mapping, PortMapping):
        return 0
    return choose_free((mapping,))[0].host_port


def _make_volumes(session: Session, built: configuration.Built) -> None:
    """Named volumes that do not exist are made, as podman does; those without a name belong to this container."""
    from ..volume.desired import VolumeDesired
    from ..volume.steps import ensure

    for name in built.volumes:
        ensure(session, VolumeDesired(name, anonymous=name in built.new_volumes))
        reached("container-volume-made")


def make_directories(session: Session, cid: str) -> None:
    """Those that podman expects of a container that was never started are among them: shm."""
    static = session.store.container_dir(cid)
    os.makedirs(static, mode=0o700, exist_ok=True)
    for name, mode in (("secrets", 0o755), ("artifacts", 0o755), ("shm", 0o700)):
        os.makedirs(os.path.join(static, name), mode=mode, exist_ok=True)
    os.makedirs(session.store.container_run_dir(cid), mode=0o700, exist_ok=True)
