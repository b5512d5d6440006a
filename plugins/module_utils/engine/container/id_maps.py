# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The ids of a container's user namespace: chosen where the task leaves the choice, and told to the storage."""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.locks import FileLock
from ..base.values import replace
from ..spec import id_maps, users
from ..spec.namespaces import IdRange
from . import membership, process

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from ..session.session import Session
    from ..store.records import IdMap
    from .desired import ContainerDesired
    from .surroundings import Surroundings

    Maps = tuple[tuple[IdMap, ...], tuple[IdMap, ...]]
    Spans = list[tuple[int, int]]

_GRANTEE = "containers"  # root-auto-userns-user of storage.conf
_NOBODY = 65534


@contextmanager
def choosing(session: Session, desired: ContainerDesired, around: Surroundings) -> Iterator[Surroundings]:
    """The surroundings with the ids for `userns: auto`, which nobody else can choose until the block has ended: by
    then the container is in the storage's table, where podman looks as well."""
    if desired.userns is None or desired.userns.kind != "auto":
        yield around
        return
    wish = id_maps.parse_auto(desired.userns)
    size = id_maps.size_of(wish, 0 if wish.size else _needed(session, desired, around))
    uids, gids = _available(session)
    root = session.store.options.graph_root
    os.makedirs(root, mode=0o700, exist_ok=True)
    with FileLock(os.path.join(root, "userns.lock")):
        taken = session.store.containers()
        used = [[(line.host_id, line.size) for one in taken for line in one.uid_map]]
        used.append([(line.host_id, line.size) for one in taken for line in one.gid_map])
        chosen = (
            id_maps.choose(size, uids, used[0], wish.uids, "user ids"),
            id_maps.choose(size, gids, used[1], wish.gids, "group ids"),
        )
        yield replace(around, auto_maps=chosen)


def of_storage(desired: ContainerDesired, around: Surroundings) -> Maps:
    """What the storage is told; nothing where the container has the ids of its surroundings."""
    from ..store.records import IdMap

    maps = process.maps(*membership.settled(desired, around))
    if not maps.private:
        return (), ()
    for option, lines, available in (
        ("uidmap", maps.uids, around.host.sub_ids[0]),
        ("gidmap", maps.gids, around.host.sub_ids[1]),
    ):
        if around.host.rootless and any(line.outside + line.size > available + 1 for line in lines):
            raise BadInput(f"read {option}", f"a plain user's containers have ids from 0 to {available} to map to")
    return tuple(IdMap(*line) for line in maps.uids), tuple(IdMap(*line) for line in maps.gids)


def lined_up(spans: Sequence[tuple[int, int]]) -> tuple[IdRange, ...]:
    """Ranges outside, one after the other inside."""
    found = []
    inside = 0
    for first, count in spans:
        found.append(IdRange(inside, first, count))
        inside += count
    return tuple(found)


def _available(session: Session) -> tuple[Spans, Spans]:
    """A plain user's are those of the namespace that all of the user's containers are in, without the user itself."""
    if session.identity.rootless:
        from .gather import sub_ids

        uids, gids = sub_ids(rootless=True)
        return [(1, uids)], [(1, gids)]
    from ..host import subids

    found = subids.of_names(_GRANTEE, _GRANTEE)
    return [(span.first, span.size) for span in found.uids], [(span.first, span.size) for span in found.gids]


def _needed(session: Session, desired: ContainerDesired, around: Surroundings) -> int:
    """One more than the highest id that the image's files, its passwd or the user have."""
    highest = 0
    for word in process.effective_user(desired, around).split(":"):
        if word.isascii() and word.isdigit():
            highest = max(highest, int(word))
    if around.image is None:
        return highest + 1
    record = session.store.image(around.image.id)
    layers = session.store.layer_chain(record.top_layer) if record is not None else []
    for layer in layers:
        for key in ("uidset", "gidset"):
            ids = layer.row.get(key)
            highest = max([highest, *(n for n in ids if isinstance(n, int))] if isinstance(ids, list) else [highest])
    for name in ("passwd", "group"):
        numbers = users.numbers(_read(session, [layer.id for layer in layers], f"etc/{name}"))
        highest = max([highest, *(number for number in numbers if number != _NOBODY and number < 1 << 16)])
    return highest + 1


def _read(session: Session, layers: Sequence[str], path: str) -> bytes:
    """The file as the topmost layer has it that has one; b"" for none, or for something else than a file."""
    from ..host.rooted import Root, read_file

    for layer in reversed(layers):
        try:
            with Root.of(session.store.home.diff(layer)) as root:
                found = read_file(root, path, users.MAX_BYTES)
        except OSError:
            continue
        if found is not None:
            return found
    return b""
