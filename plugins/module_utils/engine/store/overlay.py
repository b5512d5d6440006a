# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""ROOT/overlay: the directories of the overlay driver, as containers/storage lays them out.

    overlay/LID/{diff,link,work,merged[,lower][,empty]}    overlay/l/<26 letters> -> ../LID/diff
    overlay/staging/X/{staging.lock,dir/}                  trees not yet, or no longer, in the store

Who opens a store first mounts ROOT/overlay onto itself, so nothing can be renamed into it from beside it: what is to
become a layer is unpacked, and what was one is removed, under overlay/staging, where podman clears what nobody locks.
"""

from __future__ import annotations

import errno
import os
from typing import TYPE_CHECKING

from ..base.errors import Damaged, NotFound, TimedOut
from ..base.files import atomic_write
from ..base.locks import FileLock
from ..base.steps import reached

if TYPE_CHECKING:
    from collections.abc import Sequence

LOWER_LIMIT = 500  # containers/storage refuses deeper chains
_LINK_LETTERS = "ABCDEFGHIJKLMNOPQRSTUVWXYZ234567"
_LINK_LENGTH = 26
_BASE_MODE = 0o555
_STAGING = "dls-"
_LOCK_NAME = "staging.lock"


class Top:
    """Mode and owner of a layer's top directory."""

    __slots__ = ("gid", "mode", "uid")

    def __init__(self, mode: int, uid: int, gid: int) -> None:
        self.mode = mode
        self.uid = uid
        self.gid = gid


class Home:
    """The overlay directory of one store; the main store's is written, an additional store's only read."""

    def __init__(self, root: str) -> None:
        self.root = root
        self.path = os.path.join(root, "overlay")
        self._held: dict[str, Staging] = {}

    def layer(self, identity: str) -> str:
        return os.path.join(self.path, identity)

    def diff(self, identity: str) -> str:
        return os.path.join(self.path, identity, "diff")

    def holds(self, identity: str) -> bool:
        return os.path.isdir(self.diff(identity))

    def trees(self, identity: str) -> list[str]:
        """Where a layer's files are, the topmost first: `diff`, and what podman put aside as diff1, diff2, .. when it
        gave the layer to other ids."""
        found = [self.diff(identity)]
        while os.path.isdir(f"{found[0]}{len(found)}"):
            found.append(f"{found[0]}{len(found)}")
        return found

    def prepare(self) -> None:
        """The directories that every store has. Idempotent."""
        for path in (self.root, self.path):
            os.makedirs(path, mode=0o700, exist_ok=True)
        for name, mode in (("l", 0o755), ("staging", 0o700)):
            path = os.path.join(self.path, name)
            try:
                os.mkdir(path, mode)
            except FileExistsError:
                continue
            os.chmod(path, mode)

    def sync(self) -> None:
        """Everything written to the file system of the layers is on its disk when this returns (syncfs(2))."""
        from ..host import libc

        fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            libc.syncfs(fd)
        finally:
            os.close(fd)

    def fuse_conventions(self) -> bool:
        """Whether this store was made through fuse-overlayfs, which keeps whiteouts as the archive has them."""
        try:
            with open(os.path.join(self.path, ".has-mount-program"), encoding="ascii", errors="replace") as file:
                return file.read().strip() == "true"
        except FileNotFoundError:
            return False

    def link_name(self, identity: str) -> str:
        """The short name of a layer. Raises Damaged when it has none."""
        try:
            with open(os.path.join(self.layer(identity), "link"), encoding="ascii", errors="replace") as file:
                name = file.read().strip()
        except FileNotFoundError:
            raise Damaged(f"use layer {identity}", "its link file is missing", _REPAIR) from None
        if len(name) != _LINK_LENGTH or not set(name) <= set(_LINK_LETTERS):
            raise Damaged(f"use layer {identity}", "its link file is not one", _REPAIR)
        return name

    def lower_names(self, identity: str) -> list[str]:
        """The `l/<link>` names of the layers below, nearest first."""
        try:
            with open(os.path.join(self.layer(identity), "lower"), encoding="ascii", errors="replace") as file:
                return [name for name in file.read().strip().split(":") if name]
        except FileNotFoundError:
            return []

    def top_of(self, identity: str) -> Top:
        try:
            info = os.stat(self.diff(identity))
        except FileNotFoundError:
            raise Damaged(f"use layer {identity}", "its diff directory is missing", _REPAIR) from None
        return Top(info.st_mode & 0o7777, info.st_uid, info.st_gid)

    # ---- staging

    def new_staging(self) -> Staging:
        while True:
            self.prepare()  # podman takes an empty overlay/staging away as it ends
            path = os.path.join(self.path, "staging", _STAGING + os.urandom(8).hex())
            try:
                os.mkdir(path, 0o700)
            except (FileExistsError, FileNotFoundError):
                continue
            lock = _locked(path)
            if lock is not None:
                return Staging(path, lock)

    def sweep(self, *, finished: bool = True) -> list[str]:
        """Remove what killed processes left in overlay/staging: children of ours that nobody locks. Their names.

        `finished` False spares, for some time, layers that were unpacked whole: the next pull may go on from them.
        """
        removed = []
        for name in self._ours():
            path = os.path.join(self.path, "staging", name)
            lock = None if not finished and _waits(path) else _locked(path)
            if lock is not None:
                Staging(path, lock).discard()
                removed.append(name)
        return removed

    def finished(self) -> list[str]:
        """Paths in overlay/staging where a layer that was unpacked whole may wait for who goes on from it."""
        paths = [os.path.join(self.path, "staging", name) for name in self._ours()]
        return [path for path in paths if _waits(path)]

    def claim(self, path: str) -> Staging | None:
        """Lock a child of overlay/staging; None when somebody has it, or it is gone."""
        lock = _locked(path)
        return None if lock is None else Staging(path, lock)

    def abandoned(self) -> list[str]:
        """What `sweep` would remove."""
        found = []
        for name in self._ours():
            lock = _locked(os.path.join(self.path, "staging", name))
            if lock is not None:
                lock.release()
                found.append(name)
        return found

    def _ours(self) -> list[str]:
        directory = os.path.join(self.path, "staging")
        try:
            names = os.listdir(directory)
        except FileNotFoundError:
            return []
        return [name for name in names if name.startswith(_STAGING) and os.path.join(directory, name) not in self._held]

    def remember(self, staging: Staging) -> None:
        """Keep a staging place locked while this process means to commit what is in it."""
        self._held[staging.path] = staging

    def staging_of(self, path: str) -> Staging:
        """The place behind a path, with its lock where this process has it. It is forgotten here."""
        return self._held.pop(path, None) or Staging(path, None)

    # ---- layers

    def make(self, identity: str, parent: tuple[Home, str] | None, tree: str | None, top: Top | None) -> None:
        """Lay out a layer's directory: the unpacked `tree` moved in, or an empty one. The layers lock is held.

        `parent` is where the parent lives. `top` None gives the top directory the parent's mode and owner.
        """
        self.prepare()
        path = self.layer(identity)
        if os.path.lexists(path):
            self.discard([identity])  # no record names it: what a crash left
        os.mkdir(path, 0o700)
        diff = os.path.join(path, "diff")
        if tree is None:
            os.mkdir(diff, 0o700)
        else:
            os.rename(tree, diff)
        reached("layer-tree-placed")
        if top is None:
            # podman never applies an archive's own entry for the top directory either.
            top = parent[0].top_of(parent[1]) if parent else Top(_BASE_MODE, 0, 0)
        os.chown(diff, top.uid, top.gid)
        os.chmod(diff, top.mode)
        lowers = self._lowers(parent)
        for name in ("work", "merged", *(() if lowers else ("empty",))):
            os.mkdir(os.path.join(path, name), 0o700)
        if lowers:
            _write(os.path.join(path, "lower"), ":".join(lowers), 0o644)
        self._name_shortly(identity)

    def _lowers(self, parent: tuple[Home, str] | None) -> list[str]:
        if parent is None:
            return []
        home, identity = parent
        lowers = [f"l/{home.link_name(identity)}", *home.lower_names(identity)]
        if len(lowers) > LOWER_LIMIT:
            raise NotFound("add a layer", f"an image has at most {LOWER_LIMIT} layers here")
        return lowers

    def _name_shortly(self, identity: str) -> None:
        """The file first, by which the link is found again when this is cut off between the two; and never without a
        name in it: podman, clearing such a layer away, would take the links of all layers along."""
        while True:
            name = "".join(_LINK_LETTERS[byte & 31] for byte in os.urandom(_LINK_LENGTH))
            atomic_write(os.path.join(self.layer(identity), "link"), name.encode(), 0o644, durable=False)
            try:
                os.symlink(f"../{identity}/diff", os.path.join(self.path, "l", name))
            except FileExistsError:
                continue
            return

    def discard(self, identities: Sequence[str]) -> list[Staging]:
        """Take layers' directories out of the store, the layers lock held; `Staging.discard()` then removes them."""
        gone: list[Staging] = []
        for identity in identities:
            path = self.layer(identity)
            try:
                os.unlink(os.path.join(self.path, "l", self.link_name(identity)))
            except (Damaged, FileNotFoundError):
                pass
            if not os.path.lexists(path):
                continue
            staging = self.new_staging()
            os.rename(path, os.path.join(staging.path, "dir"))
            gone.append(staging)
        return gone


_REPAIR = "Remove the images and containers that use it, then pull again"


class Staging:
    """A locked child of overlay/staging. Released without `discard()`, podman or our own repair clears it."""

    def __init__(self, path: str, lock: FileLock | None) -> None:
        self.path = path
        self._lock = lock

    @property
    def tree(self) -> str:
        return os.path.join(self.path, "dir")

    @property
    def split(self) -> str:
        return os.path.join(self.path, "tar-split.gz")

    def release(self) -> None:
        if self._lock is not None:
            self._lock.release()
            self._lock = None

    def empty(self) -> None:
        """Remove all that is in it, but the lock. Idempotent."""
        try:
            fd = os.open(self.path, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
        except (FileNotFoundError, NotADirectoryError):
            return
        from ..host import mounts
        from ..host.rooted import remove_tree

        try:
            for entry in os.listdir(fd):
                if entry == _LOCK_NAME:
                    continue
                try:
                    remove_tree(fd, entry)
                except OSError as error:
                    if error.errno != errno.EBUSY:
                        raise
                    mounts.unmount_below(self.path)  # somebody mounted the layer just before it went
                    remove_tree(fd, entry)
        finally:
            os.close(fd)

    def discard(self) -> None:
        """Remove it with all that is in it. Idempotent."""
        parent, name = os.path.split(self.path)
        try:
            fd = os.open(parent, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        except FileNotFoundError:
            self.release()
            return
        from ..host.rooted import remove_tree

        try:
            # The lock file goes last: while it is there, others who tidy up see that somebody is at it.
            self.empty()
            remove_tree(fd, name)
        except FileNotFoundError:
            pass
        except OSError as error:
            if error.errno != errno.ENOTEMPTY:  # somebody locks it anew to do the same
                raise
        finally:
            os.close(fd)
            self.release()


def _waits(path: str) -> bool:
    from .finished import waits

    return waits(path)


def _locked(path: str) -> FileLock | None:
    """Lock a staging child; None when another process has it, or has just removed it."""
    name = os.path.join(path, _LOCK_NAME)
    lock = FileLock(name, timeout=0)
    try:
        lock.acquire()
        if os.stat(name).st_ino == os.fstat(lock.fd).st_ino:
            return lock
    except (TimedOut, FileNotFoundError, NotADirectoryError):
        pass
    lock.release()
    return None


def _write(path: str, text: str, mode: int) -> None:
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
    with os.fdopen(fd, "w", encoding="ascii") as file:
        os.fchmod(fd, mode)
        file.write(text)


def copy_file(source: str, target: str, mode: int = 0o600) -> None:
    """Across the self-mount of ROOT/overlay, where rename cannot."""
    with open(source, "rb") as reader:
        fd = os.open(target, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_NOFOLLOW | os.O_CLOEXEC, mode)
        with os.fdopen(fd, "wb") as writer:
            os.fchmod(fd, mode)
            while True:
                piece = reader.read(1 << 20)
                if not piece:
                    return
                writer.write(piece)
