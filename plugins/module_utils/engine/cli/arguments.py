# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""What a command says of its flags: to argparse, or, with a table, to our own reader.

Importing argparse takes longer than reading most command lines, so that most of them are read without it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from . import plain_flags
from .context import Usage
from .plain_flags import OFF, Told

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Sequence
    from typing import Any

    from .goflags import Flag
    from .options import Options


class Parser:
    """The flags and words of one command, with its name and what it does; `read` raises Usage.

    They are kept as they were told. argparse, which takes longer to load than most commands take, hears of them only
    for a command line that is not the plainest: help, mistakes, `--flag=value`, several flags in one word.
    """

    _table: Sequence[Flag] = ()
    _usage = ""

    def __init__(self, program: str, summary: str) -> None:
        self.prog = program
        self._summary = summary
        self._told: list[Told] = []
        self._made: Options | None = None

    @property
    def _options(self) -> Options:
        if self._made is None:
            from .options import Options

            self._made = made = Options(self.prog, self._summary)
            for told in self._told:
                told.tell(made)
        return self._made

    def add_argument(self, *names: str, **how: Any) -> None:
        """A flag or a word, as argparse has them."""
        self._told.append(Told(names, how, lambda made: made.add_argument(*names, **how)))

    def flag(self, *names: str, help: str = "") -> None:
        self._switch(names, False, help)

    def switch(self, *names: str, help: str = "") -> None:
        """As a flag, and None when it is not given: for those that are on unless they are switched off."""
        self._switch(names, None, help)

    def _switch(self, names: tuple[str, ...], off: bool | None, help: str) -> None:
        self._told.append(Told(names, {OFF: off}, lambda made: made.add_switch(names, off=off, help=help)))

    def many(self, *names: str, metavar: str = "VALUE", help: str = "") -> None:
        """A flag that may be given several times."""
        self.add_argument(*names, action="append", default=[], metavar=metavar, help=help)

    def names(self, metavar: str = "CONTAINER", minimum: int = 0) -> None:
        self.add_argument("names", nargs="+" if minimum else "*", metavar=metavar)

    def latest(self) -> None:
        self.flag("-l", "--latest", help="the container created last")

    def take_all(self, table: Sequence[Flag], usage: str) -> None:
        """The command reads its words itself, by goflags: it finds them in `words`, and `help_text` makes its help."""
        self._table, self._usage = table, usage

    def _described(self) -> str:
        from . import goflags

        flags = goflags.described(self._table)
        return f"usage: {self.prog} [FLAGS] {self._usage}\n\n{self._summary}\n\n{flags}\n"

    def flags(self) -> dict[str, bool]:
        """The spellings of all flags, and whether a value follows: for completion."""
        if self._table:
            from .goflags import SWITCH

            return {name: flag.kind != SWITCH for flag in self._table for name in flag.names.split()}
        return self._options.spellings()

    def read(self, argv: list[str]) -> Namespace:
        if not self._table:
            return plain_flags.read(self._told, argv) or self._options.read(argv)
        if TYPE_CHECKING:
            return Namespace()
        from types import SimpleNamespace

        return SimpleNamespace(words=argv, help_text=self._described)


def key_values(filters: list[str]) -> dict[str, list[str]]:
    """`--filter key=value`, several times, by key. Raises Usage."""
    wanted: dict[str, list[str]] = {}
    for text in filters:
        key, equals, value = text.partition("=")
        if not equals:
            raise Usage(f"invalid filter {text!r}: it reads key=value")
        wanted.setdefault(key, []).append(value)
    return wanted
