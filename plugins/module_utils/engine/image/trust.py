# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The gate that every image passes on its way in: policy.json, with the signatures that the source has of it."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base.errors import Damaged, NotFound
from ..base.tuples import NamedTuple
from ..registry.signatures import blob
from ..registry.signatures.judging import Subject

if TYPE_CHECKING:
    from ..host.process import Runner
    from ..registry.policy import Ruling
    from ..registry.signatures.blob import Signature
    from ..registry.source import Fetched, ImageSource
    from ..spec.reference import Reference
    from ..store.records import ImageRecord
    from ..store.store import Store


class Gate(NamedTuple):
    """``reference`` is the name as the user knows it, before mirrors; None where the transport knows no such names."""

    ruling: Ruling
    reference: Reference | None
    runner: Runner

    def admit(self, source: ImageSource, instance: Fetched) -> tuple[Signature, ...]:
        """The image's signatures, once the policy lets it in; nothing but its manifest was read before.

        ``instance`` is one image, not the index it was chosen from.  Raises Denied, HostLacks, and as sources do.
        """
        found = source.signatures(instance.digest)
        what = str(self.reference) if self.reference else source.what
        self.ruling.verify(Subject(what, self.reference, instance.data, lambda: found), self.runner)
        return found


def stored(store: Store, record: ImageRecord, digest: str = "") -> tuple[Signature, ...]:
    """The signatures that the store keeps of an image, for its default manifest or the one of this digest.

    Raises Damaged when they are not what the record says.
    """
    wanted = digest or record.digest
    key, sizes = f"signature-{wanted.partition(':')[2]}", _sizes(record, wanted)
    if not sizes and wanted == record.digest:
        key, sizes = "signatures", _sizes(record, "")
    if not sizes:
        return ()
    deed = f"read the signatures of image {record.id[:12]}"
    try:
        data = store.image_data(record, key)
    except NotFound as err:
        raise Damaged(deed, err.cause)
    if sum(sizes) != len(data):
        raise Damaged(deed, f"they are {len(data)} bytes long, not {sum(sizes)}")
    found = []
    for size in sizes:
        found.append(blob.parse(data[:size], deed))
        data = data[size:]
    return tuple(found)


def _sizes(record: ImageRecord, digest: str) -> list[int]:
    """How long each is, as the record's metadata tells; "" asks for the list that knows no digest."""
    try:
        metadata = json.loads(record.metadata or "{}")
    except ValueError:
        return []
    if not isinstance(metadata, dict):
        return []
    by_digest = metadata.get("signatures-sizes")
    sizes = (
        metadata.get("signature-sizes")
        if not digest
        else by_digest.get(digest)
        if isinstance(by_digest, dict)
        else None
    )
    if not isinstance(sizes, list) or not all(isinstance(size, int) and size >= 0 for size in sizes):
        return []
    return list(sizes)
