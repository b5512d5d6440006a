# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Deleting one tag of several that point at the same manifest.

The API deletes a tag alone where a registry supports that; older ones delete manifests, and with them all tags that
point there.  There the tag is first pointed at a manifest of its own, made for the purpose, and that one is deleted.
"""

from __future__ import annotations

import io
import json
import uuid
from typing import TYPE_CHECKING

from ..base import clock
from ..base.digest import digest_of
from ..base.errors import Refused
from ..base.steps import reached
from ..spec.descriptor import OCI_CONFIG, OCI_MANIFEST, Descriptor

if TYPE_CHECKING:
    from ..base.digest import Digest
    from .destination import ImageDestination
    from .tags import Tags


def delete_tag(tags: Tags, tag: str, destination: ImageDestination) -> None:
    """Delete a tag and nothing else; ``destination`` is the tag as a place to push to.  Idempotent.

    Killed in between it leaves the tag at an empty image, and the next run deletes that.  Raises Refused where the
    registry deletes neither tags nor manifests, Denied where it forbids this user to.
    """
    if tags.delete(tag) and tags.digest(tag) is None:
        return
    before = tags.digest(tag)
    if before is None:
        return
    # A registry that deletes nothing says so of what does not exist as well: asked before the tag is moved away.
    if not tags.delete(f"sha256:{uuid.uuid4().hex}{uuid.uuid4().hex}"):
        raise Refused(
            f"delete the tag {tags.what}:{tag}", "the registry does not delete", "Allow it in its configuration"
        )
    _point_at_nothing(destination)
    reached("tag-moved-away")
    digest = tags.digest(tag)
    if digest == before:
        raise Refused(f"delete the tag {tags.what}:{tag}", "the registry keeps it where it is")
    if digest is not None and not tags.delete(str(digest)):
        cause = "the registry does not delete manifests; the tag points at an empty image now"
        raise Refused(f"delete the tag {tags.what}:{tag}", cause)


def _point_at_nothing(destination: ImageDestination) -> None:
    """Push an image without layers, unlike any other: its digest has no second tag."""
    config = _dump(
        {
            "architecture": "unknown",
            "os": "unknown",
            "created": clock.now(),
            "config": {"Labels": {"io.daemonless.deleted": uuid.uuid4().hex}},
            "rootfs": {"type": "layers", "diff_ids": []},
        }
    )
    digest: Digest = digest_of(config)
    destination.put_blob(Descriptor(OCI_CONFIG, digest, len(config)), io.BytesIO(config))
    manifest = _dump(
        {
            "schemaVersion": 2,
            "mediaType": OCI_MANIFEST,
            "config": {"mediaType": OCI_CONFIG, "digest": str(digest), "size": len(config)},
            "layers": [],
        }
    )
    destination.put_manifest(manifest, OCI_MANIFEST, instance=False)
    destination.commit()


def _dump(value: object) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()
