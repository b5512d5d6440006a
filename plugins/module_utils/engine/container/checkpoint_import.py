# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container out of a checkpoint archive or image: made as one that was frozen here, then restored like any other.

Until it runs, everything that was made for it is in the journal, and goes again when something fails or the task is
killed. The archive is only read.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import clock, jsonval
from ..base.errors import Conflict, Corrupt, EngineError, NotFound, Refused
from ..base.files import atomic_write, dump_json
from ..base.ids import new_id
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..criu import archive
from ..libpod.rows import EXITED
from ..spec import platform, ports
from . import adopted, checkpoint_unpack, config, create, frozen, frozen_members, landing, lookup, parts, restore
from .checkpoint_fill import Goods, ensure_volume, note_volume, unpack
from .checkpoint_unpack import Origin, Said
from .journal import roll_back, room_kept, told
from .model import volume_names

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..session.session import Session
    from .frozen_members import Place
    from .journal import Entry
    from .model import Container


class Wish(NamedTuple):
    """`name` another one than in the archive: the container gets an id and addresses of its own. `publish` replaces its
    ports, None keeps them. `before` is the archive of an earlier round, which this one builds on. `ignore_ip`: it may
    get other addresses than it had. `pod` is the one that it goes into, "" for none. `ended` is the state of one that
    is not frozen, None for one that is. `infra`: it becomes the infra container of `pod`, made by its config alone."""

    origin: Origin
    name: str = ""
    publish: tuple[str, ...] | None = None
    rootfs: bool = True
    volumes: bool = True
    trust: bool = False
    before: Origin | None = None
    ignore_ip: bool = False
    pod: str = ""
    ended: Json | None = None
    infra: bool = False


class Plan(NamedTuple):
    """`existing` is there already under the name; `pull` the image that has to be fetched first; `pod` where it goes
    to."""

    said: Said
    name: str
    existing: Container | None
    pull: str
    volumes: tuple[str, ...]
    privileges: dict[str, list[str]]
    obstacles: tuple[str, ...]
    pod: Place | None = None


def plan(session: Session, wish: Wish, said: Said | None = None, place: Place | None = None) -> Plan:
    """Look at archive and host; nothing is changed. `said` is what the archive says, where it is not here to be read;
    `place` is the pod where it is not here yet. Raises Corrupt, NotFound."""
    said = said or checkpoint_unpack.look(session, wish.origin)
    adopted.check(said.config, wish.origin.shown)
    name = wish.name or jsonval.text(said.config, "name")
    existing = lookup.by_name(session, name)
    image = jsonval.text(said.config, "rootfsImageID")
    pull = ""
    if image and session.store.image(image) is None:
        pull = jsonval.text(said.config, "rootfsImageName")
    arch = platform.host_platform(os.uname().machine).architecture
    privileges = adopted.privileges(said.config, arch)
    volumes = tuple(dict.fromkeys(volume_names(said.config))) if wish.volumes else ()
    pod = place if place is not None else frozen_members.place(session, wish.pod) if wish.pod else None
    obstacles = [] if existing else list(_obstacles(session, wish, said, volumes))
    if existing is None and not wish.infra:
        obstacles += frozen_members.unfit(said.config, pod, publishes=bool(wish.publish))
    if said.early:
        obstacles.append("it is an earlier round, and not a checkpoint: it goes with the archive that builds on it")
    if privileges and not wish.trust and existing is None:
        told = "; ".join(f"{kind}: {', '.join(values)}" for kind, values in privileges.items())
        obstacles.append(f"it asks for more than a container usually gets ({told}), say trust to allow that")
    return Plan(said, name, existing, pull, volumes, privileges, tuple(obstacles), pod)


def _obstacles(session: Session, wish: Wish, said: Said, volumes: tuple[str, ...]) -> list[str]:
    found = []
    if session.identity.rootless:
        found.append("CRIU and the runtimes need root for it")
    if not wish.name and lookup.by_id(session, jsonval.text(said.config, "id")) is not None:
        found.append("a container of the same id is here (another name makes another one)")
    taken = [name for name in volumes if session.database.volume(name) is not None]
    if taken:
        found.append(f"volume {', '.join(taken)} exists (ignore_volumes takes it as it is)")
    machine = os.uname()
    there = jsonval.text(said.notes, "architecture")
    if there and there != machine.machine:
        found.append(f"it was made on {there}, and this is {machine.machine}")
    same = not wish.name and not wish.ignore_ip
    return [*found, *landing.obstacles(session, said, wish.publish, same=same)]


def bring(session: Session, wish: Wish, found: Plan) -> Container:
    """Make the container, frozen. After an error nothing of it is left; what could not be removed then, is by the next
    task. Raises Refused, NotFound, Corrupt, HostLacks."""
    deed = f"import {wish.origin.shown} as container {found.name}"
    if found.obstacles:
        raise Refused(deed, "; ".join(found.obstacles))
    fetch_image(session, found.pull, jsonval.text(found.said.config, "rootfsImageID"), deed)
    identity = new_id() if wish.name else jsonval.text(found.said.config, "id")
    with told(deed):
        entry = parts.journal(session).begin(identity, "import", name=found.name)
    try:
        with room_kept(session.store_options.graph_root, deed), told(deed):
            made = _bring(session, wish, found, entry)
    except EngineError as error:
        roll_back(entry, error, lambda: undo(session, entry))
        raise
    except BaseException:
        entry.leave()
        raise
    entry.end()
    return made


def undo(session: Session, entry: Entry) -> str:
    """Remove what an import that did not come to its end has left: the container was not recorded, so it never was."""
    if lookup.by_id(session, entry.key) is not None:
        return ""
    create.undo(session, entry)
    from ..volume.steps import remove

    for name in entry.text("volumes").split():
        if session.database.volume(name) is not None and not session.database.volume_users(name):
            remove(session, name)
    return ""


def fetch_image(session: Session, pull: str, wanted: str, deed: str) -> None:
    """Pull the image with this id if it is not here. Raises NotFound when it can be had no more, and as pulling."""
    if not wanted or session.store.image(wanted) is not None:
        return
    if pull:
        from ..image.pull import pull as pull_image

        pull_image(session, pull)
    if session.store.image(wanted) is None:
        name = pull or "its image"
        cause = f"{name} is another image today than at the checkpoint, which needs {wanted[:12]}"
        raise NotFound(deed, cause, "Bring that very image here, with image_transfer or image_load")


def _bring(session: Session, wish: Wish, found: Plan, entry: Entry) -> Container:
    from ..store.records import ContainerDraft

    said, identity = found.said, entry.key
    image = jsonval.text(said.config, "rootfsImageID")
    metadata: Json = {
        "image-name": jsonval.text(said.config, "rootfsImageName"),
        "image-id": image,
        "name": found.name,
    }
    draft = ContainerDraft(id=identity, names=(found.name,), image_id=image, metadata=dump_json(metadata).decode())
    session.store.create_container(draft)
    reached("import-stored")
    lock = create.allocate_lock(session, entry)
    home = adopted.Home(
        id=identity,
        name=found.name,
        lock=lock,
        static=session.store.container_dir(identity),
        run=session.store.container_run_dir(identity),
        cgroup_manager=session.cgroups.manager,
        cgroup_parent=cgroup_parent(session),
        created=clock.now(),
    )
    row = _with_ports(adopted.adopted(said.config, home), wish)
    needed = frozen_members.join(row, said.config, found.pod) if found.pod is not None else ()
    create.make_directories(session, identity)
    if wish.infra:
        frozen_members.as_infra(row)
    else:
        _unpack(session, wish, found, row, entry)
    if jsonval.tables(row, "secrets"):
        from .secret_files import copy

        copy(session, row)
    if wish.name:  # another container: the addresses stay with the one that it was taken of
        atomic_write(os.path.join(home.static, archive.NETWORK), b"null", durable=False)
    named = volume_names(row)
    for name in named:
        if session.database.volume(name) is None:
            note_volume(entry, name)
        ensure_volume(session, name)
    state = {**config.first_state(home.run), **_past(wish, home.static)}
    session.database.add_container(row, state, depends=needed, volumes=tuple(dict.fromkeys(named)))
    reached("import-recorded")
    return lookup.find(session, identity)


def _past(wish: Wish, static: str) -> Json:
    """What its state row says of its life so far."""
    if wish.infra or wish.ended is not None:
        return wish.ended or {}
    if not os.path.isfile(os.path.join(static, archive.IMAGES, archive.INVENTORY)):
        raise Corrupt(f"import {wish.origin.shown}", f"it holds no {archive.IMAGES}/{archive.INVENTORY}")
    return {**frozen.marks(static), "state": EXITED, "exited": True, "finishedTime": clock.now()}


def _frozen_now(session: Session, found: Plan) -> Container | None:
    """What an import that was killed after it had recorded the container has left."""
    container = found.existing
    return container if container is not None and not container.running and frozen.kept(container) else None


def run(session: Session, wish: Wish, found: Plan, thaw: restore.Wish) -> tuple[Container, Json]:
    """Make it and have it run; CRIU's statistics. After an error nothing of it is left here."""
    made = _frozen_now(session, found)
    if found.existing is not None and made is None:
        raise conflict(found)
    fresh = made is None
    before = {name for name in found.volumes if session.database.volume(name) is not None}
    container = bring(session, wish, found) if made is None else made
    try:
        statistics = restore.restore(session, container, thaw)
    except EngineError as error:
        if fresh:
            _take_back(session, container, set(found.volumes) - before, error)
        raise
    return lookup.find(session, container.id), statistics


def _take_back(session: Session, container: Container, volumes: set[str], error: EngineError) -> None:
    from ..volume.steps import remove as remove_volume
    from .remove import remove

    try:
        remove(session, lookup.find(session, container.id), force=True, timeout=0)
        for name in sorted(volumes):
            remove_volume(session, name)
    except EngineError as failure:
        error.add_cleanup_failure(str(failure))


def cgroup_parent(session: Session) -> str:
    """The group that containers are below when nobody says which."""
    from ..host.cgroups import SYSTEMD
    from .surroundings import CGROUPFS_PARENT

    return "machine.slice" if session.cgroups.manager == SYSTEMD else CGROUPFS_PARENT


def _with_ports(row: Json, wish: Wish) -> Json:
    if wish.publish is None:
        return row
    mappings = ports.fill_free_ports(ports.parse_all(wish.publish), create.pick_port)
    row["newPortMappings"] = [ports.to_libpod(one) for one in mappings]
    return row


def _unpack(session: Session, wish: Wish, found: Plan, row: Json, entry: Entry) -> None:
    own_root = bool(jsonval.text(row, "rootfs"))
    goods = Goods(wish.origin, wish.before, found.name, found.volumes, wish.rootfs and not own_root)
    unpack(session, goods, jsonval.text(row, "staticDir"), entry)


def conflict(found: Plan) -> Conflict:
    """For an import whose name belongs to a container that is no checkpoint."""
    deed = f"import a checkpoint as container {found.name}"
    return Conflict(deed, "a container of this name is here, and it is not frozen", "Remove it, or say another name")
