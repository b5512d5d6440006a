# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""TOML 1.0 (containers.conf, storage.conf and registries.conf are TOML).

Pythons before 3.11 have no parser of it. The one that later ones have is held against this by a test, and not used:
loading it takes ten times as long as this takes to read most files.
"""

from __future__ import annotations

import re

from . import patterns
from .errors import BadInput

_BARE_KEY = patterns.compile(r"[A-Za-z0-9_-]+")
_NUMBER = patterns.compile(
    r"[+-]?(?:0x[0-9A-Fa-f]+(?:_[0-9A-Fa-f]+)*|0o[0-7]+(?:_[0-7]+)*|0b[01]+(?:_[01]+)*"
    r"|(?:inf|nan)|(?:0|[1-9]\d*(?:_\d+)*)(?:\.\d+(?:_\d+)*)?(?:[eE][+-]?\d+(?:_\d+)*)?)(?![A-Za-z0-9_.:])",
    patterns.ASCII,
)
_DATE = patterns.compile(
    r"\d{4}-\d\d-\d\d(?:[Tt ]\d\d:\d\d:\d\d(?:\.\d+)?(?:[Zz]|[+-]\d\d:\d\d)?)?|\d\d:\d\d:\d\d(?:\.\d+)?", patterns.ASCII
)
_ESCAPES = {"b": "\b", "t": "\t", "n": "\n", "f": "\f", "r": "\r", '"': '"', "\\": "\\"}
_CONTROL = patterns.compile(r"[\x00-\x08\x0a-\x1f\x7f]")
_CONTROL_IN_BLOCK = patterns.compile(r"[\x00-\x08\x0b-\x1f\x7f]")
#: Configuration files are comments for the most part; with a control character in one they are read by the line.
_EMPTY_LINES = patterns.compile(r"(?:[ \t]*(?:#[^\x00-\x08\x0a-\x1f\x7f]*)?\n)*")
_DEPTH = 100


def loads(text: str, what: str = "TOML") -> dict[str, object]:
    """The document as nested dicts and lists; times and dates stay text. Raises BadInput, which names the line."""
    return _Parser(text.replace("\r\n", "\n"), what).document()


class _Parser:
    def __init__(self, text: str, what: str) -> None:
        self.text = text
        self.what = what
        self.at = 0
        self.root: dict[str, object] = {}
        self.closed: set[int] = set()  # tables and arrays that nothing may extend: inline values, defined headers
        self.headers: set[int] = set()  # those closed tables that a longer [header] may still pass through
        self.dotted: set[int] = set()  # tables made by dotted keys: no [header] may reopen them
        self.arrays: set[int] = set()  # arrays made by [[header]]
        self.kept: list[object] = []  # keeps the objects alive whose id() the sets hold

    def fail(self, cause: str) -> BadInput:
        return BadInput(f"read {self.what}", f"line {self.text.count(chr(10), 0, self.at) + 1}: {cause}")

    def document(self) -> dict[str, object]:
        table = self.root
        while True:
            self.skip_blank_lines()
            if self.at >= len(self.text):
                return self.root
            if self.text.startswith("[[", self.at):
                table = self.array_header()
            elif self.text[self.at] == "[":
                table = self.table_header()
            else:
                self.key_value(table)
            self.end_of_line()

    def skip_spaces(self) -> None:
        while self.at < len(self.text) and self.text[self.at] in " \t":
            self.at += 1

    def skip_comment(self) -> None:
        if self.at < len(self.text) and self.text[self.at] == "#":
            end = self.text.find("\n", self.at)
            end = len(self.text) if end < 0 else end
            if _CONTROL.search(self.text, self.at, end):
                raise self.fail("a control character in a comment")
            self.at = end

    def skip_blank_lines(self) -> None:
        while True:
            found = _EMPTY_LINES.match(self.text, self.at)
            self.at = found.end() if found else self.at
            self.skip_spaces()
            self.skip_comment()
            if self.at >= len(self.text) or self.text[self.at] != "\n":
                return
            self.at += 1

    def end_of_line(self) -> None:
        self.skip_spaces()
        self.skip_comment()
        if self.at < len(self.text) and self.text[self.at] != "\n":
            raise self.fail("something stands after the value")

    def expect(self, token: str) -> None:
        if not self.text.startswith(token, self.at):
            raise self.fail(f"{token!r} expected")
        self.at += len(token)

    # -- keys and headers ---------------------------------------------------------------------------------------

    def key(self) -> list[str]:
        parts = [self.simple_key()]
        while True:
            self.skip_spaces()
            if not self.text.startswith(".", self.at):
                return parts
            self.at += 1
            self.skip_spaces()
            parts.append(self.simple_key())

    def simple_key(self) -> str:
        if self.text.startswith('"', self.at):
            return self.basic_string()
        if self.text.startswith("'", self.at):
            return self.literal_string()
        found = _BARE_KEY.match(self.text, self.at)
        if not found:
            raise self.fail("a key expected")
        self.at = found.end()
        return found.group()

    def close(self, value: object) -> None:
        self.closed.add(id(value))
        self.kept.append(value)

    def header_parent(self, keys: list[str]) -> dict[str, object]:
        table = self.root
        for name in keys:
            value = table.setdefault(name, {})
            if isinstance(value, list) and id(value) in self.arrays:
                value = value[-1]
            if not isinstance(value, dict) or (id(value) in self.closed and id(value) not in self.headers):
                raise self.fail(f"{name!r} is not a table that can be extended")
            table = value
        return table

    def table_header(self) -> dict[str, object]:
        self.expect("[")
        self.skip_spaces()
        keys = self.key()
        self.expect("]")
        parent = self.header_parent(keys[:-1])
        table = parent.setdefault(keys[-1], {})
        if not isinstance(table, dict) or id(table) in self.closed or id(table) in self.dotted:
            raise self.fail(f"table {'.'.join(keys)} is defined twice")
        self.close(table)
        self.headers.add(id(table))
        return table

    def array_header(self) -> dict[str, object]:
        self.expect("[[")
        self.skip_spaces()
        keys = self.key()
        self.expect("]]")
        parent = self.header_parent(keys[:-1])
        array = parent.get(keys[-1])
        if array is None:
            array = parent[keys[-1]] = []
            self.arrays.add(id(array))
            self.kept.append(array)
        if not isinstance(array, list) or id(array) not in self.arrays:
            raise self.fail(f"{'.'.join(keys)} is not an array of tables")
        table: dict[str, object] = {}
        array.append(table)
        return table

    def key_value(self, table: dict[str, object]) -> None:
        keys = self.key()
        self.expect("=")
        self.skip_spaces()
        for name in keys[:-1]:
            fresh = name not in table
            inner = table.setdefault(name, {})
            if not isinstance(inner, dict) or id(inner) in self.closed or (not fresh and id(inner) not in self.dotted):
                raise self.fail(f"{name!r} cannot be extended here")
            self.dotted.add(id(inner))
            self.kept.append(inner)
            table = inner
        if keys[-1] in table:
            raise self.fail(f"key {keys[-1]!r} is set twice")
        table[keys[-1]] = self.value(0)

    # -- values -------------------------------------------------------------------------------------------------

    def value(self, depth: int) -> object:
        if depth > _DEPTH:
            raise self.fail("nested too deeply")
        rest = self.text[self.at : self.at + 5]
        if rest.startswith('"""'):
            return self.block_string('"""')
        if rest.startswith("'''"):
            return self.block_string("'''")
        if rest.startswith('"'):
            return self.basic_string()
        if rest.startswith("'"):
            return self.literal_string()
        if rest.startswith("["):
            return self.array(depth)
        if rest.startswith("{"):
            return self.inline_table(depth)
        for word, constant in (("true", True), ("false", False)):
            if rest.startswith(word):
                self.at += len(word)
                return constant
        return self.date_or_number()

    def date_or_number(self) -> object:
        found = _DATE.match(self.text, self.at)
        if found:
            self.at = found.end()
            return found.group()
        found = _NUMBER.match(self.text, self.at)
        if not found:
            raise self.fail("a value expected")
        self.at = found.end()
        raw = found.group().replace("_", "")
        if raw.lstrip("+-")[:2] in ("0x", "0o", "0b"):
            if raw[0] in "+-":
                raise self.fail("a sign before a hexadecimal, octal or binary number")
            return int(raw, 0)
        try:
            return int(raw)
        except ValueError:
            return float(raw)

    def basic_string(self) -> str:
        end = self.at + 1
        while end < len(self.text) and self.text[end] not in '"\n':
            end += 2 if self.text[end] == "\\" else 1
        if end >= len(self.text) or self.text[end] != '"':
            raise self.fail("a string does not end")
        raw = self.text[self.at + 1 : end]
        result = self.unescape(raw, _CONTROL)
        self.at = end + 1
        return result

    def literal_string(self) -> str:
        end = self.text.find("'", self.at + 1)
        raw = self.text[self.at + 1 : end]
        if end < 0 or _CONTROL.search(raw):
            raise self.fail("a string does not end")
        self.at = end + 1
        return raw

    def block_string(self, quote: str) -> str:
        start = self.at + 3
        if self.text.startswith("\n", start):
            start += 1
        end = start
        while True:
            end = self.text.find(quote, end)
            if end < 0:
                raise self.fail("a string does not end")
            if quote == '"""' and self.escaped(start, end):
                end += 1
                continue
            break
        for _extra in range(2):  # up to two quotes may touch the closing ones
            if self.text.startswith(quote[0], end + 3):
                end += 1
        raw = self.text[start:end]
        if quote == "'''":
            if _CONTROL_IN_BLOCK.search(raw):
                raise self.fail("a control character in a string")
            result = raw
        else:
            result = self.unescape(re.sub(r"(?<!\\)((?:\\\\)*)\\[ \t]*\n\s*", r"\1", raw), _CONTROL_IN_BLOCK)
        self.at = end + 3
        return result

    def escaped(self, start: int, end: int) -> bool:
        slashes = 0
        while end - slashes - 1 >= start and self.text[end - slashes - 1] == "\\":
            slashes += 1
        return slashes % 2 == 1

    def unescape(self, raw: str, forbidden: re.Pattern[str]) -> str:
        if forbidden.search(raw):
            raise self.fail("a control character in a string")
        if "\\" not in raw:
            return raw
        return re.sub(r"\\(u[0-9A-Fa-f]{4}|U[0-9A-Fa-f]{8}|.|\n|$)", self.escape, raw, flags=re.DOTALL)

    def escape(self, found: re.Match[str]) -> str:
        body = found.group(1)
        if len(body) > 1:
            code = int(body[1:], 16)
            if code > 0x10FFFF or 0xD800 <= code <= 0xDFFF:
                raise self.fail("an escape that is no character")
            return chr(code)
        if body not in _ESCAPES:
            raise self.fail(f"unknown escape \\{body}")
        return _ESCAPES[body]

    def array(self, depth: int) -> list[object]:
        self.at += 1
        items: list[object] = []
        while True:
            self.skip_blank_lines()
            if self.text.startswith("]", self.at):
                break
            items.append(self.value(depth + 1))
            self.skip_blank_lines()
            if self.text.startswith(",", self.at):
                self.at += 1
            elif not self.text.startswith("]", self.at):
                raise self.fail("',' or ']' expected")
        self.at += 1
        return items

    def inline_table(self, depth: int) -> dict[str, object]:
        self.at += 1
        table: dict[str, object] = {}
        self.skip_spaces()
        while not self.text.startswith("}", self.at):
            self.inline_pair(table, depth)
            self.skip_spaces()
            if self.text.startswith(",", self.at):
                self.at += 1
                self.skip_spaces()
                if self.text.startswith("}", self.at):
                    raise self.fail("a comma before '}'")
            elif not self.text.startswith("}", self.at):
                raise self.fail("',' or '}' expected")
        self.at += 1
        self.seal(table)
        return table

    def inline_pair(self, table: dict[str, object], depth: int) -> None:
        keys = self.key()
        self.expect("=")
        self.skip_spaces()
        for name in keys[:-1]:
            inner = table.setdefault(name, {})
            if not isinstance(inner, dict) or id(inner) in self.closed:
                raise self.fail(f"{name!r} cannot be extended here")
            table = inner
        if keys[-1] in table:
            raise self.fail(f"key {keys[-1]!r} is set twice")
        table[keys[-1]] = self.value(depth + 1)

    def seal(self, table: dict[str, object]) -> None:
        self.close(table)
        for value in table.values():
            if isinstance(value, dict) and id(value) not in self.closed:
                self.seal(value)
