# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What is being done to a container, on disk while it is being done, so that a killed task can be put right.

Podman's own state says what a container is, but not that a half-made storage layer, a reserved lock or a container
waiting to be swapped in belongs to nobody any more. Each deed that leaves such things behind when it dies writes one
small file first and holds a lock on a second; whoever gets that lock later knows that the author is gone.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.errors import Corrupt, EngineError, HostLacks, TimedOut
from ..base.files import atomic_write, dump_json, read_json
from ..base.ids import is_id
from ..base.locks import FileLock

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from types import TracebackType


_DATA, _LOCK = ".json", ".lock"
_ROOM = 1 << 18


class Entry:
    """One unfinished deed: `notes` are its text and integer facts. A context manager that ends the entry at success.

    After an exception the caller has undone its work, so the entry ends as well; after a kill it stays.
    """

    def __init__(self, stem: str, lock: FileLock, notes: dict[str, str | int | bool]) -> None:
        self.key = os.path.basename(stem).partition("-")[0]
        self.notes = notes
        self._stem = stem
        self._lock = lock

    def note(self, **facts: str | int | bool) -> None:
        """Add facts, on disk before this returns."""
        self.notes.update(facts)
        atomic_write(self._stem + _DATA, dump_json(self.notes))

    def text(self, name: str) -> str:
        value = self.notes.get(name, "")
        return value if isinstance(value, str) else ""

    def end(self) -> None:
        for path in (self._stem + _DATA, self._stem + _LOCK):
            try:
                os.unlink(path)
            except FileNotFoundError:
                pass
        self._lock.release()

    def leave(self) -> None:
        """Let go without ending: the next sweep takes the entry up."""
        self._lock.release()

    def __enter__(self) -> Entry:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.end()


class Journal:
    """All unfinished deeds of one store, in `directory` (made when first needed)."""

    def __init__(self, directory: str) -> None:
        self._directory = directory

    def begin(self, key: str, deed: str, **facts: str | int | bool) -> Entry:
        """Open an entry about one container id; several deeds about one id may be under way (a removal as part of a
        replacement)."""
        os.makedirs(self._directory, mode=0o700, exist_ok=True)
        stem = os.path.join(self._directory, f"{key}-{deed}")
        lock = FileLock(stem + _LOCK, mode=0o600)
        lock.acquire()
        entry = Entry(stem, lock, {"deed": deed})
        try:
            entry.note(**facts)
        except BaseException:  # there is no room even for that: nothing is begun
            entry.end()
            raise
        return entry

    def abandoned(self) -> Iterator[Entry]:
        """Entries whose author is gone, each locked for the caller, who must `end()` or `leave()` it before the next.

        Replacements come last: putting one right removes containers, whose own entries must be free by then.
        """
        try:
            names = os.listdir(self._directory)
        except FileNotFoundError:
            return
        stems = {name.rpartition(".")[0] for name in names if name.endswith((_DATA, _LOCK))}
        for stem in sorted(stems, key=lambda stem: (stem.endswith("-replace"), stem)):
            entry = self._take(stem) if is_id(stem.partition("-")[0]) else None
            if entry is not None:
                yield entry

    def under_way(self, key: str, deed: str) -> bool:
        """Whether such a deed has begun and has not ended, killed or not."""
        return os.path.exists(os.path.join(self._directory, f"{key}-{deed}{_DATA}"))

    def busy(self) -> bool:
        """Whether there is anything at all, without opening a file."""
        try:
            with os.scandir(self._directory) as found:
                return any(True for item in found)
        except FileNotFoundError:
            return False

    def _take(self, name: str) -> Entry | None:
        stem = os.path.join(self._directory, name)
        lock = FileLock(stem + _LOCK, mode=0o600, timeout=0)
        try:
            lock.acquire()
        except TimedOut:
            return None
        try:
            notes = read_json(stem + _DATA)
        except (FileNotFoundError, Corrupt):
            notes = {}  # killed between the two files: nothing had been begun
        facts = notes if isinstance(notes, dict) else {}
        return Entry(stem, lock, {str(key): value for key, value in facts.items()})


@contextmanager
def told(deed: str) -> Iterator[None]:
    """What the operating system refuses, such as room on a disk, as an error of ours, which others undo and tell."""
    try:
        yield
    except OSError as error:
        cause = error.strerror or str(error)
        raise HostLacks(deed, f"{error.filename}: {cause}" if error.filename else cause) from error


@contextmanager
def room_kept(folder: str, deed: str) -> Iterator[None]:
    """Take some room of the disk that is given back when what is within fails: undoing that has to write, too, which a
    full disk would keep it from. Nothing is begun where there is not even this room. Raises HostLacks."""
    import tempfile

    with told(deed), tempfile.TemporaryFile(dir=folder) as file:  # without a name, so that it goes with a kill
        try:
            os.posix_fallocate(file.fileno(), 0, _ROOM)
        except OSError as error:
            raise HostLacks(deed, f"{folder}: {error.strerror}") from error
        yield


@contextmanager
def undoing(undo: Callable[[], object]) -> Iterator[None]:
    """What fails within is undone; that this failed too is told beside the error."""
    try:
        yield
    except EngineError as error:
        try:
            undo()
        except EngineError as failure:
            error.add_cleanup_failure(str(failure))
        raise


def roll_back(entry: Entry, error: EngineError, restore: Callable[[], str]) -> None:
    """Put back what an error has interrupted, and say so in it; what cannot be put back now is the next task's work."""
    try:
        restored = restore()
    except EngineError as failure:
        entry.leave()
        error.add_cleanup_failure(str(failure))
        return
    entry.end()
    if restored:
        error.hint = f"{error.hint.rstrip('.')}. {restored}".lstrip(". ")
