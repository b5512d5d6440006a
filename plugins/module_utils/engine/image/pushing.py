# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pushing a local image, when what is at the destination is another one.

A store keeps the content of layers and not the compressed bytes they came in, so the same image may have another digest
at a registry.  Whether it is the same is decided by the config, which names the content of every layer.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, Damaged, NotFound
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..libpod.events import Event
from ..plan.change import Plan, Step
from ..spec import manifest as manifests
from ..spec import reference
from ..spec.descriptor import DOCKER_MANIFEST, OCI_MANIFEST
from ..spec.manifest import Manifest
from . import convert, transports

if TYPE_CHECKING:
    from collections.abc import Sequence

    from ..session.session import Session
    from ..store.records import ImageRecord
    from .copy import CopyOptions
    from .options import PullOptions
    from .push_elsewhere import Elsewhere

PUSH = "push image"
DIGEST_FILE = "write digest file"
_PLACES = ("oci", "oci-archive", "docker-archive", "docker-daemon", "dir", "containers-storage")
_FORMATS = {"oci": OCI_MANIFEST, "v2s2": DOCKER_MANIFEST}


class PushWish(NamedTuple):
    """``to`` is the destination with its transport; ``format`` and ``compression`` are "" where the image decides."""

    to: str
    format: str = ""
    compression: str = ""
    level: int | None = None
    digest_file: str = ""
    remove_signatures: bool = False


class There(NamedTuple):
    """What the destination has: its digest and image id, and whether that is what a push would leave."""

    digest: str = ""
    id: str = ""
    same: bool = False


def destination_of(name: str, dest: str, transport: str) -> str:
    """``push_args`` as containers.podman means them, with the transport in front.  Raises BadInput.

    A destination of two words, registry and organisation, gets the image's last name.
    """
    deed = f"push {name}"
    target = dest or name
    kind = transport or target.partition(":")[0]
    if kind in _PLACES:
        if not dest and transport:
            raise BadInput(deed, f"a push to {kind} needs a destination", "Say in dest where it is to go")
        if not dest:
            raise BadInput(deed, f"{kind} is no registry, and a push is to one", "Save or copy the image instead")
        place = target if target.startswith(f"{kind}:") else f"{kind}:{target}"
        return str(transports.parse(place))
    bare = target.partition("://")[2] if target.startswith("docker://") else target
    parts = bare.rstrip("/").split("/")
    if dest and not transport and ":" not in parts[-1] and "@" not in bare and len(parts) == 2:
        bare = f"{bare.rstrip('/')}/{name.rpartition('/')[2]}"
    if reference.is_short(bare):
        raise BadInput(deed, f"the destination {bare!r} names no registry", "Write it with its registry")
    return f"docker://{reference.parse(bare).with_default_tag()}"


class Push:
    """One push: look at the destination, plan, do.  close() it."""

    def __init__(self, session: Session, wish: PushWish, options: PullOptions) -> None:
        from .remote import Remote

        self._session = session
        self._wish = wish
        self._there = There()
        self._remote = Remote(session.identity, session.runner, options)
        self._elsewhere: Elsewhere | None = None
        if wish.to.startswith("docker://"):
            self._to = reference.parse(wish.to)
        else:
            from .push_elsewhere import Elsewhere

            self._elsewhere = Elsewhere(session, wish.to, self._options())

    def leaves(self, name: str) -> bool:
        """Whether the destination is at another registry than the one that the name means."""
        if self._elsewhere is not None:
            return False
        try:
            return reference.parse(name).domain != self._to.domain
        except BadInput:
            return True

    def plan(self, identity: str, digests: Sequence[str]) -> Plan:
        """``digests`` are those of the image's manifests.  Raises as the destination fails."""
        wish = self._wish
        if self._elsewhere is not None:
            self._there = There(*self._elsewhere.look(identity))
        else:
            self._there = self._look(identity, digests)
        deed, before, after = f"image at {wish.to}", {}, {}
        steps = []
        if not self._there.same:
            steps.append(Step(PUSH, wish.to))
            before[wish.to], after[wish.to] = self._there.id, identity
        if wish.digest_file and (steps or _written(wish.digest_file) != self._there.digest):
            steps.append(Step(DIGEST_FILE, wish.digest_file))
        return Plan(deed, tuple(steps), (), {"pushed": before} if steps else {}, {"pushed": after} if steps else {})

    def apply(self, made: Plan, identity: str) -> None:
        wish, digest = self._wish, self._there.digest
        record = self._session.store.image(identity)
        if record is None:
            raise Damaged(f"push image {identity[:12]}", "it was removed again by somebody else")
        if made.has(PUSH):
            digest = self._elsewhere.send(identity) if self._elsewhere is not None else self._send(record)
            self._session.emit(Event("image", "push", id=record.id, name=wish.to))
            reached("image-pushed")
        if made.has(DIGEST_FILE):
            from ..base.files import atomic_write

            atomic_write(wish.digest_file, digest.encode(), mode=0o644)

    def _send(self, record: ImageRecord) -> str:
        from .copy import copy
        from .store_source import StoreSource

        source = StoreSource(self._session.store, record)
        return str(copy(source, self._remote.destination(self._to, source.related()), self._options()).digest)

    def _options(self) -> CopyOptions:
        from .copy import CopyOptions

        wish = self._wish
        return CopyOptions(
            format=wish.format,
            compression=wish.compression,
            level=wish.level,
            remove_signatures=wish.remove_signatures,
        )

    def close(self) -> None:
        if self._elsewhere is not None:
            self._elsewhere.close()
        self._remote.close()

    def _look(self, identity: str, digests: Sequence[str]) -> There:
        wish = self._wish
        source = self._remote.own(self._to)
        try:
            known = source.digest()
            if known is not None and str(known) in digests and not (wish.format or wish.compression):
                return There(str(known), identity, True)
            found = source.manifest()
        except NotFound:
            return There()
        parsed = manifests.parse(found.data, found.media_type, wish.to)
        if not isinstance(parsed, Manifest):
            return There(str(found.digest))
        theirs = parsed.config.digest.hex
        same = theirs == identity and parsed.media_type == _FORMATS.get(wish.format, parsed.media_type)
        if wish.compression:
            same = same and all(convert.kind_of(layer) == wish.compression for layer in parsed.layers)
        return There(str(found.digest), theirs, same)


def _written(path: str) -> str:
    try:
        with open(path, encoding="ascii", errors="replace") as file:
            return file.read(200).strip()
    except OSError:
        return ""
