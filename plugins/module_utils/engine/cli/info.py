# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""daemonless info"""

from __future__ import annotations

from typing import TYPE_CHECKING

from .context import own_path
from .rows import pretty

if TYPE_CHECKING:
    from argparse import Namespace
    from collections.abc import Iterator

    from .arguments import Parser
    from .context import Context


def arguments(parser: Parser, name: str) -> None:
    parser.add_argument("-f", "--format", default="", help="json, or a Go template")


def run(context: Context, options: Namespace) -> int:
    from ..host.identity import who_am_i
    from ..host.process import LinuxRunner
    from ..session.report import report

    found = {**report(who_am_i(), LinuxRunner(), lambda: context.session), "command": own_path()}
    if options.format == "json":
        context.out(pretty(found) + "\n")
    elif options.format:
        from .gotemplate import Template

        context.out(Template(options.format).execute(found) + "\n")
    else:
        context.out("\n".join(_lines(found, "")) + "\n")
    return 1 if "error" in found else 0


def _lines(value: object, indent: str) -> Iterator[str]:
    """The report as an indented outline, near enough to YAML to be read by people."""
    if isinstance(value, dict):
        for key, inner in value.items():
            yield from _entry(f"{indent}{key}:", inner, indent)
    elif isinstance(value, list):
        for inner in value:
            yield from _entry(f"{indent}-", inner, indent)


def _entry(head: str, inner: object, indent: str) -> Iterator[str]:
    if isinstance(inner, (dict, list)) and inner:
        yield head
        yield from _lines(inner, indent + "  ")
    else:
        yield f"{head} {_word(inner)}"


def _word(value: object) -> object:
    if isinstance(value, bool):
        return "yes" if value else "no"
    return "none" if value in (None, "", [], {}) else value
