# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The noun `registry_info`: looking at images, tags and repositories where they are."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, NotFound
from .frame import EXECUTABLE, Noun, Request, Result, run
from .registry_access import ACCESS, EXCLUSIVE, TOGETHER, access

if TYPE_CHECKING:
    from ..image.remote import Remote
    from ..spec.platform import Platform
    from ..spec.reference import Reference
    from .frame import Delivery, Options

    Json = dict[str, object]

OPTIONS: Options = {
    "name": {"type": "str"},
    "term": {"type": "str"},
    "platform": {"type": "str"},
    "all_platforms": {"type": "bool", "default": False},
    "config": {"type": "bool", "default": False},
    "raw": {"type": "bool", "default": False},
    "list_tags": {"type": "bool", "default": False},
    "pattern": {"type": "str"},
    "sort": {"type": "str", "default": "registry", "choices": ["created", "name", "registry", "semver"]},
    "reverse": {"type": "bool", "default": False},
    "limit": {"type": "int"},
    **ACCESS,
    "executable": EXECUTABLE,
}
RULES = {
    "mutually_exclusive": [*EXCLUSIVE, ["name", "term"], ["platform", "all_platforms"]],
    "required_together": TOGETHER,
    "required_one_of": [["name", "term"]],
}


def reconcile(request: Request) -> Result:
    from ..image.remote import Remote

    session = request.session()
    remote = Remote(session.identity, session.runner, access(request))
    try:
        if request.text("term"):
            return Result({}, extra={"images": _search(request, remote)})
        return _look(request, remote)
    finally:
        remote.close()


def _look(request: Request, remote: Remote) -> Result:
    from ..image import described

    text = request.text("name")
    extra: Json = {"exists": True}
    ref = _candidates(remote, text)[0]
    if request.flag("list_tags"):
        wanted = described.Listing(
            request.text("pattern"), request.text("sort"), request.flag("reverse"), _limit(request, 0)
        )
        try:
            extra["tags"] = described.tags(remote, ref, wanted)
        except NotFound:
            return Result({}, extra={"exists": False, "tags": []})
        if ref.tag is None and ref.digest is None:
            return Result({}, extra=extra)
    platform = _platform(request)
    try:
        source, top = remote.manifest(ref.with_default_tag())
    except NotFound:
        return Result({}, extra={**extra, "exists": False})
    image = described.describe(source, ref, top, platform)
    if request.flag("all_platforms"):
        extra["platforms"] = described.instances(source, top)
    if request.flag("config"):
        extra["config"] = described.config(source, top, platform)
    if request.flag("raw"):
        extra["raw_manifest"] = top.data.decode("utf-8")
    return Result(image, extra=extra)


def _candidates(remote: Remote, text: str) -> tuple[Reference, ...]:
    """A short name stands for its alias or the first registry that is searched."""
    from ..spec import reference

    bare = reference.parse(text)
    if not reference.is_short(text) or text.startswith("docker://"):
        return (bare,)
    found = remote.registries.pull_candidates(text)
    named = bare.tag is not None or bare.digest is not None
    return found if named else tuple(ref.without_tag() for ref in found)


def _search(request: Request, remote: Remote) -> list[Json]:
    """What the registries of the term find, or the tags of the repository that it names."""
    from ..image import described

    term, limit = request.text("term"), _limit(request, 25)
    if request.flag("list_tags"):
        ref = _candidates(remote, term)[0].without_tag()
        wanted = described.Listing(request.text("pattern"), request.text("sort"), request.flag("reverse"), limit)
        return [{"Name": ref.name, "Tags": described.tags(remote, ref, wanted)}]
    places, term = described.places_to_search(remote, term)
    found: list[Json] = []
    for place in places:
        found += described.search(remote, place, term, limit)
    return found


def _limit(request: Request, default: int) -> int:
    limit = request.params.get("limit")
    if not isinstance(limit, int):
        return default
    if limit < 1:
        raise BadInput("read the option limit", "it is less than 1")
    return limit


def _platform(request: Request) -> Platform | None:
    if not request.text("platform"):
        return None
    from ..spec import platform

    return platform.parse(request.text("platform"))


NOUN = Noun("image", OPTIONS, reconcile, rules=RULES, reads=True)


def main(delivery: Delivery) -> None:
    run(delivery, NOUN)
