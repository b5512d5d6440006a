# GNU General Public License v3.0+ (see COPYING or https://www.gnu.org/licenses/gpl-3.0.txt)
# SPDX-License-Identifier: GPL-3.0-or-later
"""The parts of a container's config row."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from ..base.jsonval import table

if TYPE_CHECKING:
    from ..base.jsonval import Json

PREFIX = "io.podman.annotations."
NOTE_SECCOMP = "io.daemonless.seccomp"  # whose profile it has, where that is neither the default nor the task's
NOTE_HOOKS = "io.daemonless.hooks-dir"  # a JSON list of directories in the place of the host's


def spec_of(config: Json) -> Json:
    return table(config, "spec")


def linux_of(config: Json) -> Json:
    return table(spec_of(config), "linux")


def process_of(config: Json) -> Json:
    return table(spec_of(config), "process")


def notes_of(config: Json) -> Json:
    return table(spec_of(config), "annotations")


def hook_directories(note: str) -> tuple[str, ...] | None:
    """What NOTE_HOOKS says; None when it says nothing."""
    try:
        named = json.loads(note) if note else None
    except ValueError:
        return None
    return tuple(path for path in named if isinstance(path, str)) if isinstance(named, list) else None
