# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The noun `manifest_list`: images for several platforms under one name, here and at a registry."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base.errors import BadInput, NotFound
from .frame import EXECUTABLE, Noun, Request, Result, run
from .registry_access import ACCESS, RULES, access

if TYPE_CHECKING:
    from ..image.list_push import ListPush
    from ..image.listing import Found, ListWish, Member
    from ..image.remote import Remote
    from ..plan.change import Plan
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "str", "required": True},
    "images": {
        "type": "list",
        "elements": "dict",
        "options": {
            "image": {"type": "str", "required": True},
            "all": {"type": "bool", "default": False},
            "platform": {"type": "str"},
            "os": {"type": "str"},
            "arch": {"type": "str"},
            "variant": {"type": "str"},
            "os_version": {"type": "str"},
            "os_features": {"type": "list", "elements": "str"},
            "features": {"type": "list", "elements": "str"},
            "annotations": {"type": "dict"},
        },
    },
    "annotations": {"type": "dict"},
    "format": {"type": "str", "choices": ["oci", "v2s2"]},
    "push": {"type": "bool", "default": False},
    "dest": {"type": "str"},
    "push_images": {"type": "bool", "default": True},
    "remove_signatures": {"type": "bool", "default": False},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
    **ACCESS,
    "executable": EXECUTABLE,
}
_KEYS = {
    "os": "os",
    "arch": "architecture",
    "variant": "variant",
    "os_version": "os.version",
    "os_features": "os.features",
    "features": "features",
}


def reconcile(request: Request) -> Result:
    from ..image import listing
    from ..image.remote import Remote

    wish = wanted(request)
    session = request.session()
    remote = Remote(session.identity, session.runner, access(request))
    try:
        record, found = listing.observe(session, wish.name)
        goal = _goal(request, found, remote, wish) if wish.present else None
        plan = listing.plan(record, found, goal, wish.name)
        push = _push(request, remote, wish)
        pushed = push.plan(goal) if push and goal else None
        identity = record.id if record else ""
        if not request.check:
            identity = listing.apply(session, plan, record, goal, wish.name)
            if push and goal and pushed and pushed.changed:
                push.apply(goal)
    finally:
        remote.close()
    whole = _both(plan, pushed)
    actions = [f"{step.name} {step.detail}" for step in whole.steps]
    return Result(json.loads(goal.data) if goal else {}, plan=whole, actions=actions, extra={"id": identity})


def _goal(request: Request, found: Found | None, remote: Remote, wish: ListWish) -> Found:
    """The list that is to be there: made of the images that were named, or the one there with other annotations."""
    from ..image import listing

    if wish.members is not None:
        return listing.resolve(request.session(), remote, wish)
    if found is None:
        raise NotFound(f"find manifest list {wish.name}", "it is not on this host", "Name its images")
    return listing.annotated(found, wish)


def _push(request: Request, remote: Remote, wish: ListWish) -> ListPush | None:
    if not request.flag("push") or not wish.present:
        return None
    from ..image.list_push import ListPush
    from ..spec import reference

    to = request.text("dest") or wish.name
    if reference.is_short(to[len("docker://") :] if to.startswith("docker://") else to):
        raise BadInput(f"push {wish.name}", f"the destination {to!r} names no registry", "Write it with its registry")
    ref = reference.parse(to).with_default_tag()
    unsigned = request.flag("remove_signatures")
    return ListPush(request.session(), remote, ref, everything=request.flag("push_images"), unsigned=unsigned)


def _both(plan: Plan, pushed: Plan | None) -> Plan:
    if pushed is None or not pushed.changed:
        return plan
    before, after = {**plan.before, **pushed.before}, {**plan.after, **pushed.after}
    return plan._replace(steps=(*plan.steps, *pushed.steps), before=before, after=after)


def wanted(request: Request) -> ListWish:
    """Raises BadInput."""
    from ..image import naming
    from ..image.listing import ListWish

    members = request.params.get("images")
    notes = request.params.get("annotations")
    return ListWish(
        name=naming.full(request.text("name")),
        members=tuple(_member(entry) for entry in members) if isinstance(members, list) else None,
        annotations={str(key): str(value) for key, value in notes.items()} if isinstance(notes, dict) else None,
        format=request.text("format"),
        present=request.text("state") == "present",
    )


def _member(entry: dict[str, object]) -> Member:
    from ..image.listing import Member
    from ..spec import platform

    choice = entry.get("platform")
    if choice and entry.get("all"):
        raise BadInput(f"read the image {entry['image']}", "all takes every platform, so none can be chosen")
    notes = entry.get("annotations")
    return Member(
        image=str(entry["image"]),
        every=bool(entry.get("all")),
        choice=platform.parse(str(choice)) if choice else None,
        platform={key: entry[option] for option, key in _KEYS.items() if entry.get(option)},
        annotations={str(key): str(value) for key, value in notes.items()} if isinstance(notes, dict) else {},
    )


NOUN = Noun("manifest_list", OPTIONS, reconcile, rules=RULES)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
