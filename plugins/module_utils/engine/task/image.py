# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The noun `image` as a task: one image present or absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.jsonval import texts
from ..base.tuples import NamedTuple
from . import push_arguments, quadlet
from .frame import EXECUTABLE, Noun, Request, Result, run
from .registry_access import ACCESS, EXCLUSIVE, TOGETHER, access

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..image.desired import ImageDesired
    from ..image.incoming import Incoming
    from ..image.load import Archive
    from ..image.pushing import Push
    from ..plan.change import Plan
    from ..registry.places import Place
    from ..registry.root_tree import Recipe
    from ..session.session import Session
    from ..spec.platform import Platform
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "str", "required": True},
    "tag": {"type": "str", "default": "latest"},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present", "quadlet"]},
    "pull": {"type": "bool", "default": True},
    "pull_policy": {"type": "str", "choices": ["always", "missing", "never", "newer"]},
    "pull_extra_args": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "path": {"type": "str"},
    "tags": {"type": "list", "elements": "str"},
    "append_tags": {"type": "bool", "default": True},
    "all_tags": {"type": "bool", "default": False},
    "changes": {"type": "list", "elements": "str"},
    "comment": {"type": "str"},
    "arch": {"type": "str"},
    "os": {"type": "str"},
    "variant": {"type": "str"},
    "platform": {"type": "str"},
    "push": {"type": "bool", "default": False},
    "push_args": {"type": "dict", "options": push_arguments.OPTIONS},
    **ACCESS,
    **quadlet.OPTIONS,
    "executable": EXECUTABLE,
}
RULES = {
    "mutually_exclusive": [
        *EXCLUSIVE,
        ["arch", "platform"],
        ["os", "platform"],
        ["variant", "platform"],
        ["all_tags", "path"],
        ["all_tags", "tags"],
        ["all_tags", "push_args"],
    ],
    "required_together": TOGETHER,
}
#: What the same deeds are called on podman's command line; containers.podman reports them so.
_COMMANDS = {
    "pull image": "podman pull {}",
    "load image": "podman load -i {}",
    "import image": "podman import {}",
    "name image": "podman tag {}",
    "push image": "podman push {}",
    "write digest file": "podman push --digestfile {}",
    "remove name": "podman untag {}",
    "remove image": "podman rmi {}",
    "remove parent image": "podman rmi {}",
    "remove container": "podman rm -f {}",
}
_DEEDS = {
    "pull image": "Pulled image {}",
    "load image": "Loaded image {}",
    "import image": "Imported image {}",
    "name image": "Tagged image {}",
    "push image": "Pushed image to {}",
    "write digest file": "Wrote digest to {}",
    "remove name": "Untagged image {}",
    "remove image": "Removed image {}",
    "remove parent image": "Removed parent image {}",
    "remove container": "Removed container {}",
}


def reconcile(request: Request) -> Result:
    return quadlet.beside(request, "image", _manage)


def _manage(request: Request) -> Result:
    desired = wanted(request)
    session = request.session()
    if not request.flag("all_tags"):
        return _result(session, desired, [_bring(request, session, desired)])
    from ..image import every_tag

    found = every_tag.desires(session, desired)
    return _result(session, desired, [_bring(request, session, each) for each in found])


def _bring(request: Request, session: Session, desired: ImageDesired) -> Done:
    """One image to where it should be, or in check mode the way there."""
    from ..image import planner, steps
    from ..image.observed import observe

    push = _push(request, session, desired)
    if push and push.leaves(desired.name):
        # A password is for one registry, and that is the one that cannot do without.
        desired = desired._replace(options=desired.options._replace(username="", password=""))
    source = _source(session, desired)
    try:
        observed = observe(session, desired, source)
        if observed.unreachable:
            session.warn(f"Kept the local image {desired.name}: {observed.unreachable}")
        plan = planner.plan(observed, desired)
        identity, digests = planner.outcome(observed)
        pushed = push.plan(identity, digests) if push else None
        if not request.check:
            if plan.changed:
                identity = steps.apply(session, plan, observed, source, _container_remover(request))
            if push and pushed and pushed.changed:
                push.apply(pushed, identity)
            return Done(_both(plan, pushed), identity)
        names = planner.names(observed, desired)
        if plan.changed and observed.offer and not observed.offer.same:
            return Done(_both(plan, pushed), identity, source.foretold(names))
        if plan.changed and desired.present:
            return Done(_both(plan, pushed), identity, _renamed(session, identity, names))
        return Done(_both(plan, pushed), identity)
    finally:
        source.close()
        if push:
            push.close()


def _push(request: Request, session: Session, desired: ImageDesired) -> Push | None:
    if not request.flag("push") or not desired.present:
        return None
    from ..image.pushing import Push

    given = request.params.get("push_args")
    wish = push_arguments.wish(desired.name, given if isinstance(given, dict) else {})
    return Push(session, wish, access(request))


def _both(plan: Plan, pushed: Plan | None) -> Plan:
    if pushed is None or not pushed.changed:
        return plan
    before, after = {**plan.before, **pushed.before}, {**plan.after, **pushed.after}
    return plan._replace(steps=(*plan.steps, *pushed.steps), before=before, after=after)


def _source(session: Session, desired: ImageDesired) -> Archive | Incoming:
    """Where the image comes from; a registry is not asked by this."""
    if desired.present and desired.place is not None:
        from ..image.load import Archive

        return Archive(session, desired.place, desired.options, _recipe(desired))
    from ..image.incoming import Incoming

    return Incoming(session, desired.name, desired.options)


class Done(NamedTuple):
    """What became of one image, or in check mode would: ``foretold`` is what inspect is going to show of it."""

    plan: Plan
    identity: str
    foretold: dict[str, object] | None = None


def _result(session: Session, desired: ImageDesired, done: list[Done]) -> Result:
    """podman's inspect list; for an image that goes, what containers.podman reports then."""
    plan = joined(desired, [each.plan for each in done])
    removed = plan.changed and not desired.present
    return Result(
        {"state": "Deleted"} if removed else _shown(session, done),
        plan=plan,
        actions=[_DEEDS[step.name].format(step.detail) for step in plan.steps],
        extra={"podman_actions": [_COMMANDS[step.name].format(step.detail) for step in plan.steps], "stdout": ""},
    )


def joined(desired: ImageDesired, plans: list[Plan]) -> Plan:
    """One plan for the whole; of several images that differ each has its own part of the difference."""
    from ..plan.change import Plan

    if len(plans) == 1:
        return plans[0]
    differing = [plan for plan in plans if plan.changed]
    steps = tuple(step for plan in differing for step in plan.steps)
    before = {str(plan.after.get("name")): dict(plan.before) for plan in differing}
    after = {str(plan.after.get("name")): dict(plan.after) for plan in differing}
    return Plan(f"images {desired.name} present", steps, (), before, after)


def _shown(session: Session, done: list[Done]) -> list[object]:
    """Each image once, though several of the names may stand for it."""
    shown: dict[str, dict[str, object]] = {}
    for each in done:
        if each.foretold is None:
            found = _inspected(session, each.identity)
        else:
            found = each.foretold
        earlier = shown.get(str(found.get("Id")))
        if earlier is not None and each.foretold is not None:
            for key in ("RepoTags", "RepoDigests"):
                found[key] = list(dict.fromkeys([*texts(earlier, key), *texts(found, key)]))
            found["Digest"] = earlier["Digest"]
        if found:
            shown[str(found["Id"])] = found
    return list(shown.values())


def _inspected(session: Session, identity: str) -> dict[str, object]:
    from ..image.inspect import inspect

    record = session.store.image(identity) if identity else None
    return inspect(session, record) if record is not None else {}


def _renamed(session: Session, identity: str, names: list[str]) -> dict[str, object]:
    """The image that is here, as it will be under its new names."""
    from ..image.inspect import repository

    found = _inspected(session, identity)
    digests = {entry.partition("@")[2] for entry in texts(found, "RepoDigests")}
    repositories = {repository(name) for name in names}
    found["RepoTags"] = [name for name in names if "@" not in name]
    found["RepoDigests"] = sorted(f"{place}@{digest}" for place in repositories for digest in digests)
    found["NamesHistory"] = list(dict.fromkeys([*names, *texts(found, "NamesHistory")]))
    return found


def wanted(request: Request) -> ImageDesired:
    """The desire in a task's parameters.  Raises BadInput."""
    if request.text("pull_extra_args"):
        from . import pull_arguments

        # An option of its own is the more explicit one.
        for option, value in pull_arguments.parse(request.text("pull_extra_args")).items():
            if request.params.get(option) is None:
                request.params[option] = value
    from ..image.desired import ImageDesired, join_tag

    policy = request.text("pull_policy") or "missing"
    if not request.flag("pull"):
        policy = "never"
    return ImageDesired(
        name=join_tag(request.text("name"), request.text("tag")),
        present=request.text("state") == "present",
        policy=policy,
        force=request.flag("force"),
        options=access(request, _platform(request)),
        place=_place(request),
        changes=request.texts("changes"),
        comment=request.text("comment"),
        tags=_tags(request),
        exact=not request.flag("append_tags"),
    ).checked()


def _tags(request: Request) -> tuple[str, ...] | None:
    if request.params.get("tags") is None or request.text("state") != "present":
        return None
    from ..image import naming

    return tuple(naming.beside(request.text("name"), entry) for entry in request.texts("tags"))


def _place(request: Request) -> Place | None:
    path = request.text("path")
    if not path or request.text("state") != "present":
        return None
    from ..registry import places

    return places.parse(path) or places.guess(path)


def _platform(request: Request) -> Platform | None:
    """None when the task asks for none: then a local image counts whatever its platform says."""
    from ..image.view import host
    from ..spec import platform

    if request.text("platform"):
        asked = platform.parse(request.text("platform"))
        return platform.choose(host(), os=asked.os, architecture=asked.architecture, variant=asked.variant)
    names = [request.text(key) for key in ("os", "arch", "variant")]
    if not any(names):
        return None
    return platform.choose(host(), os=names[0], architecture=names[1], variant=names[2])


def _recipe(desired: ImageDesired) -> Recipe | None:
    if desired.place is None or desired.place.transport != "tar":
        return None
    from ..image import changes
    from ..image.view import host
    from ..registry.root_tree import Recipe

    return Recipe(desired.options.platform or host(), changes.apply(desired.changes), desired.comment)


def _container_remover(request: Request) -> Callable[[str], None]:
    def remove(name: str) -> None:
        from ..container import lookup, remove

        session = request.session()
        remove.remove(session, lookup.find(session, name), force=True)

    return remove


NOUN = Noun("image", OPTIONS, reconcile, rules=RULES)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
