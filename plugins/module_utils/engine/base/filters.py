# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Filters as podman's list and prune commands take them: `key=value`, `key!=value`, or a mapping of keys to values."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from . import clock
from .errors import BadInput
from .tuples import NamedTuple
from .units import parse_duration

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

_SHAPES = ("%Y-%m-%d", "%Y-%m-%dT%H:%M", "%Y-%m-%dT%H:%M:%S")
_TRUE, _FALSE = ("1", "t", "true"), ("0", "f", "false")


class Filter(NamedTuple):
    """One condition; `negated` for one written with `!=`."""

    key: str
    value: str
    negated: bool = False

    def __str__(self) -> str:
        return f"{self.key}{'!=' if self.negated else '='}{self.value}"


def parse(texts: Iterable[str]) -> tuple[Filter, ...]:
    """Of a command line. Raises BadInput."""
    found = []
    for text in texts:
        key, equals, value = text.partition("=")
        if not equals or not key.rstrip("!"):
            raise BadInput(f"read filter {text!r}", 'it must be in the format "filter=value" or "filter!=value"')
        found.append(Filter(key.rstrip("!"), value, key.endswith("!")))
    return tuple(found)


def given(mapping: Mapping[str, object] | None) -> tuple[Filter, ...]:
    """Of a task's dictionary: the key may end in `!`, the value may be a list."""
    found = []
    for key, value in (mapping or {}).items():
        for one in value if isinstance(value, (list, tuple)) else (value,):
            written = str(one).lower() if isinstance(one, bool) else str(one)
            found.append(Filter(str(key).rstrip("!"), written, str(key).endswith("!")))
    return tuple(found)


def refuse_others(filters: Iterable[Filter], known: Iterable[str], what: str) -> None:
    """Raises BadInput for a key that is not known."""
    keys = tuple(known)
    for one in filters:
        if one.key not in keys:
            raise BadInput(f"read filter {one}", f"{one.key!r} is no filter for {what}; there are: {', '.join(keys)}")


def truth(one: Filter) -> bool:
    """Raises BadInput for a value that is no truth value."""
    value = one.value.lower()
    if value not in (*_TRUE, *_FALSE):
        raise BadInput(f"read filter {one}", f"{one.value!r} is neither true nor false")
    return (value in _TRUE) is not one.negated


def moment(text: str, what: str = "time") -> int:
    """Nanoseconds since 1970 of a time, a date (local time), a Unix time, or an age such as 10m. Raises BadInput."""
    if text.replace(".", "", 1).isdigit() and text.isascii():
        return int(float(text) * 1_000_000_000)
    try:
        return clock.parse(text)
    except BadInput:
        pass
    for shape in _SHAPES:
        try:
            return int(time.mktime(time.strptime(text, shape))) * 1_000_000_000
        except (ValueError, OverflowError):
            continue
    return time.time_ns() - parse_duration(text, what)


def moment_or_none(text: str) -> int | None:
    """The same; None for "", as where nothing was asked for."""
    return moment(text) if text else None


def label_fits(one: Filter, labels: Mapping[str, str]) -> bool:
    """`key` or `key=value`; a star in the key stands for anything, as in podman."""
    key, _equals, value = one.value.partition("=")
    found = any((not value or held == value) and _key_fits(key, name) for name, held in labels.items())
    return found is not one.negated


def _key_fits(pattern: str, key: str) -> bool:
    if "*" not in pattern:
        return pattern == key
    from fnmatch import fnmatchcase

    return fnmatchcase(key, f"*{pattern}*")


def by_label_and_age(filters: Iterable[Filter], labels: Mapping[str, str], created_ns: int) -> bool:
    """What every prune knows: `label`, `label!` and `until`. Other keys are left to the caller."""
    for one in filters:
        if one.key == "label" and not label_fits(one, labels):
            return False
        if one.key == "until" and (created_ns < moment(one.value, "the filter until")) is one.negated:
            return False
    return True
