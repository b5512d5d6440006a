# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What each state of the module `checkpoint` does: look, say what is to be done, and do it unless it is check mode."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Corrupt, NotFound, Refused
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..container.checkpoint import Wish as Freezing
    from ..container.checkpoint_pack import Wish as Packing
    from ..container.checkpoint_unpack import Said
    from ..container.frozen import Kept
    from ..container.model import Container
    from ..container.restore import Wish as Thawing
    from ..runtime.checkpoint import Keep
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
        statistics = freeze(request, session, container, exported=bool(name))
        what = (
            f"Wrote the memory of container {container.name}" if early else f"Checkpointed container {container.name}"
        )
        actions.append(what)
    if name and (not there or _image_is_old(session, container, name)):
        actions.append(f"Made image {name} of the checkpoint of container {container.name}")
        if not request.check:
            checkpoint_pack.image(session, lookup.find(session, container.id), name, packing(request))
    after = {**state(container), "state": "running" if early or request.flag("leave_running") else "frozen"}
    if name:
        after["image"] = name
    return Done(container, tuple(actions), state(container), after, statistics)


def state(container: Container) -> Json:
    from ..container import frozen

    kept = frozen.kept(container)
    state = "frozen" if kept is not None and not container.running else container.status
    return {"name": container.name, "state": state, "checkpoint": kept.taken if kept else "none"}


def kept(container: Container | None) -> Json:
    """What is kept of the container's checkpoint on this host."""
    if container is None:
        return {"exists": False}
    from ..container import frozen
    from ..host.sizes import tree_bytes

    found = frozen.kept(container)
    about: Json = {"name": container.name, "id": container.id, "exists": found is not None}
    if found is not None:
        about.update(path=found.path, time=found.taken, size=tree_bytes(found.path), **found.keep.to_json())
        about.update({key: found.notes.get(key, "") for key in ("kernel", "criu", "runtime", "architecture")})
    return about


def freeze(request: Request, session: Session, container: Container, *, exported: bool) -> Json:
    """Freeze it, or in check mode find out whether that can work. Raises Conflict with all that stands in the way."""
    from ..container import checkpoint

    wish = freezing(request, exported=exported)
    if not request.check:
        return checkpoint.checkpoint(session, container, wish)
    found = checkpoint.obstacles(session, container, wish)
    if found:
        raise checkpoint.refusal(container, found)
    return {}


def published(request: Request) -> tuple[str, ...] | None:
    """The ports that replace a container's own; None keeps them."""
    listed = request.params.get("publish")
    return tuple(map(str, listed)) if isinstance(listed, list) else None


def keeps(request: Request) -> Keep:
    from ..runtime.checkpoint import Keep

    return Keep(request.flag("tcp_established"), request.flag("file_locks"), request.flag("ext_unix_sk"))


def freezing(request: Request, *, exported: bool) -> Freezing:
    from ..container.checkpoint import Wish

    return Wish(
        keep=keeps(request),
        leave_running=request.flag("leave_running"),
        early=request.flag("pre_checkpoint"),
        after_early=request.flag("with_previous"),
        criu=request.text("criu_path"),
        exported=exported,
    )


def packing(request: Request) -> Packing:
    from ..container.checkpoint_pack import Wish

    level = request.params.get("compression_level")
    return Wish(
        rootfs=not request.flag("ignore_rootfs"),
        volumes=not request.flag("ignore_volumes"),
        compression=request.text("compression"),
        level=level if isinstance(level, int) else None,
        early=request.flag("pre_checkpoint"),
        previous=not request.flag("ignore_previous"),
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
    return not is_of(said, container, frozen.kept(container))


def is_of(said: Said, container: Container, kept: Kept | None) -> bool:
    """Whether an archive is of this container, and where a checkpoint is kept, of that very one."""
    if said.config.get("id") != container.id:
        return False
    return kept is None or said.notes.get("time") == kept.taken


def restored(request: Request, session: Session) -> Done:
    from ..container import lookup, restore

    container = lookup.find(session, request.text("name"), "restore container")
    if container.running:
        return Done(container)
    found = restore.obstacles(session, container, thawing(request)) if request.check else []
    if found:
        raise restore.refusal(container, found)
    before = state(container)
    statistics = {} if request.check else restore.restore(session, container, thawing(request))
    after = {**before, "state": "running", "checkpoint": before["checkpoint"] if request.flag("keep") else "none"}
    return Done(container, (f"Restored container {container.name}",), before, after, statistics)


def thawing(request: Request) -> Thawing:
    from ..container.restore import Wish

    return Wish(
        keep=keeps(request),
        stay=request.flag("keep"),
        ignore_ip=request.flag("ignore_static_ip"),
        ignore_mac=request.flag("ignore_static_mac"),
        criu=request.text("criu_path"),
    )


def archive(session: Session, path: str) -> Said | None:
    from ..container.checkpoint_unpack import Origin, look

    try:
        return look(session, Origin(path))
    except (NotFound, Corrupt, BadInput):
        return None


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
        if os.path.isdir(dest) or archive(session, dest) is None:
            raise Refused(f"remove {dest}", "it is not a checkpoint archive", "Remove it yourself if it is to go")
        actions.append(f"Removed the archive {dest}")
        before["archive"] = dest
        if not request.check:
            os.unlink(dest)
    return Done(container, tuple(actions), before, dict.fromkeys(before, "absent"), more={"exists": False})
