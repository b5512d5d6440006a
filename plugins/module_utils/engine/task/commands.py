# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The options that programs are started with, wherever a module starts one."""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput

if TYPE_CHECKING:
    from .frame import Options, Request

OPTIONS: Options = {
    "argv": {"type": "list", "elements": "str"},
    "command": {"type": "str"},
    "env": {"type": "dict"},
    "stdin": {"type": "str"},
    "stdin_add_newline": {"type": "bool", "default": True},
    "timeout": {"type": "float"},
}
RULES = {"mutually_exclusive": [["argv", "command"]], "required_one_of": [["argv", "command"]]}


def argv(request: Request) -> tuple[str, ...]:
    """Raises BadInput."""
    from ..spec import command

    if request.params.get("argv") is not None:
        found = command.words(request.texts("argv"), "argv")
    else:
        found = command.words(request.text("command"), "command")
    if not found:
        raise BadInput("read command", "it names no program")
    return found


def env(request: Request) -> tuple[tuple[str, str], ...]:
    from ..spec import environ

    given = request.params.get("env")
    return tuple(environ.from_mapping(given).items()) if isinstance(given, dict) else ()


def stdin(request: Request) -> bytes:
    """As ansible.builtin.command gives it: with a newline at the end."""
    given = request.params.get("stdin")
    if given is None:
        return b""
    text = request.text("stdin")
    ending = "\n" if request.flag("stdin_add_newline") and not text.endswith("\n") else ""
    return (text + ending).encode("utf-8", "surrogateescape")


def seconds(request: Request, name: str = "timeout") -> float | None:
    """Raises BadInput for what is no time to wait."""
    given = request.params.get(name)
    if not isinstance(given, (int, float)):
        return None
    if given <= 0:
        raise BadInput(f"read {name}", f"{given:g} is not more than 0 seconds")
    return float(given)


def text(data: bytes) -> str:
    """Output for a result: without the newline at its end, as ansible.builtin.command has it."""
    return data.decode("utf-8", "replace").rstrip("\r\n")
