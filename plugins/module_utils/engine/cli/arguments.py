# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""argparse, with podman's way of saying what is wrong and its spelling of common flags."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .context import Usage

if TYPE_CHECKING:
    from collections.abc import Sequence
    from typing import NoReturn

    from .goflags import Flag


class _Formatter(argparse.HelpFormatter):
    """A width of its own: asking for the terminal's loads shutil, for every flag that is added."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=100)


class Parser(argparse.ArgumentParser):
    """Raises Usage instead of ending the process; flags are never guessed from their beginning."""

    _table: Sequence[Flag] = ()
    _usage = ""

    def __init__(self, program: str, summary: str) -> None:
        super().__init__(
            prog=program, description=summary, allow_abbrev=False, add_help=False, formatter_class=_Formatter
        )
        self._switches: dict[str, str] = {}
        self.add_argument("--help", action="help", help="show this help")

    def error(self, message: str) -> NoReturn:
        prefix = "unrecognized arguments: "
        if message.startswith(prefix):
            message = f"unknown flag: {message[len(prefix) :]}"
        raise Usage(f"{message}\nSee '{self.prog} --help'")

    def flag(self, *names: str, help: str = "") -> None:
        self._switches.update(dict.fromkeys(names, self.add_argument(*names, action="store_true", help=help).dest))

    def switch(self, *names: str, help: str = "") -> None:
        """As a flag, and None when it is not given: for those that are on unless they are switched off."""
        action = self.add_argument(*names, action="store_const", const=True, help=help)
        self._switches.update(dict.fromkeys(names, action.dest))

    def many(self, *names: str, metavar: str = "VALUE", help: str = "") -> None:
        """A flag that may be given several times."""
        self.add_argument(*names, action="append", default=[], metavar=metavar, help=help)

    def names(self, metavar: str = "CONTAINER", minimum: int = 0) -> None:
        self.add_argument("names", nargs="+" if minimum else "*", metavar=metavar)

    def take_all(self, table: Sequence[Flag], usage: str) -> None:
        """The command reads its words itself, by goflags: it finds them in `words`, and `help_text` makes its help."""
        self._table, self._usage = table, usage

    def _described(self) -> str:
        from . import goflags

        flags = goflags.described(self._table)
        return f"usage: {self.prog} [FLAGS] {self._usage}\n\n{self.description}\n\n{flags}\n"

    def flags(self) -> dict[str, bool]:
        """The spellings of all flags, and whether a value follows: for completion."""
        if self._table:
            from .goflags import SWITCH

            return {name: flag.kind != SWITCH for flag in self._table for name in flag.names.split()}
        return {name: action.nargs is None for action in self._actions for name in action.option_strings}

    def read(self, argv: list[str]) -> argparse.Namespace:
        if self._table:
            return argparse.Namespace(words=argv, help_text=self._described)
        left, given = self._without_values(argv)
        options = self.parse_args(left)
        for name, value in given.items():
            setattr(options, name, value)
        return options

    def _without_values(self, argv: list[str]) -> tuple[list[str], dict[str, bool]]:
        """The words without those that give a flag a value, `--flag=false`, which argparse does not know."""
        foreign = any(action.nargs == argparse.REMAINDER for action in self._actions)
        left: list[str] = []
        given: dict[str, bool] = {}
        for number, word in enumerate(argv):
            if word == "--" or (foreign and not word.startswith("-")):
                return left + argv[number:], given
            name, equals, value = word.partition("=")
            if equals and name in self._switches:
                given[self._switches[name]] = self._boolean(name, value)
            else:
                left.append(word)
        return left, given

    def _boolean(self, name: str, text: str) -> bool:
        word = text.lower()
        if word not in ("1", "t", "true", "0", "f", "false"):
            self.error(f"invalid argument {text!r} for {name!r} flag: it is true or false")
        return word in ("1", "t", "true")

    def latest(self) -> None:
        self.flag("-l", "--latest", help="the container created last")


def key_values(filters: list[str]) -> dict[str, list[str]]:
    """`--filter key=value`, several times, by key. Raises Usage."""
    wanted: dict[str, list[str]] = {}
    for text in filters:
        key, equals, value = text.partition("=")
        if not equals:
            raise Usage(f"invalid filter {text!r}: it reads key=value")
        wanted.setdefault(key, []).append(value)
    return wanted
