# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The states `exported` and `imported` of the module `checkpoint`: archives of this host, and of the controller.

For an archive of the controller the action plugin leads, and each run of the module is a `stage`: it says what the
controller has, the module does its part here, and the plugin carries the file.
"""

from __future__ import annotations

import os
from contextlib import nullcontext
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.digest import digest_of_file
from ..base.errors import BadInput, Conflict, Corrupt, NotFound, Refused
from ..base.tuples import NamedTuple
from .checkpoint_deeds import Done, archive, freeze, is_of, packing, published, state, thawing
from .outgoing import hand_over

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..base.jsonval import Json
    from ..container.checkpoint_import import Plan
    from ..container.checkpoint_import import Wish as Importing
    from ..container.checkpoint_unpack import Origin, Said
    from ..container.model import Container
    from ..session.session import Session
    from .frame import Request


class _Place(NamedTuple):
    """Where the archive is to be: `dest` as it was said, `path` where it is written here. `there`: something is at
    `dest` already; `held` tells what it says where it is a checkpoint."""

    dest: str
    path: str
    there: bool
    held: Callable[[], Said | None]


def exported(request: Request, session: Session) -> Done:
    """A container that runs is frozen for it; of one that is frozen, the checkpoint that is kept goes out."""
    from ..container import checkpoint_pack, frozen, lookup

    stage = jsonval.table(request.params, "stage")
    if jsonval.text(stage, "do") == "tidy":
        return _fetched(request, session)
    place = _at_controller(request, stage) if request.flag("fetch") else _at_host(request, session)
    more: Json = {"dest": place.dest}
    container = lookup.lookup(session, request.text("name"))
    if (container is None or not container.running) and _unchanged(place.held(), request.text("name"), container):
        return Done(container, more=more)
    if container is None:
        raise NotFound(f"export the checkpoint of container {request.text('name')}", "there is no such container")
    if container.running and not request.flag("force") and place.there:
        return Done(container, more=more)
    if not request.flag("fetch"):
        _check_dest(place.dest)
    before, actions, statistics = state(container), [], {}
    kept = frozen.kept(container)
    anew = container.running or kept is None
    if anew:
        statistics = freeze(request, session, container, exported=True)
        actions.append(f"Checkpointed container {container.name}")
    actions.append(f"Exported the checkpoint of container {container.name} to {place.dest}")
    stays = request.flag("leave_running") or request.flag("pre_checkpoint")
    after = {**before, "state": "running" if stays and container.running else "frozen", "archive": place.dest}
    if request.check:
        return Done(container, tuple(actions), before, after, more=more)
    fresh = lookup.find(session, container.id)
    goes_on = checkpoint_pack.as_before(session, fresh, request.text("criu_path"))
    with goes_on if anew and not request.flag("pre_checkpoint") else nullcontext():
        made = checkpoint_pack.write(session, fresh, place.path, packing(request))
        if request.flag("fetch"):
            hand_over(place.path)
    if not request.flag("fetch"):
        _tidy(request, session, fresh)
    more = {"dest": place.dest, "digest": made.digest, "archive_size": made.size}
    return Done(container, tuple(actions), before, after, statistics, more)


def _at_host(request: Request, session: Session) -> _Place:
    dest = request.text("dest")
    return _Place(dest, dest, os.path.exists(dest), lambda: archive(session, dest))


def _at_controller(request: Request, stage: Json) -> _Place:
    from ..container.checkpoint_unpack import Said

    dest, held = request.text("dest"), jsonval.table(stage, "held")
    if jsonval.text(stage, "do") != "export":
        raise BadInput("read fetch", "the module was run without its action plugin, which fetches the archive")
    said = Said({"id": held.get("id"), "name": held.get("name")}, {}, {"time": held.get("time")}) if held else None
    path = os.path.join(jsonval.text(stage, "directory"), "archive")
    return _Place(dest, path, jsonval.flag(stage, "there"), lambda: said)


def _fetched(request: Request, session: Session) -> Done:
    """The archive is at the controller: only now what is kept here may go."""
    from ..container import lookup

    container = lookup.lookup(session, request.text("name"))
    if container is not None:
        _tidy(request, session, container)
        container = lookup.lookup(session, container.id)
    return Done(container, more={"dest": request.text("dest")})


def _check_dest(dest: str) -> None:
    folder = os.path.dirname(os.path.abspath(dest))
    if not os.path.isdir(folder):
        raise BadInput(f"export to {dest}", f"there is no directory {folder}")
    if os.path.isdir(dest):
        raise BadInput(f"export to {dest}", "it is a directory")


def _unchanged(said: Said | None, name: str, container: Container | None) -> bool:
    from ..container import frozen

    if said is None:
        return False
    if container is None:  # one that is removed when it ends: it has gone into this archive
        return name in (said.config.get("name"), said.config.get("id"))
    return is_of(said, container, frozen.kept(container))


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

    wish, said = _import_wish(request, session)
    found = checkpoint_import.plan(session, wish, said)
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
    if request.check or said is not None:
        return Done(existing, tuple(actions), {"name": found.name, "state": "absent"}, after)
    container, statistics = checkpoint_import.run(session, wish, found, thawing(request))
    return Done(container, tuple(actions), {"name": found.name, "state": "absent"}, after, statistics)


def _import_wish(request: Request, session: Session) -> tuple[Importing, Said | None]:
    """What is wanted; and what the archive says, where it is at the controller as yet."""
    from ..container import checkpoint_image, checkpoint_import
    from ..container.checkpoint_unpack import Origin

    image, said = request.text("image"), None
    if image:
        origin, before = checkpoint_image.origin(session, image), None
    elif request.flag("remote_src"):
        previous = request.text("src_previous")
        origin, before = Origin(request.text("src")), Origin(previous) if previous else None
    else:
        origin, before, said = _from_controller(request)
    wish = checkpoint_import.Wish(
        origin,
        name=request.text("name"),
        publish=published(request),
        rootfs=not request.flag("ignore_rootfs"),
        volumes=not request.flag("ignore_volumes"),
        trust=request.flag("trust"),
        before=before,
        ignore_ip=request.flag("ignore_static_ip"),
        pod=request.text("pod"),
    )
    return wish, said


def _from_controller(request: Request) -> tuple[Origin, Origin | None, Said | None]:
    from ..container import landing
    from ..container.checkpoint_unpack import Origin

    stage = jsonval.table(request.params, "stage")
    name, deed = request.text("src"), jsonval.text(stage, "do")
    if deed == "plan":
        return Origin(name), None, landing.said(jsonval.table(stage, "said"))
    if deed != "import":
        raise BadInput("read remote_src", "the module was run without its action plugin, which brings the archive")
    path, previous = jsonval.text(stage, "path"), jsonval.text(stage, "previous")
    if str(digest_of_file(path)) != jsonval.text(stage, "digest"):
        raise Corrupt(f"import {name}", "it changed on the way", "Run the task again")
    before = Origin(previous, name=f"the archive {request.text('src_previous')}") if previous else None
    return Origin(path, name=f"the archive {name}"), before, None


def _refuse_host(request: Request, session: Session, found: Plan) -> None:
    """What of this host stands in the way, before anything is made."""
    from ..container import adopted, restore

    obstacles = restore.of_host(session, adopted.runtime_name(found.said.config), request.text("criu_path"))
    if obstacles:
        raise Conflict(f"import container {found.name}", f"it cannot be restored here: {'; '.join(obstacles)}")


def _after_import(found: Plan) -> Json:
    after: Json = {"name": found.name, "state": "running"}
    if found.pod is not None:
        after["pod"] = found.pod.name
    if found.volumes:
        after["volumes"] = list(found.volumes)
    if found.privileges:
        after["privileges"] = found.privileges
    return after
