# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a registry has under a name, told without bringing it here: documents only, in the words of `skopeo inspect`."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ..base import clock
from ..base.errors import BadInput, Corrupt, EngineError, NotFound
from ..base.jsonval import table, text, texts
from ..base.tuples import NamedTuple
from ..spec import image_config, manifest, reference, versions
from ..spec.manifest import Index, Manifest
from .transfer import config_bytes
from .view import host

if TYPE_CHECKING:
    from ..registry.source import Fetched, ImageSource
    from ..spec.platform import Platform
    from ..spec.reference import Reference
    from .remote import Remote

    Json = dict[str, object]

SORTS = ("created", "name", "registry", "semver")


class Listing(NamedTuple):
    """Which tags: those that ``pattern`` (a regular expression) finds, in this order, at most ``limit`` when not 0."""

    pattern: str = ""
    sort: str = "registry"
    reverse: bool = False
    limit: int = 0


def describe(source: ImageSource, ref: Reference, top: Fetched, platform: Platform | None) -> Json:
    """The image of the platform asked for, or of this host's where the index has one.  Raises NotFound, Corrupt."""
    parsed = manifest.parse(top.data, top.media_type, source.what)
    found: Json = {
        "Name": ref.name,
        "Digest": str(top.digest),
        "MediaType": parsed.media_type,
        "Annotations": dict(parsed.annotations),
    }
    if not isinstance(parsed, Index):
        return {**found, **_of_image(source, parsed)}
    found["Platforms"] = list(parsed.platforms)
    entry = parsed.choose(platform or host())
    if entry is None:
        if platform is not None:
            offers = ", ".join(parsed.platforms) or "none"
            raise NotFound(f"look at {source.what}", f"it has no image for {platform}; it has: {offers}")
        return found
    found["InstanceDigest"] = str(entry.digest)
    return {**found, **_of_image(source, _instance(source, entry.digest))}


def instances(source: ImageSource, top: Fetched) -> list[Json]:
    """Each image of an index with its platform and what describe() tells of it; of a single image that one."""
    parsed = manifest.parse(top.data, top.media_type, source.what)
    if not isinstance(parsed, Index):
        told = _of_image(source, parsed)
        platform = {"os": told["Os"], "architecture": told["Architecture"], "variant": told["Variant"]}
        return [{"platform": platform, "Digest": str(top.digest), "MediaType": parsed.media_type, **told}]
    found = []
    for entry in parsed.instances:
        one: Json = {
            "platform": entry.platform._asdict() if entry.platform else {},
            "Digest": str(entry.digest),
            "MediaType": entry.media_type,
            "Annotations": dict(entry.annotations),
        }
        try:
            one.update(_of_image(source, _instance(source, entry.digest)))
        except Corrupt as err:
            one["Problem"] = err.cause  # an attestation or another artifact beside the images
        found.append(one)
    return found


def config(source: ImageSource, top: Fetched, platform: Platform | None) -> Json:
    """The config document as it is; {} for an index without an image for the platform."""
    parsed = manifest.parse(top.data, top.media_type, source.what)
    if isinstance(parsed, Index):
        entry = parsed.choose(platform or host())
        if entry is None:
            return {}
        parsed = _instance(source, entry.digest)
    raw = json.loads(config_bytes(source, parsed.config, f"look at {source.what}"))
    return raw if isinstance(raw, dict) else {}


def _instance(source: ImageSource, digest: object) -> Manifest:
    from ..base.digest import Digest

    fetched = source.manifest(Digest.parse(str(digest)))
    parsed = manifest.parse(fetched.data, fetched.media_type, source.what)
    if isinstance(parsed, Index):
        raise Corrupt(f"look at {source.what}", f"its entry {digest} is an index again")
    return parsed


def _of_image(source: ImageSource, parsed: Manifest) -> Json:
    data = config_bytes(source, parsed.config, f"look at {source.what}")
    told = image_config.parse(data)
    raw = json.loads(data)
    run = table(raw, "config")
    return {
        "Id": parsed.config.digest.hex,
        "Created": told.created,
        "DockerVersion": text(raw, "docker_version"),
        "Labels": dict(told.labels),
        "Architecture": told.architecture,
        "Variant": told.variant,
        "Os": told.os,
        "Env": texts(run, "Env"),
        "Layers": [str(layer.digest) for layer in parsed.layers],
        "LayersData": [
            {
                "MIMEType": layer.media_type,
                "Digest": str(layer.digest),
                "Size": layer.size,
                "Annotations": dict(layer.annotations) or None,
            }
            for layer in parsed.layers
        ],
        "Size": parsed.size,
    }


def tags(remote: Remote, ref: Reference, wanted: Listing) -> list[str]:
    """The tags of a repository.  By time of creation each tag's image is asked about.  Raises as registries do."""
    try:
        pattern = re.compile(wanted.pattern)
    except re.error as err:
        raise BadInput(f"read the pattern {wanted.pattern!r}", f"it is no regular expression ({err})")
    found = [tag for tag in remote.tags(ref).list() if pattern.search(tag)]
    if wanted.sort == "name":
        found.sort()
    elif wanted.sort == "semver":
        found.sort(key=versions.key)
    elif wanted.sort == "created":
        times = {tag: _created(remote, ref.with_tag(tag)) for tag in found}
        found.sort(key=lambda tag: (times[tag], tag))
    if wanted.reverse:
        found.reverse()
    return found[: wanted.limit] if wanted.limit else found


def _created(remote: Remote, ref: Reference) -> int:
    """Nanoseconds; 0 for what tells no time, so that it counts as the oldest."""
    try:
        source = remote.own(ref)
        told = config(source, source.manifest(), None)
        return clock.parse(text(told, "created"))
    except (BadInput, Corrupt, NotFound):
        return 0


def places_to_search(remote: Remote, term: str) -> tuple[tuple[Reference, ...], str]:
    """The registries to ask, and what for: a term with a registry in front is looked for there, else at every registry
    that is searched for short names.
    """
    registry, slash, rest = term.partition("/")
    hosts: tuple[str, ...] = remote.registries.search or (reference.DEFAULT_DOMAIN,)
    if slash and not reference.is_short(term):
        hosts, term = (registry,), rest
    return tuple(reference.parse(f"{host}/search") for host in hosts), term


def search(remote: Remote, ref: Reference, term: str, limit: int) -> list[Json]:
    """What a registry finds under a term: by its search, else among the names of its catalogue.

    Raises NotFound where it offers neither.
    """
    try:
        results = remote.search(ref, term, limit)
    except EngineError as first:
        try:
            names = remote.repositories(ref)
        except EngineError as err:
            err.cause = f"{err.cause} ({first.deed}: {first.cause})"
            raise
        results = [{"name": name} for name in sorted(names) if term.lower() in name.lower()]
    return [_finding(ref.domain, entry) for entry in results[:limit]]


def _finding(registry: str, entry: Json) -> Json:
    """In podman's keys."""
    name = text(entry, "name")
    stars = entry.get("star_count")
    return {
        "Index": registry,
        "Name": f"{registry}/{name}",
        "Description": text(entry, "description"),
        "Stars": stars if isinstance(stars, int) else 0,
        "Official": "[OK]" if entry.get("is_official") is True else "",
        "Automated": "[OK]" if entry.get("is_automated") is True else "",
    }
