# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Variables in a word, as Containerfiles have them: $NAME, ${NAME}, ${NAME:-word}, ${NAME:+word}, quotes, backslash."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping

_NAME = patterns.compile(r"[A-Za-z_][A-Za-z0-9_]*")
_BRACED = patterns.compile(r"\{([A-Za-z_][A-Za-z0-9_]*)(?::([-+])((?:[^{}\\]|\\.)*))?\}", patterns.DOTALL)


def expand(word: str, values: Mapping[str, str]) -> str:
    """A variable that is not there is empty. Raises BadInput for a quote or brace that does not end."""
    made: list[str] = []
    position, quote = 0, ""
    while position < len(word):
        char = word[position]
        if quote == "'":
            quote = "" if char == "'" else quote
            made.append("" if char == "'" else char)
        elif char == "\\":
            position += 1
            kept = char if quote and word[position : position + 1] not in ('"', "$", "\\") else ""
            made.append(kept + word[position : position + 1])
        elif char == quote or (not quote and char in "'\""):
            quote = "" if quote else char
        elif char == "$":
            text, position = _variable(word, position, values)
            made.append(text)
            continue
        else:
            made.append(char)
        position += 1
    if quote:
        raise BadInput(f"read {word[:60]!r}", "a quote does not end")
    return "".join(made)


def _variable(word: str, position: int, values: Mapping[str, str]) -> tuple[str, int]:
    """The text that stands at a dollar sign, and where it goes on."""
    found = _NAME.match(word, position + 1)
    if found:
        return values.get(found[0], ""), found.end()
    if word[position + 1 : position + 2] != "{":
        return "$", position + 1
    braced = _BRACED.match(word, position + 1)
    if not braced:
        raise BadInput(f"read {word[:60]!r}", "what follows ${ is not NAME}, NAME:-WORD} or NAME:+WORD}")
    value = values.get(braced[1], "")
    if braced[2] == "-":
        value = value or expand(braced[3], values)
    elif braced[2] == "+":
        value = expand(braced[3], values) if value else ""
    return value, braced.end()
