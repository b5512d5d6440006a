# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Names of containers, volumes and the like, as podman allows them."""

from __future__ import annotations

from ..base import patterns
from ..base.errors import BadInput

_NAME = patterns.compile(r"[a-zA-Z0-9][a-zA-Z0-9_.-]*\Z")


def check_name(text: str, kind: str) -> str:
    """The name itself. Raises BadInput for one that is empty, or holds more than letters, digits, `_`, `.` and `-`."""
    if not _NAME.match(text):
        raise BadInput(f"read the name of a {kind}", f"{text[:60]!r}: only letters, digits, dot, dash and underscore")
    return text
