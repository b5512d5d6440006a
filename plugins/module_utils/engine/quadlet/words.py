# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as unit files have them (systemd.syntax(7)): one line each, words in quotes where they need them.

What is said as a line must stay one: a value with a line break would become a setting of its own, such as ExecStart.
`%` is left alone, so that specifiers like %h work in values.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Iterable

_PLAIN = patterns.compile(r"[A-Za-z0-9@%+=:,./_-]+\Z")


def line(value: object, option: str) -> str:
    """The value as the rest of a line. Raises BadInput for what would reach into the next one."""
    if isinstance(value, bool):
        return "true" if value else "false"
    text = str(value)
    if any(ord(char) < 32 and char != "\t" for char in text):
        raise BadInput(f"write {option} into a unit file", "it holds a line break or another control character")
    if text.endswith("\\"):
        raise BadInput(
            f"write {option} into a unit file", "it ends with a backslash, which joins it with the next line"
        )
    return text


def word(value: object, option: str) -> str:
    """The value as one word. Single quotes where they do, as a shell would have them; C escapes in double ones else."""
    if isinstance(value, bool):
        return line(value, option)
    text = str(value)
    if _PLAIN.match(text):
        return text
    if "'" not in text and "\\" not in text:
        return f"'{line(text, option)}'"
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return f'"{line(escaped, option)}"'


def words(values: Iterable[object], option: str) -> str:
    return " ".join(word(value, option) for value in values)


def section(name: str, settings: Iterable[tuple[str, str]]) -> str:
    return "".join([f"[{name}]\n", *(f"{key}={value}\n" for key, value in settings)])
