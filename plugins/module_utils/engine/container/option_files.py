# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The files that options name: variables, labels, a seccomp profile."""

from __future__ import annotations

from ..base.errors import BadInput
from ..base.files import read_bytes

_LIMIT = 8 * 1024 * 1024


def read(paths: tuple[str, ...]) -> dict[str, bytes]:
    """Their content, read as the user who asks. Raises BadInput."""
    found = {}
    for path in paths:
        try:
            found[path] = read_bytes(path, _LIMIT)
        except OSError as error:
            raise BadInput(f"read the file {path}", error.strerror or str(error)) from error
    return found
