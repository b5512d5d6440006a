# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Which state store may be used here: podman's own, shared with it, or one of ours beside it.

* database_backend = "boltdb", or a schema version other than 1: our own.
* A BoltDB store and no database_backend: our own, because podman before 6 keeps using that file. A db.sql which already
  has containers stays in use, with locks of its own.
* Containers in our own store from such a time: it stays in use.
* Otherwise podman's.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base.errors import BadInput, Damaged
from .database import Database
from .paths import BOLT, LibpodPaths, Roots, beside_bolt, own_paths, shared_paths, with_stored

if TYPE_CHECKING:
    from ..host.identity import Identity
    from .conf import ContainersConf


def choose(conf: ContainersConf, roots: Roots, identity: Identity) -> tuple[LibpodPaths, Database]:
    """The store to use and its database, not opened unless its file exists.

    Raises BadInput for an unknown database_backend, Damaged for a file that is no database.
    """
    shared = shared_paths(conf, roots, identity)
    backend = conf.database_backend
    if backend not in ("", "sqlite", "boltdb"):
        raise BadInput("open the container database", f"database_backend = {backend!r} in containers.conf is unknown")
    if backend == "boltdb":
        return _own(shared, identity, 'containers.conf says database_backend = "boltdb"')
    bolt = os.path.join(shared.static_dir, BOLT)
    database = Database(shared.database, shared.settings())
    if backend == "" and os.path.exists(bolt):
        reason = f"podman keeps its containers in {bolt}, the format of podman 4"
        if database.exists and database.query("SELECT 1 FROM ContainerConfig LIMIT 1"):
            return _opened(beside_bolt(shared, identity, reason), database)
        database.close()
        return _own(shared, identity, reason)
    kept = _still_apart(shared, identity)
    if kept is not None:
        return kept
    try:
        return _opened(shared, database)
    except Damaged as error:
        if "schema version" not in error.cause:
            raise
        database.close()
        return _own(shared, identity, error.cause)


def _still_apart(shared: LibpodPaths, identity: Identity) -> tuple[LibpodPaths, Database] | None:
    """Our own store when there are containers in it, though podman's could be shared by now: they must not vanish."""
    paths = own_paths(shared, identity, "")
    database = Database(paths.database, paths.settings())
    if not database.exists or not database.query("SELECT 1 FROM ContainerConfig LIMIT 1"):
        database.close()
        return None
    return _opened(paths._replace(reason=f"there still are containers in {paths.database}"), database)


def _own(shared: LibpodPaths, identity: Identity, reason: str) -> tuple[LibpodPaths, Database]:
    paths = own_paths(shared, identity, reason)
    return _opened(paths, Database(paths.database, paths.settings()))


def _opened(paths: LibpodPaths, database: Database) -> tuple[LibpodPaths, Database]:
    stored = database.stored_settings()
    if stored is not None:
        paths = with_stored(paths, stored)
    database.settings = paths.settings()
    return paths, database
