# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""JSON from strangers: one meaning or none.

Two parsers that disagree about a document (a key given twice, NaN, a boolean as a length) let one part of a system
verify what another part does not use.  Image documents are therefore read strictly and typed access says what is wrong.
"""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base.errors import Corrupt

if TYPE_CHECKING:
    from collections.abc import Callable
    from typing import NoReturn

    Json = dict[str, object]

#: Sizes travel as signed 64-bit numbers in every engine.
MAX_INT = (1 << 63) - 1


def loads_object(data: bytes, deed: str, limit: int) -> Json:
    """The JSON object in ``data``.  Raises Corrupt: too long, not UTF-8, not an object, a key twice, NaN, too deep."""
    if len(data) > limit:
        raise Corrupt(deed, f"it is {len(data)} bytes long, more than the {limit} allowed")
    try:
        value = json.loads(data.decode("utf-8"), object_pairs_hook=_unique(deed), parse_constant=_no_constant(deed))
    except (ValueError, RecursionError) as err:
        raise Corrupt(deed, f"it is not JSON ({err})")
    if not isinstance(value, dict):
        raise Corrupt(deed, "it is not a JSON object")
    return value


def _unique(deed: str) -> Callable[[list[tuple[str, object]]], Json]:
    def build(pairs: list[tuple[str, object]]) -> Json:
        found = dict(pairs)
        if len(found) != len(pairs):
            keys = [key for key, _value in pairs]
            twice = next(key for key in keys if keys.count(key) > 1)
            raise Corrupt(deed, f"the key {twice[:60]!r} stands there twice")
        return found

    return build


def _no_constant(deed: str) -> Callable[[str], NoReturn]:
    def refuse(constant: str) -> NoReturn:
        raise Corrupt(deed, f"{constant} is not a JSON value")

    return refuse


def same_case(raw: Json, keys: frozenset[str], deed: str) -> None:
    """Refuse ``Layers`` where ``layers`` is meant: parsers that fold case would let it replace the real one."""
    folded = {key.lower() for key in keys}
    for key in raw:
        if key not in keys and key.lower() in folded:
            raise Corrupt(deed, f"the key {key!r} differs from a known one only in case")


def text(raw: Json, key: str, deed: str, default: str | None = None) -> str:
    """The string under ``key``; ``default`` when it is absent or null.  Raises Corrupt."""
    value = raw.get(key)
    if value is None and default is not None:
        return default
    if not isinstance(value, str):
        raise Corrupt(deed, f"{key} is {_kind(value)} where text belongs")
    return value


def integer(raw: Json, key: str, deed: str) -> int:
    """The non-negative integer under ``key`` (a boolean or 1.0 is none).  Raises Corrupt."""
    value = raw.get(key)
    if not isinstance(value, int) or isinstance(value, bool):
        raise Corrupt(deed, f"{key} is {_kind(value)} where a whole number belongs")
    if not 0 <= value <= MAX_INT:
        raise Corrupt(deed, f"{key} is {value}, out of range")
    return value


def objects(raw: Json, key: str, deed: str) -> list[Json]:
    """The list of objects under ``key``, empty when absent or null.  Raises Corrupt."""
    value = raw.get(key)
    if value is None:
        return []
    if not isinstance(value, list):
        raise Corrupt(deed, f"{key} is {_kind(value)} where a list belongs")
    for entry in value:
        if not isinstance(entry, dict):
            raise Corrupt(deed, f"{key} holds {_kind(entry)} where an object belongs")
    return list(value)


def obj(raw: Json, key: str, deed: str) -> Json:
    """The object under ``key``, empty when absent or null.  Raises Corrupt."""
    value = raw.get(key)
    if value is None:
        return {}
    if not isinstance(value, dict):
        raise Corrupt(deed, f"{key} is {_kind(value)} where an object belongs")
    return value


def texts(raw: Json, key: str, deed: str) -> tuple[str, ...] | None:
    """The list of strings under ``key``, None when absent or null.  Raises Corrupt."""
    value = raw.get(key)
    if value is None:
        return None
    if not isinstance(value, list) or not all(isinstance(entry, str) for entry in value):
        raise Corrupt(deed, f"{key} is not a list of texts")
    return tuple(value)


def mapping(raw: Json, key: str, deed: str) -> dict[str, str]:
    """The string-to-string object under ``key``; null values count as empty text.  Raises Corrupt."""
    found: dict[str, str] = {}
    for name, value in obj(raw, key, deed).items():
        if value is None:
            value = ""
        if not isinstance(value, str):
            raise Corrupt(deed, f"{key}[{name[:60]!r}] is {_kind(value)} where text belongs")
        found[name] = value
    return found


def _kind(value: object) -> str:
    names = {type(None): "missing", bool: "a boolean", int: "a number", float: "a number", str: "text", list: "a list"}
    return names.get(type(value), "an object")
