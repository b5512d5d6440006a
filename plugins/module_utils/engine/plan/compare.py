# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Comparing canonical values under a declared mode."""

from __future__ import annotations

STRICT, SUBSET, IGNORE = "strict", "subset", "ignore"


def satisfied(before: object, after: object, mode: str = STRICT) -> bool:
    """Whether what is (`before`) already is what is wanted (`after`).

    strict: equal. subset: every entry wanted is there, and more may be (mappings and lists). ignore: always.
    """
    if mode == IGNORE or before == after:
        return True
    if mode != SUBSET:
        return False
    if isinstance(before, dict) and isinstance(after, dict):
        return all(key in before and before[key] == value for key, value in after.items())
    if isinstance(before, (list, tuple)) and isinstance(after, (list, tuple)):
        rest = list(before)
        for item in after:
            if item not in rest:
                return False
            rest.remove(item)
        return True
    return False
