# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Checkpoints as images: one layer that holds the archive's members, with podman's annotations about them."""

from __future__ import annotations

import json
import os
from typing import TYPE_CHECKING

from ..base import clock, jsonval
from ..base.digest import digest_of
from ..base.errors import BadInput, NotFound
from ..criu import archive
from ..spec import descriptor as kinds
from ..spec import manifest as manifests
from ..spec import platform, reference
from . import frozen
from .checkpoint_unpack import Origin
from .commit import Pieces

if TYPE_CHECKING:
    from collections.abc import Iterator

    from ..session.session import Session
    from .model import Container

_NAME = archive.ANNOTATION + "name"


def make(session: Session, container: Container, name: str, pieces: Iterator[bytes]) -> str:
    """Stage the layer and record the image, whole or not at all; its id."""
    from ..store.records import ImageDraft
    from ..store.values import Wanted

    staged = session.store.stage_layer(Pieces(pieces), Wanted(what=f"the checkpoint of container {container.name}"))
    try:
        here = platform.host_platform(os.uname().machine)
        created = clock.now()
        document = {
            "created": created,
            "architecture": here.architecture,
            "os": here.os,
            "config": {},
            "rootfs": {"type": "layers", "diff_ids": [str(staged.diff_id)]},
            "history": [{"created": created, "created_by": f"checkpoint of container {container.name}"}],
        }
        data = json.dumps(document, separators=(",", ":")).encode()
        layer = kinds.Descriptor(kinds.OCI_LAYER, staged.diff_id, staged.diff_size)
        settings = kinds.Descriptor(kinds.OCI_CONFIG, digest_of(data), len(data))
        manifest = manifests.render(kinds.OCI_MANIFEST, settings, [layer], about(container))
        draft = ImageDraft(
            id=digest_of(data).hex,
            names=(reference.stored_name(name),),
            top_layer="",
            config=data,
            manifests=((str(digest_of(manifest)), manifest),),
            created=created,
        )
    except BaseException:
        session.store.discard_staged([staged])
        raise
    return session.store.commit_image([staged], draft).id


def about(container: Container) -> dict[str, str]:
    """podman asks for the name before it restores from an image; the rest is for people."""
    config = container.config
    kept = frozen.kept(container)
    notes = kept.notes if kept else {}
    told = {
        "name": container.name,
        "rawImageName": jsonval.text(config, "RawImageName"),
        "rootfsImageID": jsonval.text(config, "rootfsImageID"),
        "rootfsImageName": jsonval.text(config, "rootfsImageName"),
        "criu.version": jsonval.text(notes, "criu"),
        "runtime.name": jsonval.text(notes, "runtime"),
        "host.arch": jsonval.text(notes, "architecture"),
        "host.kernel": jsonval.text(notes, "kernel"),
    }
    return {archive.ANNOTATION + key: value for key, value in told.items() if value}


def origin(session: Session, name: str) -> Origin:
    """Raises NotFound for an image that is not here, BadInput for one that is no checkpoint."""
    from ..image import lookup

    entry = lookup.find_record(session, name)
    if entry is None:
        raise NotFound(f"restore from image {name}", "it is not on this host", "Pull it first")
    found = entry[0]
    document = json.loads(session.store.image_manifest(found))
    if not jsonval.text(jsonval.table(document, "annotations"), _NAME):
        raise BadInput(f"restore from image {name}", "it is not the checkpoint of a container")
    return Origin(layer=found.top_layer)
