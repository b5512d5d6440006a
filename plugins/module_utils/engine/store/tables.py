# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The JSON tables of containers/storage and the lock file that goes with each.

Readers share the lock, writers exclude. The lock file begins with a 64-byte token of its last writer: whoever finds
another token than it remembers reads the table again, so a writer changes the token first and the table then
(pkg/lockfile of containers/storage; long-running podman services rely on it).
"""

from __future__ import annotations

import errno
import json
import os
import struct
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.errors import Damaged, EngineError, HostLacks
from ..base.files import atomic_write, dump_json
from ..base.locks import FileLock
from ..base.steps import reached
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

Row = dict[str, object]
TOKEN_SIZE = 64
_TOKEN = struct.Struct("<QQI44s")
_counter = 0


def new_token() -> bytes:
    global _counter
    _counter += 1
    return _TOKEN.pack(time.time_ns(), _counter, os.getpid(), os.urandom(44))


class TableFile(NamedTuple):
    """One JSON file of a table. A volatile one holds what need not survive a crash and is not synced."""

    path: str
    volatile: bool = False


class Rows(NamedTuple):
    """The rows by file, in the order of the table's files. Rows are shared with the cache: copy before changing."""

    files: tuple[tuple[Row, ...], ...]

    def all(self) -> list[Row]:
        return [row for rows in self.files for row in rows]

    def find(self, identity: str) -> Row | None:
        for rows in self.files:
            for row in rows:
                if row.get("id") == identity:
                    return row
        return None


class Table:
    """A table's files behind its lock. Nothing is created until the first write."""

    def __init__(self, lock_path: str, files: tuple[TableFile, ...], *, readonly: bool = False) -> None:
        self.lock_path = lock_path
        self.files = files
        self.readonly = readonly
        self._empty = Rows(tuple(() for _file in files))
        self._token: bytes | None = None
        self._stamps: tuple[tuple[int, int, int], ...] = ()
        self._rows = self._empty

    @contextmanager
    def reading(self) -> Iterator[Rows]:
        """The rows, with the lock shared until the end of the block; no rows where the table does not exist yet."""
        lock = FileLock(self.lock_path, readonly=True)
        try:
            lock.acquire()
        except (FileNotFoundError, NotADirectoryError):
            yield self._empty
            return
        except OSError as error:
            raise _explain("read the image store", error) from error
        try:
            yield self._load(lock.fd)
        finally:
            lock.release()

    def peek(self) -> Rows:
        """The rows as of now."""
        with self.reading() as rows:
            return rows

    @contextmanager
    def writing(self) -> Iterator[Writer]:
        """The right to change the table, until the end of the block; what is not saved by then is not changed."""
        try:
            for path in {self.lock_path, *(file.path for file in self.files)}:
                os.makedirs(os.path.dirname(path), mode=0o700, exist_ok=True)
            with FileLock(self.lock_path) as lock:
                yield Writer(self, lock.fd, self._load(lock.fd))
        except OSError as error:
            raise _explain("change the image store", error) from error

    def _load(self, fd: int) -> Rows:
        token = os.pread(fd, TOKEN_SIZE, 0)
        stamps = tuple(_stamp(file.path) for file in self.files)
        if len(token) == TOKEN_SIZE and token == self._token and stamps == self._stamps:
            return self._rows
        self._rows = Rows(tuple(_read(file.path) for file in self.files))
        self._token = token
        self._stamps = stamps
        return self._rows

    def remember(self, rows: Rows, token: bytes) -> None:
        self._rows = rows
        self._token = token
        self._stamps = tuple(_stamp(file.path) for file in self.files)


class Writer:
    """An exclusive hold on a table. `rows` are as last saved."""

    def __init__(self, table: Table, fd: int, rows: Rows) -> None:
        self._table = table
        self._fd = fd
        self.rows = rows

    def save(self, rows: Rows, step: str = "") -> None:
        """Write the token, then every file whose rows changed. `step` names the point after it for fault tests."""
        token = new_token()
        os.pwrite(self._fd, token, 0)
        for file, before, after in zip(self._table.files, self.rows.files, rows.files):
            if before != after:
                atomic_write(file.path, dump_json(list(after)), mode=0o600, durable=not file.volatile)
        self._table.remember(rows, token)
        self.rows = rows
        if step:
            reached(step)

    def put(self, changed: list[Row], step: str = "", volatile: bool = False) -> None:
        """Replace the rows of the same ids where they stand, append new ones (to the volatile file if said)."""
        fresh = {str(row["id"]): row for row in changed}
        files = [[fresh.pop(str(row.get("id")), row) for row in rows] for rows in self.rows.files]
        files[-1 if volatile else 0].extend(fresh.values())
        self.save(Rows(tuple(tuple(rows) for rows in files)), step)

    def drop(self, ids: set[str], step: str = "") -> None:
        self.save(Rows(tuple(tuple(row for row in rows if row.get("id") not in ids) for rows in self.rows.files)), step)


def _explain(deed: str, error: OSError) -> EngineError:
    number = error.errno or errno.EIO
    hint = "Free space where images are stored" if number in (errno.ENOSPC, errno.EDQUOT) else ""
    where = os.fsdecode(error.filename) if isinstance(error.filename, (str, bytes)) else ""
    return HostLacks(deed, f"{where}: {os.strerror(number)}" if where else os.strerror(number), hint)


def _stamp(path: str) -> tuple[int, int, int]:
    """Tells one version of a file from the next even where a tool forgot the token."""
    try:
        info = os.stat(path)
    except FileNotFoundError:
        return (0, 0, 0)
    return (info.st_mtime_ns, info.st_size, info.st_ino)


def _read(path: str) -> tuple[Row, ...]:
    try:
        with open(path, "rb") as file:
            data = file.read()
    except FileNotFoundError:
        return ()
    if not data:
        return ()
    try:
        rows = json.loads(data)
    except (ValueError, RecursionError) as error:
        raise Damaged(f"read {path}", f"not JSON ({error})") from error
    if rows is None:
        return ()
    if not isinstance(rows, list) or not all(isinstance(row, dict) and isinstance(row.get("id"), str) for row in rows):
        raise Damaged(f"read {path}", "not a list of records with ids")
    return tuple(rows)
