# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The part of Go's text/template that people write after --format: fields, pipelines, if, range, with, and functions.

The data is parsed JSON (or a row of a table). Values print as Go prints them: `map[a:b]`, `[x y]`, `true`, `<nil>`.
A field that the data does not have is an error, as it is for Go's structs.
"""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING

from ..base import patterns
from ..base.errors import BadInput
from .gotext import compact, go_text

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_ACTION = patterns.compile(r"\{\{(- )?(.*?)( -)?\}\}", patterns.DOTALL)
_TOKEN = patterns.compile(
    r"""\s*(?:(?P<string>"(?:\\.|[^"\\])*"|`[^`]*`)|(?P<number>-?\d+)|(?P<path>\$?(?:\.[A-Za-z_][\w-]*)+|\.|\$\w*)"""
    r"""|(?P<word>[A-Za-z_]\w*)|(?P<mark>[|()]))"""
)
_BLOCKS = ("if", "range", "with")


class Template:
    """A parsed template; `execute(data)` gives its text. Raises BadInput, when parsed or executed, with the reason."""

    def __init__(self, text: str) -> None:
        self._text = text
        parts = list(_split(text))
        self._nodes, rest = _parse(parts, 0, text)
        if rest != len(parts):
            raise _wrong(text, f"unexpected {{{{{parts[rest][1]}}}}}")

    def execute(self, data: object) -> str:
        return "".join(_run(self._nodes, data, data, self._text))


class _Node:
    __slots__ = ("body", "kind", "otherwise", "value")

    def __init__(self, kind: str, value: object, body: list[_Node], otherwise: list[_Node]) -> None:
        self.kind = kind
        self.value = value
        self.body = body
        self.otherwise = otherwise


def _wrong(text: str, cause: str) -> BadInput:
    return BadInput(f"template {text[:80]!r}", cause)


def _split(text: str) -> Iterator[tuple[str, str]]:
    """Yield ("text", ...) and ("action", ...); a dash beside the braces eats the blanks outside."""
    position, eat = 0, False
    for action in _ACTION.finditer(text):
        literal = text[position : action.start()]
        literal = literal.lstrip() if eat else literal
        if action.group(1):
            literal = literal.rstrip()
        if literal:
            yield "text", literal
        inner = action.group(2).strip()
        if not (inner.startswith("/*") and inner.endswith("*/")):
            yield "action", inner
        eat, position = bool(action.group(3)), action.end()
    literal = text[position:]
    if "{{" in literal:
        raise _wrong(text, "unclosed action")
    literal = literal.lstrip() if eat else literal
    if literal:
        yield "text", literal


def _parse(parts: list[tuple[str, str]], at: int, text: str) -> tuple[list[_Node], int]:
    nodes: list[_Node] = []
    while at < len(parts):
        kind, content = parts[at]
        if kind == "text":
            nodes.append(_Node("text", content, [], []))
            at += 1
            continue
        word = content.partition(" ")[0]
        if word in ("end", "else"):
            return nodes, at
        if word in _BLOCKS:
            node, at = _parse_block(parts, at, text, word)
            nodes.append(node)
        else:
            nodes.append(_Node("print", _tokens(content, text), [], []))
            at += 1
    return nodes, at


def _parse_block(parts: list[tuple[str, str]], at: int, text: str, word: str) -> tuple[_Node, int]:
    condition = _tokens(parts[at][1][len(word) :], text)
    body, at = _parse(parts, at + 1, text)
    otherwise: list[_Node] = []
    if at < len(parts) and parts[at][1].startswith("else"):
        rest = parts[at][1][4:].strip()
        if rest.startswith("if"):
            parts = [*parts[:at], ("action", rest), *parts[at + 1 :]]
            inner, at = _parse_block(parts, at, text, "if")
            return _Node(word, condition, body, [inner]), at
        otherwise, at = _parse(parts, at + 1, text)
    if at >= len(parts) or parts[at][1] != "end":
        raise _wrong(text, f"{{{{{word}}}}} without {{{{end}}}}")
    return _Node(word, condition, body, otherwise), at + 1


def _tokens(content: str, text: str) -> list[tuple[str, str]]:
    tokens: list[tuple[str, str]] = []
    position, content = 0, content.strip()
    while position < len(content):
        found = _TOKEN.match(content, position)
        if not found or not found.lastgroup:
            raise _wrong(text, f"unexpected {content[position:][:20]!r}")
        tokens.append((found.lastgroup, found.group(found.lastgroup)))
        position = found.end()
    if not tokens:
        raise _wrong(text, "an empty action")
    return tokens


def _run(nodes: list[_Node], dot: object, root: object, text: str) -> Iterator[str]:
    for node in nodes:
        if node.kind == "text":
            yield str(node.value)
            continue
        value = _Evaluation(node.value, dot, root, text).pipeline()  # type: ignore[arg-type]
        if node.kind == "print":
            yield go_text(value)
        elif node.kind == "range":
            items = _items(value)
            for item in items:
                yield from _run(node.body, item, root, text)
            if not items:
                yield from _run(node.otherwise, dot, root, text)
        else:
            inner = value if node.kind == "with" and truth(value) else dot
            yield from _run(node.body if truth(value) else node.otherwise, inner, root, text)


def _items(value: object) -> list[object]:
    if isinstance(value, dict):
        return [value[key] for key in sorted(value)]
    return list(value) if isinstance(value, (list, tuple)) else []


class _Evaluation:
    """One pipeline: `command | command`, where a command is a value, or a function with arguments."""

    def __init__(self, tokens: list[tuple[str, str]], dot: object, root: object, text: str) -> None:
        self.tokens = tokens
        self.at = 0
        self.dot = dot
        self.root = root
        self.text = text

    def pipeline(self) -> object:
        value = self._command([])
        while self.at < len(self.tokens) and self.tokens[self.at] == ("mark", "|"):
            self.at += 1
            value = self._command([value])
        return value

    def _command(self, piped: list[object]) -> object:
        kind, word = self._next()
        if kind != "word" or word in ("true", "false", "nil"):
            value = self._value(kind, word)
            if piped or (self.at < len(self.tokens) and self.tokens[self.at][0] != "mark"):
                raise _wrong(self.text, f"{word} is not a function")
            return value
        function = FUNCTIONS.get(word)
        if function is None:
            raise _wrong(self.text, f"function {word!r} is not defined")
        arguments = []
        while self.at < len(self.tokens) and self.tokens[self.at] not in (("mark", "|"), ("mark", ")")):
            arguments.append(self._value(*self._next()))
        try:
            return function(*arguments, *piped)
        except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
            raise _wrong(self.text, f"error calling {word}: {error}") from error

    def _next(self) -> tuple[str, str]:
        if self.at >= len(self.tokens):
            raise _wrong(self.text, "a value is missing")
        self.at += 1
        return self.tokens[self.at - 1]

    def _value(self, kind: str, word: str) -> object:
        if kind == "string":
            return word[1:-1] if word[0] == "`" else json.loads(word)
        if kind == "number":
            return int(word)
        if kind == "path":
            start = self.root if word.startswith("$") else self.dot
            return field(start, [part for part in word.lstrip("$").split(".") if part], self.text)
        if kind == "mark" and word == "(":
            value = self.pipeline()
            if self._next() != ("mark", ")"):
                raise _wrong(self.text, "a parenthesis is not closed")
            return self._after_parenthesis(value)
        words: dict[str, object] = {"true": True, "false": False, "nil": None}
        if word in words:
            return words[word]
        raise _wrong(self.text, f"unexpected {word!r}")

    def _after_parenthesis(self, value: object) -> object:
        if self.at < len(self.tokens) and self.tokens[self.at][0] == "path":
            return field(value, [part for part in self._next()[1].split(".") if part], self.text)
        return value


def field(value: object, path: list[str], text: str) -> object:
    """Follow field names; Go's names and the JSON ones differ in case only (.ID is "Id")."""
    for name in path:
        if value is None:
            raise _wrong(text, f"nil pointer evaluating .{name}")
        if not isinstance(value, dict):
            raise _wrong(text, f"can't evaluate field {name} in {go_text(value)[:40]}")
        if name in value:
            value = value[name]
            continue
        same = [key for key in value if isinstance(key, str) and key.lower() == name.lower()]
        if same:
            value = value[same[0]]
        else:
            raise _wrong(text, f"can't evaluate field {name}")
    return value


def truth(value: object) -> bool:
    """Go's: false, 0, nil and everything empty are false."""
    return bool(value)


def _index(value: object, *keys: object) -> object:
    for key in keys:
        if isinstance(value, dict):
            value = value.get(key, "")
        elif isinstance(value, (list, tuple)) and isinstance(key, int):
            value = value[key]
        else:
            raise TypeError(f"can't index {go_text(value)[:40]}")
    return value


def _same(first: object, *others: object) -> bool:
    return any(first == other for other in others)


def _and(*values: object) -> object:
    return next((value for value in values if not truth(value)), values[-1])


def _or(*values: object) -> object:
    return next((value for value in values if truth(value)), values[-1])


def _length(value: object) -> int:
    return len(value)  # type: ignore[arg-type]


def _join(values: list[object], separator: str) -> str:
    return separator.join(go_text(value) for value in values)


def _format(pattern: str, *values: object) -> str:
    return re.sub(r"%[vsd]", "{}", pattern).format(*[go_text(value) for value in values])


FUNCTIONS: dict[str, Callable[..., object]] = {
    "json": compact,
    "index": _index,
    "len": _length,
    "join": _join,
    "split": lambda text, separator: text.split(separator),
    "upper": lambda text: text.upper(),
    "lower": lambda text: text.lower(),
    "title": lambda text: text.title(),
    "println": lambda *values: " ".join(go_text(value) for value in values) + "\n",
    "print": lambda *values: "".join(go_text(value) for value in values),
    "printf": _format,
    "eq": _same,
    "ne": lambda first, second: first != second,
    "lt": lambda first, second: first < second,
    "gt": lambda first, second: first > second,
    "le": lambda first, second: first <= second,
    "ge": lambda first, second: first >= second,
    "not": lambda value: not truth(value),
    "and": _and,
    "or": _or,
}
