# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Signals by name or number, signal(7)."""

from __future__ import annotations

import signal

from ..base.errors import BadInput

_RTMIN, _RTMAX = 34, 64  # what glibc leaves to programs; the names in images are written for these


def parse(text: str | int, what: str = "signal") -> int:
    """`SIGTERM`, `term`, `15`, `SIGRTMIN+3`. Raises BadInput."""
    word = str(text).strip().upper()
    if word.isascii() and word.isdigit():
        if 1 <= int(word) <= _RTMAX:
            return int(word)
        raise _bad(text, what)
    word = word[3:] if word.startswith("SIG") else word
    for name, base, sign in (("RTMIN", _RTMIN, "+"), ("RTMAX", _RTMAX, "-")):
        if word.startswith(name):
            rest = word[len(name) :] or f"{sign}0"
            if rest[0] == sign and rest[1:].isascii() and rest[1:].isdigit() and int(rest[1:]) <= _RTMAX - _RTMIN:
                return base + int(sign + rest[1:])
            raise _bad(text, what)
    number = getattr(signal, f"SIG{word}", None) if word.isalnum() else None
    if not isinstance(number, signal.Signals):
        raise _bad(text, what)
    return int(number)


def name(number: int) -> str:
    """`SIGTERM` for 15; a number without a name stays one."""
    if _RTMIN <= number <= _RTMAX:
        offset = number - _RTMIN
        return f"SIGRTMIN+{offset}" if offset else "SIGRTMIN"
    try:
        return signal.Signals(number).name
    except ValueError:
        return str(number)


def _bad(text: str | int, what: str) -> BadInput:
    return BadInput(f"read {what}", f"{str(text)[:40]!r} is not a signal, as in SIGTERM or 15")
