# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Secrets of a container: copied when it is made, bound in and put into its environment when it starts.

podman does the same in the same places, so either can start what the other has made.
"""

from __future__ import annotations

import os
import posixpath
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import NotFound
from ..base.files import atomic_write
from ..base.steps import reached
from . import own_ids

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..session.session import Session
    from .model import Container

TARGET = "/run/secrets"


def copy(session: Session, config: Json) -> None:
    """The values as files in the container's own directory, with owner and mode. Raises NotFound."""
    directory = jsonval.text(config, "secretsPath")
    entries = jsonval.tables(config, "secrets")
    _warn_of_second_owner(session, entries)
    for entry in entries:
        name = jsonval.text(entry, "name")
        path = os.path.join(directory, name)
        atomic_write(path, _value(session, name, config), mode=0o600, durable=False)
        owner = own_ids.outside(config, jsonval.number(entry, "UID"), jsonval.number(entry, "GID"))
        os.chown(path, *owner, follow_symlinks=False)
        os.chmod(path, jsonval.number(entry, "Mode", 0o444))
        reached("container-secret-copied")


def _warn_of_second_owner(session: Session, entries: list[Json]) -> None:
    """A container has one copy of a secret, as with podman, and so one owner and mode for all its targets."""
    owners: dict[str, tuple[object, ...]] = {}
    for entry in entries:
        name = jsonval.text(entry, "name")
        owner = tuple(entry.get(key) for key in ("UID", "GID", "Mode"))
        if owners.get(name, owner) != owner:
            session.warn(f"secret {name} is wanted with different owners; a container has one copy, the last wins")
        owners[name] = owner


def binds(container: Container) -> dict[str, str]:
    """libpod's bindMounts: the directory first, for the files are bound into it."""
    entries = jsonval.tables(container.config, "secrets")
    if not entries:
        return {}
    directory = os.path.join(container.run_dir, "run", "secrets")
    os.makedirs(directory, mode=0o755, exist_ok=True)
    for made in (os.path.dirname(directory), directory):
        os.chmod(made, 0o755)
    found = {TARGET: directory}
    source = jsonval.text(container.config, "secretsPath")
    for entry in entries:
        name = jsonval.text(entry, "name")
        target = posixpath.join(TARGET, jsonval.text(entry, "Target") or name)
        found[target] = os.path.join(source, name)
    return found


def environment(session: Session, container: Container) -> dict[str, str]:
    """Values as they are now, as podman has it. Raises NotFound for a secret that is gone."""
    wanted = jsonval.table(container.config, "secret_env")
    return {
        variable: _value(session, jsonval.text(jsonval.table(wanted, variable), "name"), container.config).decode(
            "utf-8", "surrogateescape"
        )
        for variable in wanted
    }


def _value(session: Session, name: str, config: Json) -> bytes:
    from ..secret.deeds import open_store

    store = open_store(session)
    found = store.get(name)
    if found is None:
        raise NotFound(f"give secret {name} to container {jsonval.text(config, 'name')}", "there is no such secret")
    return store.value(found)
