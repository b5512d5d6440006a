# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Health checks as libpod keeps them: Docker's object, durations in nanoseconds (podman-healthcheck(1))."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.units import parse_duration
from . import command

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    Json = dict[str, object]

_SECOND = 1_000_000_000
DEFAULT_INTERVAL = 30 * _SECOND
DEFAULT_TIMEOUT = 30 * _SECOND
DEFAULT_RETRIES = 3
#: libpod stores the action as a number; 1 is its "invalid".
ON_FAILURE = {"none": 0, "kill": 2, "restart": 3, "stop": 4}
ON_FAILURE_NAMES = {number: name for name, number in ON_FAILURE.items()}
DISABLED: tuple[str, ...] = ("NONE",)


def test_words(value: str | Sequence[object], option: str) -> tuple[str, ...]:
    """The `Test` list: CMD with arguments for a list (also as JSON text), CMD-SHELL for any other string, or NONE.

    Raises BadInput for an empty check.
    """
    items: tuple[str, ...]
    if isinstance(value, str):
        text = value.strip()
        listed = _json_list(text)
        if listed is None:
            first = text.split(" ", 1)[0].upper()
            if first == "NONE":
                return DISABLED
            if first == "CMD-SHELL":
                text = text.split(" ", 1)[1].strip() if " " in text else ""
            elif first == "CMD":
                return ("CMD", *_not_empty(command.words(text[3:], option), option))
            return ("CMD-SHELL", _not_empty((text,) if text else (), option)[0])
        items = listed
    else:
        items = command.words(value, option)
    head = _not_empty(items, option)[0].upper()
    if head == "NONE":
        return DISABLED
    if head in ("CMD", "CMD-SHELL"):
        return (head, *_not_empty(items[1:], option))
    return ("CMD", *items) if len(items) > 1 else ("CMD-SHELL", items[0])


def period(value: str | float, option: str, smallest: int = 0) -> int:
    """Nanoseconds; `disable` is 0. Raises BadInput below `smallest` nanoseconds."""
    if str(value).strip().lower() == "disable":
        return 0
    found = parse_duration(value, option)
    if found < smallest:
        raise BadInput(f"read {option}", f"{value!r} is shorter than {smallest // _SECOND}s")
    return found


def document(test: Sequence[str], settings: Mapping[str, int]) -> Json:
    """`healthcheck` of a container's config.

    `settings` holds what is known of StartPeriod, Interval, Timeout (ns), Retries, Successes; the rest gets podman's
    defaults. Zero values are left out, as Go's encoder does.
    """
    if tuple(test) == DISABLED:
        return {"Test": ["NONE"]}
    values = {"Interval": DEFAULT_INTERVAL, "Timeout": DEFAULT_TIMEOUT, "Retries": DEFAULT_RETRIES, **settings}
    made: Json = {"Test": list(test)}
    for key in ("StartPeriod", "Interval", "Timeout", "Retries", "Successes"):
        if values.get(key):
            made[key] = values[key]
    return made


def from_image(raw: Mapping[str, object]) -> tuple[tuple[str, ...], dict[str, int]]:
    """Test and settings of an image's Healthcheck; an empty Test inherits, which for an image is none at all."""
    test = raw.get("Test")
    words = tuple(word for word in test if isinstance(word, str)) if isinstance(test, list) else ()
    if not words or words[0] not in ("NONE", "CMD", "CMD-SHELL"):
        return (), {}
    settings = {}
    for key in ("StartPeriod", "Interval", "Timeout", "Retries"):
        value = raw.get(key)
        if isinstance(value, int) and not isinstance(value, bool) and value > 0:
            settings[key] = value
    return words, settings


def _json_list(text: str) -> tuple[str, ...] | None:
    if not text.startswith("["):
        return None
    try:
        listed = json.loads(text)
    except ValueError:
        return None
    if not isinstance(listed, list) or not all(isinstance(item, str) for item in listed):
        return None
    return tuple(listed)


def _not_empty(items: tuple[str, ...], option: str) -> tuple[str, ...]:
    if not items:
        raise BadInput(f"read {option}", "the check names no command")
    return items
