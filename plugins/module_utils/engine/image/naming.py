# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of local images: how they are written down, and giving and taking them (`podman tag`, `podman untag`)."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, NotFound
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..libpod.events import Event
from ..plan.change import Plan, Step
from ..spec import reference
from . import lookup

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from ..session.session import Session
    from ..store.records import ImageRecord

NAME = "name image"
UNNAME = "remove name"


class Names(NamedTuple):
    """What a task wants of an image's names: these ``targets`` there, or not there."""

    image: str
    targets: tuple[str, ...]
    present: bool = True


def full(text: str) -> str:
    """The name as `podman tag` stores it: below localhost when it names no registry, latest without a tag.

    Raises BadInput for what is no name, or has a digest.
    """
    ref = reference.parse(text)
    if reference.is_short(text):
        ref = reference.join("localhost", text)
    if ref.digest is not None:
        raise BadInput(f"name an image {text}", "an image is given a tag; its digest it has already")
    return str(ref.with_default_tag())


def beside(name: str, entry: str) -> str:
    """One entry of a list of tags for ``name``: a whole name, or a tag in the repository of ``name``.

    Raises BadInput for a bare tag where ``name`` is no name.
    """
    if "/" in entry or ":" in entry:
        return full(entry)
    reference.check_tag(entry)
    try:
        return str(reference.parse(name).with_tag(entry))
    except BadInput:
        raise BadInput(
            f"name an image {entry}", f"{name} has no repository that a tag could be in", "Write whole names"
        )


def find(session: Session, wish: Names) -> ImageRecord | None:
    """The image or manifest list.  Raises NotFound when it must be there and is not."""
    found = lookup.find_record(session, wish.image, lists=True)
    if found is None and wish.present:
        raise NotFound(f"find image {wish.image}", "it is not on this host", "Pull or load it first")
    return found[0] if found else None


def plan(images: Sequence[ImageRecord], record: ImageRecord | None, wish: Names) -> Plan:
    """Pure.  The difference shows each name that moves with the image it stands for."""
    deed = f"names of image {wish.image} {'present' if wish.present else 'absent'}"
    if record is None:
        return Plan(deed)
    held = set(record.names)
    moving = [target for target in dict.fromkeys(wish.targets) if (target not in held) is wish.present]
    owners = {name: image.id for image in images for name in image.names}
    before = {name: owners.get(name, "") for name in moving}
    after = dict.fromkeys(moving, record.id if wish.present else "")
    return Plan(deed, tuple(Step(NAME if wish.present else UNNAME, name) for name in moving), (), before, after)


def apply(session: Session, made: Plan, identity: str) -> None:
    given = [step.detail for step in made.steps if step.name == NAME]
    taken = [step.detail for step in made.steps if step.name == UNNAME]
    give(session, identity, given)
    take(session, identity, taken)


def give(session: Session, identity: str, names: Iterable[str]) -> None:
    """Add names, the last of them first, as naming it one by one would; other images lose them."""
    wanted = list(names)
    if not wanted:
        return
    session.store.add_names(identity, wanted[::-1])
    reached("image-named")
    for name in wanted:
        session.emit(Event("image", "tag", id=identity, name=name))


def take(session: Session, identity: str, names: Iterable[str]) -> None:
    wanted = list(names)
    if not wanted:
        return
    session.store.remove_names(identity, wanted)
    reached("image-unnamed")
    for name in wanted:
        session.emit(Event("image", "untag", id=identity, name=name))
