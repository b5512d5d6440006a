# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Opening podman's SQLite database with podman's own options: one exclusive transaction per write.

Nothing is created by reading: without a database file every table reads as empty.
"""

from __future__ import annotations

import os
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base.errors import Damaged, HostLacks, TimedOut
from . import schema

if TYPE_CHECKING:
    import sqlite3
    from collections.abc import Callable, Iterator

BUSY_SECONDS = 100.0


class Connection:
    """The database file of `path`; opened at the first use.

    `settings` is written by whoever creates the file. `before_write` runs once, before the first write of this
    process: the boot check hangs there, because writing states next to those of an earlier boot would mix them.
    `rebooted` makes container states read as after a reboot, as long as no process has recorded that reboot.
    """

    def __init__(self, path: str, settings: schema.Settings, before_write: Callable[[], None] | None = None) -> None:
        self.path = path
        self.settings = settings
        self.rebooted = False
        self.before_write = before_write
        self._sqlite: sqlite3.Connection | None = None
        self._checked = False

    @property
    def exists(self) -> bool:
        return os.path.exists(self.path)

    def close(self) -> None:
        if self._sqlite is not None:
            self._sqlite.close()
            self._sqlite = None
            self._checked = False

    def stored_settings(self) -> schema.Settings | None:
        """What the database itself says about its surroundings; None while there is no row.

        Raises Damaged for a schema version other than 1.
        """
        if not self._readable():
            return None
        row = self._one(schema.SELECT_SETTINGS)
        if row is None:
            return None
        version = row[0]
        if version != schema.SCHEMA_VERSION:
            raise Damaged(
                f"open {self.path}",
                f"its schema version is {version}, this collection knows version {schema.SCHEMA_VERSION}",
                "Update the collection, or keep using the podman that made it",
            )
        return schema.Settings(*(str(field) for field in row[1:]))

    def query(self, sql: str, values: tuple[object, ...] = ()) -> list[tuple[object, ...]]:
        """All rows; none while there is no database."""
        if not self._readable():
            return []
        with self._mapped("read"):
            found: list[tuple[object, ...]] = self._open().execute(sql, values).fetchall()
            return found

    @contextmanager
    def transaction(self) -> Iterator[sqlite3.Connection]:
        """An exclusive transaction; committed at the end, rolled back by any exception."""
        self._prepare_write()
        connection = self._open()
        with self._mapped("write"):
            connection.execute("BEGIN EXCLUSIVE")
            try:
                yield connection
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise

    def create(self) -> None:
        """Make file, tables and settings row where they are missing. Does nothing to a complete database."""
        try:
            os.makedirs(os.path.dirname(self.path), mode=0o700, exist_ok=True)
        except OSError as error:
            raise HostLacks(f"create {self.path}", str(error.strerror)) from error
        connection = self._open()
        with self._mapped("create"):
            connection.execute("BEGIN EXCLUSIVE")
            try:
                for statement in schema.statements():
                    connection.execute(statement)
                connection.execute(schema.INSERT_SETTINGS, schema.settings_row(self.settings))
                connection.execute("COMMIT")
            except BaseException:
                if connection.in_transaction:
                    connection.execute("ROLLBACK")
                raise
        self._checked = False

    def _prepare_write(self) -> None:
        hook, self.before_write = self.before_write, None
        try:
            if hook is not None:
                hook()
        except BaseException:
            self.before_write = hook
            raise
        if not self._readable() or self.stored_settings() is None:
            self.create()

    def _readable(self) -> bool:
        """Whether the file is there with its tables (podman creates them in one transaction)."""
        if self._checked:
            return True
        if self._sqlite is None and not self.exists:
            return False
        with self._mapped("read"):
            row = self._open().execute("SELECT count(*) FROM sqlite_master WHERE name = 'DBConfig'").fetchone()
        self._checked = bool(row[0])
        return self._checked

    def _one(self, sql: str, values: tuple[object, ...] = ()) -> tuple[object, ...] | None:
        with self._mapped("read"):
            row: tuple[object, ...] | None = self._open().execute(sql, values).fetchone()
            return row

    def _open(self) -> sqlite3.Connection:
        if self._sqlite is None:
            try:
                import sqlite3
            except ImportError as error:
                raise HostLacks(
                    "open the container database",
                    "this Python has no sqlite3 module",
                    "Install the full Python package (libpython3-stdlib, python3-libs)",
                ) from error
            with self._mapped("open"):
                connection = sqlite3.connect(self.path, timeout=BUSY_SECONDS, isolation_level=None)
                for pragma in ("foreign_keys = 1", "synchronous = FULL", "case_sensitive_like = 1"):
                    connection.execute(f"PRAGMA {pragma}")
            self._sqlite = connection
        return self._sqlite

    @contextmanager
    def _mapped(self, deed: str) -> Iterator[None]:
        """SQLite's errors as ours."""
        import sqlite3

        try:
            yield
        except sqlite3.OperationalError as error:
            if "locked" in str(error):
                raise TimedOut(
                    f"{deed} {self.path}", f"locked by another process for more than {BUSY_SECONDS:g} s"
                ) from error
            raise HostLacks(f"{deed} {self.path}", str(error)) from error
        except sqlite3.DatabaseError as error:
            raise Damaged(f"{deed} {self.path}", str(error)) from error
