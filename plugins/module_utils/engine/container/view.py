# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files of a container as it sees them, volumes and directories of the host included, whether it runs or not.

Of a container that runs it is the root of its own mount namespace. For one that does not, its layers and what it mounts
are put together in a mount namespace that only we have, so nothing of it is left when we are killed. Both are entered
by a descriptor; every path is resolved by the kernel as if that were "/", whatever the container does meanwhile.
"""

from __future__ import annotations

import errno
import os
from contextlib import ExitStack, contextmanager
from functools import partial
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import Conflict, HostLacks
from ..base.tuples import NamedTuple
from ..host.rooted import Root
from .holding import held

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..session.session import Session
    from ..volume.observed import VolumeView
    from .model import Container

_MAKE = os.O_WRONLY | os.O_CREAT | os.O_EXCL


class _Bind(NamedTuple):
    target: str
    source: str
    read_only: bool
    volume: VolumeView | None = None
    copy_up: bool = True


@contextmanager
def opened(session: Session, container: Container, *, write: bool) -> Iterator[Root]:
    """Its tree. One that is stopped stays so during the block with `write`: its lock is held.

    Raises Conflict when it ends meanwhile, HostLacks when its files cannot be mounted, and as the store does.
    """
    with ExitStack() as stack:
        current = container
        if write and not container.running:
            current = stack.enter_context(held(session, container, "copy into"))
            if current.running:
                stack.close()
        if current.running:
            root = stack.enter_context(_of_process(current))
        else:
            root = stack.enter_context(_put_together(session, current, write=write))
        yield root


def _of_process(container: Container) -> Root:
    deed = f"look into container {container.name}"
    try:
        root = Root.of(f"/proc/{container.pid}/root")
    except OSError as error:
        raise Conflict(deed, f"its file system cannot be reached: {error.strerror}") from error
    if not container.alive():  # the number may be another process' by now
        root.close()
        raise Conflict(deed, "it has ended meanwhile")
    return root


@contextmanager
def _put_together(session: Session, container: Container, *, write: bool) -> Iterator[Root]:
    from ..host.private_mounts import Space

    binds = sorted(_binds(session, container), key=lambda one: one.target.count("/"))
    rootfs = jsonval.text(container.config, "rootfs")
    try:
        with ExitStack() as stack:
            space = Space.make()
            stack.callback(space.close)
            root = space.run(lambda: Root.of(rootfs or session.store.look(container.id, write=write)))
            stack.enter_context(root)
            for bind in binds:
                source = space.run(partial(_source, session, bind))
                if source >= 0:
                    stack.callback(os.close, source)
                    if _ready(session, container, root, bind, source, write=write):
                        space.run(partial(_attach, root, bind, source, make=write or not rootfs))
            yield root
    except OSError as error:
        if error.errno not in (errno.EPERM, errno.ENOSYS):
            raise
        raise HostLacks(f"look into container {container.name}", f"mount its files: {error.strerror}") from error


def _binds(session: Session, container: Container) -> Iterator[_Bind]:
    """What the container's user mounted; files that each start makes anew are none of it."""
    from ..volume import observed

    asked = set(jsonval.texts(container.config, "userVolumes"))
    for mount in jsonval.tables(container.spec, "mounts"):
        target = jsonval.text(mount, "destination")
        if jsonval.text(mount, "type") == "bind" and target in asked:
            yield _Bind(target, jsonval.text(mount, "source"), "ro" in jsonval.texts(mount, "options"))
    for overlay in jsonval.tables(container.config, "overlayVolumes"):
        yield _Bind(jsonval.text(overlay, "dest"), jsonval.text(overlay, "source"), True)
    for named in jsonval.tables(container.config, "namedVolumes"):
        view = observed.find(session, jsonval.text(named, "volumeName"))
        if view is not None:
            options = jsonval.texts(named, "options")
            read_only = "ro" in options or "O" in options
            source = jsonval.text(named, "SubPath")
            yield _Bind(jsonval.text(named, "dest"), source, read_only, view, "nocopy" not in options)


def _source(session: Session, bind: _Bind) -> int:
    """A descriptor of what is mounted, -1 where that is nothing."""
    if bind.volume is None:
        return _opened_or_none(bind.source)
    from ..volume import mount

    directory = mount.look(session, bind.volume)
    if not bind.source:
        return _opened_or_none(directory)
    with Root.of(directory) as inside:
        try:
            return inside.open(bind.source, os.O_PATH)
        except FileNotFoundError:
            return -1


def _ready(session: Session, container: Container, root: Root, bind: _Bind, source: int, *, write: bool) -> bool:
    """Whether a volume is to be seen: one that was never used gets what the image has there before it is written to,
    and until then the image's own files are what shows."""
    view = bind.volume
    if view is None or not (view.needs_copy_up or view.needs_chown) or bind.source:
        return True
    if not write:
        shows = view.needs_copy_up and bind.copy_up and root.exists(bind.target)
        return not shows or bool(os.listdir(f"/proc/self/fd/{source}"))
    from . import copy_owners
    from .copyup import prepare_volume

    seen = view._replace(mountpoint=f"/proc/self/fd/{source}")
    owner = copy_owners.user(container, root)
    prepare_volume(session, seen, f"/proc/self/fd/{root.fd}", bind.target, owner, copy=bind.copy_up)
    return True


def _attach(root: Root, bind: _Bind, source: int, *, make: bool) -> None:
    from ..host import private_mounts

    target = _target(root, bind.target, directory=os.path.isdir(f"/proc/self/fd/{source}"), make=make)
    if target < 0:
        return
    try:
        private_mounts.bind(f"/proc/self/fd/{source}", target)
    finally:
        os.close(target)
    if bind.read_only:
        top = root.open(bind.target, os.O_PATH)
        try:
            private_mounts.make_read_only(top)
        finally:
            os.close(top)


def _opened_or_none(path: str) -> int:
    try:
        return os.open(path, os.O_PATH | os.O_CLOEXEC)
    except (FileNotFoundError, PermissionError):
        return -1


def _target(root: Root, path: str, *, directory: bool, make: bool) -> int:
    """A descriptor of where it is mounted; made as the runtime would make it, -1 where that must not be."""
    try:
        return root.open(path, os.O_PATH)
    except FileNotFoundError:
        if not make:
            return -1
    if directory:
        return root.mkdirs(path)
    head, _slash, _name = path.rstrip("/").rpartition("/")
    os.close(root.mkdirs(head or "/"))
    os.close(root.open(path, _MAKE, 0o644))
    return root.open(path, os.O_PATH)
