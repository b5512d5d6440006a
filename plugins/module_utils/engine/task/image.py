# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The noun `image` as a task: one image present or absent."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .frame import EXECUTABLE, Noun, Request, Result, run
from .registry_access import ACCESS, EXCLUSIVE, TOGETHER, access

if TYPE_CHECKING:
    from collections.abc import Callable

    from ..image.desired import ImageDesired
    from ..registry.places import Place
    from ..registry.root_tree import Recipe
    from ..spec.platform import Platform
    from .frame import Delivery, Options

OPTIONS: Options = {
    "name": {"type": "str", "required": True},
    "tag": {"type": "str", "default": "latest"},
    "state": {"type": "str", "default": "present", "choices": ["absent", "present"]},
    "pull": {"type": "bool", "default": True},
    "pull_policy": {"type": "str", "choices": ["always", "missing", "never", "newer"]},
    "pull_extra_args": {"type": "str"},
    "force": {"type": "bool", "default": False},
    "path": {"type": "str"},
    "changes": {"type": "list", "elements": "str"},
    "comment": {"type": "str"},
    "arch": {"type": "str"},
    "os": {"type": "str"},
    "variant": {"type": "str"},
    "platform": {"type": "str"},
    **ACCESS,
    "executable": EXECUTABLE,
}
RULES = {
    "mutually_exclusive": [
        *EXCLUSIVE,
        ["arch", "platform"],
        ["os", "platform"],
        ["variant", "platform"],
    ],
    "required_together": TOGETHER,
}
#: What the same deeds are called on podman's command line; containers.podman reports them so.
_COMMANDS = {
    "pull image": "podman pull {}",
    "load image": "podman load -i {}",
    "import image": "podman import {}",
    "remove name": "podman untag {}",
    "remove image": "podman rmi {}",
    "remove container": "podman rm -f {}",
}
_DEEDS = {
    "pull image": "Pulled image {}",
    "load image": "Loaded image {}",
    "import image": "Imported image {}",
    "remove name": "Untagged image {}",
    "remove image": "Removed image {}",
    "remove container": "Removed container {}",
}


def reconcile(request: Request) -> Result:
    desired = wanted(request)
    session = request.session()
    from ..image import planner, steps
    from ..image.observed import observe

    archive = None
    if desired.present and desired.place is not None:
        from ..image.load import Archive

        archive = Archive(session, desired.place, desired.options, _recipe(desired))
    try:
        observed = observe(session, desired, archive)
        if observed.unreachable:
            session.warn(f"Kept the local image {desired.name}: {observed.unreachable}")
        plan = planner.plan(observed, desired)
        identity = observed.local.id if observed.local else ""
        if plan.changed and not request.check:
            identity = steps.apply(session, plan, observed, desired, archive, _container_remover(request))
    finally:
        if archive is not None:
            archive.close()
    return Result(
        _shown(request, identity, removed=plan.changed and not desired.present),
        plan=plan,
        actions=[_DEEDS[step.name].format(step.detail) for step in plan.steps],
        extra={"podman_actions": [_COMMANDS[step.name].format(step.detail) for step in plan.steps], "stdout": ""},
    )


def _shown(request: Request, identity: str, *, removed: bool) -> object:
    """podman's inspect list; for an image that goes, what containers.podman reports then."""
    if removed:
        return {"state": "Deleted"}
    from ..image.inspect import inspect

    session = request.session()
    record = session.store.image(identity) if identity else None
    return [inspect(session, record)] if record is not None else []


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
    ).checked()


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
