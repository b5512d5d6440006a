# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Writing what `docker load` and `podman load` read (Docker image specification v1.2): one image or several."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import EngineError
from ..base.files import dump_json
from ..spec import manifest as manifests
from ..spec.descriptor import DOCKER_CONFIG, DOCKER_MANIFEST, OCI_CONFIG
from . import destination
from .destination import Feed

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..base.digest import Digest
    from ..base.streams import Reader
    from ..spec.descriptor import Descriptor
    from .sink import Sink


class DockerArchiveWriter:
    """An archive to which images are added one after the other; layers that they share are in it once."""

    def __init__(self, sink: Sink) -> None:
        self.sink = sink
        self._entries: list[dict[str, object]] = []

    def image(self, names: tuple[str, ...], then: Callable[[], None] | None = None) -> DockerArchiveDestination:
        """Where to copy the next image, known by these names (with tags); ``then`` is called when it is complete."""
        return DockerArchiveDestination(self, names, then)

    def list(self, config: str, names: tuple[str, ...], layers: list[str]) -> None:
        self._entries.append({"Config": config, "RepoTags": list(names) or None, "Layers": layers})

    def commit(self) -> None:
        """Publish the archive with all its images."""
        self.sink.add_bytes("manifest.json", dump_json(self._entries) + b"\n")
        self.sink.commit()

    def close(self) -> None:
        self.sink.close()


class DockerArchiveDestination:
    """One image of an archive."""

    layers = destination.PLAIN

    def __init__(
        self, writer: DockerArchiveWriter, names: tuple[str, ...], then: Callable[[], None] | None = None
    ) -> None:
        self.what = writer.sink.what
        self._writer = writer
        self._names = names
        self._then = then
        self._manifest = b""

    def accepts(self, media_type: str) -> bool:
        return media_type == DOCKER_MANIFEST

    def has_blob(self, digest: Digest, size: int) -> bool:
        return any(self._writer.sink.size(name) == size for name in (_layer(digest), _config(digest)))

    def put_blob(self, descriptor: Descriptor, reader: Reader) -> None:
        config = descriptor.media_type in (DOCKER_CONFIG, OCI_CONFIG)
        name = _config(descriptor.digest) if config else _layer(descriptor.digest)
        feed = Feed(reader, descriptor, f"write {descriptor.digest} to {self.what}")
        self._writer.sink.add(name, descriptor.size, feed)

    def put_manifest(self, data: bytes, media_type: str, *, instance: bool, digest: Digest | None = None) -> None:
        self._manifest = data

    def commit(self) -> None:
        if not self._manifest:
            raise EngineError(f"write {self.what}", "no manifest was put")
        parsed = manifests.parse(self._manifest, DOCKER_MANIFEST, self.what)
        if isinstance(parsed, manifests.Index):
            raise EngineError(f"write {self.what}", "such an archive holds no lists of images")
        layers = [_layer(layer.digest) for layer in parsed.layers]
        self._writer.list(_config(parsed.config.digest), self._names, layers)
        if self._then is not None:
            self._then()

    def close(self) -> None:
        """An archive for this image alone goes with it; one of several is its writer's to close."""
        if self._then is not None:
            self._writer.close()


def _config(digest: Digest) -> str:
    return f"{digest.hex}.json"


def _layer(digest: Digest) -> str:
    return f"{digest.hex}.tar"
