# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Typed access to parsed JSON whose writer is another program: a key of the wrong type reads as absent."""

from __future__ import annotations

Json = dict[str, object]


def text(table: Json, key: str, default: str = "") -> str:
    value = table.get(key)
    return value if isinstance(value, str) else default


def number(table: Json, key: str, default: int = 0) -> int:
    value = table.get(key)
    return value if isinstance(value, int) and not isinstance(value, bool) else default


def flag(table: Json, key: str, default: bool = False) -> bool:
    value = table.get(key)
    return value if isinstance(value, bool) else default


def table(parent: Json, key: str) -> Json:
    """The object below `key`; a new empty one, not linked to the parent, when there is none."""
    value = parent.get(key)
    return value if isinstance(value, dict) else {}


def items(parent: Json, key: str) -> list[object]:
    value = parent.get(key)
    return value if isinstance(value, list) else []


def tables(parent: Json, key: str) -> list[Json]:
    return [item for item in items(parent, key) if isinstance(item, dict)]


def texts(parent: Json, key: str) -> list[str]:
    return [item for item in items(parent, key) if isinstance(item, str)]


def text_map(parent: Json, key: str) -> dict[str, str]:
    return {name: value for name, value in table(parent, key).items() if isinstance(value, str)}
