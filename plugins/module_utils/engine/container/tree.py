# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""A container's own file system, read from its layers: what it changed, all of it as one tar.

What is mounted into a container (volumes, binds, /proc) is no part of it, as with podman. Nothing is mounted and no
lock is held, so a container may run, and may be looked at by others, meanwhile.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import BadInput, Damaged, NotFound

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from ..session.session import Session
    from ..store.merged import Merged
    from ..store.pack import Owner
    from ..store.records import ContainerRecord, IdMap
    from .model import Container

_NOBODY = 65534  # what the kernel shows for an id that a namespace has no number for


@contextmanager
def opened(session: Session, container: Container) -> Iterator[Merged]:
    """The tree that its layers make. Raises Damaged, NotFound."""
    from ..store.merged import Merged

    deed = f"read the file system of container {container.name}"
    try:
        rootfs = jsonval.text(container.config, "rootfs")
        if rootfs:
            mounted = jsonval.text(container.state, "mountPoint") if container.running else ""
            tree = Merged([mounted or rootfs])
        else:
            tree = session.store.tree(record(session, container).layer)
    except OSError as error:
        raise Damaged(deed, f"{error.filename}: {error.strerror}") from error
    with tree:
        yield tree


def record(session: Session, container: Container) -> ContainerRecord:
    """Its record in the store. Raises NotFound for a container on a directory of the host."""
    found = session.store.container(container.id)
    if found is None:
        raise NotFound(f"find the layers of container {container.name}", "the store has none for it")
    return found


def tar(session: Session, container: Container) -> Iterator[bytes]:
    """The tar of the whole tree, in pieces; owners as the container sees them. Raises Damaged, HostLacks, Refused."""
    from ..store.pack import flatten

    with opened(session, container) as tree:
        yield from flatten(
            tree, lambda _node: True, f"container {container.name}", _owners(session, container, len(tree.roots))
        )


def _owners(session: Session, container: Container, count: int) -> Mapping[int, Owner]:
    """The container's own layer has the ids of the disk; its image's have those of the container, unless the layer
    says that it stands on a copy of them that was shifted as well."""
    if jsonval.text(container.config, "rootfs"):
        return {}
    found = record(session, container)
    owner = owner_inside(found)
    layer = session.store.layer(found.layer)
    shifted = layer is not None and any(layer.maps)
    return dict.fromkeys(range(count if shifted else 1), owner) if owner else {}


def owner_inside(found: ContainerRecord) -> Owner | None:
    """What a (uid, gid) of the disk is in the container; None when it is the same."""
    uids, gids = found.uid_map, found.gid_map
    if not uids and not gids:
        return None
    return lambda uid, gid: (_inside(uids, uid), _inside(gids, gid))


def _inside(lines: Sequence[IdMap], number: int) -> int:
    for line in lines:
        if 0 <= number - line.host_id < line.size:
            return line.container_id + number - line.host_id
    return _NOBODY if lines else number


def changes(session: Session, container: Container) -> list[tuple[str, str]]:
    """(A, C or D; path), sorted by path, as `podman diff` has them: against the image that it was made from."""
    from ..image.difference import MOUNTED
    from ..store.differences import differences

    if jsonval.text(container.config, "rootfs"):
        raise BadInput(
            f"compare container {container.name} with its image",
            "it stands on a directory of the host and has no image",
        )
    layer = session.store.layer(record(session, container).layer)
    below = layer.parent if layer is not None else ""
    try:
        with opened(session, container) as new:
            if not below:
                return [entry for entry in differences(None, new) if entry[1] not in MOUNTED]
            with session.store.tree(below) as old:
                return [entry for entry in differences(old, new, one_layer=True) if entry[1] not in MOUNTED]
    except OSError as error:
        raise Damaged(f"compare container {container.name} with its image", str(error)) from error
