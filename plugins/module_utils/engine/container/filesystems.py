# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a container sees mounted: from the mounts of a wish, of the image and of other containers to libpod's lists."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import NotFound
from ..base.jsonval import table, tables, texts
from ..base.values import dataclass
from ..spec import mounts as mount_words
from ..spec.mounts import Mount
from ..spec.runtime_spec import INIT_PATH

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from ..base.jsonval import Json
    from .desired import ContainerDesired
    from .surroundings import Peer, Surroundings


_IMAGE_VOLUME = ("rprivate", "rw", "nodev", "exec", "nosuid")
_TMPFS_DIRS = ("/tmp", "/var/tmp", "/run")


@dataclass(frozen=True)
class FileSystems:
    """`mounts` go into the spec; the other lists into the config beside it. `new_volumes` are the anonymous ones."""

    mounts: tuple[Json, ...]
    named: tuple[Json, ...]
    overlays: tuple[Json, ...]
    images: tuple[Json, ...]
    user_targets: tuple[str, ...]
    new_volumes: tuple[str, ...]


class _Collector:
    def __init__(self, volume_name: Callable[[], str]) -> None:
        self.volume_name = volume_name
        self.by_target: dict[str, tuple[str, Json]] = {}
        self.user_targets: dict[str, None] = {}
        self.new_volumes: dict[str, str] = {}

    def put(self, target: str, place: str, entry: Json, *, user: bool = True) -> None:
        """Later entries win over earlier ones at the same target."""
        self.by_target.pop(target, None)
        self.new_volumes.pop(target, None)
        self.by_target[target] = (place, entry)
        if user:
            self.user_targets[target] = None

    def add(self, mount: Mount) -> None:
        options = mount_words.complete(mount)
        if mount.kind == mount_words.VOLUME:
            name = mount.source or self.volume_name()
            self.put(mount.target, "named", _named(name, mount.target, options, mount.subpath))
            if not mount.source:
                self.new_volumes[mount.target] = name
        elif mount.kind == mount_words.OVERLAY:
            entry: Json = {"dest": mount.target, "source": mount.source, "options": list(mount.options)}
            self.put(mount.target, "overlays", entry)
        elif mount.kind == mount_words.IMAGE:
            entry = {"source": mount.source, "dest": mount.target, "rw": mount.writable}
            if mount.subpath:
                entry["subPath"] = mount.subpath
            self.put(mount.target, "images", entry)
        elif mount.kind == mount_words.DEVPTS:
            self.put(mount.target, "mounts", _spec(mount.target, "devpts", "devpts", mount.options))
        elif mount.kind == mount_words.TMPFS:
            self.put(mount.target, "mounts", _spec(mount.target, "tmpfs", "tmpfs", options))
        else:
            self.put(mount.target, "mounts", _spec(mount.target, "bind", mount.source, options))

    def add_image_volume(self, target: str, mode: str) -> None:
        if target in self.by_target or mode == "ignore" or target == "/":
            return
        if mode == "tmpfs":
            entry = _spec(target, "tmpfs", "tmpfs", (*_IMAGE_VOLUME, "tmpcopyup"))
            self.put(target, "mounts", entry, user=False)
            return
        name = self.volume_name()
        self.put(target, "named", _named(name, target, [*_IMAGE_VOLUME, "rbind"], ""))
        self.new_volumes[target] = name

    def follow(self, peer: Peer, words: Iterable[str]) -> None:
        """volumes_from: what the other container's user mounted, read-only where asked."""
        wanted = set(texts(peer.config, "userVolumes"))
        extra = [word for word in words if word in ("ro", "rw")]
        for entry in tables(peer.config, "namedVolumes"):
            options = _with_access(texts(entry, "options"), extra)
            target = str(entry["dest"])
            self.put(target, "named", _named(str(entry["volumeName"]), target, options, ""))
        for mount in tables(table(peer.config, "spec"), "mounts"):
            target = str(mount.get("destination"))
            if target in wanted and mount.get("type") in ("bind", "tmpfs"):
                options = _with_access(texts(mount, "options"), extra)
                self.put(target, "mounts", _spec(target, str(mount["type"]), str(mount["source"]), options), user=False)

    def inherit(self, infra: Peer) -> None:
        """What is mounted into a pod is there in each of its containers."""
        self.follow(infra, ())
        for entry in tables(infra.config, "overlayVolumes"):
            self.put(str(entry["dest"]), "overlays", dict(entry))
        self.user_targets.update(dict.fromkeys(texts(infra.config, "userVolumes")))

    def result(self) -> FileSystems:
        lists: dict[str, list[Json]] = {"mounts": [], "named": [], "overlays": [], "images": []}
        for place, entry in self.by_target.values():
            lists[place].append(entry)
        return FileSystems(
            tuple(lists["mounts"]),
            tuple(lists["named"]),
            tuple(lists["overlays"]),
            tuple(lists["images"]),
            tuple(self.user_targets),
            tuple(self.new_volumes.values()),
        )


def collect(wish: ContainerDesired, around: Surroundings, volume_name: Callable[[], str]) -> FileSystems:
    """Everything mounted. The task's mounts win over volumes_from, those over the image's volumes. Raises NotFound,
    BadInput."""
    collector = _Collector(volume_name)
    if around.pod is not None and around.pod.infra is not None:
        collector.inherit(around.pod.infra)
    for source in wish.volumes_from or ():
        peer = around.peers.get(source.container)
        if peer is None:
            raise NotFound(f"take the volumes of {source.container}", "no such container")
        collector.follow(peer, source.options)
    for mount in mount_words.merge([_checked_once(wish)]):
        collector.add(mount)
    if around.image is not None:
        for path in around.image.config.volumes:
            collector.add_image_volume(_clean(path), wish.image_volume or "anonymous")
    read_only = around.defaults.read_only if wish.read_only is None else wish.read_only
    if read_only and wish.read_only_tmpfs is not False:
        for target in _TMPFS_DIRS:
            if target not in collector.by_target:
                options = mount_words.complete(Mount(mount_words.TMPFS, target))
                collector.put(target, "mounts", _spec(target, "tmpfs", "tmpfs", options), user=False)
    if around.defaults.init if wish.init is None else wish.init:
        source_path = wish.init_path or around.defaults.init_path
        entry = _spec(INIT_PATH, "bind", source_path, ("bind", "ro", "private"))
        collector.put(INIT_PATH, "mounts", entry, user=False)
    return collector.result()


def _checked_once(wish: ContainerDesired) -> tuple[Mount, ...]:
    return (*(wish.volume or ()), *(wish.mount or ()), *(wish.tmpfs or ()))


def _clean(path: str) -> str:
    import posixpath

    return "/" + posixpath.normpath("/" + path).lstrip("/")


def _named(name: str, target: str, options: Iterable[str], subpath: str) -> Json:
    entry: Json = {"volumeName": name, "dest": target, "options": list(options)}
    if subpath:
        entry["SubPath"] = subpath
    return entry


def _spec(target: str, kind: str, source: str, options: Iterable[str]) -> Json:
    entry: Json = {"destination": target, "type": kind, "source": source}
    words = list(options)
    if words:
        entry["options"] = words
    return entry


def _with_access(options: list[str], extra: list[str]) -> list[str]:
    return [word for word in options if word not in ("ro", "rw")] + extra if extra else options
