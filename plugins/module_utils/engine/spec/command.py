# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Commands: lists stay as they are, a string is split as a shell would split it (nothing is expanded)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Sequence


def words(value: str | Sequence[object], option: str) -> tuple[str, ...]:
    """The arguments. Raises BadInput for a quote that is never closed, and for NUL bytes, which none can hold."""
    if isinstance(value, str):
        import shlex

        try:
            found = tuple(shlex.split(value))
        except ValueError as err:
            raise BadInput(f"read {option}", f"{value[:80]!r}: {str(err).lower()}")
    else:
        found = tuple(_word(item, option) for item in value)
    if any("\0" in word for word in found):
        raise BadInput(f"read {option}", "an argument holds a NUL byte")
    return found


def entrypoint(value: str | Sequence[object], option: str = "entrypoint") -> tuple[str, ...]:
    """An entrypoint is a list, that list as JSON text, or one program; the empty string means none at all."""
    if not isinstance(value, str):
        return words(value, option)
    text = value.strip()
    if not text:
        return ("",)
    if text.startswith("["):
        try:
            listed = json.loads(text)
        except ValueError:
            raise BadInput(f"read {option}", f"{text[:80]!r} starts like a JSON list but is none")
        if isinstance(listed, list):
            return words(listed, option)
    return words(text, option)


def _word(item: object, option: str) -> str:
    if isinstance(item, (dict, list)) or item is None:
        raise BadInput(f"read {option}", f"{str(item)[:60]!r} is not an argument")
    return str(item)
