# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Pulling: from a name to a local image, by the pull policies of podman.

"missing" asks nobody when the image is there; "newer" and "always" ask the registry for the digest under the name with
one HEAD request, and fetch only when it is another one.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, Damaged, Denied, EngineError, HostLacks, NotFound
from ..base.tuples import NamedTuple
from ..spec import reference
from . import lookup
from .options import POLICIES, PullOptions
from .view import ImageView, host, view

if TYPE_CHECKING:
    from ..base.digest import Digest
    from ..registry.docker import RegistrySource
    from ..session.session import Session
    from ..spec.platform import Platform
    from ..spec.reference import Reference
    from .remote import Remote
    from .transfer import Chosen


class Resolved(NamedTuple):
    """``image`` is what a container would be made from, None when a pull is still to come; ``pulled``: it is new.

    ``would_pull``: a real run fetches; ``reference`` and ``digest`` are what the registry was asked and answered.
    """

    image: ImageView | None
    would_pull: bool
    pulled: bool
    reference: str = ""
    digest: str = ""


def pull(session: Session, text: str, options: PullOptions | None = None) -> ImageView:
    """Fetch the image (only what the store lacks) and name it.

    ``text`` is a reference, or a file by transport (docker-archive:, oci-archive:, oci:, dir:).  Raises NotFound,
    Denied, Unreachable, TimedOut, Corrupt, HostLacks, BadInput.
    """
    from ..registry import places

    place = places.parse(text)
    if place is not None:
        from .load import load

        return load(session, place, "", options or PullOptions())
    remote = reach(session, options)
    try:
        return _pull(session, remote, names_to_pull(session, remote, text, options), text, options)
    finally:
        remote.close()


def resolve_for(
    session: Session, text: str, policy: str, options: PullOptions | None = None, *, check: bool = False
) -> Resolved:
    """The image for ``text`` under a pull policy; with ``check`` nothing is written and ``would_pull`` tells the rest.

    Raises NotFound for "never" without a local image, BadInput for an unknown policy, else what pull() raises.
    """
    if policy not in POLICIES:
        raise BadInput(f"resolve image {text}", f"the pull policy {policy!r} is not one of {', '.join(POLICIES)}")
    if _is_file(text):
        raise BadInput(f"resolve image {text}", "a file is loaded under a name first, then used by that name")
    local = here(session, text, options)
    by_id = local is not None and not local.matched
    if policy == "never" and local is None:
        raise NotFound(f"find image {text}", "it is not on this host, and the pull policy is never")
    if by_id and policy == "always":
        raise BadInput(f"pull {text}", "it is the id of a local image, which cannot be pulled")
    if local is not None and (by_id or policy in ("missing", "never")):
        return Resolved(local, False, False)
    return _ask(session, text, policy, options or PullOptions(), local, check)


def _is_file(text: str) -> bool:
    if ":/" not in text:
        return False
    from ..registry import places

    return places.parse(text) is not None


def reach(session: Session, options: PullOptions | None) -> Remote:
    """HTTP and TLS are dear to import: only who asks a registry pays for them."""
    from .remote import Remote

    return Remote(session.identity, session.runner, options or PullOptions())


def _ask(
    session: Session, text: str, policy: str, options: PullOptions, local: ImageView | None, check: bool
) -> Resolved:
    remote = reach(session, options)
    try:
        names = names_to_pull(session, remote, text, options)
        try:
            found, digest = head_of(remote, names, text)
        except EngineError:
            # podman's "newer": what is here is good enough when nobody can be asked.
            if policy == "newer" and local is not None:
                return Resolved(local, False, False)
            raise
        if local is not None and holds(local, digest, options.platform):
            confirm(session, remote, found, local, policy)
            return Resolved(local, False, False, str(found), str(digest))
        if check:
            return Resolved(local, True, False, str(found), str(digest))
        image = _pull(session, remote, (found,), text, options)
        return Resolved(image, True, local is None or image.id != local.id, str(found), str(digest))
    finally:
        remote.close()


def holds(image: ImageView, digest: Digest, wanted: Platform | None) -> bool:
    """Whether the local image is what this digest names: its manifest, or the index it was chosen from."""
    if str(digest) == image.digest:
        return True
    return str(digest) in image.record.digests and image.config.platform in (wanted or host()).candidates()


def confirm(session: Session, remote: Remote, name: Reference, image: ImageView, policy: str) -> None:
    """Hold what need not be fetched again against policy.json, which may have changed since, as a pull would.

    Raises Denied, HostLacks, and as registries do, unless "newer" is content with what is here.
    """
    try:
        remote.confirm(name, image.digest, session.store.image_manifest(image.record))
    except (Denied, HostLacks):
        raise
    except EngineError:
        if policy != "newer":
            raise


def here(session: Session, text: str, options: PullOptions | None) -> ImageView | None:
    """The local image; None when it is damaged or of another platform than the one asked for, to be pulled anew."""
    try:
        return usable(lookup.find(session, text), options)
    except Damaged as err:
        session.warn(f"The local image {text} is damaged and does not count ({err.cause})")
        return None


def usable(image: ImageView | None, options: PullOptions | None) -> ImageView | None:
    """A local image of another platform than the one asked for does not count (nobody asked: any will do)."""
    if image is None or options is None or options.platform is None:
        return image
    return image if image.config.platform in options.platform.candidates() else None


def head_of(remote: Remote, names: tuple[Reference, ...], text: str) -> tuple[Reference, Digest]:
    from .remote import nothing_pulled

    failures: list[EngineError] = []
    for name in names:
        try:
            remote.allowed(name)
            return name, name.digest or remote.digest(name)
        except EngineError as err:
            failures.append(err)
    raise nothing_pulled(text, failures)


def names_to_pull(session: Session, remote: Remote, text: str, options: PullOptions | None) -> tuple[Reference, ...]:
    """The local image's own name where there is one, so that ``localhost/app`` is not looked for in the world."""
    text = lookup.without_tag_beside_digest(text)
    local = lookup.find_record(session, text)
    if local is not None and local[1] and (options is None or options.platform is None):
        return (reference.parse(local[1]),)
    return remote.registries.pull_candidates(text)


def preview(session: Session, text: str, options: PullOptions | None = None) -> ImageView:
    """The image that pull() would bring now, from its manifest and config alone: no layer is fetched, nothing written.

    ``text`` is what pull() takes; the one that ``Resolved.reference`` holds is asked for without any resolution.  The
    view's ``id``, ``digest``, ``config`` and ``matched`` are those that the pulled image will have.  Its ``record`` is
    in no store: ``record.digests`` is right, ``record.names`` is the one name, and it has no layers and no data, so
    that session.store can read nothing by it.  Raises what pull() raises, also for a platform that is not offered.
    """
    from ..registry import places

    place = places.parse(text)
    if place is not None:
        from .load import Archive

        archive = Archive(session, place, options or PullOptions())
        try:
            return _previewed(archive.chosen, archive.names[0] if archive.names else "")
        finally:
            archive.close()
    remote = reach(session, options)
    try:
        name, _source, chosen = choose(remote, names_to_pull(session, remote, text, options), text, options)
        return _previewed(chosen, str(name))
    finally:
        remote.close()


def _previewed(chosen: Chosen, name: str) -> ImageView:
    from ..store.records import ImageRecord

    names = [name] if name else []
    digests = {f"manifest-{digest}": digest for digest, _data in chosen.documents}
    first = chosen.documents[0][0]
    row: dict[str, object] = {"id": chosen.id, "names": names, "digest": first, "big-data-digests": digests}
    return ImageView(chosen.id, tuple(names), first, chosen.config, ImageRecord(row, ""), name)


def choose(
    remote: Remote, names: tuple[Reference, ...], text: str, options: PullOptions | None
) -> tuple[Reference, RegistrySource, Chosen]:
    """The first of the names that a registry has, and of it the image of the platform, by its documents alone."""
    from . import transfer
    from .remote import nothing_pulled

    failures: list[EngineError] = []
    for name in names:
        try:
            gate = remote.allowed(name)
            source, top = remote.manifest(name)
        except EngineError as err:
            failures.append(err)
            continue
        return name, source, transfer.choose(source, top, options.platform if options else None, gate)
    raise nothing_pulled(text, failures)


def _pull(
    session: Session, remote: Remote, names: tuple[Reference, ...], text: str, options: PullOptions | None
) -> ImageView:
    from ..libpod.events import Event
    from . import transfer

    name, source, chosen = choose(remote, names, text, options)
    identity = transfer.take(session.store, source, chosen, (str(name),))
    session.emit(Event("image", "pull", id=identity, name=text))
    return by_id(session, identity, str(name))


def by_id(session: Session, identity: str, matched: str = "") -> ImageView:
    """The image that was just stored.  Raises Damaged when somebody has removed it already."""
    record = session.store.image(identity)
    if record is None:
        raise Damaged(f"find image {identity[:12]}", "it was removed again by somebody else")
    return view(session.store, record, matched)
