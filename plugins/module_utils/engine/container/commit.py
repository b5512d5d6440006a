# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""An image from a container: its image's layers, what it changed as one more, and its configuration.

The layer is staged and published like one that was pulled: whole or not at all, whenever we are killed.
"""

from __future__ import annotations

import hashlib
import json
from contextlib import contextmanager
from typing import TYPE_CHECKING

from ..base import clock
from ..base.digest import Digest, digest_of
from ..base.errors import BadInput, EngineError, NotFound
from ..base.jsonval import number, table, tables, text, text_map, texts
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..spec import reference
from . import tree
from .events import event

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from ..base.jsonval import Json
    from ..session.session import Session
    from ..store.records import ImageRecord
    from ..store.staging import StagedLayer
    from .model import Container

FORMATS = ("oci", "docker")
_V2 = "v2"


class Wish(NamedTuple):
    """`name` may be empty. `config` is laid over the image's before `changes` (image/config_merge.py). `pause` None:
    where this host can freeze the container."""

    name: str = ""
    author: str = ""
    message: str = ""
    changes: tuple[str, ...] = ()
    config: Mapping[str, object] = {}
    format: str = "oci"
    include_volumes: bool = False
    squash: bool = False
    pause: bool | None = None

    @property
    def stored_name(self) -> str:
        return reference.stored_name(self.name) if self.name else ""


def present(session: Session, container: Container, wish: Wish) -> ImageRecord | None:
    """The image, of that name if one is wanted, that a commit now would only repeat. Reads all that would be packed."""
    base = _base(session, container)
    hashed = hashlib.sha256()
    for piece in _layer(session, container, wish):
        hashed.update(piece)
    wanted = _plain(_document(session, container, wish, base, Digest("sha256", hashed.hexdigest())))
    name = wish.stored_name
    for record in session.store.images():
        if record.top_layer and (not name or name in record.names):
            try:
                if _plain(json.loads(session.store.image_config_bytes(record))) == wanted and _is(
                    session, record, wish
                ):
                    return record
            except (EngineError, ValueError):
                continue
    return None


def commit(session: Session, container: Container, wish: Wish) -> str:
    """The id of the new image, which is in the store now. Raises as the store does."""
    from ..store.records import ImageDraft
    from ..store.values import Wanted

    base = _base(session, container)
    with _frozen(session, container, wish):
        pieces = _layer(session, container, wish)
        staged = session.store.stage_layer(Pieces(pieces), Wanted(what=f"the changes of container {container.name}"))
    reached("commit-staged")
    try:
        document = _document(session, container, wish, base, staged.diff_id)
        data = json.dumps(document, separators=(",", ":")).encode()
        chain: list[StagedLayer | Digest] = [] if wish.squash else [Digest.parse(one) for one in _diff_ids(base)]
        manifest = _manifest(session, wish, data, [*chain, staged])
        name = wish.stored_name
        draft = ImageDraft(
            id=digest_of(data).hex,
            names=(name,) if name else (),
            top_layer="",
            config=data,
            manifests=((str(digest_of(manifest)), manifest),),
            created=text(document, "created"),
        )
    except BaseException:
        session.store.discard_staged([staged])
        raise
    record = session.store.commit_image([*chain, staged], draft)
    event(session, container, "commit")
    return record.id


class Pieces:
    """An iterator of bytes as a reader."""

    def __init__(self, pieces: Iterator[bytes]) -> None:
        self._pieces = pieces
        self._left = b""

    def read(self, size: int = -1) -> bytes:
        if not self._left:
            self._left = next(self._pieces, b"")
        if size < 0:
            whole, self._left = self._left + b"".join(self._pieces), b""
            return whole
        data, self._left = self._left[:size], self._left[size:]
        return data


@contextmanager
def _frozen(session: Session, container: Container, wish: Wish) -> Iterator[None]:
    from .pause import pause, unpause

    able = not session.cgroups.rootless or session.cgroups.mode == _V2
    wanted = able if wish.pause is None else wish.pause
    if not wanted or not container.running or not pause(session, container):
        yield
        return
    try:
        yield
    finally:
        unpause(session, container)


def _layer(session: Session, container: Container, wish: Wish) -> Iterator[bytes]:
    if wish.squash:
        yield from tree.tar(session, container)
        return
    from ..host.rooted import Root
    from ..store.pack import pack

    found = tree.record(session, container)
    with Root.of(session.store.diff_path(found.id)) as top:
        yield from pack(top, f"the changes of container {container.name}", tree.owner_inside(found))


def _base(session: Session, container: Container) -> Json:
    """The config document of the image that it was made from."""
    deed = f"commit container {container.name}"
    if text(container.config, "rootfs"):
        raise BadInput(deed, "it stands on a directory of the host and has no image", "Export it and import that")
    record = session.store.image(container.image_id) if container.image_id else None
    if record is None:
        raise NotFound(deed, "the image that it was made from is gone", "Export it and import that")
    found = json.loads(session.store.image_config_bytes(record))
    if not isinstance(found, dict):
        raise BadInput(deed, "the config of its image is no object")
    return found


def _diff_ids(document: Json) -> list[str]:
    return texts(table(document, "rootfs"), "diff_ids")


def _document(session: Session, container: Container, wish: Wish, base: Json, diff_id: Digest) -> Json:
    now = clock.now()
    entry: Json = {"created": now, "created_by": "/bin/sh"}
    if wish.author:
        entry["author"] = wish.author
    if wish.message:
        entry["comment"] = wish.message
    kept = [] if wish.squash else _diff_ids(base)
    document: Json = {"created": now}
    author = wish.author or text(base, "author")
    if author:
        document["author"] = author
    document.update({key: base[key] for key in ("architecture", "variant", "os", "os.version") if base.get(key)})
    document["config"] = _config(session, container, wish, table(base, "config"))
    document["rootfs"] = {"type": "layers", "diff_ids": [*kept, str(diff_id)]}
    document["history"] = [*([] if wish.squash else tables(base, "history")), entry]
    return document


def _config(session: Session, container: Container, wish: Wish, base: Json) -> Json:
    """The image's, with what the container was made with on top; nothing that came from a secret."""
    from ..image import changes, config_merge

    row = container.config
    config: Json = json.loads(json.dumps(base))
    for key, value in (("Entrypoint", texts(row, "entrypoint")), ("Cmd", texts(row, "command"))):
        config.pop(key, None)
        if value:
            config[key] = value
    process = table(container.spec, "process")
    secret = table(row, "secret_env")
    env = dict(item.partition("=")[::2] for item in [*texts(config, "Env"), *texts(process, "env")])
    config["Env"] = [f"{name}={value}" for name, value in env.items() if name not in secret]
    ports = [f"{number(one, 'container_port')}/{text(one, 'protocol')}" for one in container.ports]
    for port, protocols in table(row, "exposedPorts").items():
        ports += [f"{port}/{protocol}" for protocol in (protocols if isinstance(protocols, list) else [])]
    for key, found in (("ExposedPorts", ports), ("Volumes", _volumes(session, container, wish))):
        if found:
            config[key] = {**table(config, key), **{name: {} for name in found}}
    labels = {**text_map(config, "Labels"), **container.labels}
    if labels:
        config["Labels"] = labels
    if text(row, "user"):
        config["User"] = text(row, "user")
    config["WorkingDir"] = text(process, "cwd", "/")
    if wish.config:
        config_merge.lay_over(config, wish.config, docker=wish.format == "docker")
    return changes.apply(wish.changes, config)


def _volumes(session: Session, container: Container, wish: Wish) -> list[str]:
    """Those that the user asked for; without `include_volumes` only anonymous ones."""
    asked = texts(container.config, "userVolumes")
    if wish.include_volumes:
        return [path for path in asked if path]
    found = []
    for named in tables(container.config, "namedVolumes"):
        row = session.database.volume(text(named, "volumeName"))
        if row is not None and row.config.get("isAnon") and text(named, "dest") in asked:
            found.append(text(named, "dest"))
    return found


def _manifest(session: Session, wish: Wish, config: bytes, layers: list[StagedLayer | Digest]) -> bytes:
    from ..spec import descriptor as kinds
    from ..spec import manifest as manifests
    from ..store.values import StagedLayer

    docker = wish.format == "docker"
    sizes = {layer.diff_digest: layer.diff_size for layer in session.store.layers()}
    entries = []
    for layer in layers:
        digest, size = (
            (layer.diff_id, layer.diff_size) if isinstance(layer, StagedLayer) else (layer, sizes.get(str(layer), 0))
        )
        entries.append(kinds.Descriptor(kinds.DOCKER_LAYER if docker else kinds.OCI_LAYER, digest, size))
    about = kinds.Descriptor(kinds.DOCKER_CONFIG if docker else kinds.OCI_CONFIG, digest_of(config), len(config))
    return manifests.render(kinds.DOCKER_MANIFEST if docker else kinds.OCI_MANIFEST, about, entries)


def _plain(document: Json) -> Json:
    """Without the times of the last step, which no two commits share."""
    history = [dict(entry) for entry in tables(document, "history")]
    if history:
        history[-1].pop("created", None)
    return {**{key: value for key, value in document.items() if key != "created"}, "history": history}


def _is(session: Session, record: ImageRecord, wish: Wish) -> bool:
    """Whether its manifest is of the wanted format."""
    return ("docker" in text(json.loads(session.store.image_manifest(record)), "mediaType")) == (
        wish.format == "docker"
    )
