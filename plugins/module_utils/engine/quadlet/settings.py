# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of a module as settings of a unit file (podman-systemd.unit(5)).

The order of settings is the one in which containers.podman writes them, so that a file of its stays as it is.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .words import line, word

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: How a value becomes settings: as it is, one line for each item or pair, all items in one line, pairs as words.
TEXT, EACH, JOINED, PAIRS, WORDS, COLONS = "text", "each", "joined", "pairs", "words", "colons"


def table(text: str) -> tuple[tuple[str, str, str], ...]:
    """Lines of `KIND option Key`."""
    found = []
    for entry in text.strip().splitlines():
        kind, option, key = entry.split()
        found.append((option, kind, key))
    return tuple(found)


def of(params: Mapping[str, object], lines: tuple[tuple[str, str, str], ...]) -> Iterator[tuple[str, str]]:
    """(key, value) of what is given, in the order of the table. Raises BadInput."""
    for option, kind, key in lines:
        value = params.get(option)
        if value is None or value == [] or value == {}:
            continue
        for item in _items(kind, value):
            yield key, (word if kind == WORDS else line)(item, option)


def _items(kind: str, value: object) -> list[object]:
    if isinstance(value, dict):
        if kind == COLONS:
            return [f"{key}:{item}" if item not in (None, "") else key for key, item in value.items()]
        return [f"{key}={_said(item)}" for key, item in value.items() if item is not None]
    if isinstance(value, (list, tuple)):
        return [" ".join(str(item) for item in value)] if kind == JOINED else list(value)
    return [value]


def _said(value: object) -> str:
    text = str(value)
    return text.lower() if text.lower() in ("true", "false") else text
