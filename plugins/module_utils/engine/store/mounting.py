# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Mounting a container's layers, and counting who has.

The counts are in RUN/overlay-layers/mountpoints.json, shared with podman. A record whose mount the kernel does not
know (another mount namespace, a lazy unmount by hand) is mounted anew.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.errors import Damaged, EngineError, HostLacks, InUse
from ..base.locks import FileLock
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..host import mounts
from ..host.rooted import Root, remove_tree
from .tables import Row, Table, TableFile

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from .overlay import Home
    from .records import IdMap

_PAGE = 4096  # mount(2) takes at most one page of options
_CLONE_FS = 0x200


class MountWish(NamedTuple):
    """What a mount needs beside the layer: `options` of storage.conf and the container, SELinux label, crash safety."""

    options: tuple[str, ...] = ()
    label: str = ""
    volatile: bool = False
    rootless: bool = False
    program: str = ""
    uid_map: tuple[IdMap, ...] = ()
    gid_map: tuple[IdMap, ...] = ()


class Lower(NamedTuple):
    """A lower layer: the overlay directory it is in, its tree and its short name there."""

    home: str
    tree: str
    short: str


class Place(NamedTuple):
    """Where a layer is mounted, and where what is written there goes: nowhere without `upper`. `own` takes the layer's
    own changes as one more lower layer; `mapped` is for the time of mounting."""

    target: str
    upper: str
    work: str
    mapped: str
    own: bool = False


class Mounter:
    """Mounts of one store's layers. The layers lock is held, shared or exclusive, around `mount` and `unmount`."""

    def __init__(self, home: Home, others: tuple[Home, ...], run_root: str) -> None:
        self.home = home
        self.others = others
        directory = os.path.join(run_root, "overlay-layers")
        self.table = Table(
            os.path.join(directory, "mountpoints.lock"), (TableFile(os.path.join(directory, "mountpoints.json"), True),)
        )

    def target(self, layer: str) -> str:
        return os.path.join(self.home.layer(layer), "merged")

    @contextmanager
    def home_held(self, storage_lock: str) -> Iterator[None]:
        """Around mounting a layer: ROOT/overlay is mounted onto itself, as every tool that opens the store does, and
        stays so. A tool that came later would otherwise cover our mounts with its own.

        Podman takes that mount away as it ends where no layer is mounted yet, under the storage lock, which is why it
        is kept here, shared where nothing is to be done. No other lock may be held before it.
        """
        with FileLock(storage_lock, shared=True):
            if mounts.is_mountpoint(self.home.path):
                yield
                return
        with FileLock(storage_lock):
            if not mounts.is_mountpoint(self.home.path):
                mounts.bind(self.home.path, self.home.path, private=True)
            yield

    def count(self, layer: str) -> int:
        return _count(self.table.peek().find(layer))

    def mounted(self, layer: str) -> bool:
        return self.count(layer) > 0 and mounts.is_mountpoint(self.target(layer))

    def mount(self, layer: str, wish: MountWish, *, whole: bool = False) -> str:
        """Count one more user; the path of the merged tree. `whole` is for an image's layer, which nobody writes to."""
        target = self.target(layer)
        with self.table.writing() as table:
            count = _count(table.rows.find(layer))
            if count and mounts.is_mountpoint(target):
                table.put([_row(layer, target, count + 1)], "mount-counted")
                return target
            os.makedirs(target, mode=0o700, exist_ok=True)
            place = self._place(layer)
            if whole:
                wish = wish._replace(options=(*wish.options, "ro"))
                place = place._replace(upper="", own=True)
            self._overlay(layer, wish, place)
            reached("layer-mounted")
            table.put([_row(layer, target, 1)], "mount-counted")
        return target

    def unmount(self, layer: str, force: bool = False) -> bool:
        """Count one user less, or none with `force`; whether nothing is mounted any more."""
        target = self.target(layer)
        with self.table.writing() as table:
            row = table.rows.find(layer)
            count = _count(row)
            if count > 1 and not force and mounts.is_mountpoint(target):
                table.put([_row(layer, target, count - 1)])
                return False
            mounts.unmount_all(target)
            reached("layer-unmounted")
            if row is not None:
                table.drop({layer}, "unmount-counted")
        return True

    def forget(self, layer: str) -> None:
        """As a layer goes: take its count and any mount away."""
        if self.count(layer) or mounts.is_mountpoint(self.target(layer)):
            self.unmount(layer, force=True)

    @contextmanager
    def passing(self, layer: str, wish: MountWish) -> Iterator[str]:
        """The layer mounted during the block, uncounted: nobody else knows of it yet."""
        target = self.target(layer)
        self._overlay(layer, wish, self._place(layer))
        try:
            yield target
        finally:
            mounts.unmount_all(target)

    def look(self, layer: str, wish: MountWish, *, write: bool) -> str:
        """Mount in a mount namespace of the caller's own, uncounted; the path of the merged tree.

        To write, nobody else may mount the layer meanwhile. To read takes no lock and leaves the layer as it is: what
        is written goes to memory.
        """
        target, directory = self.target(layer), self.home.layer(layer)
        if self.count(layer) and mounts.is_mountpoint(target, "thread-self"):
            return target
        os.makedirs(target, mode=0o700, exist_ok=True)
        if write:
            self._overlay(layer, wish._replace(volatile=False), self._place(layer))
            return target
        from ..host.private_mounts import scratch

        memory = os.path.join(directory, "work")
        os.makedirs(memory, mode=0o700, exist_ok=True)
        info = os.stat(self.home.diff(layer))
        scratch(memory)
        upper, work, mapped = (os.path.join(memory, name) for name in ("upper", "work", "mapped"))
        place = Place(target, upper, work, mapped, own=True)
        for path in (place.upper, place.work):
            os.mkdir(path, 0o700)
        os.chown(place.upper, info.st_uid, info.st_gid)
        os.chmod(place.upper, info.st_mode & 0o7777)
        self._overlay(layer, wish._replace(volatile=False), place)
        return target

    def _place(self, layer: str) -> Place:
        directory = self.home.layer(layer)
        diff, work, mapped = (os.path.join(directory, name) for name in ("diff", "work", "mapped"))
        return Place(self.target(layer), diff, work, mapped)

    def _overlay(self, layer: str, wish: MountWish, place: Place) -> None:
        os.makedirs(place.work, mode=0o700, exist_ok=True)
        # A crash under a volatile mount leaves a mark that makes the kernel refuse; the data is the user's risk.
        marks = os.path.join(place.work, "work", "incompat")
        if os.path.isdir(marks):
            with Root.of(marks) as marked:
                remove_tree(marked.fd, "volatile")
        lowers = self.home.lower_names(layer)
        if not lowers:
            lowers = [os.path.join(layer, "empty")]
            os.makedirs(os.path.join(self.home.path, lowers[0]), mode=0o700, exist_ok=True)
        # The layer's own files have the ids of the disk already, whatever its namespace is.
        own = [Lower(self.home.path, f"{layer}/diff", f"{layer}/diff")] * place.own
        try:
            if not wish.uid_map and not wish.gid_map:
                self._mount(place, [*own, *self._found(lowers)], wish)
                return
            from .idmapped import clones, root_of

            # podman makes the layer before it knows whose it will be, and gives it away as it mounts it.
            os.chown(place.upper, root_of(wish.uid_map), root_of(wish.gid_map))
            found = self._found(lowers)
            with clones([lower.home for lower in found], place.mapped, wish.uid_map, wish.gid_map) as places:
                self._mount(place, [*own, *(lower._replace(home=places[lower.home]) for lower in found)], wish)
        except OSError as error:
            raise self._explain(error, layer) from error

    def _mount(self, place: Place, lowers: list[Lower], wish: MountWish) -> None:
        options = _options(wish)
        names = ":".join(os.path.join(lower.home, lower.tree) for lower in lowers)
        upper = [f"upperdir={place.upper}", f"workdir={place.work}"] if place.upper else []
        text = ",".join([f"lowerdir={names}", *upper, *options])
        if wish.program:
            _by_program(wish.program, text, place.target)
        elif len(text.encode()) < _PAGE:
            _mount(text, place.target)
        else:
            self._by_short_names(place, lowers, options)

    def _found(self, names: list[str]) -> list[Lower]:
        """Each with the trees that podman put aside when it gave a layer to other ids: diff1, diff2, .. below diff."""
        found: list[Lower] = []
        for lower in (self._find(name) for name in names):
            found.append(lower)
            number = 1
            while lower.tree.endswith("/diff") and os.path.isdir(f"{lower.home}/{lower.tree}{number}"):
                found.append(lower._replace(tree=f"{lower.tree}{number}", short=f"{lower.tree}{number}"))
                number += 1
        return found

    def _find(self, name: str) -> Lower:
        """The diff directory behind a name like l/ABC, in this store or an additional one."""
        for home in (self.home, *self.others):
            path = os.path.join(home.path, name)
            if os.path.isdir(path):
                if not name.startswith("l/"):
                    return Lower(home.path, name, name)
                return Lower(home.path, os.path.normpath(os.path.join("l", os.readlink(path))), name)
        raise Damaged("mount a container's layers", f"{name} leads nowhere in {self.home.path}", "Pull the image again")

    def _by_short_names(self, place: Place, lowers: list[Lower], options: list[str]) -> None:
        """From within ROOT/overlay the l/ names fit where full paths do not."""
        inside = self.home.path + "/"

        def short(path: str) -> str:
            return path[len(inside) :] if path.startswith(inside) else path

        names = [short(os.path.join(lower.home, lower.short)) for lower in lowers]
        upper = [f"upperdir={short(place.upper)}", f"workdir={short(place.work)}"] if place.upper else []
        text = ",".join([f"lowerdir={':'.join(names)}", *upper, *options])
        if len(text.encode()) >= _PAGE:
            raise HostLacks(
                "mount a container's layers", f"its {len(lowers)} layers do not fit into the kernel's page of options"
            )
        _in_directory(self.home.path, lambda: _mount(text, short(place.target)))

    def _explain(self, error: OSError, layer: str) -> EngineError:
        deed = "mount a container's layers"
        if error.errno == 16:  # EBUSY
            return InUse(deed, f"layer {layer[:12]} is already mounted elsewhere")
        return HostLacks(
            deed,
            f"the kernel refuses overlay on {self.home.path}: {error.strerror}",
            "Rootless overlay needs Linux 5.13, or fuse-overlayfs as mount_program in storage.conf",
        )


def _count(row: Row | None) -> int:
    count = row.get("count") if row else None
    return count if isinstance(count, int) else 0


def _row(layer: str, target: str, count: int) -> Row:
    return {"id": layer, "path": target, "count": count}


def _options(wish: MountWish) -> list[str]:
    """In podman's order; the kernel takes options of mount(8) like nodev only as flags, so those stay out here."""
    options = [option for option in wish.options if option not in _FLAGS and option]
    if wish.rootless and not wish.program and "userxattr" not in options:
        options.append("userxattr")
    if wish.volatile and not wish.program and "volatile" not in options:
        options.append("volatile")
    if wish.label:
        options.append(f'context="{wish.label}"')
    flags = [option for option in wish.options if option in _FLAGS]
    return options + [f"\0{flag}" for flag in flags]


_FLAGS = {"nodev": 4, "nosuid": 2, "noexec": 8, "ro": 1, "rw": 0, "dev": 0, "suid": 0, "exec": 0}


def _mount(text: str, target: str) -> None:
    from ..host import libc

    parts = text.split(",\0")
    flags = 0
    for flag in parts[1:]:
        flags |= _FLAGS[flag]
    libc.mount("overlay", target, "overlay", flags, parts[0])


def _by_program(program: str, text: str, target: str) -> None:
    from ..host.process import LinuxRunner

    options = text.replace(",\0", ",")
    LinuxRunner().run([program, "-o", options, target], check="mount a container's layers")


def _in_directory(path: str, deed: Callable[[], object]) -> None:
    """Run `deed` in a thread with a working directory of its own (unshare(2), CLONE_FS)."""
    from ..base.threads import in_thread
    from ..host import libc

    def run() -> None:
        libc.unshare(_CLONE_FS)
        os.chdir(path)
        deed()

    in_thread(run)
