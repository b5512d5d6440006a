# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Images that containers mount (`--mount type=image`): layers mounted once for all, counted as podman counts."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import Corrupt, NotFound
from ..base.files import atomic_write, dump_json, read_json
from ..base.steps import reached
from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..session.session import Session
    from .desired import ContainerDesired
    from .model import Container


class Mounted(NamedTuple):
    """An image's tree at `path`; `source` its name, `target` where it belongs, `part` a path below it."""

    source: str
    target: str
    path: str
    part: str
    writable: bool


def require(session: Session, desired: ContainerDesired) -> None:
    """Raises NotFound for an image that is to be mounted, and is not here."""
    for mount in desired.mount or ():
        if mount.kind == "image":
            _layer(session, mount.source, f"create container {desired.name}")


def _layer(session: Session, source: str, deed: str) -> str:
    from ..image import lookup

    found = lookup.find_record(session, source)
    if found is None or not found[0].top_layer:
        raise NotFound(deed, f"image {source}, which it mounts, is not here", "Pull it first")
    return found[0].top_layer


def attach(session: Session, container: Container) -> list[Mounted]:
    """Mount the image of each; what is about to be mounted is on disk first. Raises NotFound, HostLacks."""
    wanted = jsonval.tables(container.config, "ctrImageVolumes")
    if not wanted:
        return []
    deed = f"start container {container.name}"
    layers = [_layer(session, jsonval.text(entry, "source"), deed) for entry in wanted]
    os.makedirs(container.run_dir, mode=0o700, exist_ok=True)
    atomic_write(_file(container), dump_json(layers), durable=False)
    found = []
    for entry, layer in zip(wanted, layers):
        path = session.store.mount_layer(layer)
        reached("image-mounted")
        source, target, part = (jsonval.text(entry, key) for key in ("source", "dest", "subPath"))
        found.append(Mounted(source, target, path, part.strip("/"), jsonval.flag(entry, "rw")))
    return found


def detach(session: Session, container: Container) -> None:
    """One user less of each."""
    for layer in _noted(session, container):
        session.store.unmount_layer(layer)


def _noted(session: Session, container: Container) -> list[str]:
    """The layers of this start; where podman has started it, those that the names mean now."""
    try:
        noted = read_json(_file(container))
    except (FileNotFoundError, Corrupt):
        noted = None
    if isinstance(noted, list):
        return [layer for layer in noted if isinstance(layer, str)]
    return [layer for entry in jsonval.tables(container.config, "ctrImageVolumes") for layer in _known(session, entry)]


def _known(session: Session, entry: Json) -> list[str]:
    try:
        return [_layer(session, jsonval.text(entry, "source"), "find an image")]
    except NotFound:
        return []


def _file(container: Container) -> str:
    return os.path.join(container.run_dir, "images.json")
