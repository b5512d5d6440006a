# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modes of files as people write them: octal numbers and chmod(1)'s words."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Callable

    Mode = Callable[[int, bool], int]

_WORD = patterns.compile(r"([ugoa]*)((?:[-+=][rwxXst]*|[-+=][ugo])+)")
_DEED = patterns.compile(r"([-+=])([ugo]|[rwxXst]*)")
_SHIFT = {"u": 6, "g": 3, "o": 0}
_BITS = {"r": 4, "w": 2, "x": 1}


def parse(text: str) -> Mode:
    """A function from (the mode that is, whether it is a directory) to the mode that is wanted. Raises BadInput."""
    word = text.strip()
    octal = word[2:] if word.startswith("0o") else word
    if re.fullmatch("[0-7]{1,5}", octal) and int(octal, 8) <= 0o7777:
        return lambda _mode, _directory: int(octal, 8)
    words = word.split(",")
    if not word or not all(_WORD.fullmatch(one) for one in words):
        raise BadInput(f"read the mode {text[:40]!r}", "it is an octal number in quotes, or reads like u=rw,g=r,o=")

    def changed(mode: int, directory: bool) -> int:
        for one in words:
            mode = _apply(one, mode, directory)
        return mode

    return changed


def _apply(word: str, mode: int, directory: bool) -> int:
    found = _WORD.fullmatch(word)
    if found is None:
        return mode
    who = found[1].replace("a", "ugo") or "ugo"
    for sign, what in _DEED.findall(found[2]):
        bits = _bits(what, who, mode, directory)
        if sign == "-":
            mode &= ~bits
        elif sign == "+":
            mode |= bits
        else:
            mode = mode & ~_all_of(who) | bits
    return mode


def _all_of(who: str) -> int:
    """What `=` takes away: the three bits of each, and the set-id bit that is theirs."""
    special = {"u": 0o4000, "g": 0o2000, "o": 0o1000}
    return sum({(7 << _SHIFT[one]) | special[one] for one in who})


def _bits(what: str, who: str, mode: int, directory: bool) -> int:
    bits = 0
    for one in set(who):
        for letter in what:
            if letter in "ugo":
                bits |= (mode >> _SHIFT[letter] & 7) << _SHIFT[one]
            elif letter in _BITS or (letter == "X" and (directory or mode & 0o111)):
                bits |= _BITS.get(letter, 1) << _SHIFT[one]
            elif letter == "s" and one in "ug":
                bits |= 0o4000 if one == "u" else 0o2000
            elif letter == "t":
                bits |= 0o1000
    return bits
