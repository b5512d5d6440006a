# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""argparse, with podman's way of saying what is wrong and its spelling of common flags."""

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


class Parser(argparse.ArgumentParser):
    """Raises Usage instead of ending the process; flags are never guessed from their beginning."""

    def __init__(self, program: str, summary: str) -> None:
        super().__init__(
            prog=program, description=summary, allow_abbrev=False, add_help=False, formatter_class=_Formatter
        )
        self.add_argument("--help", action="help", help="show this help")

    def error(self, message: str) -> NoReturn:
        prefix = "unrecognized arguments: "
        if message.startswith(prefix):
            message = f"unknown flag: {message[len(prefix) :]}"
        raise Usage(f"{message}\nSee '{self.prog} --help'")

    def flag(self, *names: str, help: str = "") -> None:
        self.add_argument(*names, action="store_true", help=help)

    def many(self, *names: str, metavar: str = "VALUE", help: str = "") -> None:
        """A flag that may be given several times."""
        self.add_argument(*names, action="append", default=[], metavar=metavar, help=help)

    def names(self, metavar: str = "CONTAINER", minimum: int = 0) -> None:
        self.add_argument("names", nargs="+" if minimum else "*", metavar=metavar)

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
