# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The plainest command lines, read as argparse reads them, and without it: known flags in full, each with its value in
the next word, and names in one row. Whatever is not so, or may be wrong, is left to argparse.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Callable

from ..base.tuples import NamedTuple

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Mapping, Sequence

    from .options import Options

OFF = "off"
_KNOWN = frozenset(("action", "choices", "default", "dest", "help", "metavar", "type"))


class Told(NamedTuple):
    """What a command said of a flag or of its words: `how` as argparse has it, for a switch what it is when it is not
    given, under OFF; `tell` tells argparse.
    """

    names: tuple[str, ...]
    how: Mapping[str, object]
    tell: Callable[[Options], object]


def read(told: Sequence[Told], argv: Sequence[str]) -> Namespace | None:
    """What is given, by name; None when argparse has to read it."""
    values: dict[str, object] = {}
    flags: dict[str, tuple[str, Mapping[str, object]]] = {}
    row, least = "", False
    names_given: list[str] = []
    for names, how, _tell in told:
        if not names[0].startswith("-"):
            if row or how.get("nargs") not in ("*", "+") or how.get("default") is not None:
                return None
            row, least = names[0], how["nargs"] == "+"
            continue
        if OFF not in how and not _is_plain(how):
            return None
        key = str(how.get("dest") or _key(names))
        default = how[OFF] if OFF in how else how.get("default")
        values[key] = list(default) if isinstance(default, list) else default
        flags.update((name, (key, how)) for name in names)
    words = list(argv)
    last = 0  # where the row of names ended
    at = 0
    while at < len(words):
        word = words[at]
        at += 1
        if not word.startswith("-") or word == "-":
            if not row or (names_given and last != at - 1):
                return None
            names_given.append(word)
            last = at
            continue
        found = flags.get(word)
        if found is None:
            return None
        key, how = found
        if OFF in how:
            values[key] = True
            continue
        if at == len(words) or words[at].startswith("-"):
            return None
        if not _keep(values, key, how, words[at]):
            return None
        at += 1
    if least and not names_given:
        return None
    if row:
        values[row] = names_given
    if TYPE_CHECKING:
        return Namespace(**values)
    from types import SimpleNamespace

    return SimpleNamespace(**values)


def _is_plain(how: Mapping[str, object]) -> bool:
    kind, default = how.get("type"), how.get("default")
    return (
        _KNOWN.issuperset(how)
        and how.get("action") in (None, "append")
        and kind in (None, int)
        and not (kind is int and isinstance(default, str))
    )


def _key(names: Sequence[str]) -> str:
    """argparse's: the first long spelling, else the first."""
    chosen = next((name for name in names if name.startswith("--")), names[0])
    return chosen.lstrip("-").replace("-", "_")


def _keep(values: dict[str, object], key: str, how: Mapping[str, object], word: str) -> bool:
    value: object = word
    if how.get("type") is int:
        try:
            value = int(word)
        except ValueError:
            return False
    choices = how.get("choices")
    if choices is not None and not (isinstance(choices, (tuple, list, frozenset)) and value in choices):
        return False
    if how.get("action") == "append":
        before = values[key]
        values[key] = [*(before if isinstance(before, list) else ()), value]
    else:
        values[key] = value
    return True
