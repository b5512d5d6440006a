# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""argparse, with podman's way of saying what is wrong."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from .context import Usage

if TYPE_CHECKING:
    from typing import NoReturn


class _Formatter(argparse.HelpFormatter):
    """A width of its own: asking for the terminal's loads shutil, for every flag that is added."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=100)


class Options(argparse.ArgumentParser):
    """Raises Usage instead of ending the process; flags are never guessed from their beginning."""

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

    def add_switch(self, names: tuple[str, ...], *, off: bool | None, help: str) -> None:
        """A flag without a value, that also takes one: `--flag=false`; `off` is what it is when it is not given."""
        action = self.add_argument(*names, action="store_const", const=True, default=off, help=help)
        self._switches.update(dict.fromkeys(names, action.dest))

    def spellings(self) -> dict[str, bool]:
        """Of all flags, and whether a value follows."""
        return {name: action.nargs is None for action in self._actions for name in action.option_strings}

    def read(self, argv: list[str]) -> argparse.Namespace:
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
