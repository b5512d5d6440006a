# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What stands behind a container's mounts at its start: volumes and the parts of them that are named, owners (`:U`),
and overlays (`:O`), whose changes are thrown away when the container ends.
"""

from __future__ import annotations

import os
import shutil
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import EngineError, NotFound
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..host import mounts
from ..host.rooted import Root
from . import volumes

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..base.jsonval import Json
    from ..session.session import Session
    from ..spec.users import Account
    from .image_mounts import Mounted
    from .model import Container


class Sources(NamedTuple):
    """`volumes` name -> directory; `parts` destination -> the directory of a volume that is mounted there instead of
    the whole; `overlays` finished mounts."""

    volumes: dict[str, str]
    parts: dict[str, str]
    overlays: tuple[Json, ...]


class _Part(NamedTuple):
    """`path` below the directory `tree`, which is `of` something, for a mount at `target`."""

    tree: str
    path: str
    of: str
    target: str


@contextmanager
def prepared(session: Session, container: Container, rootfs: str, account: Account) -> Iterator[Sources]:
    """Everything ready to be mounted; `parts` are there only inside. Raises NotFound, HostLacks, EngineError."""
    found = volumes.attach(session, container, rootfs, account)
    for mount in jsonval.tables(container.spec, "mounts"):
        if mount.get("type") == "bind" and "U" in jsonval.texts(mount, "options"):
            _chown(jsonval.text(mount, "source"), account)
    images: list[Mounted] = []
    if container.config.get("ctrImageVolumes"):
        from .image_mounts import attach

        images = attach(session, container)
    with _parts(session, container, found, images) as parts:
        rootless = session.identity.rootless
        overlays = list(_overlays(container, found, account, rootless))
        for number, image in enumerate(images):
            image = image._replace(path=parts.get(image.target, image.path))
            overlays.append(_image(container, image, number, rootless))
        yield Sources(found, parts, tuple(overlays))


def _image(container: Container, image: Mounted, number: int, rootless: bool) -> Json:
    """Read-only as it is; to be written with what is written thrown away when the container ends."""
    if not image.writable:
        options = ["bind", "ro", "rprivate"]
        return {"destination": image.target, "type": "bind", "source": image.path, "options": options}
    upper, work = _changes(os.path.join(_folder(container), f"image-{number}"), image.path, [])
    return _overlay(image.target, image.path, upper, work, rootless)


def _overlay(target: str, source: str, upper: str, work: str, rootless: bool) -> Json:
    words = ["lowerdir=" + source.replace(":", "\\:"), f"upperdir={upper}", f"workdir={work}"]
    options = [*words, *(["userxattr"] * rootless), "private"]
    return {"destination": target, "type": "overlay", "source": "overlay", "options": options}


def _chown(path: str, account: Account) -> None:
    from .copyup import chown_tree

    try:
        if os.path.isdir(path):
            chown_tree(path, account.uid, account.gid)
        else:
            os.chown(path, account.uid, account.gid)
    except OSError as error:
        raise EngineError(f"change the owner of {path}", error.strerror or str(error)) from error


@contextmanager
def _parts(
    session: Session, container: Container, found: dict[str, str], images: Sequence[Mounted]
) -> Iterator[dict[str, str]]:
    """Directories below volumes and images, by target, bound aside until the runtime has mounted them into the
    container."""
    wanted = [
        _Part(found[jsonval.text(named, "volumeName")], path, f"volume {named['volumeName']}", str(named["dest"]))
        for named in jsonval.tables(container.config, "namedVolumes")
        for path in [jsonval.text(named, "SubPath")]
        if path
    ]
    wanted += [_Part(one.path, one.part, f"image {one.source}", one.target) for one in images if one.part]
    if not wanted:
        yield {}
        return
    folder = _parts_folder(session, container)
    forget_parts(session, container)
    try:
        parts = {}
        for number, part in enumerate(wanted):
            target = os.path.join(folder, str(number))
            _bind_part(container, part, target)
            parts[part.target] = target
        yield parts
    finally:
        forget_parts(session, container)


def _bind_part(container: Container, part: _Part, target: str) -> None:
    """The volume is a foreign tree: a link in it must not lead out to the host, neither now nor between this look and
    the mount. So it is opened inside the volume, and what was opened is bound.
    """
    where = f"{part.path} in {part.of}"
    try:
        with Root.of(part.tree) as root:
            fd = root.open_dir(part.path)
        try:
            os.makedirs(target, mode=0o700)
            mounts.bind(f"/proc/self/fd/{fd}", target, recursive=True, private=True)
        finally:
            os.close(fd)
    except OSError as error:
        raise NotFound(f"start container {container.name}", f"{where}: {error.strerror}") from error
    reached("part-bound")


def _parts_folder(session: Session, container: Container) -> str:
    """Not among the container's own files, which whoever removes it deletes with all that is below."""
    return os.path.join(session.paths.tmp_dir, "daemonless", "parts", container.id)


def forget_parts(session: Session, container: Container) -> None:
    """Nil work when there are none."""
    folder = _parts_folder(session, container)
    if not os.path.isdir(folder):
        return
    mounts.unmount_below(folder)
    for name in os.listdir(folder):
        os.rmdir(os.path.join(folder, name))
    os.rmdir(folder)


def _overlays(container: Container, found: dict[str, str], account: Account, rootless: bool) -> Iterator[Json]:
    wanted = [
        (jsonval.text(overlay, "dest"), jsonval.text(overlay, "source"), jsonval.texts(overlay, "options"))
        for overlay in jsonval.tables(container.config, "overlayVolumes")
    ]
    wanted += [
        (jsonval.text(named, "dest"), found[jsonval.text(named, "volumeName")], jsonval.texts(named, "options"))
        for named in jsonval.tables(container.config, "namedVolumes")
        if "O" in jsonval.texts(named, "options")
    ]
    forget_overlays(container)
    for number, (target, source, options) in enumerate(wanted):
        if not os.path.isdir(source):
            cause = f"{source}, which it mounts at {target}, is no directory"
            raise NotFound(f"start container {container.name}", cause)
        upper, work = _changes(os.path.join(_folder(container), str(number)), source, options)
        if "U" in options:
            _chown(upper, account)
        yield _overlay(target, source, upper, work, rootless)


def _changes(folder: str, source: str, options: list[str]) -> tuple[str, str]:
    """Where an overlay keeps what is written: with the container, or where the options say, which then outlives it."""
    named = dict(word.split("=", 1) for word in options if word.startswith(("upperdir=", "workdir=")))
    upper, work = named.get("upperdir", f"{folder}/upper"), named.get("workdir", f"{folder}/work")
    for path in (upper, work):
        os.makedirs(path, mode=0o700, exist_ok=True)
    if "upperdir" not in named:  # the top of the merged tree looks like its source
        info = os.stat(source)
        os.chown(upper, info.st_uid, info.st_gid)
        os.chmod(upper, info.st_mode & 0o7777)
    reached("overlay-laid")
    return upper, work


def _folder(container: Container) -> str:
    return os.path.join(container.static_dir, "overlay")


def forget_overlays(container: Container) -> None:
    """What a container wrote over its `:O` mounts goes with its end."""
    shutil.rmtree(_folder(container), ignore_errors=True)
