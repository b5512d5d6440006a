# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image as `podman image inspect` prints it: the same keys, the same values, in the same shapes."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from ..base import clock
from ..base.errors import EngineError
from ..base.jsonval import flag, items, table, tables, text, texts
from ..spec.descriptor import DOCKER_MANIFEST, OCI_INDEX, OCI_MANIFEST

if TYPE_CHECKING:
    from ..session.session import Session
    from ..store.records import ImageRecord, LayerRecord

    Json = dict[str, object]

#: The keys of an image's run configuration in the specification's order; those left empty are not printed.
_RUN_KEYS = ("User", "ExposedPorts", "Env", "Entrypoint", "Cmd", "Volumes", "WorkingDir", "Labels", "StopSignal")
_HISTORY_KEYS = ("created", "created_by", "author", "comment", "empty_layer")
_HEALTH_KEYS = ("Test", "StartPeriod", "StartInterval", "Interval", "Timeout", "Retries")


def inspect(session: Session, record: ImageRecord) -> Json:
    """Raises Damaged, Corrupt when the image's documents cannot be read."""
    config, manifest = _documents(session, record)
    layers = {layer.id: layer for layer in session.store.layers()}
    size = _size(record, layers)
    told = of_documents(config, manifest)
    found: Json = {
        "Id": record.id,
        "Digest": record.digest,
        "RepoTags": [name for name in record.names if "@" not in name],
        "RepoDigests": repo_digests(record),
        "Parent": _parent(session, record, config, layers),
        **{key: told.pop(key) for key in ("Comment", "Created", "Config", "Version", "Author", "Architecture", "Os")},
        "Size": size,
        "VirtualSize": size,
        "GraphDriver": _graph_driver(session, record, layers),
        **told,
        "NamesHistory": list(record.names_history) or None,
    }
    if "Healthcheck" in told:
        found["Healthcheck"] = found.pop("Healthcheck")
    return found


def of_documents(config: Json, manifest: Json) -> Json:
    """The part that the image's config and manifest tell, wherever they are."""
    kind = _manifest_type(manifest)
    history = [_kept(entry, _HISTORY_KEYS) for entry in tables(config, "history")]
    found: Json = {
        "Comment": _comment(config, history, kind),
        "Created": _time(text(config, "created")),
        "Config": _run_config(config),
        "Version": text(config, "docker_version"),
        "Author": text(config, "author"),
        "Architecture": text(config, "architecture"),
        "Os": text(config, "os"),
        "RootFS": {"Type": text(table(config, "rootfs"), "type"), "Layers": texts(table(config, "rootfs"), "diff_ids")},
        "Labels": table(table(config, "config"), "Labels") or None,
        "Annotations": table(manifest, "annotations") if kind == OCI_MANIFEST else {},
        "ManifestType": kind,
        "User": text(table(config, "config"), "User"),
        "History": history or None,
    }
    health = table(table(config, "config"), "Healthcheck") or table(table(config, "container_config"), "Healthcheck")
    if kind == DOCKER_MANIFEST and health:
        found["Healthcheck"] = _kept(health, _HEALTH_KEYS)
    return found


def repo_digests(record: ImageRecord) -> list[str]:
    """Every repository that the image has a name in, with each of its manifest digests."""
    repositories = {repository(name) for name in record.names}
    digests = {*record.digests, record.digest} - {""}
    return sorted(f"{repository}@{digest}" for repository in repositories for digest in digests)


def _documents(session: Session, record: ImageRecord) -> tuple[Json, Json]:
    config = json.loads(session.store.image_config_bytes(record))
    manifest = json.loads(session.store.image_manifest(record))
    return (config if isinstance(config, dict) else {}), (manifest if isinstance(manifest, dict) else {})


def _run_config(config: Json) -> Json:
    run = table(config, "config")
    kept = _kept(run, _RUN_KEYS)
    if flag(run, "ArgsEscaped"):
        kept["ArgsEscaped"] = True
    return kept


def _kept(raw: Json, keys: tuple[str, ...]) -> Json:
    """The keys that have a value, in this order."""
    return {key: raw[key] for key in keys if raw.get(key)}


def _manifest_type(manifest: Json) -> str:
    written = text(manifest, "mediaType")
    return written or (OCI_INDEX if items(manifest, "manifests") else OCI_MANIFEST)


def _comment(config: Json, history: list[Json], kind: str) -> str:
    if kind == DOCKER_MANIFEST:
        return text(config, "comment")
    return text(history[0], "comment") if history else ""


def _time(written: str) -> str | None:
    """Go prints times with the zeros of the fraction left off, in the zone they were written in."""
    if not written:
        return None
    if "." not in written or not written.endswith("Z"):
        return written
    try:
        return clock.from_unix_ns(clock.parse(written))
    except EngineError:
        return written


def repository(name: str) -> str:
    bare = name.partition("@")[0]
    head, slash, tail = bare.rpartition("/")
    return head + slash + tail.partition(":")[0]


def _size(record: ImageRecord, layers: dict[str, LayerRecord]) -> int:
    """Layers unpacked, each once, and the image's own documents."""
    total = sum(record.big_data_sizes.values())
    seen: set[str] = set()
    for top in (record.top_layer, *record.mapped_layers):
        while top and top not in seen and top in layers:
            seen.add(top)
            total += layers[top].diff_size
            top = layers[top].parent
    return total


def _graph_driver(session: Session, record: ImageRecord, layers: dict[str, LayerRecord]) -> Json:
    top = record.top_layer
    data: Json = {}
    if top in layers:
        lowers = []
        parent = layers[top].parent
        while parent and parent in layers:
            lowers.append(os.path.join(layers[parent].root, "overlay", parent, "diff"))
            parent = layers[parent].parent
        home = os.path.join(layers[top].root, "overlay", top)
        if lowers:
            data["LowerDir"] = ":".join(lowers)
        data["UpperDir"] = os.path.join(home, "diff")
        data["WorkDir"] = os.path.join(home, "work")
    return {"Name": "overlay", "Data": data}


def _parent(session: Session, record: ImageRecord, config: Json, layers: dict[str, LayerRecord]) -> str:
    """The id of the local image that this one was built upon by one step, as its history tells."""
    history = tables(config, "history")
    near = {record.top_layer, layers[record.top_layer].parent if record.top_layer in layers else ""}
    for other in session.store.images():
        if other.id == record.id or other.top_layer not in near:
            continue
        try:
            older, _manifest = _documents(session, other)
        except (EngineError, ValueError):
            continue
        before = tables(older, "history")
        shorter = texts(table(older, "rootfs"), "diff_ids")
        if (
            before
            and len(before) + 1 == len(history)
            and history[: len(before)] == before
            and texts(table(config, "rootfs"), "diff_ids")[: len(shorter)] == shorter
        ):
            return other.id
    return ""
