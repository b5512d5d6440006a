# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The noun `registry_tag`: tags at a registry, without bringing an image here."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run
from .registry_access import ACCESS, RULES, access

if TYPE_CHECKING:
    from ..image.remote_tags import TagsWish
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "str", "required": True},
    "tags": {"type": "list", "elements": "str"},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
    **ACCESS,
    "executable": EXECUTABLE,
}
_DEEDS = {"set tag": "Set tag {}", "delete tag": "Deleted tag {}"}


def reconcile(request: Request) -> Result:
    from ..image import remote_tags
    from ..image.remote import Remote

    wish = wanted(request)
    session = request.session()
    remote = Remote(session.identity, session.runner, access(request))
    try:
        seen = remote_tags.observe(remote, wish)
        plan = remote_tags.plan(seen, wish)
        if plan.changed and not request.check:
            remote_tags.apply(remote, plan, seen, wish)
    finally:
        remote.close()
    actions = [_DEEDS[step.name].format(step.detail) for step in plan.steps]
    return Result(dict.fromkeys(wish.tags, seen.digest) if wish.present else {}, plan=plan, actions=actions)


def wanted(request: Request) -> TagsWish:
    """Raises BadInput."""
    from ..base.errors import BadInput
    from ..image.remote_tags import TagsWish
    from ..spec import reference

    name, present = request.text("name"), request.text("state") == "present"
    if reference.is_short(name.partition("://")[2] or name):
        raise BadInput(f"read the name {name}", "it names no registry", "Write it whole, such as docker.io/library/app")
    source = reference.parse(name)
    tags = tuple(reference.check_tag(tag) for tag in request.texts("tags"))
    if not present and not tags and source.tag is not None:
        tags = (source.tag,)
    return TagsWish(source, tags, present).checked()


NOUN = Noun("tags", OPTIONS, reconcile, rules=RULES)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
