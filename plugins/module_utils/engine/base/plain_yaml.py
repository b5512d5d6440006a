# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""As much YAML as configuration on hosts is written in: mappings and lists, each in lines, and scalars on one line.

A managed host has no YAML parser, and a guess at what a file means would decide about signatures: whatever goes beyond
this (anchors, `[a, b]`, texts over several lines) is an error that names the line.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Union

from . import patterns
from .errors import BadInput
from .tuples import NamedTuple

if TYPE_CHECKING:
    Value = Union[str, bool, None, "dict[str, Value]", "list[Value]"]
    Mapping = dict[str, Value]

_QUOTED = r"\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'"
_ENTRY = patterns.compile(
    rf"(?P<key>{_QUOTED}|[^\s\"'#\[\]{{}}&*!|>%@`,?-](?:[^#:]|:(?=\S)|(?<=\S)#)*?|-(?=\S)[^#:]*?)\s*:(?:\s+(?P<value>.*))?\Z"
)
_VALUE = patterns.compile(rf"(?P<quoted>{_QUOTED})\s*(?:#.*)?\Z")
_DEEPEST = 32
_WORDS = {"true": True, "false": False, "": None, "~": None, "null": None}


class _Line(NamedTuple):
    number: int
    indent: int
    text: str


def loads(text: str, deed: str) -> Mapping:
    """The mapping in the text, empty for a text without one.  Raises BadInput."""
    lines = _lines(text, deed)
    if not lines:
        return {}
    if _is_item(lines[0]):
        raise _trouble(lines[0], "a list stands where a mapping belongs", deed)
    found, rest = _block(lines, deed)
    if rest:
        raise _trouble(rest[0], "it is indented less than the first line", deed)
    return found


def _lines(text: str, deed: str) -> list[_Line]:
    found: list[_Line] = []
    for number, raw in enumerate(text.splitlines(), 1):
        bare = raw.rstrip()
        body = bare.lstrip(" ")
        if not body or body.startswith("#") or (not found and bare == "---"):
            continue
        if bare == "...":
            break
        line = _Line(number, len(bare) - len(body), body)
        if body.startswith("\t"):
            raise _trouble(line, "it is indented by a tab", deed)
        found.append(line)
    return found


def _is_item(line: _Line) -> bool:
    return line.text == "-" or line.text.startswith("- ")


def _below(lines: list[_Line], deed: str, level: int) -> tuple[Value, list[_Line]]:
    return _items(lines, deed, level) if _is_item(lines[0]) else _block(lines, deed, level)


def _items(lines: list[_Line], deed: str, level: int) -> tuple[list[Value], list[_Line]]:
    """The items of a list at the first line's depth, and the lines after them."""
    depth = lines[0].indent
    found: list[Value] = []
    if level > _DEEPEST:
        raise _trouble(lines[0], f"it is more than {_DEEPEST} levels deep", deed)
    while lines and lines[0].indent == depth and _is_item(lines[0]):
        line = lines[0]
        rest = line.text[1:].lstrip(" ")
        inner = _Line(line.number, depth + len(line.text) - len(rest), rest)
        if rest and (_is_item(inner) or _ENTRY.match(rest)):
            value, lines = _below([inner, *lines[1:]], deed, level + 1)
        else:
            value, lines = _scalar(rest, line, deed), lines[1:]
            if lines and lines[0].indent > depth:
                if value is not None:
                    raise _trouble(lines[0], "it is indented below a value", deed)
                value, lines = _below(lines, deed, level + 1)
        found.append(value)
    return found, lines


def _block(lines: list[_Line], deed: str, level: int = 0) -> tuple[Mapping, list[_Line]]:
    """The entries at the first line's depth, and the lines after them."""
    depth = lines[0].indent
    if level > _DEEPEST:
        raise _trouble(lines[0], f"it is more than {_DEEPEST} levels deep", deed)
    found: Mapping = {}
    while lines and lines[0].indent == depth:
        line, lines = lines[0], lines[1:]
        match = _ENTRY.match(line.text)
        if match is None:
            raise _trouble(line, "it is not a KEY: VALUE", deed)
        key = _key(match.group("key"), line, deed)
        if key in found:
            raise _trouble(line, f"the key {key!r} stands there twice", deed)
        value = _scalar(match.group("value") or "", line, deed)
        if lines and lines[0].indent > depth:
            if value is not None:
                raise _trouble(lines[0], "it is indented below a value", deed)
            value, lines = _below(lines, deed, level + 1)
        elif lines and lines[0].indent == depth and value is None and _is_item(lines[0]):
            value, lines = _items(lines, deed, level + 1)
        found[key] = value
    if lines and lines[0].indent > depth:
        raise _trouble(lines[0], "its indentation fits nothing above", deed)
    return found, lines


def _key(text: str, line: _Line, deed: str) -> str:
    return _unquoted(text, line, deed) if text[0] in "\"'" else text


def _scalar(text: str, line: _Line, deed: str) -> Value:
    if text[:1] in ('"', "'"):
        match = _VALUE.match(text)
        if match is None:
            raise _trouble(line, "its quotes do not end", deed)
        return _unquoted(match.group("quoted"), line, deed)
    bare = re.split(r"(?:^|\s)#", text, maxsplit=1)[0].strip()
    if bare in ("{}", "[]"):
        return {} if bare == "{}" else []
    if bare[:1] in tuple("[]{}&*!|>%@`") or bare.startswith(("- ", "? ")) or ": " in bare or bare.endswith(":"):
        raise _trouble(line, f"{bare[:60]!r} is more than a plain value", deed)
    return _WORDS.get(bare, bare)


def _unquoted(text: str, line: _Line, deed: str) -> str:
    import json

    if text[0] == "'":
        return text[1:-1].replace("''", "'")
    try:
        return str(json.loads(text))
    except ValueError:
        raise _trouble(line, f"{text[:60]} has an escape that is not known", deed)


def _trouble(line: _Line, why: str, deed: str) -> BadInput:
    return BadInput(deed, f"line {line.number}: {why}")
