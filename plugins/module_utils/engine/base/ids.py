# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Object ids: 64 lower-case hexadecimal digits, shown to people as the first twelve."""

from __future__ import annotations

import os

_HEX = frozenset("0123456789abcdef")


def new_id() -> str:
    """A random id, as containers/storage and libpod make them."""
    return os.urandom(32).hex()


def is_id(text: str) -> bool:
    return len(text) == 64 and _HEX.issuperset(text)


def is_id_prefix(text: str) -> bool:
    return 0 < len(text) <= 64 and _HEX.issuperset(text)


def short(full: str) -> str:
    return full[:12]
