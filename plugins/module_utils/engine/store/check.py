# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is wrong with a store, and putting right what can be put right without losing anything that has a name.

Killed processes leave four kinds of garbage: layers recorded as incomplete, trees under overlay/staging, writable
layers that no container names yet, and directories whose record is gone. `repair` removes those. An image or container
that lacks a part is reported, never removed: pulling the image again, or recreating the container, mends it.
"""

from __future__ import annotations

import os
import time
from typing import TYPE_CHECKING

from ..base import clock
from ..base.digest import digest_of
from ..base.errors import BadInput, Damaged
from ..base.files import read_bytes
from ..base.ids import is_id
from ..base.tuples import NamedTuple
from ..host import mounts
from ..host.rooted import Root, remove_tree
from .images import big_data_file

if TYPE_CHECKING:
    from collections.abc import Iterator

    from .containers import ContainerStore
    from .images import ImageStore
    from .layers import LayerStore
    from .mounting import Mounter
    from .overlay import Home
    from .records import ContainerRecord, ImageRecord, LayerRecord
    from .tables import Writer

_SPLIT = ".tar-split.gz"
_DAY = 86400
# Entries of ROOT/overlay that are no layers.
_NO_LAYERS = frozenset(("l", "staging", "tempdirs"))


class Problem(NamedTuple):
    """`kind` is one of: incomplete-layer, orphaned-layer, unused-layer, damaged-layer, damaged-image,
    damaged-container, leftover (a file or directory nobody records), stale-mount. `repairable` problems are garbage."""

    kind: str
    id: str
    detail: str
    repairable: bool


class Parts(NamedTuple):
    """The rooms of one main store."""

    home: Home
    layers: LayerStore
    images: ImageStore
    containers: ContainerStore
    mounter: Mounter
    elsewhere: frozenset[str]
    rootless: bool


def check(parts: Parts, unused_age: int = _DAY, contents: bool = False) -> list[Problem]:
    """All problems. `unused_age` is how many seconds a layer that no image names may be old: a pull may be going on.
    With `contents` every layer is read and compared with what its archive made.
    """
    with parts.layers.table.reading() as layers, parts.images.table.reading(), parts.containers.table.reading():
        records = [parts.layers.record(row) for row in layers.all()]
        found = list(_problems(parts, records, unused_age))
    if contents:
        from .contents import differences

        broken = {problem.id for problem in found if problem.kind.endswith("-layer")}
        for record in records:
            if record.id not in broken and not record.incomplete:
                found += [Problem("damaged-layer", record.id, wrong, False) for wrong in differences(parts, record)]
    return found


def _problems(parts: Parts, records: list[LayerRecord], unused_age: int) -> Iterator[Problem]:
    known = {record.id for record in records if not record.incomplete}
    for record in records:
        if record.incomplete:
            yield Problem("incomplete-layer", record.id, "it was being made or removed", True)
        else:
            yield from _layer(parts, record, known)
    yield from _unreferenced(parts, records, unused_age)
    yield from _images(parts, known)
    yield from _containers(parts, known)
    yield from _leftovers(parts, {record.id for record in records})
    yield from _stale_mounts(parts, known)


def _layer(parts: Parts, record: LayerRecord, known: set[str]) -> Iterator[Problem]:
    if record.parent and record.parent not in known and record.parent not in parts.elsewhere:
        yield Problem("damaged-layer", record.id, f"its parent {record.parent[:12]} is missing", False)
    try:
        link = parts.home.link_name(record.id)
        parts.home.top_of(record.id)
    except Damaged as error:
        yield Problem("damaged-layer", record.id, error.cause, False)
        return
    if not os.path.isdir(os.path.join(parts.home.path, "l", link)):
        yield Problem("damaged-layer", record.id, f"its short link l/{link} is missing", False)
    if record.diff_digest and not os.path.exists(parts.layers.split_path(record.id)):
        yield Problem("damaged-layer", record.id, "its tar-split file is missing", False)
    for key in record.big_data_names:
        if not os.path.exists(os.path.join(parts.layers.directory, record.id, big_data_file(key))):
            yield Problem("damaged-layer", record.id, f"its data item {key} is missing", False)


def _unreferenced(parts: Parts, records: list[LayerRecord], unused_age: int) -> Iterator[Problem]:
    images, containers = parts.images.all(), parts.containers.all()
    for identity in orphans(records, images, containers, 0):
        yield Problem("orphaned-layer", identity, "a container's layer without its container", True)
    for record in _unused(records, images, containers):
        if record.diff_digest and _age(record) >= unused_age:
            yield Problem("unused-layer", record.id, "no image and no container needs it", True)


def orphans(
    records: list[LayerRecord], images: list[ImageRecord], containers: list[ContainerRecord], age: int
) -> list[str]:
    """Writable layers that no container has, at least `age` seconds old: made under one hold of the lock with their
    container, so it will not come any more."""
    return [
        record.id
        for record in _unused(records, images, containers)
        if not record.diff_digest and not record.row.get("toc-digest") and _age(record) >= age
    ]


def _unused(
    records: list[LayerRecord], images: list[ImageRecord], containers: list[ContainerRecord]
) -> list[LayerRecord]:
    """Layers that no image and no container stands on."""
    used = {container.layer for container in containers}
    for image in images:
        used.update((image.top_layer, *image.mapped_layers))
    parents = {record.id: record.parent for record in records}
    for top in list(used):
        while top in parents and parents[top] not in used:
            top = parents[top]
            used.add(top)
    return [record for record in records if record.id not in used and not record.incomplete]


def _age(record: LayerRecord) -> float:
    try:
        return time.time() - clock.parse(record.created) / 1e9
    except BadInput:
        return 0


def _containers(parts: Parts, known: set[str]) -> Iterator[Problem]:
    images = {image.id for image in parts.images.all()}
    for container in parts.containers.all():
        if container.layer not in known:
            yield Problem("damaged-container", container.id, f"its layer {container.layer[:12]} is missing", False)
        if container.image and container.image not in images and not parts.elsewhere:
            yield Problem("damaged-container", container.id, f"its image {container.image[:12]} is missing", False)
        for key in container.big_data_names:
            path = os.path.join(parts.containers.directory, container.id, big_data_file(key))
            try:
                size = os.stat(path).st_size
            except OSError as error:
                yield Problem("damaged-container", container.id, f"{key}: {error.strerror}", False)
                continue
            if container.big_data_sizes.get(key, size) != size:
                yield Problem("damaged-container", container.id, f"{key} is not what was stored", False)


def _images(parts: Parts, known: set[str]) -> Iterator[Problem]:
    for image in parts.images.all():
        for layer in filter(None, (image.top_layer, *image.mapped_layers)):
            if layer not in known and layer not in parts.elsewhere:
                yield Problem("damaged-image", image.id, f"its layer {layer[:12]} is missing", False)
        sizes, digests = image.big_data_sizes, image.big_data_digests
        for key in image.big_data_names:
            try:
                data = read_bytes(parts.images.data_path(image.id, key))
            except OSError as error:
                yield Problem("damaged-image", image.id, f"{key}: {error.strerror}", False)
                continue
            digest = digests.get(key, "")
            other = digest.startswith("sha256:") and str(digest_of(data)) != digest
            if other or sizes.get(key, len(data)) != len(data):
                yield Problem("damaged-image", image.id, f"{key} is not what was stored", False)


def _leftovers(parts: Parts, layers: set[str]) -> Iterator[Problem]:
    for name in _names(parts.home.path):
        if name not in _NO_LAYERS and name not in layers and os.path.isdir(parts.home.layer(name)):
            yield Problem("leftover", os.path.join("overlay", name), "no layer of that id is recorded", True)
    for name in parts.home.abandoned():
        yield Problem("leftover", os.path.join("overlay", "staging", name), "left by a process that ended", True)
    for name in _names(os.path.join(parts.home.path, "l")):
        if not os.path.isdir(os.path.join(parts.home.path, "l", name)):
            yield Problem("leftover", os.path.join("overlay", "l", name), "leads nowhere", True)
    for name in _names(parts.layers.directory):
        identity = name[: -len(_SPLIT)] if name.endswith(_SPLIT) else name
        if is_id(identity) and identity not in layers:
            yield Problem("leftover", os.path.join("overlay-layers", name), "no layer of that id is recorded", True)
    owners = (
        (parts.images.directory, {image.id for image in parts.images.all()}, "image"),
        (parts.containers.directory, {container.id for container in parts.containers.all()}, "container"),
    )
    for directory, ids, noun in owners:
        for name in _names(directory):
            if is_id(name) and name not in ids:
                where = os.path.join(os.path.basename(directory), name)
                yield Problem("leftover", where, f"no {noun} of that id is recorded", True)


def _stale_mounts(parts: Parts, known: set[str]) -> Iterator[Problem]:
    for row in parts.mounter.table.peek().all():
        identity = str(row["id"])
        if identity not in known or not mounts.is_mountpoint(parts.mounter.target(identity)):
            yield Problem("stale-mount", identity, "counted as mounted and is not", True)


def _names(directory: str) -> list[str]:
    try:
        return sorted(os.listdir(directory))
    except FileNotFoundError:
        return []


def repair(parts: Parts, unused_age: int = _DAY) -> list[Problem]:
    """Remove the garbage; what was found, repaired or not. Idempotent; under locks, so safe beside podman."""
    with parts.layers.table.writing() as layers:  # not LayerStore.writing(): what that removes is to be reported
        with parts.images.table.reading(), parts.containers.table.reading():
            records = [parts.layers.record(row) for row in layers.rows.all()]
            found = list(_problems(parts, records, unused_age))
            trash = parts.layers.remove(layers, _doomed(parts, records, found, layers), parts.mounter)
            for problem in found:
                if problem.repairable and problem.kind == "leftover":
                    _remove(parts, problem.id)
            stale = {problem.id for problem in found if problem.kind == "stale-mount"}
            if stale:
                with parts.mounter.table.writing() as table:
                    table.drop(stale)
    for staging in trash:
        staging.discard()
    return found


def _doomed(parts: Parts, records: list[LayerRecord], found: list[Problem], layers: Writer) -> list[str]:
    """Layers to remove, children before parents, and never one whose child stays."""
    wanted = {problem.id for problem in found if problem.repairable and problem.kind.endswith("-layer")}
    staying = {record.parent for record in records if record.id not in wanted}
    ordered: list[str] = []
    parents = {record.id: record.parent for record in records}
    while staying & wanted:
        kept = staying & wanted
        wanted -= kept
        staying |= {parents[identity] for identity in kept}
    while wanted:
        leaves = {identity for identity in wanted if identity not in {parents[other] for other in wanted}}
        if not leaves:
            break
        ordered += sorted(leaves)
        wanted -= leaves
    return ordered


def _remove(parts: Parts, path: str) -> None:
    """A leftover below the graph root, named by `_leftovers`."""
    if os.path.dirname(path) == os.path.join("overlay", "staging"):
        parts.home.sweep()
        return
    directory, name = os.path.split(path)
    if directory == "overlay":
        for mount in ("merged", "mapped"):
            mounts.unmount_below(os.path.join(parts.home.layer(name), mount))
    with Root.of(os.path.join(parts.layers.root, directory)) as root:
        remove_tree(root.fd, name)


def verify_tree(parts: Parts, identity: str) -> list[str]:
    """Paths of an image layer whose content is no longer what its tar had; [] when the layer is whole."""
    rebuilt = parts.layers.tar(identity)
    try:
        while rebuilt.read(1 << 20):
            pass
    except Damaged as error:
        return [error.cause]
    finally:
        rebuilt.close()
    return []
