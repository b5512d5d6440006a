# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Small readers for the values that a task may give: each takes what YAML made of it and answers in one form.

A reader gets the value (never None) and the option's name for its message, and raises BadInput.
"""

from __future__ import annotations

import posixpath
import re
from decimal import Decimal, InvalidOperation
from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput
from ..base.units import parse_size

if TYPE_CHECKING:
    from collections.abc import Callable

_TRUE = frozenset(("true", "yes", "on", "1", "y", "t"))
_FALSE = frozenset(("false", "no", "off", "0", "n", "f"))
_CPUSET = patterns.compile(r"\d{1,5}(-\d{1,5})?(,\d{1,5}(-\d{1,5})?)*\Z", patterns.ASCII)
_ZONE = patterns.compile(r"[A-Za-z0-9][A-Za-z0-9_+-]*(/[A-Za-z0-9][A-Za-z0-9_+-]*)*\Z")
CPU_PERIOD = 100_000  # microseconds; what --cpus is a share of


def bad(option: str, value: object, cause: str) -> BadInput:
    return BadInput(f"read {option}", f"{str(value)[:60]!r} {cause}")


def text(value: object, option: str) -> str:
    """One line of text; numbers are taken as they print."""
    if isinstance(value, (dict, list, tuple)):
        raise bad(option, value, "is not text")
    found = str(value)
    if any(char in found for char in "\n\r\0"):
        raise bad(option, found, "holds a line break")
    return found


def flag(value: object, option: str) -> bool:
    if isinstance(value, bool):
        return value
    word = str(value).strip().lower()
    if word in _TRUE:
        return True
    if word in _FALSE:
        return False
    raise bad(option, value, "is neither true nor false")


def whole(least: int, most: int = 2**63 - 1) -> Callable[[object, str], int]:
    """A reader of whole numbers in this range."""

    def read(value: object, option: str) -> int:
        found = str(value).strip()
        if isinstance(value, bool) or not re.match(r"-?\d{1,19}\Z", found, re.ASCII):
            raise bad(option, value, "is not a whole number")
        if not least <= int(found) <= most:
            raise bad(option, value, f"is outside {least} to {most}")
        return int(found)

    return read


def size(value: object, option: str) -> int:
    return parse_size(text(value, option), option)


def size_or_unlimited(value: object, option: str) -> int:
    return -1 if str(value).strip() == "-1" else size(value, option)


def limit(value: object, option: str) -> int:
    """A count where -1, 0 and "unlimited" all mean no limit: -1."""
    if str(value).strip().lower() in ("unlimited", "max"):
        return -1
    return whole(-1)(value, option) or -1


def cpus(value: object, option: str) -> int:
    """Microseconds of processor time per CPU_PERIOD; 0 is no limit."""
    try:
        found = Decimal(str(value).strip())
    except InvalidOperation:
        raise bad(option, value, "is not a number of processors")
    if not found.is_finite() or not 0 <= found <= 10000:
        raise bad(option, value, "is not a number of processors")
    return int(found * CPU_PERIOD)


def cpu_set(value: object, option: str) -> str:
    """`0-2,4` in one spelling: sorted, neighbours joined."""
    found = str(value).replace(" ", "")
    if not _CPUSET.match(found):
        raise bad(option, value, "is not a list such as 0-2,4")
    numbers: set[int] = set()
    for part in found.split(","):
        first, _dash, last = part.partition("-")
        numbers.update(range(int(first), int(last or first) + 1))
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][1] == number - 1:
            runs[-1][1] = number
        else:
            runs.append([number, number])
    return ",".join(str(first) if first == last else f"{first}-{last}" for first, last in runs)


def path(value: object, option: str) -> str:
    found = text(value, option)
    if not posixpath.isabs(found):
        raise bad(option, value, "is not an absolute path")
    return posixpath.normpath(found)


def texts(value: object, option: str) -> tuple[str, ...]:
    """A list of lines; a single one may stand alone."""
    items = value if isinstance(value, (list, tuple)) else (value,)
    return tuple(text(item, option) for item in items if item is not None)


def mapping(value: object, option: str) -> dict[str, str]:
    """A mapping as text; also a list of KEY=VALUE. The empty value stands for None."""
    if isinstance(value, (list, tuple)):
        value = dict(text(item, option).partition("=")[::2] for item in value)
    if not isinstance(value, dict):
        raise bad(option, value, "is not a mapping")
    found = {}
    for key, item in value.items():
        if isinstance(item, (dict, list)):
            raise bad(option, item, f"is not a value for {key}")
        name = str(key)
        if not name or "\0" in name or "\n" in name:
            raise bad(option, name, "is not a key")
        found[name] = "" if item is None else str(item)
    return found


def timezone(value: object, option: str) -> str:
    found = text(value, option)
    if not _ZONE.match(found):
        raise bad(option, value, "is not a time zone such as Europe/Berlin, or local")
    return found


def umask(value: object, option: str) -> str:
    """Four octal digits; YAML may have read 0022 as the number 18, which cannot be told from 18."""
    found = str(value).strip()
    if not re.match(r"0?o?[0-7]{1,4}\Z", found):
        raise bad(option, value, "is not octal, as in '0022' (with quotes)")
    return f"{int(found.replace('o', ''), 8):04o}"


def one_of(*words: str) -> Callable[[object, str], str]:
    def read(value: object, option: str) -> str:
        found = str(value).strip().lower()
        if found not in words:
            raise bad(option, value, f"is not one of {', '.join(words)}")
        return found

    return read
