# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Typed access to TOML configuration files: what is wrong is said with the file's name."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput
from ..base.files import read_bytes

if TYPE_CHECKING:
    Table = dict[str, object]

_LIMIT = 4 * 1024 * 1024


def read_toml(path: str) -> Table:
    """The parsed file.  Raises BadInput: unreadable, not UTF-8, not TOML."""
    from ..base import toml

    try:
        text = read_bytes(path, _LIMIT).decode("utf-8")
    except OSError as err:
        raise BadInput(f"read {path}", str(err.strerror))
    except UnicodeDecodeError:
        raise BadInput(f"read {path}", "it is not UTF-8 text")
    return toml.loads(text, path)


def string(raw: Table, key: str, deed: str) -> str:
    value = raw.get(key, "")
    if not isinstance(value, str):
        raise BadInput(deed, f"{key} must be a text")
    return value


def flag(raw: Table, key: str, deed: str) -> bool:
    value = raw.get(key, False)
    if not isinstance(value, bool):
        raise BadInput(deed, f"{key} must be true or false")
    return value


def strings(raw: Table, key: str, deed: str) -> tuple[str, ...]:
    value = raw.get(key, [])
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise BadInput(deed, f"{key} must be a list of texts")
    return tuple(value)


def table(raw: Table, key: str, deed: str) -> Table:
    value = raw.get(key, {})
    if not isinstance(value, dict):
        raise BadInput(deed, f"{key} must be a table")
    return value


def tables(raw: Table, key: str, deed: str) -> list[Table]:
    value = raw.get(key, [])
    if not isinstance(value, list) or not all(isinstance(entry, dict) for entry in value):
        raise BadInput(deed, f"{key} must be an array of tables")
    return list(value)
