# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Choosing among images, by the filters of podman's `images` and `image prune`."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput, NotFound
from ..base.filters import label_fits, moment, refuse_others, truth

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from ..base.filters import Filter
    from ..store.records import ImageRecord
    from .catalogue import Catalogue

    Test = Callable[[ImageRecord], bool]
    Find = Callable[[str], "ImageRecord | None"]

KEYS = (
    "after",
    "before",
    "containers",
    "dangling",
    "digest",
    "id",
    "intermediate",
    "label",
    "manifest",
    "readonly",
    "reference",
    "since",
    "until",
)


def matching(catalogue: Catalogue, filters: Sequence[Filter], find: Find) -> list[ImageRecord]:
    """The images that pass: every filter must, of several references one.  ``find`` looks an image up by a text.

    Raises BadInput for a filter that there is not, NotFound for an image that one names and that is not there.
    """
    refuse_others(filters, KEYS, "images")
    tests = [_test(catalogue, one, find) for one in filters if one.key != "reference"]
    references = [one for one in filters if one.key == "reference"]
    if references:
        tests.append(_by_reference(references, find))
    return [image for image in catalogue.images if all(test(image) for test in tests)]


def _test(catalogue: Catalogue, one: Filter, find: Find) -> Test:
    truths: dict[str, Test] = {
        "dangling": catalogue.is_dangling,
        "intermediate": catalogue.is_intermediate,
        "manifest": catalogue.is_list,
        "readonly": lambda image: image.readonly,
        "containers": lambda image: bool(catalogue.users(image)),
    }
    if one.key in truths:
        wanted, look = truth(one), truths[one.key]
        return lambda image: look(image) is wanted
    if one.key == "label":
        return lambda image: label_fits(one, catalogue.labels(image))
    if one.key == "digest" and not one.value.startswith("sha256:"):
        raise BadInput(f"read filter {one}", "a digest begins with sha256:")
    plain: dict[str, Test] = {
        "id": lambda image: image.id.startswith(one.value),
        "digest": lambda image: any(digest.startswith(one.value) for digest in image.digests),
    }
    test = plain[one.key] if one.key in plain else _by_time(catalogue, one, find)
    return (lambda image: not test(image)) if one.negated else test


def _by_time(catalogue: Catalogue, one: Filter, find: Find) -> Test:
    if one.key == "until":
        limit = moment(one.value, "the filter until")
        return lambda image: catalogue.created_ns(image) < limit
    pivot = find(one.value)
    if pivot is None:
        raise NotFound(f"read filter {one}", "there is no image with this name or id")
    limit = catalogue.created_ns(pivot)
    if one.key == "before":
        return lambda image: catalogue.created_ns(image) < limit
    return lambda image: catalogue.created_ns(image) > limit


def _by_reference(references: Sequence[Filter], find: Find) -> Test:
    wanted = [one.value for one in references if not one.negated]
    unwanted = [one.value for one in references if one.negated]
    exact = {value: _found(find, value) for value in (*wanted, *unwanted)}

    def fits(image: ImageRecord, value: str) -> bool:
        return image.id == exact[value] or any(name_fits(name, value) for name in image.names)

    def test(image: ImageRecord) -> bool:
        if any(fits(image, value) for value in unwanted):
            return False
        return not wanted or any(fits(image, value) for value in wanted)

    return test


def _found(find: Find, value: str) -> str:
    record = find(value)
    return record.id if record is not None else ""


def name_fits(name: str, pattern: str) -> bool:
    """Whether a name fits a pattern with its registry or without, with its path or without, with its tag or without.

    A star does not reach over a slash, as with Go's path.Match.
    """
    bare, _at, digest = name.partition("@")
    head, slash, tail = bare.rpartition("/")
    last, colon, tag = tail.partition(":")
    whole = head + slash + last
    suffix = f"@{digest}" if digest else colon + tag
    path = whole.partition("/")[2] or whole
    candidates = {whole + suffix, whole, path + suffix, path, last + suffix, last}
    return any(_match(candidate, pattern) for candidate in candidates)


def _match(text: str, pattern: str) -> bool:
    from fnmatch import fnmatchcase

    parts, shapes = text.split("/"), pattern.split("/")
    return len(parts) == len(shapes) and all(fnmatchcase(part, shape) for part, shape in zip(parts, shapes))
