# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Options of a module as flags of podman's command line, for what a unit file has no setting of its own."""

from __future__ import annotations

from typing import TYPE_CHECKING

from .words import word

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

#: How a value becomes flags: once, once for each item, once for each pair, joined by commas, as `--flag=VALUE`, as
#: `--flag=BOOL`, or only as `--flag` when it is true.
ONE, EACH, PAIRS, COMMAS, EQUALS, TRUTH, SWITCH = "one", "each", "pairs", "commas", "equals", "truth", "switch"


def table(text: str) -> tuple[tuple[str, str, str], ...]:
    """Lines of `KIND OPTION [--flag]`; the flag has the option's name unless it is given."""
    found = []
    for entry in text.strip().splitlines():
        kind, option, *flag = entry.split()
        found.append((option, kind, flag[0] if flag else "--" + option.replace("_", "-")))
    return tuple(found)


def of(params: Mapping[str, object], lines: tuple[tuple[str, str, str], ...]) -> Iterator[str]:
    """The flags as words of a unit file, one `--flag VALUE` each, in the order of the table. Raises BadInput."""
    for option, flag, value, joined in _each(params, lines):
        if value is None:
            yield flag
        else:
            yield f"{flag}{'=' if joined else ' '}{word(value, option)}"


def argv(params: Mapping[str, object], lines: tuple[tuple[str, str, str], ...]) -> list[str]:
    """The flags as arguments of a program."""
    found: list[str] = []
    for _option, flag, value, joined in _each(params, lines):
        if value is None:
            found.append(flag)
        elif joined:
            found.append(f"{flag}={value}")
        else:
            found += [flag, value]
    return found


def _each(
    params: Mapping[str, object], lines: tuple[tuple[str, str, str], ...]
) -> Iterator[tuple[str, str, str | None, bool]]:
    """(option, flag, value, whether they are one word); no value for a switch that is on."""
    for option, kind, flag in lines:
        value = params.get(option)
        if value is None or value == [] or value == {}:
            continue
        if kind == EQUALS:
            yield option, flag, str(value).lower(), True
        elif kind == TRUTH:
            yield option, flag, "true" if value else "false", True
        elif kind == SWITCH:
            if value is True:
                yield option, flag, None, False
        else:
            for item in _items(kind, value):
                yield option, flag, str(item), False


def _items(kind: str, value: object) -> list[object]:
    if isinstance(value, dict):
        if kind == PAIRS:
            return [f"{key}={'' if item is None else item}" for key, item in value.items()]
        return [f"{key}:{item}" if item not in (None, "") else key for key, item in value.items()]
    if isinstance(value, (list, tuple)):
        return [",".join(str(item) for item in value)] if kind == COMMAS else list(value)
    return [value]
