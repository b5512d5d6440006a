# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each state of the module `checkpoint` does: look, say what is to be done, and do it unless it is check mode."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Conflict, Corrupt, NotFound, Refused
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..container.checkpoint_import import Plan
    from ..container.checkpoint_import import Wish as Importing
    from ..container.checkpoint_pack import Wish as Packing
    from ..container.checkpoint_unpack import Said
    from ..container.frozen import Kept
    from ..container.model import Container
    from ..container.restore import Wish as Thawing
    from ..session.session import Session
    from .frame import Request


class Done(NamedTuple):
    """One line per action, none when there was nothing to do; before and after for the diff; CRIU's numbers."""

    container: Container | None
    actions: tuple[str, ...] = ()
    before: Json | None = None
    after: Json | None = None
    statistics: Json = {}
    more: Json = {}


def checkpointed(request: Request, session: Session) -> Done:
    from ..container import checkpoint_pack, frozen, lookup

    container = lookup.find(session, request.text("name"), "checkpoint container")
    there = frozen.kept(container) is not None and not container.running
    early, name = request.flag("pre_checkpoint"), request.text("create_image")
    actions: list[str] = []
    statistics: Json = {}
    if not there:
        statistics = _freeze(request, session, container, exported=bool(name))
        what = (
            f"Wrote the memory of container {container.name}" if early else f"Checkpointed container {container.name}"
        )
        actions.append(what)
    if name and (not there or _image_is_old(session, container, name)):
        actions.append(f"Made image {name} of the checkpoint of container {container.name}")
        if not request.check:
            checkpoint_pack.image(session, lookup.find(session, container.id), name, _packing(request))
    after = {**_state(container), "state": "running" if early or request.flag("leave_running") else "frozen"}
    if name:
        after["image"] = name
    return Done(container, tuple(actions), _state(container), after, statistics)


def _state(container: Container) -> Json:
    from ..container import frozen

    kept = frozen.kept(container)
    state = "frozen" if kept is not None and not container.running else container.status
    return {"name": container.name, "state": state, "checkpoint": kept.taken if kept else "none"}


def _freeze(request: Request, session: Session, container: Container, *, exported: bool) -> Json:
    """Freeze it, or in check mode find out whether that can work. Raises Conflict with all that stands in the way."""
    from ..container import checkpoint
    from ..runtime.checkpoint import Keep

    wish = checkpoint.Wish(
        keep=Keep(request.flag("tcp_established"), request.flag("file_locks"), request.flag("ext_unix_sk")),
        leave_running=request.flag("leave_running"),
        early=request.flag("pre_checkpoint"),
        after_early=request.flag("with_previous"),
        criu=request.text("criu_path"),
        exported=exported,
    )
    if not request.check:
        return checkpoint.checkpoint(session, container, wish)
    found = checkpoint.obstacles(session, container, wish)
    if found:
        raise checkpoint.refusal(container, found)
    return {}


def _packing(request: Request) -> Packing:
    from ..container.checkpoint_pack import Wish

    level = request.params.get("compression_level")
    return Wish(
        rootfs=not request.flag("ignore_rootfs"),
        volumes=not request.flag("ignore_volumes"),
        compression=request.text("compression"),
        level=level if isinstance(level, int) else None,
        early=request.flag("pre_checkpoint"),
    )


def _image_is_old(session: Session, container: Container, name: str) -> bool:
    """Whether the name means nothing yet, or another checkpoint than the one that is kept."""
    from ..container import checkpoint_image, checkpoint_unpack, frozen
    from ..spec import reference

    try:
        origin = checkpoint_image.origin(session, reference.stored_name(name))
        said = checkpoint_unpack.look(session, origin)
    except (NotFound, BadInput, Corrupt):
        return True
    return not _is_of(said, container, frozen.kept(container))


def _is_of(said: Said, container: Container, kept: Kept | None) -> bool:
    """Whether an archive is of this container, and where a checkpoint is kept, of that very one."""
    if said.config.get("id") != container.id:
        return False
    return kept is None or said.notes.get("time") == kept.taken


def restored(request: Request, session: Session) -> Done:
    from ..container import lookup, restore

    container = lookup.find(session, request.text("name"), "restore container")
    if container.running:
        return Done(container)
    found = restore.obstacles(session, container, _thawing(request)) if request.check else []
    if found:
        raise restore.refusal(container, found)
    before = _state(container)
    statistics = {} if request.check else restore.restore(session, container, _thawing(request))
    after = {**before, "state": "running", "checkpoint": before["checkpoint"] if request.flag("keep") else "none"}
    return Done(container, (f"Restored container {container.name}",), before, after, statistics)


def _thawing(request: Request) -> Thawing:
    from ..container.restore import Wish
    from ..runtime.checkpoint import Keep

    return Wish(
        keep=Keep(request.flag("tcp_established"), request.flag("file_locks"), request.flag("ext_unix_sk")),
        stay=request.flag("keep"),
        ignore_ip=request.flag("ignore_static_ip"),
        ignore_mac=request.flag("ignore_static_mac"),
        criu=request.text("criu_path"),
    )


def exported(request: Request, session: Session) -> Done:
    """A container that runs is frozen for it; of one that is frozen, the checkpoint that is kept goes out."""
    from ..container import checkpoint_pack, frozen, lookup

    dest = request.text("dest")
    container = lookup.lookup(session, request.text("name"))
    if container is None or not container.running:
        said = _archive(session, dest)
        if said is not None and _unchanged(said, request.text("name"), container):
            return Done(container, more={"dest": dest})
    if container is None:
        raise NotFound(f"export the checkpoint of container {request.text('name')}", "there is no such container")
    if container.running and not request.flag("force") and os.path.exists(dest):
        return Done(container, more={"dest": dest})
    _check_dest(dest)
    before, actions, statistics = _state(container), [], {}
    kept = frozen.kept(container)
    if container.running or kept is None:
        statistics = _freeze(request, session, container, exported=True)
        actions.append(f"Checkpointed container {container.name}")
    actions.append(f"Exported the checkpoint of container {container.name} to {dest}")
    stays = request.flag("leave_running") or request.flag("pre_checkpoint")
    after = {**before, "state": "running" if stays and container.running else "frozen", "archive": dest}
    if request.check:
        return Done(container, tuple(actions), before, after, more={"dest": dest})
    fresh = lookup.find(session, container.id)
    made = checkpoint_pack.write(session, fresh, dest, _packing(request))
    _tidy(request, session, fresh)
    more: Json = {"dest": dest, "digest": made.digest, "archive_size": made.size}
    return Done(container, tuple(actions), before, after, statistics, more)


def _check_dest(dest: str) -> None:
    folder = os.path.dirname(os.path.abspath(dest))
    if not os.path.isdir(folder):
        raise BadInput(f"export to {dest}", f"there is no directory {folder}")
    if os.path.isdir(dest):
        raise BadInput(f"export to {dest}", "it is a directory")


def _archive(session: Session, path: str) -> Said | None:
    from ..container.checkpoint_unpack import Origin, look

    try:
        return look(session, Origin(path))
    except (NotFound, Corrupt, BadInput):
        return None


def _unchanged(said: Said, name: str, container: Container | None) -> bool:
    from ..container import frozen

    if container is None:  # one that is removed when it ends: it has gone into this archive
        return name in (said.config.get("name"), said.config.get("id"))
    return _is_of(said, container, frozen.kept(container))


def _tidy(request: Request, session: Session, container: Container) -> None:
    """The archive has it all: what was kept here goes, and with it a container that was to be removed at its end."""
    from ..container import frozen
    from ..container.remove import remove

    if request.flag("keep") or request.flag("pre_checkpoint"):
        return
    frozen.forget(container)
    if container.auto_remove and not container.running:
        remove(session, container, volumes=True)


def imported(request: Request, session: Session) -> Done:
    from ..container import checkpoint_import, frozen

    wish = _import_wish(request, session)
    found = checkpoint_import.plan(session, wish)
    existing = found.existing
    if existing is not None:
        if existing.running:
            return Done(existing)
        if frozen.kept(existing) is None:
            raise checkpoint_import.conflict(found)
    elif found.obstacles:
        raise Refused(
            f"import {wish.origin.shown} as container {found.name}",
            f"it cannot be restored here: {'; '.join(found.obstacles)}",
        )
    _refuse_host(request, session, found)
    actions = [f"Pulled image {found.pull}"] if found.pull else []
    actions.append(f"Restored container {found.name} from {wish.origin.shown}")
    after = _after_import(found)
    if request.check:
        return Done(existing, tuple(actions), {"name": found.name, "state": "absent"}, after)
    container, statistics = checkpoint_import.run(session, wish, found, _thawing(request))
    return Done(container, tuple(actions), {"name": found.name, "state": "absent"}, after, statistics)


def _import_wish(request: Request, session: Session) -> Importing:
    from ..container import checkpoint_image, checkpoint_import
    from ..container.checkpoint_unpack import Origin

    image = request.text("image")
    origin = checkpoint_image.origin(session, image) if image else Origin(request.text("src"))
    publish = request.params.get("publish")
    previous = request.text("src_previous")
    return checkpoint_import.Wish(
        origin,
        name=request.text("name"),
        publish=tuple(map(str, publish)) if isinstance(publish, list) else None,
        rootfs=not request.flag("ignore_rootfs"),
        volumes=not request.flag("ignore_volumes"),
        trust=request.flag("trust"),
        before=Origin(previous) if previous else None,
    )


def _refuse_host(request: Request, session: Session, found: Plan) -> None:
    """What of this host stands in the way, before anything is made."""
    from ..container import adopted, restore

    obstacles = restore.of_host(session, adopted.runtime_name(found.said.config), request.text("criu_path"))
    if obstacles:
        raise Conflict(f"import container {found.name}", f"it cannot be restored here: {'; '.join(obstacles)}")


def _after_import(found: Plan) -> Json:
    after: Json = {"name": found.name, "state": "running"}
    if found.volumes:
        after["volumes"] = list(found.volumes)
    if found.privileges:
        after["privileges"] = found.privileges
    return after


def absent(request: Request, session: Session) -> Done:
    from ..container import checkpoint, frozen, lookup

    actions: list[str] = []
    container = lookup.lookup(session, request.text("name")) if request.text("name") else None
    dest = request.text("dest")
    before: Json = {}
    if container is not None and (frozen.kept(container) is not None or frozen.earlier(container)):
        actions.append(f"Removed the checkpoint of container {container.name}")
        before["checkpoint"] = "kept"
        if not request.check:
            checkpoint.forget(session, container)
    if dest and os.path.lexists(dest):
        if os.path.isdir(dest) or _archive(session, dest) is None:
            raise Refused(f"remove {dest}", "it is not a checkpoint archive", "Remove it yourself if it is to go")
        actions.append(f"Removed the archive {dest}")
        before["archive"] = dest
        if not request.check:
            os.unlink(dest)
    return Done(container, tuple(actions), before, dict.fromkeys(before, "absent"), more={"exists": False})
