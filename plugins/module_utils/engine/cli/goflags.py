# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Command lines as podman's and docker's own library for flags reads them (spf13/pflag), by a table.

`--flag=value`, `--flag value`, `-fvalue`, `-itd`, `--switch=false`; with `stop_early` the first word that is no flag
ends them, for what follows is the command line of somebody else.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.tuples import NamedTuple
from .context import Usage

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

TEXT, LIST, SWITCH = "text", "list", "switch"
_TRUE = frozenset(("1", "t", "T", "true", "TRUE", "True"))
_FALSE = frozenset(("0", "f", "F", "false", "FALSE", "False"))


class Flag(NamedTuple):
    """`names` are its spellings, as `--env -e`; `bare` what it means without a value (a switch: "true")."""

    names: str
    kind: str = TEXT
    help: str = ""
    bare: str = ""

    @property
    def key(self) -> str:
        """The first spelling, without dashes: the name under which its value is kept."""
        return self.names.split()[0].lstrip("-")


class Line(NamedTuple):
    """What was given, by key: text, list of texts, or bool; and the words that are no flags."""

    given: Mapping[str, object]
    words: tuple[str, ...]


def read(argv: Sequence[str], table: Sequence[Flag], *, stop_early: bool = False) -> Line:
    """Raises Usage."""
    return _Reader(table, stop_early).read(argv)


class _Reader:
    def __init__(self, table: Sequence[Flag], stop_early: bool) -> None:
        self._flags = {name: flag for flag in table for name in flag.names.split()}
        self._stop_early = stop_early
        self._given: dict[str, object] = {}
        self._left: list[str] = []

    def read(self, argv: Sequence[str]) -> Line:
        self._left = list(argv)
        words: list[str] = []
        while self._left:
            word = self._left.pop(0)
            if word == "--":
                words += self._left
                break
            if word.startswith("--"):
                self._long(word)
            elif word.startswith("-") and word != "-":
                self._short(word)
            else:
                words.append(word)
                if self._stop_early:
                    words += self._left
                    break
        return Line(self._given, tuple(words))

    def _long(self, word: str) -> None:
        name, equals, value = word.partition("=")
        flag = self._flags.get(name)
        if flag is None:
            raise Usage(f"unknown flag: {name}")
        if equals:
            self._keep(flag, name, value)
        elif flag.kind == SWITCH or flag.bare:
            self._keep(flag, name, flag.bare or "true")
        else:
            self._keep(flag, name, self._next(name))

    def _short(self, word: str) -> None:
        """Several in one word: switches, and at last perhaps one with its value."""
        rest = word[1:]
        while rest:
            name, rest = f"-{rest[0]}", rest[1:]
            flag = self._flags.get(name)
            if flag is None:
                raise Usage(f"unknown shorthand flag: {name[1]!r} in {word}")
            if rest.startswith("="):
                self._keep(flag, name, rest[1:])
                return
            if flag.kind == SWITCH:
                self._keep(flag, name, "true")
                continue
            self._keep(flag, name, rest or self._next(name))
            return

    def _next(self, name: str) -> str:
        if not self._left:
            raise Usage(f"flag needs an argument: {name}")
        return self._left.pop(0)

    def _keep(self, flag: Flag, name: str, value: str) -> None:
        if flag.kind == SWITCH:
            if value not in _TRUE and value not in _FALSE:
                raise Usage(f"invalid argument {value!r} for {name!r} flag: it is true or false")
            self._given[flag.key] = value in _TRUE
        elif flag.kind == LIST:
            listed = self._given.setdefault(flag.key, [])
            if isinstance(listed, list):
                listed.append(value)
        else:
            self._given[flag.key] = value


def described(table: Sequence[Flag]) -> str:
    """The flags of a table for --help, one a line."""
    lines = []
    for flag in sorted(table, key=lambda one: one.key):
        names = ", ".join(sorted(flag.names.split(), key=len))
        value = "" if flag.kind == SWITCH else f" {flag.key.rsplit('-', 1)[-1].upper()}"
        lines.append(f"  {names + value:<40} {flag.help}".rstrip())
    return "\n".join(lines)
