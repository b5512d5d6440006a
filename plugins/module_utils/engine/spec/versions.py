# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Tags as versions, in the order of semver.org: a tag that is none comes before all that are."""

from __future__ import annotations

from typing import Union

from ..base import patterns

_VERSION = patterns.compile(r"[vV]?(\d+(?:\.\d+)*)(?:-([0-9A-Za-z.-]+))?(?:[+_]([0-9A-Za-z.-]+))?\Z")
_Part = tuple[int, Union[int, str]]
Key = tuple[bool, tuple[int, ...], bool, tuple[_Part, ...], str]


def key(tag: str) -> Key:
    """To sort by.  ``1.2`` counts as ``1.2.0``; any number of numbers is taken, since tags have them."""
    found = _VERSION.match(tag)
    if found is None:
        return (False, (), False, (), tag)
    numbers = [int(part) for part in found[1].split(".")]
    while len(numbers) > 1 and not numbers[-1]:
        numbers.pop()
    before = tuple(_part(part) for part in found[2].split(".")) if found[2] else ()
    return (True, tuple(numbers), not before, before, tag)


def _part(text: str) -> _Part:
    """Numbers by value and before words."""
    return (0, int(text)) if text.isdecimal() else (1, text)
