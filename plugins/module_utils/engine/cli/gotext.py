# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Values as Go prints them."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    _Fields = dict[str, object]
else:
    _Fields = dict


class Struct(_Fields):
    """Fields that templates can name, and that are printed without their names, as Go prints a struct; `source` is what
    stands in JSON."""

    source: Callable[[], object] | None = None


def go_text(value: object) -> str:
    """As Go's fmt prints it with %v."""
    if value is None:
        return "<nil>"
    if isinstance(value, bool):
        return "true" if value else "false"
    if isinstance(value, Struct):
        return "{" + " ".join(go_text(item) for item in value.values()) + "}"
    if isinstance(value, dict):
        return "map[" + " ".join(f"{key}:{go_text(value[key])}" for key in sorted(value)) + "]"
    if isinstance(value, (list, tuple)):
        return "[" + " ".join(go_text(item) for item in value) + "]"
    return str(value)


def compact(value: object) -> str:
    """As Go's encoding/json writes it."""
    source = getattr(value, "source", None)
    value = source() if source else value
    text = json.dumps(value, separators=(",", ":"), ensure_ascii=False)
    return text.replace("<", "\\u003c").replace(">", "\\u003e").replace("&", "\\u0026")
