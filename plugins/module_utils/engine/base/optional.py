# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""Modules that some hosts have beside the standard library, and that make some work faster there."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from types import ModuleType

_found: dict[str, ModuleType | None] = {}


def optional(name: str) -> ModuleType | None:
    """The module, None where this host lacks it; looked for once.

    The `daemonless` command runs without the directories of the distribution's modules (python3 -S), which take time to
    set up: only here are they looked into.
    """
    if name not in _found:
        _found[name] = _imported(name) or (_beside(name) if sys.flags.no_site else None)
    return _found[name]


def _imported(name: str) -> ModuleType | None:
    try:
        return import_module(name)
    except ImportError:
        return None


def _beside(name: str) -> ModuleType | None:
    import site

    before = list(sys.path)
    sys.path += site.getsitepackages()
    try:
        return _imported(name)
    finally:
        sys.path[:] = before
