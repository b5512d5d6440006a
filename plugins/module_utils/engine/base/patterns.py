# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Regular expressions that are compiled at their first use.

Compiling takes a fifth of a millisecond each, and most of those that a module has are for what seldom comes.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from re import ASCII, DOTALL, IGNORECASE, compile
else:
    ASCII, DOTALL, IGNORECASE = 256, 16, 2  # as re has them, which is not loaded for it

    class _Pattern:
        """Becomes the compiled one, method by method."""

        def __init__(self, text, flags):
            self._made = (text, flags)

        def __getattr__(self, name):
            import re

            compiled = re.compile(*self._made)
            for each in ("match", "fullmatch", "search", "sub", "split", "finditer", "findall"):
                setattr(self, each, getattr(compiled, each))
            return getattr(compiled, name)

    def compile(text, flags=0):
        return _Pattern(text, flags)


__all__ = ["ASCII", "DOTALL", "IGNORECASE", "compile"]
