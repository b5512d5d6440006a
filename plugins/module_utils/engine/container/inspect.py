# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""`container inspect`: the rows of a container with what only the host knows, in podman's form."""

from __future__ import annotations

import os
from typing import TYPE_CHECKING

from ..base import jsonval
from ..base.errors import EngineError
from ..base.files import read_json
from ..libpod.rows import RUNNING
from . import health_log, inspect_view, lookup

if TYPE_CHECKING:
    from ..base.jsonval import Json
    from ..session.session import Session
    from .model import Container
    from .sizes import Sizes


def inspect(session: Session, container: Container, *, size: bool = False) -> Json:
    """podman's document, with what it takes on the disk where that is asked for. A process that died unseen is shown as
    ended, though nobody has recorded it yet."""
    taken = _sizes(session, container) if size else None
    facts = inspect_view.InspectFacts(
        image_digest=_image_digest(session, container),
        spec=_bundle(container),
        graph_data=_graph(session, container),
        volumes=_volumes(session, container),
        network_ids=_network_ids(session, container),
        network_of=_shared_network(session, container),
        host_name=os.uname().nodename,
        default_network=session.conf.default_network or "podman",
        cgroup_path=_cgroup_path(container),
        health=health_log.read(container) if health_log.check_of(container) else None,
        size_rw=taken.own if taken is not None else None,
        size_root=taken.whole if taken is not None else None,
    )
    return inspect_view.inspect(container.config, _effective_state(session, container), facts)


def _sizes(session: Session, container: Container) -> Sizes:
    from ..image.catalogue import Catalogue
    from .sizes import sizes

    return sizes(Catalogue(session.store), container)


def _effective_state(session: Session, container: Container) -> Json:
    if not container.ended_unseen:
        return container.state
    gone: Json = {**container.state, "pid": 0, "conmonPid": 0}
    if container.code < RUNNING:
        return {**gone, "state": 1}
    from .settle import how_it_ended

    return {**gone, "state": 6, **how_it_ended(session, container)}


def _bundle(container: Container) -> Json | None:
    """config.json of its last start, as podman shows it."""
    path = jsonval.text(container.state, "configPath")
    if not path:
        return None
    try:
        found = read_json(path)
    except (OSError, EngineError):
        return None
    return found if isinstance(found, dict) else None


def _image_digest(session: Session, container: Container) -> str:
    record = session.store.image(container.image_id) if container.image_id else None
    return record.digest if record is not None else ""


def _graph(session: Session, container: Container) -> dict[str, str]:
    record = session.store.container(container.id)
    if record is None:
        return {}
    upper = session.store.diff_path(container.id)
    layer = session.store.layer(record.layer)
    parents = session.store.layer_chain(layer.parent) if layer is not None and layer.parent else []
    base = os.path.dirname(os.path.dirname(upper))
    data = {
        "LowerDir": ":".join(os.path.join(base, parent.id, "diff") for parent in reversed(parents)),
        "MergedDir": jsonval.text(container.state, "mountPoint"),
        "UpperDir": upper,
        "WorkDir": os.path.join(os.path.dirname(upper), "work"),
    }
    return {key: value for key, value in data.items() if value}


def _volumes(session: Session, container: Container) -> dict[str, tuple[str, str]]:
    found = {}
    for named in jsonval.tables(container.config, "namedVolumes"):
        name = jsonval.text(named, "volumeName")
        row = session.database.volume(name)
        if row is not None:
            found[name] = (jsonval.text(row.config, "volumeDriver", "local"), jsonval.text(row.config, "mountPoint"))
    return found


def _network_ids(session: Session, container: Container) -> dict[str, str]:
    found = {}
    for name in jsonval.table(container.config, "newNetworks"):
        try:
            identity = session.networks.id_of(name)
        except EngineError:
            continue
        if identity is not None:
            found[name] = identity
    return found


def _shared_network(session: Session, container: Container) -> tuple[Json, Json] | None:
    other_id = jsonval.text(container.config, "netNsCtr")
    other = lookup.by_id(session, other_id) if other_id else None
    return None if other is None else (other.config, other.state)


def _cgroup_path(container: Container) -> str:
    """Where it runs, by the kernel's own account (cgroups(7)): the unified path, else that of a v1 controller."""
    if not container.running:
        return ""
    try:
        with open(f"/proc/{container.pid}/cgroup", encoding="utf-8", errors="replace") as file:
            lines = [line.rstrip("\n").split(":", 2) for line in file]
    except OSError:
        return ""
    paths = {parts[1]: parts[2] for parts in lines if len(parts) == 3}
    unified = paths.get("", "/")
    return unified if container.id in unified else next((path for path in paths.values() if container.id in path), "")
