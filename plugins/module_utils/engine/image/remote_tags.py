# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags at a registry: looked at, planned, moved by manifests alone, deleted without their siblings."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, NotFound
from ..base.steps import reached
from ..base.tuples import NamedTuple
from ..plan.change import Plan, Step
from ..registry.tag_moves import delete_tag

if TYPE_CHECKING:
    from collections.abc import Mapping

    from ..spec.reference import Reference
    from .remote import Remote

SET, DELETE = "set tag", "delete tag"


class TagsWish(NamedTuple):
    """These tags of the repository of ``source``: pointing at what ``source`` is, or not there."""

    source: Reference
    tags: tuple[str, ...]
    present: bool = True

    def checked(self) -> TagsWish:
        """Itself; raises BadInput."""
        deed = f"read the tags of {self.source.name}"
        if not self.tags:
            raise BadInput(deed, "none is named", "Give tags, or with state absent a name with the tag")
        if not self.present and self.source.digest is not None:
            raise BadInput(deed, "a digest is not deleted by this module, only tags are")
        return self


class Seen(NamedTuple):
    """``digest`` is what the source is, "" where that does not matter; ``tags`` what each tag points at, "" if none."""

    digest: str
    tags: Mapping[str, str]


def observe(remote: Remote, wish: TagsWish) -> Seen:
    """One HEAD for each name.  Raises NotFound for a source that is not there, and as registries do."""
    names = remote.tags(wish.source)
    found = {tag: str(names.digest(tag) or "") for tag in wish.tags}
    if not wish.present:
        return Seen("", found)
    if wish.source.digest is not None:
        return Seen(str(wish.source.digest), found)
    digest = names.digest(wish.source.tag or "latest")
    if digest is None:
        raise NotFound(f"find {wish.source}", "the registry does not have it")
    return Seen(str(digest), found)


def plan(seen: Seen, wish: TagsWish) -> Plan:
    """Pure."""
    moving = [tag for tag in dict.fromkeys(wish.tags) if seen.tags[tag] != seen.digest]
    before = {f"{wish.source.name}:{tag}": seen.tags[tag] for tag in moving}
    after = dict.fromkeys(before, seen.digest)
    steps = tuple(Step(SET if wish.present else DELETE, name) for name in before)
    return Plan(f"tags of {wish.source.name}", steps, (), before, after)


def apply(remote: Remote, made: Plan, seen: Seen, wish: TagsWish) -> None:
    names = remote.tags(wish.source, pushes=True)
    moving = [step.detail.rpartition(":")[2] for step in made.steps]
    if not wish.present:
        for tag in moving:
            delete_tag(names, tag, remote.destination(wish.source.with_tag(tag)))
            reached("registry-tag-deleted")
        return
    from ..base.digest import Digest

    # By its digest: the source may be moved by somebody else meanwhile.
    pinned = wish.source.with_digest(Digest.parse(seen.digest))
    fetched = remote.own(pinned).manifest()
    for tag in moving:
        names.put(tag, fetched.data, _media_type(fetched.data, fetched.media_type))
        reached("registry-tag-set")


def _media_type(data: bytes, told: str) -> str:
    from ..spec import manifest

    return manifest.parse(data, told, "the tag").media_type
