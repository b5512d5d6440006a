# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The environment of a container's first process: where it comes from, and what may be in it.

A value is text as given: nothing is taken from the environment of whoever runs the task, and nothing is expanded
(CVE-2026-57231: an image's bare NAME would otherwise carry the host's value inside).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from ..base.errors import BadInput

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

MAX_FILE_BYTES = 1024 * 1024


def from_mapping(values: Mapping[str, object], option: str = "env") -> dict[str, str]:
    """A playbook's mapping as text. Raises BadInput for a name or value that no environment can hold."""
    found = {}
    for key, value in values.items():
        if isinstance(value, (dict, list)):
            raise BadInput(f"read {option}", f"the value of {str(key)[:60]} is not text")
        found[checked_name(str(key), option)] = checked_value("" if value is None else str(value), str(key), option)
    return found


def from_file(content: bytes, path: str) -> dict[str, str]:
    """An env file: one NAME=VALUE per line, `#` starts a comment line, no quoting (podman-run(1), --env-file).

    A line with a bare NAME is left out: it would take the value from the environment of the task.
    """
    deed = f"read env file {path}"
    if len(content) > MAX_FILE_BYTES:
        raise BadInput(deed, f"larger than {MAX_FILE_BYTES} bytes")
    try:
        text = content.decode("utf-8-sig")
    except UnicodeDecodeError:
        raise BadInput(deed, "not UTF-8 text")
    found = {}
    for number, line in enumerate(text.split("\n"), 1):
        entry = line.rstrip("\r").lstrip(" \t")
        if not entry or entry.startswith("#"):
            continue
        name, equals, value = entry.partition("=")
        name = name.rstrip(" \t")
        if not name or any(blank in name for blank in " \t"):
            raise BadInput(deed, f"line {number}: {name[:60]!r} is not a variable name")
        if equals:
            found[checked_name(name, deed)] = checked_value(value, name, deed)
    return found


def from_list(entries: Sequence[str]) -> dict[str, str]:
    """`NAME=value` entries of an image or a config; those without `=` are dropped, the last of one name counts."""
    return dict(entry.split("=", 1) for entry in entries if entry.find("=") > 0)


def to_list(values: Mapping[str, str]) -> list[str]:
    return [f"{name}={value}" for name, value in values.items()]


def checked_name(name: str, option: str) -> str:
    if not name or "=" in name or any(ord(char) < 32 for char in name):
        raise BadInput(f"read {option}", f"{name[:60]!r} is not a variable name")
    return name


def checked_value(value: str, name: str, option: str) -> str:
    if "\0" in value:
        raise BadInput(f"read {option}", f"the value of {name[:60]} holds a NUL byte")
    return value
